"""
MySQL and MariaDB behind the ports.

In: addresses, layouts, key sets. Out: schemas, key sets, batches; a database replaced in one step. Never: a mask, a
rule, a driver's exception that leaves this room.
Read first: `engine`, `session`, `source`, `target`.
"""

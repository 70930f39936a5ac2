"""
The database engines, each in a room of its own: the only home of database drivers.

In: addresses. Out: Sources and Targets. Never: an exception of a driver, a row value in an error.
Read first: `catalog`; then one engine's `source` and `target`.
"""

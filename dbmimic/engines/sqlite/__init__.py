"""
SQLite: one file is the database, read under one read transaction and replaced by a rename.

In: an `Address` whose `database` is a path. Out: `SqliteSource`, `SqliteTarget`, through `engine.SqliteEngine`.
Never: writing to or attaching to the source, a driver's exception, a row value in an error.
Read first: `source`, `target`, `files` (what stands beside the target and why), `rows` (how values travel).
"""

"""
How fast dbmimic copies, held against the databases' own bulk copy in the same run; see README.md beside this file.

In: an engine, a scale, the names of cases. Out: tables and JSON of measured figures, and nothing that fails on a time.
Read first: `cases` (what is run), then `meter` (how it is measured) and `rounds` (in which order).
"""

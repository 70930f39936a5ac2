"""
The masks that come with dbmimic, one module per family; each gives its `DEFINITIONS`.

In: keyed functions, pools, canonical forms. Out: definitions, to the registry.
Never: a key of their own, a Python loop over rows (but for `fake`, over distinct values).
Read first: `redact` for the smallest, `contact` for a typical one, `keys` for the bijection.
"""

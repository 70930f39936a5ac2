"""
The masks that come with dbmimic, one module per family; each gives its `DEFINITIONS`.

In: keyed functions, pools, canonical forms. Out: definitions, to the registry.
Never: a key of their own, a Python loop over rows. `fake`, `nested`, `xml` and what is odd in `documents` go over
distinct values, and `free_text` over what it finds.
Read first: `redact` for the smallest, `contact` for a typical one, `keys` for the bijection.
"""

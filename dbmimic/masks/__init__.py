"""
What masks do: a catalogue of small, pure functions over columns.

In: a secret, a column's facts, Arrow text. Out: Arrow text of the same length, to `rules.apply`.
Never: I/O (but for the pools in this package), row order, time, a source value in an error.
Read first: `definition`, `registry`, `keyed`, then any module of `builtin`.

A masked value depends on the secret, the domain, the value's canonical form, the options and the column's type,
and on nothing else; `tests/golden/masks.json` holds that from one version to the next.
"""

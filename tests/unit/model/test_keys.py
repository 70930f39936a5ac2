"""Key sets: the algebra of sets, leaf by leaf, and rows in order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dbmimic.model.keys import KeySet
from dbmimic.model.names import TableId

LEAVES = [TableId("public", name) for name in ("a", "b")]
IDS = st.sets(st.integers(0, 2**64 - 1), max_size=30)
SETS = st.fixed_dictionaries(dict.fromkeys(LEAVES, IDS))


def made(ids: dict[TableId, set[int]]) -> KeySet:
    keys = KeySet()
    for leaf, some in ids.items():
        keys |= KeySet.of(leaf, some)
    return keys


def told(keys: KeySet) -> dict[TableId, set[int]]:
    return {leaf: set(keys.bits(leaf)) for leaf in LEAVES}


@given(SETS, SETS)
def test_it_is_the_algebra_of_sets(one: dict[TableId, set[int]], other: dict[TableId, set[int]]) -> None:
    left, right = made(one), made(other)
    assert told(left | right) == {leaf: one[leaf] | other[leaf] for leaf in LEAVES}
    assert told(left - right) == {leaf: one[leaf] - other[leaf] for leaf in LEAVES}
    assert told(left & right) == {leaf: one[leaf] & other[leaf] for leaf in LEAVES}
    assert told(left) == one
    assert len(left) == sum(map(len, one.values()))
    assert bool(left) == any(one.values())
    assert (left == right) == (one == other)


@given(IDS, st.integers(1, 7))
def test_chunks_hold_every_row_once_in_order(ids: set[int], size: int) -> None:
    chunks = list(KeySet.of(LEAVES[0], ids).chunks(LEAVES[0], size))
    assert [int(id_) for chunk in chunks for id_ in chunk] == sorted(ids)
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert all(chunk.dtype == np.uint64 for chunk in chunks)

"""Key sets: the algebra of sets, leaf by leaf, and rows in order; all of it in memory, and all of it on disk."""

import pickle
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbmimic.model import bits
from dbmimic.model.keys import Gathering, KeySet
from dbmimic.model.names import TableId

LEAVES = [TableId("public", name) for name in ("a", "b")]
IDS = st.sets(st.integers(0, 2**64 - 1), max_size=30)
SETS = st.fixed_dictionaries(dict.fromkeys(LEAVES, IDS))


@pytest.fixture(params=["in memory", "on disk"], autouse=True, scope="module")
def spilt(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let sets have pieces of a few identities, and no memory."""
    with pytest.MonkeyPatch.context() as patched:
        if request.param == "on disk":
            patched.setattr(bits, "_PIECE", 3)
            patched.setattr(bits, "_AT_ONCE", 5)
            patched.setattr(bits.SPILL, "limit", 0)
        yield


def made(ids: dict[TableId, set[int]]) -> KeySet:
    found = KeySet()
    for leaf, some in ids.items():
        found |= KeySet.of(leaf, some)
    return found


def told(found: KeySet) -> dict[TableId, set[int]]:
    return {leaf: set(found.bits(leaf)) for leaf in LEAVES}


@settings(max_examples=40, deadline=None)
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


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(LEAVES), IDS)), SETS)
def test_what_is_gathered_is_the_union(pieces: list[tuple[TableId, set[int]]], others: dict[TableId, set[int]]) -> None:
    found = Gathering()
    expected: dict[TableId, set[int]] = {leaf: set() for leaf in LEAVES}
    for leaf, ids in pieces:
        found.add(leaf, np.array(sorted(ids), dtype=np.uint64))
        expected[leaf] = expected[leaf] | ids
    gathered = found.keys()
    assert told(gathered) == expected
    found.add(LEAVES[0], [1])
    assert told(gathered) == expected
    for leaf in LEAVES:
        asked = sorted(others[leaf] | expected[leaf], reverse=True)
        held = gathered.holds(leaf, np.array(asked + asked, dtype=np.uint64))
        assert held.tolist() == [each in expected[leaf] for each in asked] * 2


@settings(max_examples=40, deadline=None)
@given(IDS, st.integers(1, 40))
def test_chunks_hold_every_row_once_in_order(ids: set[int], size: int) -> None:
    chosen = KeySet.of(LEAVES[0], ids)
    chunks = list(chosen.chunks(LEAVES[0], size))
    assert [int(id_) for chunk in chunks for id_ in chunk] == sorted(ids)
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert all(chunk.dtype == np.uint64 for chunk in chunks)
    ranks = range(0, len(ids), size)
    assert chosen.bits(LEAVES[0]).at(ranks).tolist() == [sorted(ids)[rank] for rank in ranks]


def test_a_set_is_the_same_on_its_way_to_another_process() -> None:
    chosen = KeySet.of(LEAVES[0], [2**64 - 1, 0, 7]) | KeySet.of(LEAVES[1], range(1000))
    assert pickle.loads(pickle.dumps(chosen)) == chosen

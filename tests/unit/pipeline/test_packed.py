"""How units are bundled: nothing is lost, large tables go side by side, and what is small comes last."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from dbmimic.model.batch import Layout
from dbmimic.model.keys import WHOLE
from dbmimic.model.names import TableId
from dbmimic.model.work import WorkUnit
from dbmimic.pipeline.units import Shared, packed

SIZE = 100


def unit(table: str, number: int, byte_count: int) -> WorkUnit:
    leaf = TableId("", table)
    return WorkUnit(f"{table}/{number}", Layout(leaf, leaf, (), ("a",)), WHOLE, byte_count)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 300)), max_size=40))
def test_every_unit_is_in_one_bundle(wanted: list[tuple[str, int]]) -> None:
    units = [unit(table, number, size) for number, (table, size) in enumerate(wanted)]
    bundles = packed(units, SIZE)
    assert sorted(each.id for bundle in bundles for each in bundle) == sorted(each.id for each in units)
    assert all(bundle for bundle in bundles)
    assert all(len(bundle) == 1 or sum(each.byte_count for each in bundle) <= SIZE for bundle in bundles)


def test_large_tables_go_side_by_side_and_small_ones_last() -> None:
    units = [unit("tiny", 0, 1), unit("big", 0, 100), unit("big", 1, 100), unit("huge", 0, 150), unit("huge", 1, 150)]
    order = [[each.id for each in bundle] for bundle in packed([*units, unit("tiny", 1, 2)], SIZE)]
    assert order == [["huge/0"], ["big/0"], ["huge/1"], ["big/1"], ["tiny/1", "tiny/0"]]


def test_whoever_is_done_takes_the_next_one_and_after_the_end_nobody_does() -> None:
    units = [unit("a", number, 1) for number in range(2000)]
    shared = Shared(units)
    with ThreadPoolExecutor(2) as threads:
        mine, others = threads.map(list, (shared, shared))
    assert sorted(each.id for each in (*mine, *others)) == sorted(each.id for each in units)
    stopped = Shared(units)
    assert next(stopped) == units[0]
    stopped.end()
    assert list(stopped) == []

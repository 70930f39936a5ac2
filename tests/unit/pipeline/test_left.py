"""What is left of a unit whose places are covered in part: every place once, and none that is covered."""

from __future__ import annotations

import pytest

from dbmimic.model.batch import Layout
from dbmimic.model.keys import WHOLE, KeySet, Rows, Span
from dbmimic.model.names import TableId
from dbmimic.model.work import WorkUnit
from dbmimic.pipeline.left import remaining

EVENTS = TableId("public", "events")
LAYOUT = Layout(EVENTS, EVENTS, (), ("id",))


@pytest.mark.parametrize(
    ("rows", "covered", "left"),
    [
        (WHOLE, [], [WHOLE]),
        (WHOLE, [Span(None, None)], []),
        (WHOLE, [Span(None, 40)], [Span(40, None)]),
        (WHOLE, [Span(80, None), Span(None, 40)], [Span(40, 80)]),
        (WHOLE, [Span(40, 80), Span(80, 120)], [Span(None, 40), Span(120, None)]),
        (Span(40, 120), [Span(None, 60), Span(50, 80)], [Span(80, 120)]),
        (Span(40, 120), [Span(60, 80), Span(120, None)], [Span(40, 60), Span(80, 120)]),
        (Span(40, 120), [Span(None, 40), Span(120, 200)], [Span(40, 120)]),
        (Span(40, 120), [Span(None, 160)], []),
        (KeySet.of(EVENTS, [41]), [Span(None, None)], [KeySet.of(EVENTS, [41])]),
    ],
)
def test_what_is_left_of_a_unit(rows: Rows | Span, covered: list[Span], left: list[Rows | Span]) -> None:
    units = list(remaining(WorkUnit("public.events/0", LAYOUT, rows, 100), covered))
    assert [unit.rows for unit in units] == left
    assert len({unit.id for unit in units}) == len(units)

"""Values that the column has in other rows."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

from dbmimic.masks.definition import ColumnContext
from dbmimic.masks.registry import builtin
from dbmimic.model.address import Secret
from dbmimic.model.summary import Summary
from dbmimic.model.types import Kind, LogicalType

SUMMARY = Summary(("Berlin", "Oslo", "Rome", "rare"), (600, 300, 100, 4))


def drawn(count: int, **options: object) -> list[str | None]:
    definition = builtin().get("resample")
    context = ColumnContext(LogicalType(Kind.TEXT, length=9), nullable=True, unique=False, summary=SUMMARY)
    mask = builtin().bind("resample", definition.parse(options), context, Secret(bytes(range(32))), "resample")
    values = pa.array([*["Berlin"] * count, "", None])
    return mask(values, pa.array([str(number) for number in range(count + 2)])).to_pylist()


def test_values_stand_as_often_as_they_did_and_rare_ones_nowhere():
    *made, empty, none = drawn(20_000)
    assert (empty, none) == ("", None)
    counts = Counter(made)
    assert counts.keys() == {"Berlin", "Oslo", "Rome"}
    for value, share in (("Berlin", 0.6), ("Oslo", 0.3), ("Rome", 0.1)):
        assert abs(counts[value] / 20_000 - share) < 0.02
    assert drawn(20_000, min_count=101) != drawn(20_000)
    assert set(drawn(20_000, min_count=101)) == {"Berlin", "Oslo", "", None}


def test_what_is_drawn_for_a_key_is_frozen():
    assert drawn(8)[:8] == ["Berlin", "Berlin", "Berlin", "Berlin", "Oslo", "Oslo", "Rome", "Berlin"]

"""Text made of a row's other columns."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbmimic.masks.definition import ColumnContext
from dbmimic.masks.registry import builtin
from dbmimic.model.address import Secret
from dbmimic.model.types import Kind, LogicalType

REGISTRY = builtin()
DEFINITION = REGISTRY.get("template")


def made(template, values, row, length=None):
    context = ColumnContext(LogicalType(Kind.TEXT, length=length), nullable=True, unique=False)
    parsed = DEFINITION.parse({"template": template})
    assert REGISTRY.misfit("template", parsed, context) is None
    mask = REGISTRY.bind("template", parsed, context, Secret(bytes(range(32))), "template")
    names = list(DEFINITION.row(parsed))
    return mask(
        pa.array(values), pa.StructArray.from_arrays([pa.array(row[name]) for name in names], names)
    ).to_pylist()


ROW = {"first": ["Åsa", "O'Neill", None], "last": ["Lee", "Van Dam", "X"]}


@pytest.mark.parametrize(
    ("template", "first"),
    [
        ("{first} {last}", ["Åsa Lee", "O'Neill Van Dam", " X"]),
        ("{first|slug}.{last|slug}@a.test", ["åsa.lee@a.test", "oneill.vandam@a.test", ".x@a.test"]),
        ("{first|initial}{first|initial}-{last|upper}", ["ÅÅ-LEE", "OO-VAN DAM", "-X"]),
        ("{{{last|lower}}}", ["{lee}", "{van dam}", "{x}"]),
        ("always", ["always"] * 3),
    ],
)
def test_pieces_stand_where_they_are_named(template, first):
    assert made(template, ["a", "b", "c"], ROW) == first


def test_nothing_stays_nothing():
    assert made("{last}", [None, "", "c"], ROW) == [None, "", "X"]


def test_a_suffix_tells_values_apart():
    values = [f"v{number}" for number in range(3000)]
    texts = made("{last}.{#}", values, {"last": ["Lee"] * 3000})
    assert len(set(texts)) == 3000
    assert texts[0] == made("{last}.{#}", values[:1], {"last": ["Lee"]})[0]


@given(st.lists(st.text(max_size=30), min_size=1, max_size=5), st.integers(20, 60))
@settings(max_examples=50, deadline=None)
def test_it_fits_the_column(names, length):
    texts = made("{last|upper}-{#}{last}", ["v"] * len(names), {"last": names}, length)
    assert all(len(text) <= length for text in texts)


def test_what_has_no_room_is_told(refusal):
    assert "does not fit the 16" in refusal("template", LogicalType(Kind.TEXT, length=16), template="{a}{#}")
    assert "does not fit the 3" in refusal("template", LogicalType(Kind.TEXT, length=3), template="long")


def test_pieces_of_values_have_no_row(refusal):
    part = {"mask": "template", "template": "{a}"}
    assert "piece of a value" in refusal("json", LogicalType(Kind.JSON), keys={"email": part})
    for option in ({"persona": "id"}, {"when": "id = 1"}, {"scope": "row"}):
        told = refusal("json", LogicalType(Kind.JSON), keys={"name": {"mask": "first_name", **option}})
        assert "whole columns" in told

"""What a change of the source's structure comes to: a doubt, a line, or nothing."""

import pytest

from dbmimic.introspect import drift
from dbmimic.model.findings import Severity
from dbmimic.model.known import Known
from dbmimic.model.masking import Kept, Masked, MaskPlan
from dbmimic.model.names import ColumnId
from dbmimic.model.schema import Schema
from dbmimic.model.types import Kind, LogicalType
from tests.unit.schemas import BIGINT, BOOLEAN, DATE, INT, MOMENT, TEXT, edge, schema, table, varchar

JSON = LogicalType(Kind.JSON)
ENUM = LogicalType(Kind.ENUM, members=("a", "b"))


def plan(of: Schema, *masked: str) -> MaskPlan:
    def decided(column: ColumnId) -> Kept | Masked:
        return Masked("token", "d", "rules:2") if str(column) in masked else Kept("codes", "rules:1")

    return MaskPlan(
        {each.id.column(c.name): decided(each.id.column(c.name)) for each in of.tables for c in each.columns}
    )


@pytest.mark.parametrize(
    ("was", "now", "is_doubtful"),
    [
        (varchar(20), TEXT, True),
        (varchar(20), varchar(255), True),
        (varchar(20), varchar(60), False),
        (varchar(60), varchar(80), False),
        (varchar(255), TEXT, False),
        (TEXT, varchar(20), False),
        (INT, JSON, True),
        (INT, TEXT, True),
        (INT, BIGINT, False),
        (BOOLEAN, varchar(20), True),
        (varchar(20), BOOLEAN, False),
        (ENUM, varchar(20), True),
        (DATE, MOMENT, False),
        (DATE, INT, True),
    ],
)
def test_a_kept_column_that_may_hold_something_else(was: LogicalType, now: LogicalType, is_doubtful: bool) -> None:
    old, new = (schema([table("t", {"id": INT, "c": each}, ("id",))]) for each in (was, now))
    found = drift(Known.of(old), new, plan(new))
    assert [each.place for each in found.doubts] == (["public.t.c"] if is_doubtful else [])
    assert "--accept-drift" in "".join(each.hint for each in found.doubts) or not is_doubtful
    masked = drift(Known.of(old), new, plan(new, "public.t.c"))
    assert not masked.doubts, "what is masked is masked whatever it holds"
    assert len(found.findings) == (0 if is_doubtful or Known.of(old) == Known.of(new) else 1)


@pytest.mark.parametrize(("type_", "is_doubtful"), [(None, False), ("money", True)])
def test_a_kind_of_another_version(type_: str | None, is_doubtful: bool) -> None:
    now = schema([table("t", {"id": INT}, ("id",))])
    shape = Known.of(now).shapes["public.t"]["id"]
    old = Known({"public.t": {"id": shape._replace(kind="counter", type=type_ or shape.type)}}, ())
    found = drift(old, now, plan(now))
    assert ([each.code for each in found.doubts], [each.code for each in found.findings]) == (
        (["DM317"], []) if is_doubtful else ([], ["DM318"])
    )
    assert is_doubtful or f"is {shape} still" in found.findings[0].message


def test_keys_and_names() -> None:
    parent, child = table("p", {"id": INT}, ("id",)), table("c", {"id": INT, "p_id": INT}, ("id",))
    key = edge("c", ("p_id",), "p", ("id",))
    joined, loose = schema([parent, child], key), schema([parent, child])
    gone = drift(Known.of(joined), loose, plan(loose, "public.p.id"))
    assert [(each.place, "public.p.id" in each.message) for each in gone.doubts] == [("public.c.p_id", True)]
    assert [each.severity for each in gone.findings] == [Severity.WARNING]
    assert not drift(Known.of(joined), loose, plan(loose)).doubts, "no key was masked that it would have followed"
    come = drift(Known.of(loose), joined, plan(joined))
    assert ([each.severity for each in come.findings], come.doubts) == ([Severity.INFO], ())
    renamed = schema([parent, table("d", {"id": INT, "p_id": INT}, ("id",))])
    [told] = drift(Known.of(loose), renamed, plan(renamed)).findings
    assert (told.place, "public.c" in told.message) == ("public.d", True)
    nullable = schema([parent, table("c", {"id": INT, "p_id": INT}, ("id",), nullable=("p_id",))])
    [told] = drift(Known.of(loose), nullable, plan(nullable)).findings
    assert "NOT NULL" in told.message
    assert drift(Known.of(joined), joined, plan(joined)) == drift(Known({}, ()), joined, plan(joined))

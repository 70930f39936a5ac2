"""Masked values are compared with the source's on their way, and the copy with what was sent."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pyarrow as pa

from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.address import Secret
from dbmimic.model.batch import Layout, Payload, RawBatch
from dbmimic.model.keys import Rows
from dbmimic.model.names import TableId
from dbmimic.model.types import Kind, LogicalType
from dbmimic.verdict.masking import MaskedColumn
from dbmimic.verdict.stream import StreamCheck, arrived, check_of, together
from tests.unit.schemas import TEXT, table

KEYED = KeyedFunction.derive(Secret(bytes(range(32))), "verify")
PEOPLE = table("people", {"name": TEXT, "born": LogicalType(Kind.DATE), "size": LogicalType(Kind.DECIMAL)})
COLUMNS = {name: MaskedColumn("", changes=True) for name in ("name", "born", "size")}


def batch(**columns: list[str | None]) -> RawBatch:
    head = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    layout = Layout(TableId("", "people"), TableId("", "people"), tuple(columns), ())
    return RawBatch(layout, len(next(iter(head.values()))), head, Payload("memory", None))


def seen(before: RawBatch, after: RawBatch, columns: dict[str, MaskedColumn] = COLUMNS) -> Any:
    check = StreamCheck(PEOPLE, columns, tuple(before.layout.head), KEYED)
    check.see(before, SimpleNamespace(head=after.head, kept={}))  # type: ignore[arg-type]
    return check.seen


BEFORE = batch(
    name=["Ann", "Ben", None, ""], born=["2000-01-01", "2000-01-02", None, None], size=["1.50", "2", "3", "4"]
)
AFTER = batch(name=["Eve", "Ida", None, ""], born=["2000-03-01", "2000-03-02", None, None], size=["7", "8", "9", "0"])


class Copy:
    """A reader over batches in memory."""

    def __init__(self, *batches: RawBatch) -> None:
        self.batches = batches

    def read(self, _layout: Layout, _rows: Rows) -> Iterator[RawBatch]:
        return iter(self.batches)


def test_changed_values_pass_and_blanks_are_not_counted() -> None:
    found = seen(BEFORE, AFTER)
    assert (found.row_count, found.values_checked, found.equal) == (4, 8, {"name": 0, "born": 0, "size": 0})
    assert check_of(PEOPLE, found).findings == ()


def test_a_value_that_stayed_is_found_in_any_spelling() -> None:
    same = batch(
        name=["Eve", "Ben", None, ""], born=["2000-03-01", "2000-01-02", None, None], size=["1.5", "8", "3.00", "0"]
    )
    found = seen(BEFORE, same)
    assert found.equal == {"name": 1, "born": 1, "size": 2}
    check = check_of(PEOPLE, found)
    assert (check.found, [finding.code for finding in check.findings]) == (4, ["DM603"] * 3)


def test_what_a_mask_may_leave_is_left() -> None:
    columns = {"name": MaskedColumn("Ben|n/a", changes=True), "born": MaskedColumn("", changes=False)}
    assert seen(BEFORE, BEFORE, columns).equal == {"name": 1, "born": 0}


def test_what_arrived_is_what_was_sent_in_any_order_and_parts() -> None:
    first = batch(name=["Eve", None], born=["2000-03-01", None], size=["7", "9"])
    second = batch(name=["", "Ida"], born=[None, "2000-03-02"], size=["0", "8"])
    found = seen(BEFORE, AFTER)
    head = tuple(AFTER.head)
    assert arrived(PEOPLE, head, found, Copy(second, first), KEYED)  # type: ignore[arg-type]
    parts = together([seen(first, first), seen(second, second)])
    assert parts is not None
    assert (parts.row_count, parts.digest) == (found.row_count, found.digest)
    assert together([]) is None


def test_another_value_or_row_is_not_what_was_sent() -> None:
    found = seen(BEFORE, AFTER)
    other = batch(
        name=["Eve", "Ann", None, ""], born=["2000-03-01", "2000-03-02", None, None], size=["7", "8", "9", "0"]
    )
    for copy in (Copy(other), Copy(AFTER, AFTER), Copy()):
        assert not arrived(PEOPLE, tuple(AFTER.head), found, copy, KEYED)  # type: ignore[arg-type]


def test_rows_that_a_condition_keeps_are_not_asked_about() -> None:
    check = StreamCheck(PEOPLE, {"name": COLUMNS["name"]}, ("name",), KEYED)
    kept = pa.array([False, True, True, True])
    check.see(BEFORE, SimpleNamespace(head={**AFTER.head, "name": BEFORE.head["name"]}, kept={"name": kept}))  # type: ignore[arg-type]
    assert (check.seen.values_checked, check.seen.equal) == (1, {"name": 1})

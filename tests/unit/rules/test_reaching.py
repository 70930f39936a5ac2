"""Whose a row is, over its parents: found by keys alone, whatever is read in which order, and no more than fits."""

from __future__ import annotations

import pyarrow as pa
import pytest

from dbmimic.masks.hand import UndealableError
from dbmimic.model.address import Secret
from dbmimic.model.batch import NO_TAIL, Layout, RawBatch
from dbmimic.model.masking import Step
from dbmimic.model.names import TableId
from dbmimic.model.schema import Schema
from dbmimic.model.summary import Reached
from dbmimic.model.types import Kind, LogicalType
from dbmimic.rules import reached
from dbmimic.rules.context import joined
from dbmimic.rules.reaching import owners
from tests.unit.schemas import INT, TEXT, schema, table

SECRET = Secret(bytes(range(32)))
BILLS, VISITS = TableId("public", "bills"), TableId("public", "visits")
SCHEMA = schema([table("bills", {"id": INT, "visit": INT}, ("id",)), table("visits", {"id": INT, "who": INT}, ("id",))])
OVER_TWO = (Step(BILLS, ("id",), ("visit",)), Step(VISITS, ("id",), ("who",)))
ROWS = {
    BILLS: [("1", "10"), ("2", "10"), ("3", None), ("4", "12"), ("5", "99")],
    VISITS: [("10", "100"), ("11", "100"), ("12", None)],
}


def found(
    rows: dict[TableId, list[tuple[str | None, ...]]], size: int = 2, most_bytes: int = 1 << 20, held: Schema = SCHEMA
) -> Reached:
    def read(wanted: TableId, columns: tuple[str, ...]) -> list[RawBatch]:
        layout = Layout(wanted, wanted, columns, ())
        parts = [rows[wanted][at : at + size] for at in range(0, len(rows[wanted]), size)]
        return [
            RawBatch(
                layout,
                len(part),
                {
                    name: pa.array(values, pa.string())
                    for name, values in zip(columns, zip(*part, strict=True), strict=True)
                },
                NO_TAIL,
            )
            for part in parts
        ]

    return reached(OVER_TWO, held, read, SECRET, most_bytes)


def test_what_leads_to_nobody_is_nobodys() -> None:
    keys = pa.array(["1", "2", "3", "4", "5", "6", None])
    assert owners(found(ROWS), SECRET)(keys).to_pylist() == ["100", "100", *[None] * 5]


def test_keys_that_the_engine_takes_for_equal_lead_to_one_row() -> None:
    citext, exact = LogicalType(Kind.TEXT, caseless=True), LogicalType(Kind.DECIMAL, precision=8, scale=2)
    held = schema(
        [table("bills", {"id": citext, "visit": INT}, ("id",)), table("visits", {"id": exact, "who": exact}, ("id",))]
    )
    rows = {
        BILLS: [("Stra\u00dfe", "10"), ("b ", "011")],
        VISITS: [("10.00", "100.00"), ("11.50", "7"), ("11", "0.50")],
    }
    bills = table("late", {"bill": citext})
    keys = joined(bills, {"bill": pa.array(["stra\u00dfe", "B", "c", None])}, ("bill",))
    assert owners(found(rows, held=held), SECRET)(keys).to_pylist() == ["100", "0.5", None, None]
    exactly = joined(table("late", {"bill": TEXT}), {"bill": pa.array(["b", "B"])}, ("bill",))
    assert exactly is not None
    assert exactly.to_pylist() == ["b", "B"]


def test_the_order_of_reading_is_of_no_matter_and_another_owner_is_told_by_the_digest() -> None:
    turned = {name: rows[::-1] for name, rows in ROWS.items()}
    assert found(ROWS, size=1).digest == found(turned, size=5).digest
    assert found({**ROWS, VISITS: [("10", "101")]}).digest != found(ROWS).digest


def test_too_many_rows_and_two_with_one_key_are_refused() -> None:
    with pytest.raises(UndealableError, match=r"whose the rows of public\.visits are takes more"):
        found(ROWS, most_bytes=10)
    with pytest.raises(UndealableError, match=r"two rows of public\.bills have one key"):
        found({**ROWS, BILLS: [("1", "10"), ("1", "11")]})

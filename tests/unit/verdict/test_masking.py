"""The row-by-row comparison: it finds a value that came through, whatever the order, and says what it could not see."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pyarrow as pa
import pytest

from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.address import Secret
from dbmimic.model.batch import Layout, Payload, RawBatch
from dbmimic.model.findings import Severity
from dbmimic.model.keys import WHOLE, Rows
from dbmimic.model.schema import Column, Generated, Key
from dbmimic.model.types import Kind, LogicalType
from dbmimic.verdict import masking
from dbmimic.verdict.masking import MaskedColumn, MaskedTable, compare
from tests.unit.schemas import INT, TEXT, table

KEYED = KeyedFunction.derive(Secret(bytes(range(32))), "verify")


class Rowed:
    """A reader over columns in memory."""

    def __init__(self, **columns: list[str | None]) -> None:
        self.columns = columns

    def read(self, layout: Layout, rows: Rows) -> Iterator[RawBatch]:
        assert rows is WHOLE
        count = len(next(iter(self.columns.values())))
        for start in range(0, count, 2):
            head = {name: pa.array(self.columns[name][start : start + 2], pa.string()) for name in layout.head}
            yield RawBatch(layout, min(2, count - start), head, Payload("memory", None))


def masked(*, key: bool = True, leaves: str = "", changes: bool = True) -> MaskedTable:
    found = table("people", {"id": INT, "name": TEXT}, *([("id",)] if key else []))

    def shout(batch: RawBatch) -> object:
        ids = pa.array([f"9{value}" for value in batch.head["id"].to_pylist()])
        head = {**batch.head, "id": ids, "name": pa.array(["X"] * len(ids))}
        return SimpleNamespace(head=head, kept={})

    return MaskedTable(
        table=found,
        parts=((WHOLE, ()),),
        read=("id", "name"),
        columns={"name": MaskedColumn(leaves, changes)},
        mask=shout if key else lambda batch: SimpleNamespace(head=batch.head, kept={}),
    )


def test_differing_rows_pass_in_any_order() -> None:
    source = Rowed(id=["1", "2", "3", "4"], name=["Ann", "Ben", None, ""])
    copy = Rowed(id=["94", "93", "92", "91"], name=["", None, "Ann", "Ben"])
    check = compare(masked(), 4, source, copy, KEYED)
    assert (check.values_checked, check.found, check.findings) == (2, 0, ())


def test_a_value_that_came_through_is_found() -> None:
    source = Rowed(id=["1", "2", "3", "4"], name=["Ann", "Ben", "Cid", "Dot"])
    copy = Rowed(id=["94", "93", "92", "91"], name=["X", "Cid", "Y", "Z"])
    check = compare(masked(), 4, source, copy, KEYED)
    assert (check.values_checked, check.found) == (4, 1)
    assert [(finding.code, finding.severity, finding.place) for finding in check.findings] == [
        ("DM603", Severity.ERROR, "public.people.name")
    ]
    assert "Cid" not in str(check.findings)


def test_rows_without_a_counterpart_are_an_error() -> None:
    source = Rowed(id=["1", "2"], name=["Ann", "Ben"])
    copy = Rowed(id=["91", "77"], name=["X", "Ben"])
    check = compare(masked(), 2, source, copy, KEYED)
    assert [(finding.code, finding.severity) for finding in check.findings] == [("DM605", Severity.ERROR)]


def test_without_a_key_the_kept_columns_tell_rows_apart() -> None:
    source = Rowed(id=["1", "2", "2"], name=["Ann", "Ben", "Cid"])
    copy = Rowed(id=["2", "2", "1"], name=["X", "Y", "Ann"])
    check = compare(masked(key=False), 3, source, copy, KEYED)
    assert (check.values_checked, check.found) == (1, 1)
    assert ("DM605", Severity.WARNING) in [(finding.code, finding.severity) for finding in check.findings]


def test_values_that_identify_nobody_may_stay() -> None:
    source = Rowed(id=["1", "2"], name=["infinity", "Ben"])
    copy = Rowed(id=["91", "92"], name=["infinity", "X"])
    check = compare(masked(leaves="-?infinity"), 2, source, copy, KEYED)
    assert (check.values_checked, check.found) == (1, 0)


def test_nothing_is_nothing_where_an_engine_fills_it_up_with_blanks() -> None:
    names = {"id": INT, "name": LogicalType(Kind.TEXT, length=3, padded=True)}
    padded = replace(masked(), table=table("people", names, ("id",)))
    check = compare(
        padded, 2, Rowed(id=["1", "2"], name=["   ", "Ben"]), Rowed(id=["91", "92"], name=["   ", "X  "]), KEYED
    )
    assert (check.values_checked, check.found, check.findings) == (1, 0, ())


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_many_shares_find_the_same(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(masking, "_ROWS_AT_ONCE", at_once)
    source = Rowed(id=["1", "2", "3", "4"], name=["Ann", "Ben", "Cid", "Dot"])
    copy = Rowed(id=["94", "93", "92", "91"], name=["X", "Cid", "Ben", "Z"])
    check = compare(masked(), 4, source, copy, KEYED)
    assert (check.values_checked, check.found) == (4, 2)


def test_a_mask_that_may_give_back_its_input_is_asked_only_where_it_changes() -> None:
    source = Rowed(id=["1", "2", "3"], name=["X", "Ben", "Cid"])
    copy = Rowed(id=["91", "92", "93"], name=["X", "X", "Cid"])
    check = compare(masked(changes=False), 3, source, copy, KEYED)
    assert (check.values_checked, check.found) == (2, 1)


def test_a_key_that_the_engine_computes_tells_no_rows_apart() -> None:
    computed = Column("id", "int", INT, generated=Generated.STORED)
    found = table("people", {"name": TEXT, "town": TEXT})
    found = replace(found, columns=(computed, *found.columns), keys=(Key("people_pkey", ("id",), primary=True),))
    spec = replace(masked(key=False), table=found)
    assert (spec.key, spec.has_key) == (("town",), False)


def test_rows_that_a_condition_keeps_may_be_equal_and_others_may_not() -> None:
    def half(batch: RawBatch) -> object:
        kept = pa.array([value == "Ann" for value in batch.head["name"].to_pylist()])
        return SimpleNamespace(head={**batch.head, "name": pa.array(["X"] * batch.row_count)}, kept={"name": kept})

    source = Rowed(id=["1", "2", "3"], name=["Ann", "Ben", "Cid"])
    copy = Rowed(id=["1", "2", "3"], name=["Ann", "Ben", "X"])
    check = compare(replace(masked(), mask=half), 3, source, copy, KEYED)
    assert (check.values_checked, check.found) == (2, 1)


def test_what_cannot_be_asked_again_tells_no_rows_apart_and_is_passed_over() -> None:
    columns = {"id": MaskedColumn("", changes=True, repeatable=False)}
    assert replace(masked(), columns=columns).key == ("name",)
    once = replace(masked(), columns={"name": MaskedColumn("", changes=False, repeatable=False)})
    source = Rowed(id=["1", "2"], name=["Ann", "Ben"])
    check = compare(once, 2, source, Rowed(id=["91", "92"], name=["Ann", "Q"]), KEYED)
    assert (check.values_checked, check.found) == (0, 0)

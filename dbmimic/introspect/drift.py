"""What a source's structure has become since the last copy, where that may make a decision of the rules another one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from dbmimic.errors import Problem
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.known import Known, Reference, Shape
from dbmimic.model.masking import Kept, Masked, MaskPlan
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.schema import Schema, Table
from dbmimic.model.types import Kind

_KINDS = frozenset(Kind)
_CODE = 64  # characters (bytes of a binary column) in which nobody writes sentences
_FAMILIES = (
    frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT}),
    frozenset({Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.INTERVAL}),
)
_LISTED = frozenset({Kind.BOOLEAN, Kind.ENUM})  # all that they can hold stands in the schema
_SHOWN = 60  # characters of a type: an enumeration may list hundreds of members
_ACCEPT = "look at what it holds, then mask it, or accept it once: `dbmimic copy --accept-drift`"


@dataclass(frozen=True, slots=True)
class Drifted:
    """
    What changed: `doubts` are kept columns that may hold something else than when somebody decided to keep them,
    `findings` what else is worth a line.
    """

    doubts: tuple[Problem, ...] = ()
    findings: tuple[Finding, ...] = ()


def drift(before: Known, schema: Schema, plan: MaskPlan) -> Drifted:
    """Give how a schema differs from what was known of it at the last copy. New tables and columns are not told."""
    ids = {str(table.id): table for table in schema.tables}
    doubts: list[Problem] = []
    findings: list[Finding] = []
    for name, table in ids.items():
        for column, was, now in _changed(table, before):
            if isinstance(plan.decisions.get(column), Kept) and _may_hold_more(was, now):
                reason = f"a column that is kept was {_short(was)} at the last copy and is {_short(now)} now"
                doubts.append(Problem("DM317", reason, str(column), _ACCEPT))
            else:
                message = f"the column was {_short(was)} at the last copy and is {_short(now)} now"
                if str(was) == str(now):
                    message = f"the column is {_short(now)} still, which the dbmimic of the last copy took otherwise"
                findings.append(Finding("DM318", Severity.INFO, str(column), message))
        if name not in before.shapes:
            findings += _renamed(name, table, before, ids.keys())
    now_declared = {Reference.of(edge) for edge in schema.foreign_keys}
    for gone in sorted(set(before.references) - now_declared):
        if gone.child in ids and gone.parent in ids:
            doubts += _loosened(gone, ids[gone.child].id, ids[gone.parent].id, plan)
            message = f"the foreign key {gone} is gone since the last copy: what it led to does not come along for it"
            findings.append(Finding("DM318", Severity.WARNING, gone.child, message))
    for come in sorted(now_declared - set(before.references)):
        if {come.child, come.parent} <= before.shapes.keys():
            message = f"the foreign key {come} is new since the last copy, and is followed"
            findings.append(Finding("DM318", Severity.INFO, come.child, message))
    return Drifted(tuple(doubts), tuple(findings))


def _changed(table: Table, before: Known) -> Iterator[tuple[ColumnId, Shape, Shape]]:
    known = before.shapes.get(str(table.id), {})
    for column in table.columns:
        was, now = known.get(column.name), Shape.of(column)
        if was is not None and was != now:
            yield table.id.column(column.name), was, now


def _may_hold_more(was: Shape, now: Shape) -> bool:
    """Tell whether a column may hold something of which nobody thought when it was kept."""
    kind, new_kind = was.kind, now.kind  # another version may have had other kinds
    if kind != new_kind:
        if kind not in _KINDS and was.type == now.type:
            return False
        related = any({kind, new_kind} <= family for family in _FAMILIES)
        return not related and new_kind not in _LISTED
    if kind in {Kind.TEXT, Kind.BINARY}:
        return _outgrew(was.length, now.length)
    return kind in {Kind.OTHER, Kind.ARRAY} and was.type != now.type


def _outgrew(was: int | None, now: int | None) -> bool:
    """Tell whether what had room for a code has room for sentences now."""
    if was is None or was > _CODE:
        return False
    return now is None or now > max(_CODE, 2 * was)


def _loosened(gone: Reference, child: TableId, parent: TableId, plan: MaskPlan) -> Iterator[Problem]:
    """Give the columns that were masked as the key which they referenced, and are kept now that nothing joins them."""
    for own, its in zip(gone.child_columns, gone.parent_columns, strict=True):
        column, key = child.column(own), parent.column(its)
        if isinstance(plan.decisions.get(key), Masked) and isinstance(plan.decisions.get(column), Kept):
            reason = f"its foreign key is gone, so it is kept although {key}, which it referenced, is masked"
            yield Problem("DM317", reason, str(column), _ACCEPT)


def _renamed(name: str, table: Table, before: Known, now: Collection[str]) -> Iterator[Finding]:
    """Tell of a table that was there by another name, as its columns say."""
    columns = {column.name for column in table.columns}
    gone = [old for old, shapes in before.shapes.items() if old not in now and shapes.keys() == columns]
    if len(gone) == 1:
        message = f"the table has the columns of {gone[0]}, which is gone since the last copy: is it renamed?"
        yield Finding("DM318", Severity.INFO, name, message, "name it so in rules and slice")


def _short(shape: Shape) -> str:
    told = str(shape)
    return told if len(told) <= _SHOWN else f"{told[:_SHOWN]}..."

"""Every foreign key resolves, and every table holds the rows that it should."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from dbmimic.model.amount import amount
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.graph import FkGraph
from dbmimic.model.keys import WHOLE, KeySet, Rows
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.report import ForeignKeyReport, OrphanReport
from dbmimic.model.schema import ForeignKey, Schema
from dbmimic.ports.source import Reader


class Audited(Protocol):
    """What tells how many rows dangle."""

    def orphans(self, edge: ForeignKey, children: Rows) -> int:
        """Give how many of these child rows reference a parent row that is not there."""
        ...


def foreign_keys(
    graph: FkGraph,
    source: Audited,
    copy: Audited,
    slices: Mapping[TableId, Rows],
    masked: frozenset[ColumnId] = frozenset(),
    loose: frozenset[ForeignKey] = frozenset(),
) -> tuple[ForeignKeyReport, list[Finding]]:
    """
    Audit every foreign key in the copy, whether the engine says that it holds or not.

    Rows that dangle in the source already (constraints that were never validated) are told apart from our faults, and
    so are keys that are `masked`: two spellings that a collation takes for one value may be two values to a mask.
    `loose` keys, which nobody declared and nobody follows, may dangle.

    Cost: one anti-join per edge on the copy; on the source only for edges with orphans.
    """
    audited = [(edge, found) for edge in graph.edges if (found := _audit(edge, source, copy, slices)) is not None]
    cut = [_of_cut(found) for edge, found in audited if edge in loose and found.orphans]
    audited = [(edge, replace(found, orphans=0) if edge in loose else found) for edge, found in audited]
    details = [found for _, found in audited]
    ours = sum(detail.orphans for detail in details)
    theirs = sum(detail.source_orphans for detail in details)
    findings = [
        _finding(edge, found, _spelt_by_mask(edge, masked))
        for edge, found in audited
        if found.orphans + found.source_orphans
    ]
    findings += cut
    return ForeignKeyReport(len(graph.edges), ours, theirs, tuple(details)), findings


def _audit(edge: ForeignKey, source: Audited, copy: Audited, slices: Mapping[TableId, Rows]) -> OrphanReport | None:
    orphans = copy.orphans(edge, WHOLE)
    if not orphans:
        return None
    rows = slices.get(edge.child)
    already = source.orphans(edge, rows) if rows else 0
    return OrphanReport(str(edge), max(0, orphans - already), min(orphans, already))


def _spelt_by_mask(edge: ForeignKey, masked: frozenset[ColumnId]) -> bool:
    return any(edge.child.column(name) in masked for name in edge.child_columns)


def _of_cut(detail: OrphanReport) -> Finding:
    rows = amount(detail.orphans, "row references", "rows reference")
    reason = f"{rows} what was left out, because the key is not followed (parent: stop)"
    return Finding("DM601", Severity.WARNING, detail.foreign_key, reason, "follow it, or let them become NULL")


def _finding(edge: ForeignKey, detail: OrphanReport, spelt_by_mask: bool) -> Finding:
    if detail.orphans:
        reason = f"{amount(detail.orphans, 'row references', 'rows reference')} a parent that is not in the copy"
        hint = "report this: the slice should be closed"
        if spelt_by_mask:
            hint = "if keys differ in case or blanks only, mask them by `token` with `fold: true`; else report this"
        return Finding("DM601", Severity.ERROR, detail.foreign_key, reason, hint)
    reason = f"{amount(detail.source_orphans, 'row dangles', 'rows dangle')} in the source already"
    hint = (
        "nothing in the source holds rows to this key"
        if edge.virtual
        else "the source's constraint was never validated"
    )
    return Finding("DM601", Severity.WARNING, detail.foreign_key, reason, hint)


def row_counts(schema: Schema, reader: Reader, slices: Mapping[TableId, Rows] | None = None) -> dict[TableId, int]:
    """
    Give how many rows there are of each table of a slice, or of the whole database.

    Cost: a scan of each table that is not in the slice by its rows.
    """
    chosen = (
        dict.fromkeys((table.id for table in schema.tables if table.holds_rows), WHOLE) if slices is None else slices
    )
    return {
        table: len(rows) if isinstance(rows, KeySet) else reader.count(schema.table(table))
        for table, rows in chosen.items()
    }


def miscounted(wanted: Mapping[TableId, int], held: Mapping[TableId, int]) -> Iterable[Finding]:
    """Give an error for each table that does not hold as many rows as it should."""
    for table, rows in held.items():
        if rows != wanted.get(table, 0):
            reason = f"the copy holds {amount(rows, 'row')}, the slice {wanted.get(table, 0):,}"
            yield Finding("DM602", Severity.ERROR, str(table), reason, "run the copy again; report this if it stays")

"""All checks of a copy, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.address import Secret
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.graph import FkGraph
from dbmimic.model.keys import Rows
from dbmimic.model.names import TableId
from dbmimic.model.report import ForeignKeyReport, LeakReport
from dbmimic.model.schema import ForeignKey, Schema
from dbmimic.model.target import Structure
from dbmimic.model.work import Seen
from dbmimic.ports.source import Source
from dbmimic.verdict.integrity import foreign_keys, row_counts
from dbmimic.verdict.masking import MaskedTable, TableCheck, compare
from dbmimic.verdict.stream import altered, arrived, check_of
from dbmimic.verdict.structure import differences


@dataclass(frozen=True)
class Expectation:
    """
    What the copy should be: the structure, the rows of each table, and the tables that were masked.

    Where the copy was made from another snapshot than the one read now, rows may have come and gone since: then
    differing counts and rows without a counterpart are warnings.
    """

    schema: Schema
    graph: FkGraph
    structure: Structure
    slices: Mapping[TableId, Rows]
    row_counts: Mapping[TableId, int]
    masked: tuple[MaskedTable, ...]
    same_snapshot: bool = True
    loose: frozenset[ForeignKey] = frozenset()  # virtual keys that the slice does not follow

    @property
    def row_total(self) -> int:
        """The rows of all tables."""
        return sum(self.row_counts.values())


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks found."""

    foreign_keys: ForeignKeyReport
    leaks: LeakReport
    findings: tuple[Finding, ...]

    @property
    def verified(self) -> bool:
        """Whether nothing that was found is an error."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)


def judge(
    source: Source,
    copy: Source,
    expected: Expectation,
    secret: Secret,
    seen: Mapping[TableId, Seen] | None = None,
) -> Verdict:
    """
    Check a copy against what it should be, reading both sides; where the structures differ, only that is told.

    `seen` is what was seen of masked tables when they were copied: then their copy is read, and the source again only
    where the copy does not hold what was sent. Tables that went into another engine are all read back.

    Cost: an anti-join per foreign key and a count per table on the copy; for masked tables one read of the key and
    the masked columns on each side, or on the copy alone.
    """
    differing = tuple(differences(expected.structure, copy.structure()))
    if differing:
        return Verdict(ForeignKeyReport(0, 0, 0), LeakReport(0, 0), differing)
    masked = frozenset(each.table.id.column(name) for each in expected.masked for name in each.columns)
    edges, findings = foreign_keys(expected.graph, source, copy, expected.slices, masked, expected.loose)
    findings += row_counts(expected.schema, copy, expected.row_counts)
    keyed = KeyedFunction.derive(secret, "verify")
    checks = [_checked(table, source, copy, keyed, (seen or {}).get(table.table.id)) for table in expected.masked]
    findings += [finding for check in checks for finding in check.findings]
    if not expected.same_snapshot:
        findings = [_excused(finding) for finding in findings]
    leaks = LeakReport(sum(check.values_checked for check in checks), sum(check.found for check in checks))
    return Verdict(edges, leaks, tuple(sorted(findings)))


def _checked(table: MaskedTable, source: Source, copy: Source, keyed: KeyedFunction, seen: Seen | None) -> TableCheck:
    if seen is not None and seen.row_count == table.row_count and arrived(table.table, table.read, seen, copy, keyed):
        return check_of(table.table, seen)
    check = compare(table, source, copy, keyed)
    if seen is None or not table.table.as_text:
        return check
    return replace(check, findings=(*check.findings, *altered(table, source, copy, keyed)))


def _excused(finding: Finding) -> Finding:
    if finding.code not in {"DM602", "DM605"} or finding.severity is not Severity.ERROR:
        return finding
    return replace(finding, severity=Severity.WARNING, hint="the source may have changed since the copy was made")

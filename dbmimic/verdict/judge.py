"""All checks of a copy, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.address import Secret
from dbmimic.model.aside import begun
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.graph import FkGraph
from dbmimic.model.keys import Rows
from dbmimic.model.names import TableId
from dbmimic.model.report import ForeignKeyReport, LeakReport
from dbmimic.model.schema import ForeignKey, Schema
from dbmimic.model.target import Structure
from dbmimic.model.work import Seen
from dbmimic.ports.source import Source
from dbmimic.verdict.holding import held
from dbmimic.verdict.integrity import foreign_keys, miscounted, row_counts
from dbmimic.verdict.masking import MaskedTable, TableCheck, compare
from dbmimic.verdict.stream import arrived, check_of
from dbmimic.verdict.structure import differences

_SINCE = "the source may have changed since the copy was made, or a hook's SQL have changed the copy's rows"


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
    masked: tuple[MaskedTable, ...]
    same_snapshot: bool = True
    loose: frozenset[ForeignKey] = frozenset()  # virtual keys that the slice does not follow


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks found, and the rows that the slice has of each table, as far as they were asked for."""

    foreign_keys: ForeignKeyReport
    leaks: LeakReport
    findings: tuple[Finding, ...]
    row_counts: Mapping[TableId, int] = field(default_factory=dict)

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
    beside: Source | None = None,
) -> Verdict:
    """
    Check a copy against what it should be, reading both sides; where the structures differ, only that is told.

    `seen` is what was seen of masked tables when they were copied: then their copy is read, and the source again only
    where the copy does not spell all of it as it was sent. Tables that went into another engine are all read back.
    `beside` is the copy as well, open in another session: what was masked is read there while this one counts and
    audits.

    Cost: an anti-join per foreign key and a count per table on the copy; for masked tables one read of the key and
    the masked columns on each side, or on the copy alone.
    """
    differing = tuple(differences(expected.structure, copy.structure()))
    if differing:
        return Verdict(ForeignKeyReport(0, 0, 0), LeakReport(0, 0), differing)
    masked = frozenset(each.table.id.column(name) for each in expected.masked for name in each.columns)
    keyed = KeyedFunction.derive(secret, "verify")
    counting = begun(lambda: row_counts(expected.schema, source, expected.slices))
    reading = begun(lambda: _arrived(expected, beside, keyed, seen or {}))
    counted = row_counts(expected.schema, copy)
    wanted = counting.result()  # before the source is asked for anything else
    edges, findings = foreign_keys(expected.graph, source, copy, expected.slices, masked, expected.loose)
    findings += miscounted(wanted, counted)
    whole = reading.result()
    checks = [
        check_of(table.table, seen[table.table.id])
        if seen and table.table.id in whole
        else _checked(table, wanted[table.table.id], source, copy, keyed, (seen or {}).get(table.table.id))
        for table in expected.masked
        if wanted[table.table.id]
    ]
    findings += [finding for check in checks for finding in check.findings]
    if not expected.same_snapshot:
        findings = [_excused(finding) for finding in findings]
    leaks = LeakReport(sum(check.values_checked for check in checks), sum(check.found for check in checks))
    return Verdict(edges, leaks, tuple(sorted(findings)), wanted)


def still_whole(source: Source, copy: Source, expected: Expectation) -> tuple[Finding, ...]:
    """
    Give what is against a copy that was changed after it was judged: another structure, or keys that dangle.

    Cost: the structure is read, and there is an anti-join per foreign key on the copy.
    """
    differing = tuple(differences(expected.structure, copy.structure()))
    if differing:
        return differing
    _, findings = foreign_keys(expected.graph, source, copy, expected.slices, loose=expected.loose)
    return tuple(findings)


def _arrived(
    expected: Expectation, copy: Source | None, keyed: KeyedFunction, seen: Mapping[TableId, Seen]
) -> frozenset[TableId]:
    """Give the tables that hold what was seen on its way; none where there is no session to ask."""
    if copy is None:
        return frozenset()
    return frozenset(
        table.table.id
        for table in expected.masked
        if table.table.id in seen and arrived(table.table, table.read, seen[table.table.id], copy, keyed)
    )


def _checked(
    table: MaskedTable, row_count: int, source: Source, copy: Source, keyed: KeyedFunction, seen: Seen | None
) -> TableCheck:
    if seen is None:
        return compare(table, row_count, source, copy, keyed)
    return held(table, row_count, source, copy, keyed, seen)


def _excused(finding: Finding) -> Finding:
    if finding.code not in {"DM602", "DM605"} or finding.severity is not Severity.ERROR:
        return finding
    return replace(finding, severity=Severity.WARNING, hint=_SINCE)

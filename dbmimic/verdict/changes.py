"""
The same checks of a copy that was brought up to date, as far as something could be wrong that was right before.

What is there from the copy before was verified then, and nobody wrote to it since. So rows that came are compared with
what was sent, and a foreign key is asked of the rows that came, or of all where rows that it may reference went.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.address import Secret
from dbmimic.model.amount import amount
from dbmimic.model.baseline import Keys
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.keys import WHOLE, KeySet, Rows
from dbmimic.model.names import TableId
from dbmimic.model.report import LeakReport
from dbmimic.model.schema import ForeignKey
from dbmimic.model.work import Seen
from dbmimic.ports.delta import Dated
from dbmimic.ports.source import Source
from dbmimic.verdict.holding import held as as_held
from dbmimic.verdict.integrity import foreign_keys, miscounted
from dbmimic.verdict.judge import Expectation, Verdict
from dbmimic.verdict.masking import MaskedTable, TableCheck
from dbmimic.verdict.stream import arrived, check_of


@dataclass(frozen=True, slots=True)
class Held:
    """
    One table of the copy: how many rows it should hold and does, which of them came, and how many should have.

    `parted` says that keys went and did not come again: those that were `lost`, where they are known.
    """

    wanted: int
    row_count: int
    came: KeySet
    should_come: int
    parted: bool
    lost: Keys | None = None


class _Asked:
    """Asks a reader of foreign keys only what is not proven."""

    def __init__(self, copy: Source, held: Mapping[TableId, Held]) -> None:
        self._copy = copy
        self._held = held
        self._solid = frozenset(
            (edge.child, edge.child_columns, edge.parent, edge.parent_columns)
            for edge in copy.schema().foreign_keys
            if edge.validated and not edge.virtual
        )

    def _loses(self, edge: ForeignKey, parent: Held) -> bool:
        """Whether what an edge references may have gone: with a row's key, or from a column beside it."""
        key = self._copy.schema().table(edge.parent).stable_key
        return parent.parted or (bool(parent.came) and (key is None or set(edge.parent_columns) != set(key.columns)))

    def orphans(self, edge: ForeignKey, children: Rows) -> int:
        """Give how many rows reference nothing; those that cannot be are not looked at."""
        declared = (edge.child, edge.child_columns, edge.parent, edge.parent_columns) in self._solid
        parent, child = self._held.get(edge.parent), self._held.get(edge.child)
        if edge.virtual or not declared or parent is None or child is None:
            return self._copy.orphans(edge, children)
        if self._loses(edge, parent) and not self._misses_nothing(edge, parent):
            return self._copy.orphans(edge, children)
        return self._copy.orphans(edge, child.came) if child.came else 0

    def _misses_nothing(self, edge: ForeignKey, parent: Held) -> bool:
        """Whether what went is known, and no row references it; then no row that stayed dangles."""
        copy, lost = self._copy, parent.lost
        return lost is not None and isinstance(copy, Dated) and copy.referenced(edge, lost) is False


class _Answered:
    """Gives answers that are there already, as many of them asked at once as the reader takes."""

    def __init__(self, asked: _Asked, edges: Sequence[ForeignKey], copy: Source) -> None:
        with ThreadPoolExecutor(copy.abreast) as threads:
            try:
                found = list(threads.map(lambda edge: asked.orphans(edge, WHOLE), edges))
            except BaseException:
                copy.close()  # so that the threads end
                raise
        self._orphans = dict(zip(edges, found, strict=True))

    def orphans(self, edge: ForeignKey, children: Rows) -> int:
        """Give how many rows reference nothing."""
        del children  # all of them
        return self._orphans[edge]


def judge_changes(
    source: Source,
    copy: Source,
    expected: Expectation,
    secret: Secret,
    seen: Mapping[TableId, Seen],
    held: Mapping[TableId, Held],
) -> Verdict:
    """
    Check a copy that was brought up to date; `held` has every table that holds rows.

    Cost: for each foreign key a look at the rows that came, and where keys went for rows that reference them, or an
    anti-join where those are not known; for masked tables one read of the rows that came, and of the whole table on
    both sides where they are not as they were sent.
    """
    masked = frozenset(each.table.id.column(name) for each in expected.masked for name in each.columns)
    keyed = KeyedFunction.derive(secret, "verify")
    asked = _Answered(_Asked(copy, held), expected.graph.edges, copy)
    edges, findings = foreign_keys(expected.graph, source, asked, expected.slices, masked, expected.loose)
    wanted = {table: each.wanted for table, each in held.items()}
    findings += miscounted(wanted, {table: each.row_count for table, each in held.items()})
    findings += _strangers(held)
    checks = [
        _checked(table, held[table.table.id], seen[table.table.id], source, copy, keyed)
        for table in expected.masked
        if held[table.table.id].should_come
    ]
    findings += [finding for check in checks for finding in check.findings]
    leaks = LeakReport(sum(check.values_checked for check in checks), sum(check.found for check in checks))
    return Verdict(edges, leaks, tuple(sorted(findings)), wanted)


def _checked(
    table: MaskedTable, held: Held, seen: Seen, source: Source, copy: Source, keyed: KeyedFunction
) -> TableCheck:
    if arrived(table.table, table.read, seen, copy, keyed, held.came):
        return check_of(table.table, seen)
    return as_held(table, held.wanted, source, copy, keyed, seen)


def _strangers(held: Mapping[TableId, Held]) -> Iterator[Finding]:
    """Give an error for each table with rows that came and were not sent, or were sent and did not come."""
    for table, each in held.items():
        if len(each.came) != each.should_come:
            new = amount(len(each.came), "row of the copy is", "rows of the copy are")
            reason = f"{new} new, and {each.should_come:,} were sent"
            yield Finding("DM623", Severity.ERROR, str(table), reason, "run the copy again; report this if it stays")

"""What a copy would do, before anything moves."""

from __future__ import annotations

from dataclasses import dataclass

from dbmimic.errors import status_of
from dbmimic.model.budget import BudgetOutcome
from dbmimic.model.coverage import TableCoverage
from dbmimic.model.findings import Finding, Severity

SCHEMA = "dbmimic/plan/1"


@dataclass(frozen=True, slots=True)
class TablePreview:
    """
    One table: its rows in the slice by colour, and why it is there.

    `role` is `seed`, `cover`, `static`, `restrict`, `full`, `closure`, `empty` (not reached) or `excluded`. Rows are
    exact: the slice was walked. `bytes` is what they take as text, by the widths of some of them, and with 95 %
    certainty it lies between `bytes_low` and `bytes_high`.
    """

    table: str
    role: str
    rows: int
    source_rows: int
    own: int
    need: int
    columns_masked: int
    columns_kept: int
    columns_undecided: int
    bytes: int = 0
    bytes_low: int = 0
    bytes_high: int = 0


@dataclass(frozen=True, slots=True)
class ColumnPreview:
    """One column: `outcome` is `masked`, `kept` or `undecided`; `why` names the mask or the reason."""

    table: str
    column: str
    type: str
    outcome: str
    why: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class EdgePreview:
    """
    One foreign key of the graph; `cycle` says that it closes one, `policy` how it is treated, where not as all are.

    `children` and `parents` are the rows that came over it, down and up, and that no edge before it had brought.
    """

    edge: str
    nullable: bool
    cycle: bool
    virtual: bool = False
    policy: str = ""
    children: int = 0
    parents: int = 0


@dataclass(frozen=True, slots=True)
class RulesCheck:
    """What rules that decide every column come to; `rules` is their fingerprint."""

    rules: str
    columns_masked: int
    columns_kept: int
    findings: tuple[Finding, ...] = ()
    schema: str = "dbmimic/rules/1"


@dataclass(frozen=True, slots=True)
class CutPreview:
    """One edge that brings much: `policy` would cut it, and that many rows (exactly) and bytes (about) not come."""

    edge: str
    policy: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Preview:
    """The whole plan, tables in loading order: parents first."""

    engine: str
    mode: str
    tables: tuple[TablePreview, ...]
    columns: tuple[ColumnPreview, ...]
    edges: tuple[EdgePreview, ...]
    findings: tuple[Finding, ...] = ()
    coverage: tuple[TableCoverage, ...] = ()
    cuts: tuple[CutPreview, ...] = ()
    budget: BudgetOutcome | None = None
    schema: str = SCHEMA

    @property
    def undecided(self) -> tuple[ColumnPreview, ...]:
        """The columns that nothing decides; a copy is refused while there are any."""
        return tuple(column for column in self.columns if column.outcome == "undecided")

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings for which a copy is refused."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def exit(self) -> int:
        """The exit status that a copy would be refused with, as far as rules and source tell; 0 if it would not be."""
        codes = [*("DM301" for _ in self.undecided), *(error.code for error in self.errors)]
        return next(map(status_of, codes), 0)

    @property
    def rows(self) -> int:
        """How many rows the slice has."""
        return sum(table.rows for table in self.tables)

    @property
    def bytes(self) -> int:
        """About how many bytes they take as text."""
        return sum(table.bytes for table in self.tables)

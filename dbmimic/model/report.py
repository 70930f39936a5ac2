"""The outcome of a run, as people and scripts read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dbmimic.model.budget import BudgetOutcome
from dbmimic.model.coverage import TableCoverage
from dbmimic.model.findings import Finding

SCHEMA = "dbmimic/report/1"


@dataclass(frozen=True, slots=True)
class TableReport:
    """One table: how many rows are in the copy, by colour, and how many the source has."""

    table: str
    rows: int
    source_rows: int
    bytes: int = 0
    own: int = 0
    need: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class OrphanReport:
    """One foreign key whose rows dangle: in the copy by our fault, or already in the source."""

    foreign_key: str
    orphans: int
    source_orphans: int


@dataclass(frozen=True, slots=True)
class ForeignKeyReport:
    """The audit of all foreign keys. `orphans` counts only what does not dangle in the source already."""

    checked: int
    orphans: int
    source_orphans: int
    details: tuple[OrphanReport, ...] = ()


@dataclass(frozen=True, slots=True)
class MaskReport:
    """
    How many columns were masked, kept and dropped, and by column how many values its mask could not read.

    What becomes of those is for the rule's `invalid` to say.
    """

    columns_masked: int
    columns_kept: int
    columns_dropped: int = 0
    invalid: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeakReport:
    """How many masked values were compared with the source's value of the same row, and how many were equal."""

    values_checked: int
    found: int


@dataclass(frozen=True, slots=True)
class RunReport:
    """The whole outcome. `status` is `verified` or `failed`; JSON gives it back unchanged."""

    status: str
    engine: Mapping[str, str]
    tables: tuple[TableReport, ...]
    foreign_keys: ForeignKeyReport
    masks: MaskReport
    leaks: LeakReport
    findings: tuple[Finding, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    coverage: tuple[TableCoverage, ...] = ()
    budget: BudgetOutcome | None = None
    schema: str = SCHEMA

    @property
    def verified(self) -> bool:
        """Whether the copy is what was promised."""
        return self.status == "verified"

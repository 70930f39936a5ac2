"""What happens to every column: masked so, or kept because."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.summary import Dealt, Reached, Summary
from dbmimic.model.types import LogicalType


@dataclass(frozen=True, slots=True)
class Kept:
    """The column is copied as it is; `place` is the rule that says so."""

    reason: str
    place: str


@dataclass(frozen=True, slots=True)
class Step:
    """
    From a row to its parent: the row of `table` with its foreign key in `key`.

    `columns` are those of the parent that lead on, or say whose it is.
    """

    table: TableId
    key: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Masked:
    """
    The column is masked.

    `domain` names the derived key: equal values in one domain become equal masked values. `entity` are the columns of
    the same row that say to whom the value belongs, or with `steps` a foreign key that leads to the row which says it:
    `reached` knows where to. `follows` is the key column whose decision this one inherits, where a foreign key joins
    the column to it. What the narrowest column of such a group can hold stands in `length` (characters) and `low_bits`
    (of an integer key), and where the columns of digits among them end in `digits`, so that all of them get the same
    values.
    """

    mask: str
    domain: str
    place: str
    options: Mapping[str, object] = field(default_factory=dict)
    entity: tuple[str, ...] = ()
    follows: ColumnId | None = None
    length: int | None = None
    low_bits: int | None = None
    digits: tuple[LogicalType, ...] = ()
    group: tuple[str, ...] = ()  # the columns whose rows with equal values the mask takes together
    summary: Summary | None = None  # of the column's values, where the mask draws from them
    dealt: Dealt | None = None  # what becomes of each row's value, where that hangs on other rows
    steps: tuple[Step, ...] = ()
    reached: Reached | None = None
    scope: str = "stable"  # or `run`: other masked values in each run; or `row`: in each row


Decision = Kept | Masked


@dataclass(frozen=True)
class MaskPlan:
    """Every loadable column with its decision: total, or `rules.resolve` would have refused."""

    decisions: Mapping[ColumnId, Decision]

    def of(self, table: TableId) -> dict[str, Decision]:
        """Give the decisions of one table by column name, in column order."""
        return {column.name: d for column, d in self.decisions.items() if column.table == table}

    def masked(self, table: TableId) -> dict[str, Masked]:
        """Give the masked columns of one table by name, in column order."""
        return {name: d for name, d in self.of(table).items() if isinstance(d, Masked)}

    def of_run(self, name: str) -> MaskPlan:
        """Give the plan of one run: what its rules mask anew in each run has a key that hangs on the run's name."""
        decisions = {
            column: replace(d, domain=f"{d.domain}\0run:{name}") if isinstance(d, Masked) and d.scope == "run" else d
            for column, d in self.decisions.items()
        }
        return MaskPlan(decisions)

    @property
    def masked_columns(self) -> frozenset[ColumnId]:
        """All masked columns."""
        return frozenset(column for column, d in self.decisions.items() if isinstance(d, Masked))

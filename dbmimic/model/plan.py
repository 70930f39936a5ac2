"""How the slice will be walked: ordered steps over the graph's components."""

from __future__ import annotations

from dataclasses import dataclass

from dbmimic.model.names import TableId
from dbmimic.model.request import Mode, Seed
from dbmimic.model.schema import ForeignKey


@dataclass(frozen=True, slots=True)
class Step:
    """
    One component of the graph: its tables, and the edges that reach it.

    `inner` edges stay inside the component and are iterated to a fixpoint; `to_parents` leave it towards parents in
    other components and `to_children` towards children in others, each followed once.
    """

    tables: tuple[TableId, ...]
    inner: tuple[ForeignKey, ...] = ()
    to_parents: tuple[ForeignKey, ...] = ()
    to_children: tuple[ForeignKey, ...] = ()


@dataclass(frozen=True, slots=True)
class SubsetPlan:
    """
    The steps of the walk: down first, in the order given, then up, in the reverse order.

    Shape: each table of the schema whose rows may be copied is in exactly one step; parents stand before children.
    """

    mode: Mode
    steps: tuple[Step, ...]
    seeds: tuple[Seed, ...] = ()
    static: frozenset[TableId] = frozenset()
    excluded: frozenset[TableId] = frozenset()
    descend: bool = True

    @property
    def tables(self) -> tuple[TableId, ...]:
        """All tables of the plan, parents first."""
        return tuple(table for step in self.steps for table in step.tables)

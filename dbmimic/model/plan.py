"""How the slice will be walked: ordered steps over the graph's components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dbmimic.model.names import TableId
from dbmimic.model.request import Budget, Cover, EdgePolicy, Mode, Parent, Seed
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
    `edges` holds every edge whose child may be copied. `whole` are the tables of which every row comes, whatever else
    does; other `static` and `restricted` ones come row by row, because a row of theirs may leave or be changed. Into a
    `joint` table a row comes downwards only where all of these edges that are not NULL in it lead to it.
    """

    mode: Mode
    steps: tuple[Step, ...]
    seeds: tuple[Seed, ...] = ()
    static: frozenset[TableId] = frozenset()
    excluded: frozenset[TableId] = frozenset()
    restricted: frozenset[TableId] = frozenset()
    whole: frozenset[TableId] = frozenset()
    edges: Mapping[ForeignKey, EdgePolicy] = field(default_factory=dict)
    joint: Mapping[TableId, tuple[ForeignKey, ...]] = field(default_factory=dict)
    cover: tuple[Cover, ...] = ()
    budget: Budget | None = None

    def policy(self, edge: ForeignKey) -> EdgePolicy:
        """Give how the walk treats an edge of this plan."""
        return self.edges[edge]

    def with_parent(self, *policies: Parent) -> tuple[ForeignKey, ...]:
        """Give the edges that treat a missing parent in one of these ways, in the order of the plan's edges."""
        return tuple(edge for edge, policy in self.edges.items() if policy.parent in policies)

    def role(self, table: TableId) -> str:
        """Give why a table is there: as what the request names it, or `table` for what only comes along."""
        if table in self.excluded:
            return "excluded"
        if table in self.static:
            return "static"
        if any(seed.table == table for seed in self.seeds):
            return "seed"
        if any(cover.table == table for cover in self.cover):
            return "cover"
        return "restrict" if table in self.restricted else "table"

    @property
    def tables(self) -> tuple[TableId, ...]:
        """All tables of the plan, parents first."""
        return tuple(table for step in self.steps for table in step.tables)

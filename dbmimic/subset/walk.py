"""The plan becomes key sets: the least set of rows that holds the seeds and dangles nowhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dbmimic.model.address import Secret
from dbmimic.model.keys import WHOLE, KeySet, Rows, TableSlice
from dbmimic.model.names import TableId
from dbmimic.model.plan import Step, SubsetPlan
from dbmimic.model.request import Children, Mode, Parent
from dbmimic.model.schema import ForeignKey, Schema
from dbmimic.ports.source import Walker
from dbmimic.subset.loss import lost, nulled, refuse_missing
from dbmimic.subset.policies import Guide
from dbmimic.subset.seeds import choose, every

Chosen = dict[TableId, KeySet]
Move = tuple[ForeignKey, TableId, TableId]
Follow = Callable[[ForeignKey, KeySet], KeySet]


def walk(plan: SubsetPlan, schema: Schema, source: Walker, secret: Secret | None) -> Mapping[TableId, TableSlice]:
    """
    Give the rows of every table of the plan, closed: what a chosen row references is chosen too.

    Down first: seeds and what hangs from them are `own`. Then up: what those reference, and what static tables
    reference, is `need`. An `own` row depends on `own` rows only, so no row changes colour and each is expanded once
    in each direction.

    Where an edge says `drop-child`, rows whose parent is not there leave, with all that cannot be without them, and
    the slice is walked again as if they had never been: until none is left to leave. Every round gives a part of the
    round before, so a parent that is missing once stays missing, and what is left is the largest slice in which every
    such row has its parent.

    Cost: one question per edge between components; inside a component one per edge and round, on what is new only.

    Raises:
        ConfigError: DM212, a condition is none, or an edge that is not to be followed (`stop`) is needed.

    Source:
        Least fixpoint of a monotone operator (Knaster-Tarski), evaluated semi-naively: F. Bancilhon and
        R. Ramakrishnan, "An amateur's introduction to recursive query processing strategies", SIGMOD 1986.
    """
    if plan.mode is Mode.FULL:
        return {table: TableSlice(KeySet(), KeySet(), whole=True) for table in plan.tables}
    walker = _Walker(plan, schema, source, secret)
    found = walker.closure()
    while leaving := lost(plan, found.everything, source):
        walker.banish(leaving)
        found = walker.closure()
    refuse_missing(plan, found.everything, source)
    changed = nulled(plan, found.everything, source)
    empty = KeySet()
    slices = {}
    for table in plan.tables:
        rows = found.everything.get(table, empty)
        own = rows & (found.own.get(table, empty) | walker.kept.get(table, empty))
        slices[table] = TableSlice(own, rows - own, table in plan.whole, changed.get(table, ()))
    return slices


@dataclass(frozen=True, slots=True)
class _Found:
    """The rows of one round: those reached downwards, and all of them; whole tables are in neither."""

    own: Chosen
    everything: Chosen


@dataclass
class _Walker:
    """Walks the plan, as often as rows have to leave."""

    plan: SubsetPlan
    schema: Schema
    source: Walker
    secret: Secret | None
    kept: Chosen = field(default_factory=dict)  # of restricted tables: all rows, or their seeds
    _starts: Chosen = field(default_factory=dict)  # of static and restricted tables that do not come whole
    _seeds: Chosen = field(default_factory=dict)
    _banished: Chosen = field(default_factory=dict)

    def __post_init__(self) -> None:
        plan = self.plan
        for seed in plan.seeds:
            restricted = seed.table in plan.restricted
            _add(
                self.kept if restricted else self._seeds,
                seed.table,
                choose(seed, self.schema, self.source, self.secret),
            )
        limited = {table: rows for table, rows in self.kept.items() if table in plan.restricted}
        self._guide = Guide(plan, self.schema, self.source, self.secret, limited)
        seeded = {seed.table for seed in plan.seeds}
        for table in plan.tables:
            if table in plan.whole or table not in plan.static | plan.restricted:
                continue
            all_rows = table in plan.static or table not in seeded
            rows = every(self.schema.table(table), self.source) if all_rows else self.kept.get(table, KeySet())
            _add(self._starts, table, rows)
            if table in plan.restricted:
                _add(self.kept, table, rows)

    def banish(self, rows: Mapping[TableId, KeySet]) -> None:
        """Let these rows never be in a slice."""
        for table, leaving in rows.items():
            _add(self._banished, table, leaving)

    def closure(self) -> _Found:
        """Give the least closed set of rows without those that are banished."""
        own: Chosen = {}
        for table, rows in self._seeds.items():
            self._include(own, table, rows)
        self._descend(own)
        everything = dict(own)
        for table, rows in self._starts.items():
            self._include(everything, table, rows)
        self._ascend(everything)
        return _Found(own, everything)

    def _descend(self, own: Chosen) -> None:
        for step in self.plan.steps:
            inner = [(edge, edge.parent, edge.child) for edge in step.inner if self._brings_children(edge)]
            self._close(step, own, inner, self._guide.children)
            for edge in filter(self._brings_children, step.to_children):
                rows = own.get(edge.parent)
                if rows:
                    self._include(own, edge.child, self._guide.children(edge, rows))

    def _brings_children(self, edge: ForeignKey) -> bool:
        return self.plan.policy(edge).children is Children.FOLLOW

    def _ascend(self, chosen: Chosen) -> None:
        for step in reversed(self.plan.steps):
            followed = [edge for edge in step.inner if self._brings_parent(edge)]
            for edge in followed:
                if edge.child in self.plan.whole:
                    self._include(chosen, edge.parent, self.source.parents(edge, WHOLE))
            moving = [(edge, edge.child, edge.parent) for edge in followed if edge.child not in self.plan.whole]
            self._close(step, chosen, moving, self.source.parents)
            for edge in filter(self._brings_parent, step.to_parents):
                rows: Rows | None = WHOLE if edge.child in self.plan.whole else chosen.get(edge.child)
                if rows:
                    self._include(chosen, edge.parent, self.source.parents(edge, rows))

    def _brings_parent(self, edge: ForeignKey) -> bool:
        return self.plan.policy(edge).parent is Parent.FOLLOW and edge.parent not in self.plan.whole

    def _close(self, step: Step, chosen: Chosen, moves: list[Move], follow: Follow) -> None:
        """Follow the component's inner edges until nothing new comes; only rows of the last round are expanded."""
        fresh: Chosen = {table: chosen[table] for table in step.tables if chosen.get(table)}
        while fresh:
            found: Chosen = {}
            for edge, start, end in moves:
                if start in fresh:
                    _add(found, end, follow(edge, fresh[start]))
            fresh = {}
            for table, rows in found.items():
                new = self._include(chosen, table, rows)
                if new:
                    fresh[table] = new

    def _include(self, chosen: Chosen, table: TableId, rows: KeySet) -> KeySet:
        """Add rows that are not banished, and give those that are new."""
        new = rows - self._banished.get(table, KeySet()) - chosen.get(table, KeySet())
        if new:
            _add(chosen, table, new)
        return new


def _add(chosen: Chosen, table: TableId, rows: KeySet) -> None:
    chosen[table] = chosen[table] | rows if table in chosen else rows

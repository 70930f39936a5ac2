"""The plan becomes key sets: the least set of rows that holds the seeds and dangles nowhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dbmimic.model.address import Secret
from dbmimic.model.coverage import TableCoverage
from dbmimic.model.keys import WHOLE, KeySet, Nulled, TableSlice
from dbmimic.model.names import TableId
from dbmimic.model.plan import Step, SubsetPlan
from dbmimic.model.request import Children, Mode, Parent, Seed
from dbmimic.model.schema import ForeignKey, Schema
from dbmimic.ports.source import Walker
from dbmimic.subset.cover import Covering
from dbmimic.subset.loss import lost, nulled, referencing, refuse_missing
from dbmimic.subset.policies import Guide
from dbmimic.subset.reach import Arrow, reach
from dbmimic.subset.seeds import choose, every
from dbmimic.subset.tuples import Flags

Chosen = dict[TableId, KeySet]
Follow = Callable[[ForeignKey, KeySet], KeySet]

_ROUNDS = 24  # so many questions to each edge of a component before its links are asked for as a whole
_LINKS_AT_ONCE = 3_000_000  # of a component: some 70 bytes each while they are numbered


@dataclass(frozen=True, slots=True)
class Walked:
    """
    The rows of every table, and how many rows each edge brought that were not there before it was followed.

    `seeds`, rows reached downwards (`own`) and rows `kept` by restrict tell why a row is there; `covered` are those of
    them that were chosen for what they hold, and `coverage` tells what that came to.
    """

    slices: Mapping[TableId, TableSlice]
    brought: Mapping[Arrow, int] = field(default_factory=dict)
    seeds: Mapping[TableId, KeySet] = field(default_factory=dict)
    own: Mapping[TableId, KeySet] = field(default_factory=dict)
    kept: Mapping[TableId, KeySet] = field(default_factory=dict)
    covered: Mapping[TableId, KeySet] = field(default_factory=dict)
    coverage: tuple[TableCoverage, ...] = ()


def walk(plan: SubsetPlan, schema: Schema, source: Walker, secret: Secret | None) -> Walked:
    """
    Give the rows of every table of the plan, closed: what a chosen row references is chosen too.

    Down first: seeds and what hangs from them are `own`. Then up: what those reference, and what static tables
    reference, is `need`. An `own` row depends on `own` rows only, so no row changes colour and each is expanded once
    in each direction.

    Where an edge says `drop-child`, rows whose parent is not there leave, with all that cannot be without them, and
    the slice is walked again as if they had never been: until none is left to leave. Every round gives a part of the
    round before, so a parent that is missing once stays missing, and what is left is the largest slice in which every
    such row has its parent.

    Cost: one question per edge between components; inside a component one per edge and round, on what is new only,
    and after some rounds one for all links of the component. Rows are asked for their parents over the edges alone by
    which they did not come.

    Raises:
        ConfigError: DM212, a condition is none, or an edge that is not to be followed (`stop`) is needed.

    Source:
        Least fixpoint of a monotone operator (Knaster-Tarski), evaluated semi-naively: F. Bancilhon and
        R. Ramakrishnan, "An amateur's introduction to recursive query processing strategies", SIGMOD 1986.
    """
    if plan.mode is Mode.FULL:
        return Walked({table: TableSlice(KeySet(), KeySet(), whole=True) for table in plan.tables})
    walker = _Walker(plan, schema, source, secret)
    found = walker.settled()
    asked: list[tuple[Covering, Flags, int]] = []
    covered: Chosen = {}
    # Children first: what covers them brings parents along, which may cover what is asked of those.
    for cover in sorted(plan.cover, key=lambda each: plan.tables.index(each.table), reverse=True):
        covering = Covering(cover, plan.edges, schema, source, secret)
        before = covering.held(walker.slice_of(cover.table, found))
        rows = covering.fewest(before) if walker.can_start(cover.table) else KeySet()
        asked.append((covering, before, len(rows)))
        if rows:
            _add(covered, cover.table, rows)
            walker.start(cover.table, rows)
            found = walker.settled()
    refuse_missing(plan, found.everything, source)
    changed = nulled(plan, found.everything, source)
    slices = {table: walker.slice_of(table, found, changed.get(table, ())) for table in plan.tables}
    coverage = tuple(
        covering.told(before, covering.held(slices[covering.cover.table]), rows) for covering, before, rows in asked
    )
    return Walked(slices, found.brought, walker.seeds, found.own, walker.kept, covered, coverage)


def probe(
    plan: SubsetPlan, schema: Schema, source: Walker, secret: Secret | None, given: Mapping[Seed, KeySet]
) -> Mapping[TableId, TableSlice]:
    """Give the rows of a slice whose seeds' rows are `given`, without those that would be chosen to cover anything."""
    walker = _Walker(plan, schema, source, secret, given)
    found = walker.settled()
    return {table: walker.slice_of(table, found) for table in plan.tables}


@dataclass(frozen=True, slots=True)
class _Found:
    """The rows of one round: those reached downwards, and all of them; whole tables are in neither."""

    own: Chosen
    everything: Chosen
    brought: Mapping[Arrow, int]


@dataclass
class _Walker:
    """Walks the plan, as often as rows have to leave."""

    plan: SubsetPlan
    schema: Schema
    source: Walker
    secret: Secret | None
    given: Mapping[Seed, KeySet] = field(default_factory=dict)  # the rows of seeds that are known already
    kept: Chosen = field(default_factory=dict)  # of restricted tables: all rows, or their seeds
    _starts: Chosen = field(default_factory=dict)  # of static and restricted tables that do not come whole
    seeds: Chosen = field(default_factory=dict)
    _limited: Chosen = field(default_factory=dict)
    _banished: Chosen = field(default_factory=dict)
    _brought: dict[Arrow, int] = field(default_factory=dict)
    _led: dict[ForeignKey, KeySet] = field(default_factory=dict)  # to rows of joint tables, whether they came or not
    _held: dict[ForeignKey, KeySet] = field(default_factory=dict)  # rows whose only parent over the edge is chosen

    def __post_init__(self) -> None:
        plan = self.plan
        for seed in plan.seeds:
            rows = self.given.get(seed)
            if rows is None:
                rows = choose(seed, self.schema, self.source, self.secret)
            _add(self.kept if seed.table in plan.restricted else self.seeds, seed.table, rows)
        self._limited = {table: rows for table, rows in self.kept.items() if table in plan.restricted}
        self._guide = Guide(plan, self.schema, self.source, self.secret, self._limited)
        seeded = {seed.table for seed in plan.seeds}
        for table in plan.tables:
            if table in plan.whole or table not in plan.static | plan.restricted:
                continue
            all_rows = table in plan.static or table not in seeded
            rows = every(self.schema.table(table), self.source) if all_rows else self.kept.get(table, KeySet())
            _add(self._starts, table, rows)
            if table in plan.restricted:
                _add(self.kept, table, rows)

    def can_start(self, table: TableId) -> bool:
        """Tell whether more rows of a table could come: of whole and of unseeded restricted tables all do already."""
        seeded = table in {seed.table for seed in self.plan.seeds}
        return table not in self.plan.whole and (seeded or table not in self.plan.restricted)

    def start(self, table: TableId, rows: KeySet) -> None:
        """Start from these rows, too."""
        if table in self.plan.restricted:
            for chosen in (self.kept, self._starts, self._limited):
                _add(chosen, table, rows)
        else:
            _add(self.seeds, table, rows)

    def settled(self) -> _Found:
        """Give the slice: the closure, without the rows that must leave it."""
        self._banished = {}
        found = self.closure()
        while leaving := lost(self.plan, found.everything, self.source):
            self.banish(leaving)
            found = self.closure()
        return found

    def slice_of(self, table: TableId, found: _Found, changed: tuple[Nulled, ...] = ()) -> TableSlice:
        """Give the rows of one table by colour."""
        empty = KeySet()
        rows = found.everything.get(table, empty)
        own = rows & (found.own.get(table, empty) | self.kept.get(table, empty))
        return TableSlice(own, rows - own, table in self.plan.whole, changed)

    def banish(self, rows: Mapping[TableId, KeySet]) -> None:
        """Let these rows never be in a slice."""
        for table, leaving in rows.items():
            _add(self._banished, table, leaving)

    def closure(self) -> _Found:
        """Give the least closed set of rows without those that are banished."""
        own: Chosen = {}
        self._brought, self._led, self._held = {}, {}, {}
        for table, rows in self.seeds.items():
            self._include(own, table, rows)
        self._descend(own)
        everything = dict(own)
        for table, rows in self._starts.items():
            self._include(everything, table, rows)
        self._ascend(everything)
        return _Found(own, everything, self._brought)

    def _descend(self, own: Chosen) -> None:
        for step in self.plan.steps:
            arrows = [Arrow(edge, down=True) for edge in step.inner if self._brings_children(edge)]
            self._close(step, own, arrows, self._children)
            for edge in filter(self._brings_children, step.to_children):
                rows = own.get(edge.parent)
                if rows:
                    self._bring(own, Arrow(edge, down=True), self._children(edge, rows))

    def _children(self, edge: ForeignKey, parents: KeySet) -> KeySet:
        """
        Give the children that come along; into a joint table those that all of their other keys have led to, too.

        A row that some key has not led to yet is asked for again when that key does.
        """
        rows = self._guide.children(edge, parents)
        others = self.plan.joint.get(edge.child, ())
        if others:
            self._led[edge] = self._led.get(edge, KeySet()) | rows
        for other in others:
            if other != edge and rows:
                waiting = rows - self._led.get(other, KeySet())
                rows -= referencing(other, waiting, self.source)
        self._hold(edge, rows)
        return rows

    def _hold(self, edge: ForeignKey, rows: KeySet) -> None:
        """Remember that these rows came down over an edge, where a row has one parent at most: it is chosen."""
        keys = self.schema.table(edge.parent).keys
        if not edge.virtual and not edge.period and any(set(key.columns) == set(edge.parent_columns) for key in keys):
            self._held[edge] = self._held.get(edge, KeySet()) | rows

    def _parents(self, edge: ForeignKey, children: KeySet) -> KeySet:
        """Give the parents of those children of which it is not known that they are chosen."""
        asked = children - self._held.get(edge, KeySet())
        return self.source.parents(edge, asked) if asked else asked

    def _brings_children(self, edge: ForeignKey) -> bool:
        return self.plan.policy(edge).children is Children.FOLLOW

    def _ascend(self, chosen: Chosen) -> None:
        for step in reversed(self.plan.steps):
            followed = [edge for edge in step.inner if self._brings_parent(edge)]
            for edge in followed:
                if edge.child in self.plan.whole:
                    self._bring(chosen, Arrow(edge, down=False), self.source.parents(edge, WHOLE))
            arrows = [Arrow(edge, down=False) for edge in followed if edge.child not in self.plan.whole]
            self._close(step, chosen, arrows, self._parents)
            for edge in filter(self._brings_parent, step.to_parents):
                if edge.child in self.plan.whole:
                    self._bring(chosen, Arrow(edge, down=False), self.source.parents(edge, WHOLE))
                elif rows := chosen.get(edge.child):
                    self._bring(chosen, Arrow(edge, down=False), self._parents(edge, rows))

    def _brings_parent(self, edge: ForeignKey) -> bool:
        return self.plan.policy(edge).parent is Parent.FOLLOW and edge.parent not in self.plan.whole

    def _close(self, step: Step, chosen: Chosen, arrows: list[Arrow], follow: Follow) -> None:
        """Follow the component's inner edges until nothing new comes; only rows of the last round are expanded."""
        fresh: Chosen = {table: chosen[table] for table in step.tables if chosen.get(table)}
        rounds = 0
        while fresh and arrows:
            if rounds == _ROUNDS and self._fits_memory(arrows):
                self._reach(chosen, arrows, fresh)
                return
            rounds += 1
            found: Chosen = {}
            for arrow in arrows:
                if arrow.start in fresh:
                    new = self._bring(chosen, arrow, follow(arrow.edge, fresh[arrow.start]))
                    if new:
                        _add(found, arrow.end, new)
            fresh = found

    def _fits_memory(self, arrows: list[Arrow]) -> bool:
        """Tell whether all links of these edges can be held, and whether all of them are followed."""
        down = [arrow.edge for arrow in arrows if arrow.down]
        plain = all(self._guide.follows_all(edge) and edge.child not in self.plan.joint for edge in down)
        return plain and sum(self.schema.table(a.edge.child).estimated_rows for a in arrows) <= _LINKS_AT_ONCE

    def _reach(self, chosen: Chosen, arrows: list[Arrow], fresh: Chosen) -> None:
        closed = {
            table: rows | self._banished.get(table, KeySet())
            for table in {arrow.end for arrow in arrows} | set(fresh)
            if (rows := chosen.get(table, KeySet())) or table in self._banished
        }
        for reached in reach(arrows, fresh, closed, self.source):
            self._bring(chosen, reached.arrow, reached.rows)
            if reached.arrow.down:
                self._hold(reached.arrow.edge, reached.rows)

    def _bring(self, chosen: Chosen, arrow: Arrow, rows: KeySet) -> KeySet:
        """Include what an arrow leads to, and give what is new."""
        new = self._include(chosen, arrow.end, rows)
        if new:
            self._brought[arrow] = self._brought.get(arrow, 0) + len(new)
        return new

    def _include(self, chosen: Chosen, table: TableId, rows: KeySet) -> KeySet:
        """Add rows that are not banished, and give those that are new."""
        new = rows - self._banished.get(table, KeySet()) - chosen.get(table, KeySet())
        if new:
            _add(chosen, table, new)
        return new


def _add(chosen: Chosen, table: TableId, rows: KeySet) -> None:
    chosen[table] = chosen[table] | rows if table in chosen else rows

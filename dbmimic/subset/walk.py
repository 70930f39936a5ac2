"""The plan becomes key sets: the least set of rows that holds the seeds and dangles nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from dbmimic.model.address import Secret
from dbmimic.model.coverage import TableCoverage
from dbmimic.model.keys import WHOLE, KeySet, Nulled, Rows, TableSlice
from dbmimic.model.names import TableId
from dbmimic.model.plan import Step, SubsetPlan
from dbmimic.model.request import Mode, Seed
from dbmimic.model.schema import ForeignKey, Schema
from dbmimic.ports.source import Walker
from dbmimic.subset.abreast import Abreast, Turn, Turns, answered
from dbmimic.subset.course import Arrow, Course
from dbmimic.subset.cover import Covering
from dbmimic.subset.loss import lost, nulled, referencing, refuse_missing
from dbmimic.subset.policies import Guide
from dbmimic.subset.reach import reach
from dbmimic.subset.seeds import choose, every
from dbmimic.subset.tuples import Flags

Chosen = dict[TableId, KeySet]

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


@dataclass(frozen=True)
class Covered:
    """What is covered of each table, and the rows that were chosen for it."""

    coverings: tuple[Covering, ...]
    counts: tuple[int, ...]  # rows that each of them added
    before: tuple[Flags, ...]  # what was held already when each of them was asked
    rows: Mapping[TableId, KeySet]


def walk(
    plan: SubsetPlan, schema: Schema, source: Walker, secret: Secret | None, covered: Covered | None = None
) -> Walked:
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
    which they did not come. What does not hang on each other's answers is asked at the same time, where the source
    takes it, and the way up begins while long answers of the way down are still out.

    Rows that cover something are chosen last, for what the others leave; unless they are given as `covered`.

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
    if covered is None:
        covered, found = _covered(walker, found)
    else:
        before = tuple(each.held(walker.slice_of(each.cover.table, found)) for each in covered.coverings)
        covered = replace(covered, before=before)
        for table, rows in covered.rows.items():
            walker.start(table, rows)
        found = walker.settled()
    refuse_missing(plan, found.everything, source)
    changed = nulled(plan, found.everything, source)
    slices = {table: walker.slice_of(table, found, changed.get(table, ())) for table in plan.tables}
    coverage = tuple(
        covering.told(held, covering.held(slices[covering.cover.table]), rows)
        for covering, held, rows in zip(covered.coverings, covered.before, covered.counts, strict=True)
    )
    return Walked(slices, found.brought, walker.seeds, found.own, walker.kept, covered.rows, coverage)


def cover(
    plan: SubsetPlan, schema: Schema, source: Walker, secret: Secret | None, given: Mapping[Seed, KeySet]
) -> Covered:
    """Give the rows that cover what a slice without them, whose seeds' rows are `given`, does not."""
    walker = _Walker(plan, schema, source, secret, given)
    return _covered(walker, walker.settled())[0]


def _covered(walker: _Walker, found: _Found) -> tuple[Covered, _Found]:
    """Let a slice that was walked start from rows that cover what it does not, too, and walk it again."""
    plan = walker.plan
    asked: list[tuple[Covering, int, Flags]] = []
    chosen: Chosen = {}
    # Children first: what covers them brings parents along, which may cover what is asked of those.
    for each in sorted(plan.cover, key=lambda each: plan.tables.index(each.table), reverse=True):
        covering = Covering(each, plan.edges, walker.schema, walker.source, walker.secret)
        before = covering.held(walker.slice_of(each.table, found))
        rows = covering.fewest(before) if walker.can_start(each.table) else KeySet()
        asked.append((covering, len(rows), before))
        if rows:
            _add(chosen, each.table, rows)
            walker.start(each.table, rows)
            found = walker.settled()
    coverings, counts, held = zip(*asked, strict=True) if asked else ((), (), ())
    return Covered(coverings, counts, held, chosen), found


def probe(
    plan: SubsetPlan,
    schema: Schema,
    source: Walker,
    secret: Secret | None,
    given: Mapping[Seed, KeySet],
    covered: Mapping[TableId, KeySet],
) -> Mapping[TableId, TableSlice]:
    """Give the rows of a slice whose seeds' rows are `given` and whose rows that cover something are `covered`."""
    walker = _Walker(plan, schema, source, secret, given)
    for table, rows in covered.items():
        walker.start(table, rows)
    found = walker.settled()
    return {table: walker.slice_of(table, found) for table in plan.tables}


@dataclass(frozen=True, slots=True)
class _Found:
    """The rows of one round: those reached downwards, and all of them; whole tables are in neither."""

    own: Chosen
    everything: Chosen
    brought: Mapping[Arrow, int]


@dataclass(frozen=True, slots=True)
class _Asked:
    """An arrow whose question is on its way; those with the lowest `rank` are brought first."""

    arrow: Arrow
    answer: Future[KeySet]
    rank: int = 0


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
    _asked: dict[Turn, list[_Asked]] = field(default_factory=dict)  # on the way to each turn
    _course: Course = field(init=False)

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
        everything: Chosen = {}
        self._brought, self._led, self._held, self._asked = {}, {}, {}, {}
        self._course = Course(self.plan, self.schema, frozenset(self.seeds), frozenset(self._starts))
        for table, rows in self.seeds.items():
            self._include(own, table, rows)
        with Abreast(self.source.abreast) as asking:
            for turn in Turns(self._course.waits, lambda turn: [each.answer for each in self._asked.get(turn, ())]):
                if turn.down:
                    self._descend(own, turn, asking)
                else:
                    self._ascend(own, everything, turn, asking)
        return _Found(own, everything, self._in_order(self._brought))

    def _in_order(self, brought: Mapping[Arrow, int]) -> dict[Arrow, int]:
        """Give what the edges brought in an order that does not hang on what was answered first."""
        arrows = [Arrow(edge, down) for down in (True, False) for edge in self.plan.edges]
        return {arrow: brought[arrow] for arrow in arrows if arrow in brought}

    def _descend(self, own: Chosen, turn: Turn, asking: Abreast) -> None:
        """Bring what hangs from the parents of a step, and ask for the children of its rows."""
        step, course = self.plan.steps[turn.step], self._course
        self._arrive(own, turn)
        arrows = [Arrow(edge, down=True) for edge in step.inner if course.brings_children(edge)]
        self._close(step, own, arrows, asking)
        for arrow in course.onward(turn):
            rows = own.get(arrow.start)
            if rows:
                self._expect(turn.step, self._ask(asking, arrow, rows))

    def _ascend(self, own: Chosen, chosen: Chosen, turn: Turn, asking: Abreast) -> None:
        """Bring what the children of a step need, and ask for the parents of its rows."""
        step, course = self.plan.steps[turn.step], self._course
        for table in step.tables:
            if table in own:
                chosen[table] = own[table]
            if table in self._starts:
                self._include(chosen, table, self._starts[table])
        self._arrive(chosen, turn)
        followed = [edge for edge in step.inner if course.brings_parent(edge)]
        whole = [Arrow(edge, down=False) for edge in followed if edge.child in self.plan.whole]
        for each in [self._ask(asking, arrow, WHOLE) for arrow in whole]:
            self._take(chosen, each)
        arrows = [Arrow(edge, down=False) for edge in followed if edge.child not in self.plan.whole]
        self._close(step, chosen, arrows, asking)
        for arrow in course.onward(turn):
            rows = WHOLE if arrow.start in self.plan.whole else chosen.get(arrow.start)
            if rows:
                self._expect(turn.step, self._ask(asking, arrow, rows))

    def _expect(self, step: int, asked: _Asked) -> None:
        """Let the turn that a question is asked for wait for its answer."""
        arrow = asked.arrow
        turn = self._course.turn(arrow)
        self._asked.setdefault(turn, []).append(replace(asked, rank=step if arrow.down else -step))

    def _ask(self, asking: Abreast, arrow: Arrow, rows: Rows) -> _Asked:
        """Ask what these rows lead to; upwards, without those of which it is known that their parent is there."""
        edge, urgency = arrow.edge, self._course.urgency(arrow)
        if not isinstance(rows, KeySet):
            return _Asked(arrow, asking.ask(urgency, self.source.parents, edge, rows))
        if arrow.down:
            return _Asked(arrow, asking.ask(urgency, self._guide.children, edge, rows))
        rows -= self._held.get(edge, KeySet())
        return _Asked(arrow, asking.ask(urgency, self.source.parents, edge, rows) if rows else answered(rows))

    def _arrive(self, chosen: Chosen, turn: Turn) -> None:
        """Bring what was asked for on the way to a turn, in the plan's order."""
        edges = self._course.places
        for each in sorted(self._asked.pop(turn, ()), key=lambda each: (each.rank, edges[each.arrow.edge])):
            self._take(chosen, each)

    def _take(self, chosen: Chosen, asked: _Asked) -> KeySet:
        """Bring what an arrow leads to, and give what is new."""
        rows = asked.answer.result()
        return self._bring(chosen, asked.arrow, self._joined(asked.arrow.edge, rows) if asked.arrow.down else rows)

    def _joined(self, edge: ForeignKey, rows: KeySet) -> KeySet:
        """
        Give those of an edge's children that come along: into a joint table those that all of their other keys have led
        to, too.

        A row that some key has not led to yet is asked for again when that key does.
        """
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
        if self._course.is_key(edge):
            self._held[edge] = self._held.get(edge, KeySet()) | rows

    def _close(self, step: Step, chosen: Chosen, arrows: list[Arrow], asking: Abreast) -> None:
        """Follow the component's inner edges until nothing new comes; only rows of the last round are expanded."""
        fresh: Chosen = {table: chosen[table] for table in step.tables if chosen.get(table)}
        rounds = 0
        while fresh and arrows:
            if rounds == _ROUNDS and self._fits_memory(arrows):
                self._reach(chosen, arrows, fresh)
                return
            rounds += 1
            found: Chosen = {}
            asked = [self._ask(asking, arrow, fresh[arrow.start]) for arrow in arrows if arrow.start in fresh]
            for each in asked:
                new = self._take(chosen, each)
                if new:
                    _add(found, each.arrow.end, new)
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

"""A slice of the size that was asked for: the percent seeds are scaled, by probing what small shares of them bring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from dbmimic.errors import ConfigError
from dbmimic.model.address import Secret
from dbmimic.model.budget import BudgetOutcome
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.keys import KeySet, TableSlice
from dbmimic.model.names import TableId
from dbmimic.model.plan import SubsetPlan
from dbmimic.model.request import Budget, PercentSeed, Seed
from dbmimic.model.schema import Schema, Table
from dbmimic.ports.source import Source
from dbmimic.subset.ladder import Ladder
from dbmimic.subset.seeds import choose
from dbmimic.subset.walk import Walked, cover, probe, walk
from dbmimic.subset.width import width

_NEAR = 0.1  # what is off by less has met its budget
_GOOD = 0.02  # what is off by less is not bettered
_FIRST_ROWS = 200  # of the seeds, in the first probe
_GROWTH = 4  # so many times the rows of one probe in the next, at most
_MOST_PROBES = 24
_SAMPLE = 2_000  # rows of a table that tell how long its rows are

Slices = Mapping[TableId, TableSlice]


@dataclass(frozen=True, slots=True)
class Afforded:
    """A plan whose percent seeds are scaled to its budget, the slice it gives, and what that came to."""

    plan: SubsetPlan
    walked: Walked
    outcome: BudgetOutcome | None = None
    findings: tuple[Finding, ...] = ()


def afford(plan: SubsetPlan, schema: Schema, source: Source, secret: Secret | None) -> Afforded:
    """
    Walk the plan; where it has a budget, with the percents that bring the slice nearest to it.

    With a budget the rows that cover something are chosen first, for what is there without the percent seeds: so they
    are the same whatever the percents come to, and the percents share what they leave.

    Cost: of a budget, one read of the seeds' keys and some ten walks, of which the largest is seldom more than four
    times the slice that is given.

    Raises:
        ConfigError: DM223, the slice is larger without the percent seeds, or smaller with every row of their tables;
            what `walk` raises.
    """
    if plan.budget is None:
        return Afforded(plan, walk(plan, schema, source, secret))
    search = _Search(plan, plan.budget, schema, source, secret)
    factor = search.ladder.factor(search.nearest(plan.budget.amount))
    chosen = replace(plan, seeds=tuple(_rescaled(seed, factor) for seed in plan.seeds))
    walked = walk(chosen, schema, source, secret, search.covered)
    reached = search.measure(walked.slices)
    search.refuse(reached, factor)
    outcome = BudgetOutcome(plan.budget.unit, plan.budget.amount, reached, round(factor, 6))
    return Afforded(chosen, walked, outcome, tuple(_missed(outcome, plan)))


def _rescaled(seed: Seed, factor: float) -> Seed:
    return replace(seed, percent=min(100.0, seed.percent * factor)) if isinstance(seed, PercentSeed) else seed


def _off(amount: int, budget: Budget) -> float:
    return abs(amount - budget.amount) / budget.amount


def _missed(outcome: BudgetOutcome, plan: SubsetPlan) -> list[Finding]:
    if plan.budget is None or _off(outcome.reached, plan.budget) <= _NEAR:
        return []
    reason = (
        f"the slice has {outcome.reached:,} {outcome.unit} and the budget is {outcome.asked:,}: the percent seeds "
        "bring so much at a time that nothing is nearer"
    )
    hint = "`dbmimic plan -v` tells what each foreign key brings: limit one (slice.edges)"
    return [Finding("DM223", Severity.WARNING, plan.budget.place or "slice.budget", reason, hint)]


@dataclass
class _Search:
    """Probes slices of one plan; what was probed once is known."""

    plan: SubsetPlan
    budget: Budget
    schema: Schema
    source: Source
    secret: Secret | None
    _known: dict[int, int] = field(default_factory=dict)
    _lengths: dict[TableId, tuple[int, float]] = field(default_factory=dict)
    _counts: dict[TableId, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        percents = tuple(seed for seed in self.plan.seeds if isinstance(seed, PercentSeed))
        self.ladder = Ladder(percents, self.schema, self.source, self.secret)
        self._fixed: dict[Seed, KeySet] = {
            seed: choose(seed, self.schema, self.source, self.secret)
            for seed in self.plan.seeds
            if not isinstance(seed, PercentSeed)
        }
        plan = self.plan
        self.covered = cover(plan, self.schema, self.source, self.secret, self._given(0)) if plan.cover else None

    def _given(self, place: int) -> dict[Seed, KeySet]:
        """Give the rows of all seeds at a place on the ladder."""
        return {**self._fixed, **dict(self.ladder.rows(place).items())}

    def nearest(self, wanted: int) -> int:
        """
        Give the place on the ladder whose slice is nearest to a size.

        A slice grows with its seeds. From a small share on, the next one is where a straight line from the last two
        meets the size, but not many times larger; between one that is too small and one that is too large, likewise.
        """
        low, high = 0, self.ladder.top + 1
        if self._amount(low) >= wanted:
            return low
        for step in range(_MOST_PROBES):
            near = min(self._known, key=lambda place: abs(self._known[place] - wanted))
            if high - low <= 1 or abs(self._known[near] - wanted) <= _GOOD * wanted:
                break
            at = self._guess(low, high, wanted, halve=step % 4 == 3 and high <= self.ladder.top)  # noqa: PLR2004
            if self._amount(at) < wanted:
                low = at
            else:
                high = at
        return min(self._known, key=lambda place: (abs(self._known[place] - wanted), place))

    def _guess(self, low: int, high: int, wanted: int, *, halve: bool) -> int:
        """Give a place between two, where the slice may be of the wanted size."""
        sizes = self.ladder.sizes
        if halve:
            return (low + high) // 2
        if low == 0 and high > self.ladder.top:
            rows = float(_FIRST_ROWS)
        else:
            before = high if high <= self.ladder.top else max((p for p in self._known if p < low), default=0)
            grown = abs(self._known[before] - self._known[low])
            each = grown / max(1, abs(int(sizes[before]) - int(sizes[low])))
            rows = int(sizes[low]) + (wanted - self._known[low]) / max(each, 1e-9)
            if high > self.ladder.top:
                rows = min(rows, _GROWTH * max(int(sizes[low]), _FIRST_ROWS))
        place = int(np.searchsorted(sizes, rows))
        return min(max(place, low + 1), high - 1)

    def _amount(self, place: int) -> int:
        if place not in self._known:
            covered = self.covered.rows if self.covered is not None else {}
            slices = probe(self.plan, self.schema, self.source, self.secret, self._given(place), covered)
            self._known[place] = self.measure(slices)
        return self._known[place]

    def measure(self, slices: Slices) -> int:
        """Give how large a slice is, in the budget's unit."""
        total = 0.0
        for table, chosen in slices.items():
            held = self.schema.table(table)
            rows = self._count(held) if chosen.whole else len(chosen.own) + len(chosen.need)
            total += rows if self.budget.rows is not None else rows * self._length(held, chosen, rows)
        return round(total)

    def _count(self, table: Table) -> int:
        if table.id not in self._counts:
            self._counts[table.id] = self.source.count(table)
        return self._counts[table.id]

    def _length(self, table: Table, chosen: TableSlice, rows: int) -> float:
        """Give how many bytes a row of the table takes, by a sample; anew where the slice has many more rows of it."""
        measured, length = self._lengths.get(table.id, (0, 0.0))
        if rows and (not measured or (measured < _SAMPLE and rows != measured) or rows > 2 * measured):
            length = width(table, chosen.rows, rows, self.source, _SAMPLE).mean
            self._lengths[table.id] = rows, length
        return length

    def refuse(self, reached: int, factor: float) -> None:
        """
        Make sure that the budget can be met from both sides.

        Raises:
            ConfigError: DM223, it cannot.
        """
        asked, unit, place = self.budget.amount, self.budget.unit, self.budget.place or "slice.budget"
        if _off(reached, self.budget) <= _NEAR:
            return
        if reached > asked and factor == 0.0:
            reason = f"the slice has {reached:,} {unit} without any row of its percent seeds; the budget is {asked:,}"
            hint = "ask for less by the other seeds, or for more here"
            if self.plan.cover:
                reason, hint = f"{reason}; rows that cover something are among them", f"cover less, {hint}"
            raise ConfigError("DM223", reason, place=place, hint=hint)
        if reached < asked and factor >= self.ladder.factor(self.ladder.top):
            reason = f"the slice has {reached:,} {unit} with every row of its percent seeds; the budget is {asked:,}"
            raise ConfigError("DM223", reason, place=place, hint="seed more tables, or ask for less here")

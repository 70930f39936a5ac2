"""Where each turn of the walk leads, and what is asked first when more is to be asked than the source takes at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from dbmimic.model.names import TableId
from dbmimic.model.plan import SubsetPlan
from dbmimic.model.request import Children, Parent
from dbmimic.model.schema import ForeignKey, Schema
from dbmimic.subset.abreast import Turn


@dataclass(frozen=True, slots=True)
class Arrow:
    """One edge and the way that it is followed."""

    edge: ForeignKey
    down: bool

    @property
    def start(self) -> TableId:
        """The table that is left."""
        return self.edge.parent if self.down else self.edge.child

    @property
    def end(self) -> TableId:
        """The table that is reached."""
        return self.edge.child if self.down else self.edge.parent


@dataclass
class Course:
    """The turns of one walk that goes down from `seeded` tables, and up from these, too, and `static` ones."""

    plan: SubsetPlan
    schema: Schema
    seeded: frozenset[TableId]
    static: frozenset[TableId] = frozenset()
    _leading: dict[ForeignKey, bool] = field(default_factory=dict)
    _heights: dict[Turn, int] = field(default_factory=dict)

    @cached_property
    def _at(self) -> Mapping[TableId, int]:
        """The places of the tables' steps in the plan."""
        return {table: number for number, step in enumerate(self.plan.steps) for table in step.tables}

    @cached_property
    def _own(self) -> frozenset[TableId]:
        """The tables that may have rows which were reached downwards."""
        found = set(self.seeded)
        for step in self.plan.steps:
            for _ in step.tables:  # inside a component an edge may lead on from what another one reached
                found |= {
                    edge.child
                    for edge in (*step.to_parents, *step.inner)
                    if edge.child in step.tables and edge.parent in found and self.brings_children(edge)
                }
        return frozenset(found)

    @cached_property
    def places(self) -> Mapping[ForeignKey, int]:
        """The places of the edges in the plan."""
        return {edge: number for number, edge in enumerate(self.plan.edges)}

    def turn(self, arrow: Arrow) -> Turn:
        """Give the turn that an arrow leads to."""
        return Turn(self._at[arrow.end], arrow.down)

    @property
    def waits(self) -> Mapping[Turn, list[Turn]]:
        """Give what leads to each turn: down, the steps of parents; up, the same step down, and those of children."""
        at = self._at
        waits: dict[Turn, list[Turn]] = {}
        for number, step in enumerate(self.plan.steps):
            parents = [at[edge.parent] for edge in step.to_parents if self.brings_children(edge)]
            children = [at[edge.child] for edge in step.to_children if self._leads_up(edge)]
            waits[Turn(number, down=True)] = [Turn(each, down=True) for each in parents]
            waits[Turn(number, down=False)] = [
                Turn(number, down=True),
                *(Turn(each, down=False) for each in children),
            ]
        return waits

    def onward(self, turn: Turn) -> list[Arrow]:
        """Give the arrows that leave a turn's step, the most urgent first."""
        step = self.plan.steps[turn.step]
        if turn.down:
            down = [edge for edge in step.to_children if edge.parent in self._own]
            arrows = [Arrow(edge, down=True) for edge in down if self.brings_children(edge)]
        else:
            arrows = [Arrow(edge, down=False) for edge in step.to_parents if self._leads_up(edge)]
        return sorted(arrows, key=self.urgency, reverse=True)

    def urgency(self, arrow: Arrow) -> int:
        """
        Give about how many rows may be read for an arrow and then, one question after the other, for what hangs on it.

        What has most before it is asked first, so that nothing long is begun when all else is done. Children may have
        to be looked for in all of their table; parents are found by their keys.
        """
        read = self.schema.table(arrow.end).estimated_rows if arrow.down else 1
        return read + self._height(self.turn(arrow))

    def _height(self, turn: Turn) -> int:
        if turn not in self._heights:
            after = [self.urgency(arrow) for arrow in self.onward(turn)]
            if turn.down:
                after.append(self._height(Turn(turn.step, down=False)))
            self._heights[turn] = max(after, default=0)
        return self._heights[turn]

    def brings_children(self, edge: ForeignKey) -> bool:
        """Tell whether children come along over an edge."""
        return self.plan.policy(edge).children is Children.FOLLOW

    def brings_parent(self, edge: ForeignKey) -> bool:
        """Tell whether parents come along over an edge that are not there anyway."""
        return self.plan.policy(edge).parent is Parent.FOLLOW and edge.parent not in self.plan.whole

    def is_key(self, edge: ForeignKey) -> bool:
        """Tell whether a child has one parent at most over an edge."""
        keys = self.schema.table(edge.parent).keys
        if edge.virtual or edge.period:
            return False
        return any(set(key.columns) == set(edge.parent_columns) for key in keys)

    def _leads_up(self, edge: ForeignKey) -> bool:
        """Tell whether an edge may lead to parents that are not chosen: not where all children came down over it."""
        if edge not in self._leading:
            self._leading[edge] = self.brings_parent(edge) and not self._brought_all(edge)
        return self._leading[edge]

    def _brought_all(self, edge: ForeignKey) -> bool:
        """Tell whether an edge, and nothing else, brings the children that it has in the slice."""
        child = edge.child
        if child in self.plan.whole | self.seeded | self.static or not self.is_key(edge):
            return False
        step = self.plan.steps[self._at[child]]
        down = [other for other in (*step.inner, *step.to_parents) if self.brings_children(other)]
        down = [other for other in down if other.parent in self._own]
        up = [other for other in step.inner if self.brings_parent(other)]
        up += [other for other in step.to_children if self._leads_up(other)]
        others = [other for other in down if other.child == child and other != edge]
        return not others and all(other.parent != child for other in up)

"""Why a row is in the slice: the shortest chain from where the slice starts to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from dbmimic.model.address import Secret
from dbmimic.model.keys import KeySet
from dbmimic.model.names import TableId
from dbmimic.model.plan import SubsetPlan
from dbmimic.model.request import Children, Mode, Parent
from dbmimic.model.schema import ForeignKey, Schema
from dbmimic.ports.source import Walker
from dbmimic.subset.course import Arrow
from dbmimic.subset.policies import Guide
from dbmimic.subset.seeds import choose
from dbmimic.subset.walk import Walked

Chosen = Mapping[TableId, KeySet]
Layer = dict[TableId, KeySet]


@dataclass(frozen=True, slots=True)
class Reason:
    """One row of a chain, a set of one: it came over `arrow`, or the slice starts with it for the reason in words."""

    table: TableId
    row: KeySet
    arrow: Arrow | None
    start: str = ""


def why(
    table: TableId,
    row: KeySet,
    plan: SubsetPlan,
    schema: Schema,
    walked: Walked,
    source: Walker,
    secret: Secret | None,
) -> tuple[Reason, ...]:
    """
    Give the chain that brings a row, from a row that the slice starts with to this one; empty where it is not in it.

    Cost: a few questions for each foreign key and step of the chain.
    """
    if table in plan.whole:
        return (Reason(table, row, None, _whole(table, plan)),)
    chosen = walked.slices[table]
    if not row & (chosen.own | chosen.need):
        return ()
    guide = Guide(plan, schema, source, secret, walked.kept)
    search = _Search(plan, walked, source, guide)
    chain: list[Reason] = []
    first, at = row, table
    if not row & walked.own.get(table, KeySet()):
        chain = search.upwards(table, row)
        first, at = chain[0].row, chain[0].table
    if first & walked.own.get(at, KeySet()):
        chain = [*search.downwards(at, first), *chain[1:]]
    begin = chain[0]
    start = _seed(begin, plan, schema, source, secret) or _cover(begin, plan, walked) or _whole(begin.table, plan)
    return (Reason(begin.table, begin.row, None, start), *chain[1:])


def _whole(table: TableId, plan: SubsetPlan) -> str:
    if plan.mode is Mode.FULL:
        return "the copy is full, so every row comes"
    return "the table is static" if table in plan.static else "every row comes that loses no parent"


def _seed(begin: Reason, plan: SubsetPlan, schema: Schema, source: Walker, secret: Secret | None) -> str:
    for seed in plan.seeds:
        if seed.table == begin.table and choose(seed, schema, source, secret) & begin.row:
            return f"seed at {seed.place}" if seed.place else "seed"
    return ""


def _cover(begin: Reason, plan: SubsetPlan, walked: Walked) -> str:
    if not begin.row & walked.covered.get(begin.table, KeySet()):
        return ""
    kinds = {cover.place: "pairs" if cover.pairs else "values" for cover in plan.cover if cover.table == begin.table}
    places = ", ".join(f"{kind} at {place}" if place else kind for place, kind in kinds.items())
    return f"cover: it holds what hardly another row does ({places})"


@dataclass(frozen=True)
class _Search:
    plan: SubsetPlan
    walked: Walked
    source: Walker
    guide: Guide

    def upwards(self, table: TableId, row: KeySet) -> list[Reason]:
        """Give the chain by which a needed row is needed, from a row that is there for another reason."""

        def before(layer: Chosen) -> Iterator[tuple[Arrow, KeySet]]:
            for edge in self._edges(lambda edge: self.plan.policy(edge).parent is Parent.FOLLOW):
                if edge.parent in layer:
                    rows = self.source.children(edge, layer[edge.parent])
                    yield Arrow(edge, down=False), self._chosen(edge.child, rows)

        return self._chain({table: row}, before, self._starting, self.source.parents)

    def downwards(self, table: TableId, row: KeySet) -> list[Reason]:
        """Give the chain by which a row was reached downwards, from a seed."""

        def before(layer: Chosen) -> Iterator[tuple[Arrow, KeySet]]:
            for edge in self._edges(lambda edge: self.plan.policy(edge).children is Children.FOLLOW):
                if edge.child in layer:
                    rows = self.source.parents(edge, layer[edge.child]) & self.walked.own.get(edge.parent, KeySet())
                    if rows and self.guide.children(edge, rows) & layer[edge.child]:
                        yield Arrow(edge, down=True), rows

        def seeds(at: TableId, rows: KeySet) -> KeySet:
            return rows & self.walked.seeds.get(at, KeySet())

        return self._chain({table: row}, before, seeds, self.guide.children)

    def _edges(self, followed: Callable[[ForeignKey], bool]) -> list[ForeignKey]:
        inside = [edge for edge in self.plan.edges if edge.parent not in self.plan.excluded]
        return sorted(filter(followed, inside), key=str)

    def _chosen(self, table: TableId, rows: KeySet) -> KeySet:
        if table in self.plan.whole:
            return rows
        chosen = self.walked.slices[table]
        return rows & (chosen.own | chosen.need)

    def _starting(self, table: TableId, rows: KeySet) -> KeySet:
        """Give those of some rows that are in the slice for another reason than being needed."""
        if table in self.plan.whole | self.plan.static:
            return rows
        return rows & (self.walked.own.get(table, KeySet()) | self.walked.kept.get(table, KeySet()))

    def _chain(
        self,
        first: Layer,
        before: Callable[[Chosen], Iterator[tuple[Arrow, KeySet]]],
        ends: Callable[[TableId, KeySet], KeySet],
        follow: Callable[[ForeignKey, KeySet], KeySet],
    ) -> list[Reason]:
        """Search backwards in layers until one holds an end, then follow the layers forwards from there."""
        layers, arrows = [first], set[Arrow]()
        seen = dict(first)
        while not (found := [(table, end) for table, rows in layers[-1].items() if (end := ends(table, rows))]):
            layer: Layer = {}
            for arrow, rows in before(layers[-1]):
                new = rows - seen.get(arrow.start, KeySet())
                if new:
                    arrows.add(arrow)
                    layer[arrow.start] = layer.get(arrow.start, KeySet()) | new
            for table, rows in layer.items():
                seen[table] = seen.get(table, KeySet()) | rows
            layers.append(layer)
        table, rows = min(found, key=lambda each: each[0])
        chain = [Reason(table, _first(rows), None)]
        for layer in reversed(layers[:-1]):
            chain.append(_next(chain[-1], layer, arrows, follow))
        return chain


def _next(last: Reason, layer: Layer, arrows: set[Arrow], follow: Callable[[ForeignKey, KeySet], KeySet]) -> Reason:
    """Give a row of the layer that a row leads to."""
    leaving = sorted((arrow for arrow in arrows if arrow.start == last.table), key=lambda arrow: str(arrow.edge))
    for arrow in leaving:
        rows = follow(arrow.edge, last.row) & layer.get(arrow.end, KeySet())
        if rows:
            return Reason(arrow.end, _first(rows), arrow)
    raise AssertionError("each layer was found from the one before")


def _first(rows: KeySet) -> KeySet:
    leaf = rows.leaves[0]
    return KeySet.of(leaf, rows.bits(leaf).at([0]))

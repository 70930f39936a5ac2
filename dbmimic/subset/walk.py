"""The plan becomes key sets: the least set of rows that holds the seeds and dangles nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from dbmimic.model.address import Secret
from dbmimic.model.keys import WHOLE, KeySet, TableSlice, Whole
from dbmimic.model.names import TableId
from dbmimic.model.plan import Step, SubsetPlan
from dbmimic.model.request import Mode
from dbmimic.model.schema import ForeignKey, Schema
from dbmimic.ports.source import Walker
from dbmimic.subset.seeds import choose

Chosen = dict[TableId, KeySet]
Follow = Callable[[ForeignKey, KeySet], KeySet]


def walk(plan: SubsetPlan, schema: Schema, source: Walker, secret: Secret | None) -> Mapping[TableId, TableSlice]:
    """
    Give the rows of every table of the plan, closed: what a chosen row references is chosen too.

    Down first: seeds and what hangs from them are `own`. Then up: what those reference, and what static tables
    reference, is `need`. An `own` row depends on `own` rows only, so no row changes colour and each is expanded once
    in each direction.

    Cost: one question per edge between components; inside a component one per edge and round, on what is new only.

    Source:
        Least fixpoint of a monotone operator (Knaster-Tarski), evaluated semi-naively: F. Bancilhon and
        R. Ramakrishnan, "An amateur's introduction to recursive query processing strategies", SIGMOD 1986.
    """
    if plan.mode is Mode.FULL:
        return {table: TableSlice(KeySet(), KeySet(), whole=True) for table in plan.tables}
    own = _seeds(plan, schema, source, secret)
    if plan.descend:
        _descend(plan.steps, own, source)
    everything = dict(own)
    _ascend(plan.steps, everything, plan.static, source)
    empty = KeySet()
    return {
        table: TableSlice(
            own=own.get(table, empty),
            need=everything.get(table, empty) - own.get(table, empty),
            whole=table in plan.static,
        )
        for table in plan.tables
    }


def _seeds(plan: SubsetPlan, schema: Schema, source: Walker, secret: Secret | None) -> Chosen:
    own: Chosen = {}
    for seed in plan.seeds:
        _add(own, seed.table, choose(seed, schema, source, secret))
    return own


def _descend(steps: Iterable[Step], own: Chosen, source: Walker) -> None:
    for step in steps:
        _close(step, own, [(edge, edge.parent, edge.child) for edge in step.inner], source.children)
        for edge in step.to_children:
            rows = own.get(edge.parent)
            if rows:
                _add(own, edge.child, source.children(edge, rows))


def _ascend(steps: tuple[Step, ...], chosen: Chosen, static: frozenset[TableId], source: Walker) -> None:
    for step in reversed(steps):
        for edge in step.inner:
            if edge.child in static:
                _add(chosen, edge.parent, source.parents(edge, WHOLE))
        moving = [(edge, edge.child, edge.parent) for edge in step.inner if edge.child not in static]
        _close(step, chosen, moving, source.parents)
        for edge in step.to_parents:
            rows: KeySet | Whole | None = WHOLE if edge.child in static else chosen.get(edge.child)
            if rows and edge.parent not in static:
                _add(chosen, edge.parent, source.parents(edge, rows))


def _close(step: Step, chosen: Chosen, moves: list[tuple[ForeignKey, TableId, TableId]], follow: Follow) -> None:
    """Follow the component's inner edges until nothing new comes; only rows of the last round are expanded."""
    fresh: Chosen = {table: chosen[table] for table in step.tables if chosen.get(table)}
    while fresh:
        found: Chosen = {}
        for edge, start, end in moves:
            if start in fresh:
                _add(found, end, follow(edge, fresh[start]))
        fresh = {}
        for table, rows in found.items():
            new = rows - chosen.get(table, KeySet())
            if new:
                fresh[table] = new
                _add(chosen, table, new)


def _add(chosen: Chosen, table: TableId, rows: KeySet) -> None:
    chosen[table] = chosen[table] | rows if table in chosen else rows

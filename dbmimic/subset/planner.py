"""The graph and the request become ordered steps."""

from __future__ import annotations

from collections.abc import Iterable

from dbmimic.errors import ConfigError, Problem
from dbmimic.model.graph import FkGraph
from dbmimic.model.names import TableId
from dbmimic.model.plan import Step, SubsetPlan
from dbmimic.model.request import Children, Mode, SliceRequest
from dbmimic.model.schema import ForeignKey, Schema


def plan(schema: Schema, graph: FkGraph, request: SliceRequest) -> SubsetPlan:
    """
    Give the steps that walk the slice.

    Raises:
        ConfigError: DM212, an excluded table is referenced by a table whose rows are in the slice.
    """
    copied = {table.id for table in schema.tables if table.holds_rows} - request.excluded
    edges = [edge for edge in graph.edges if edge.child in copied and edge.parent in copied]
    steps = [
        _step(tuple(table for table in component if table in copied), edges)
        for component in graph.components
        if copied.intersection(component)
    ]
    descend = request.children is Children.FOLLOW
    _refuse_dangling(graph, request, _reachable(edges, request, copied, descend=descend))
    return SubsetPlan(
        mode=request.mode,
        steps=tuple(steps),
        seeds=request.seeds,
        static=request.static,
        excluded=request.excluded,
        descend=descend,
    )


def _step(tables: tuple[TableId, ...], edges: Iterable[ForeignKey]) -> Step:
    inside = set(tables)
    touching = [edge for edge in edges if edge.child in inside or edge.parent in inside]
    return Step(
        tables=tables,
        inner=tuple(edge for edge in touching if edge.child in inside and edge.parent in inside),
        to_parents=tuple(edge for edge in touching if edge.parent not in inside),
        to_children=tuple(edge for edge in touching if edge.child not in inside),
    )


def _reachable(edges: list[ForeignKey], request: SliceRequest, copied: set[TableId], *, descend: bool) -> set[TableId]:
    """Give every table that may have rows in the slice."""
    if request.mode is Mode.FULL:
        return copied
    own = {seed.table for seed in request.seeds}
    if descend:
        own = _spread(own, [(edge.parent, edge.child) for edge in edges])
    return _spread(own | request.static, [(edge.child, edge.parent) for edge in edges])


def _spread(start: Iterable[TableId], arrows: list[tuple[TableId, TableId]]) -> set[TableId]:
    reached: set[TableId] = set()
    frontier = set(start)
    while frontier:
        reached |= frontier
        frontier = {head for tail, head in arrows if tail in frontier} - reached
    return reached


def _refuse_dangling(graph: FkGraph, request: SliceRequest, reachable: set[TableId]) -> None:
    problems = [
        Problem(
            "DM212",
            f"table {edge.parent} is excluded, but rows of {edge.child} reference it",
            str(edge),
            f"exclude {edge.child} as well, or copy {edge.parent}",
        )
        for edge in graph.edges
        if edge.parent in request.excluded and edge.child in reachable
    ]
    if problems:
        raise ConfigError.of(problems)

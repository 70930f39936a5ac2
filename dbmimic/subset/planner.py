"""The graph and the request become ordered steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dbmimic.errors import ConfigError, Problem
from dbmimic.model.graph import FkGraph
from dbmimic.model.names import TableId
from dbmimic.model.plan import Step, SubsetPlan
from dbmimic.model.request import Children, EdgePolicy, Mode, Parent, SliceRequest
from dbmimic.model.schema import ForeignKey, Schema

Policies = Mapping[ForeignKey, EdgePolicy]


def plan(schema: Schema, graph: FkGraph, request: SliceRequest) -> SubsetPlan:
    """
    Give the steps that walk the slice.

    Raises:
        ConfigError: DM212, an excluded table is referenced by a table whose rows are in the slice.
    """
    copied = {table.id for table in schema.tables if table.holds_rows} - request.excluded
    policies = {
        edge: request.edges.get(edge) or default_policy(edge, request.restricted, request.children)
        for edge in graph.edges
        if edge.child in copied and edge.parent in copied | request.excluded
    }
    edges = [edge for edge in policies if edge.parent in copied]
    steps = [
        _step(tuple(table for table in component if table in copied), edges)
        for component in graph.components
        if copied.intersection(component)
    ]
    _refuse_dangling(policies, request, _reachable(policies, request, copied))
    return SubsetPlan(
        mode=request.mode,
        steps=tuple(steps),
        seeds=request.seeds,
        static=request.static,
        excluded=request.excluded,
        restricted=request.restricted,
        whole=frozenset(copied if request.mode is Mode.FULL else _whole(policies, request) & copied),
        edges=policies,
        joint=_joint(policies, request),
        cover=request.cover,
        budget=request.budget,
    )


def default_policy(edge: ForeignKey, restricted: frozenset[TableId], children: Children) -> EdgePolicy:
    """Give how an edge is treated that nobody wrote a policy for."""
    return EdgePolicy(Parent.DROP_CHILD if edge.child in restricted else Parent.FOLLOW, children)


def _step(tables: tuple[TableId, ...], edges: Iterable[ForeignKey]) -> Step:
    inside = set(tables)
    touching = [edge for edge in edges if edge.child in inside or edge.parent in inside]
    return Step(
        tables=tables,
        inner=tuple(edge for edge in touching if edge.child in inside and edge.parent in inside),
        to_parents=tuple(edge for edge in touching if edge.parent not in inside),
        to_children=tuple(edge for edge in touching if edge.child not in inside),
    )


def _whole(policies: Policies, request: SliceRequest) -> frozenset[TableId]:
    """Give the tables of which every row comes as it is: no row of theirs can lose a parent that it needs."""
    every = (request.restricted - {seed.table for seed in request.seeds}) | request.static
    losing: set[TableId] = set()
    while True:
        more = losing | {
            edge.child
            for edge, policy in policies.items()
            if (policy.parent is Parent.DROP_CHILD and (edge.parent not in every or edge.parent in losing))
            or (policy.parent is Parent.FOLLOW and edge.parent in losing)
        }
        if more == losing:
            break
        losing = more
    nulled = {
        edge.child
        for edge, policy in policies.items()
        if policy.parent is Parent.NULL and (edge.parent not in every or edge.parent in losing)
    }
    return every - losing - nulled


def _joint(policies: Policies, request: SliceRequest) -> dict[TableId, tuple[ForeignKey, ...]]:
    """Give, for each joint table, the edges over which rows may come downwards; static parents are there anyway."""
    descending = [edge for edge, policy in policies.items() if policy.children is Children.FOLLOW]
    own = _spread(request.starts - request.restricted, [(edge.parent, edge.child) for edge in descending])
    return {
        table: tuple(edge for edge in descending if edge.child == table and edge.parent in own - request.static)
        for table in sorted(request.joint)
    }


def _reachable(policies: Policies, request: SliceRequest, copied: set[TableId]) -> set[TableId]:
    """Give every table that may have rows in the slice."""
    if request.mode is Mode.FULL:
        return copied
    own = _spread(
        request.starts,
        [(edge.parent, edge.child) for edge, policy in policies.items() if policy.children is Children.FOLLOW],
    )
    return _spread(
        own | request.static | request.restricted,
        [(edge.child, edge.parent) for edge, policy in policies.items() if policy.parent is Parent.FOLLOW],
    )


def _spread(start: Iterable[TableId], arrows: list[tuple[TableId, TableId]]) -> set[TableId]:
    reached: set[TableId] = set()
    frontier = set(start)
    while frontier:
        reached |= frontier
        frontier = {head for tail, head in arrows if tail in frontier} - reached
    return reached


def _refuse_dangling(policies: Policies, request: SliceRequest, reachable: set[TableId]) -> None:
    problems = [
        Problem(
            "DM212",
            f"table {edge.parent} is excluded, but rows of {edge.child} reference it",
            str(edge),
            f"exclude {edge.child} as well, copy {edge.parent}, or cut the edge (slice.edges, parent: null)",
        )
        for edge, policy in policies.items()
        if edge.parent in request.excluded and edge.child in reachable and policy.parent is Parent.FOLLOW
    ]
    if problems:
        raise ConfigError.of(problems)

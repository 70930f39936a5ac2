"""Which edges make the slice large, and what it would be without them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from dbmimic.errors import ConfigError
from dbmimic.model.address import Secret
from dbmimic.model.graph import FkGraph
from dbmimic.model.names import TableId
from dbmimic.model.request import Children, EdgePolicy, Mode, Parent, SliceRequest
from dbmimic.model.schema import ForeignKey, Schema
from dbmimic.ports.source import Walker
from dbmimic.subset.course import Arrow
from dbmimic.subset.edges import nulls
from dbmimic.subset.planner import default_policy, plan
from dbmimic.subset.walk import Walked, walk

_MOST = 3
_WORTH = 0.1  # of the slice: an edge that brings less is not worth a cut
_LARGE = 2_000_000  # rows; to walk a larger slice again takes long


@dataclass(frozen=True, slots=True)
class Cut:
    """One edge that could be cut by `policy`, as a configuration says it, and the rows that would not come then."""

    edge: ForeignKey
    policy: str
    saved: Mapping[TableId, int]


def cuts(
    schema: Schema, graph: FkGraph, request: SliceRequest, walked: Walked, source: Walker, secret: Secret | None
) -> Iterator[Cut]:
    """
    Give what would be saved by cutting each of the edges that bring most, at most three of them.

    The numbers are exact: rows that would come over another edge all the same are not counted.

    Cost: one more walk of a smaller slice for each. Nothing is given for slices of more than two million rows.
    """
    total = sum(_sizes(walked).values())
    if request.mode is not Mode.CLOSURE or total > _LARGE:
        return
    bringing = sorted(walked.brought.items(), key=lambda each: (-each[1], str(each[0].edge)))
    worth = [arrow for arrow, rows in bringing if rows >= _WORTH * total]
    for arrow in worth[:_MOST]:
        policy = _cut(arrow, schema, graph, request)
        if policy is None:
            continue
        smaller = replace(request, edges={**request.edges, arrow.edge: policy})
        try:
            without = _sizes(walk(plan(schema, graph, smaller), schema, source, secret))
        except ConfigError:  # the cut contradicts something else that was written
            continue
        saved = {table: rows - without.get(table, 0) for table, rows in _sizes(walked).items()}
        if any(saved.values()):
            yield Cut(arrow.edge, "children: stop" if arrow.down else "parent: null", saved)


def _cut(arrow: Arrow, schema: Schema, graph: FkGraph, request: SliceRequest) -> EdgePolicy | None:
    """Give the policy by which nothing comes that way, or None where there is none."""
    edge = arrow.edge
    written = request.edges.get(edge) or default_policy(edge, request.restricted, request.children)
    if arrow.down:
        return replace(written, children=Children.STOP, limit=None, ratio=None, where=None)
    free = nulls(edge, schema, graph)
    return replace(written, parent=Parent.NULL, nulls=free) if free else None


def _sizes(walked: Walked) -> dict[TableId, int]:
    return {table: len(chosen.own) + len(chosen.need) for table, chosen in walked.slices.items()}

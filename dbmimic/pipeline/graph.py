"""The foreign-key graph with the slice's policies on it, and the keys that it seems to lack."""

from __future__ import annotations

from dbmimic import introspect
from dbmimic.model.diagram import Arc, Diagram, Node
from dbmimic.model.graph import FkGraph
from dbmimic.model.names import TableId, column_list
from dbmimic.model.plan import SubsetPlan
from dbmimic.model.request import Mode
from dbmimic.model.schema import ForeignKey
from dbmimic.model.suggestion import Suggestions
from dbmimic.pipeline.job import Request
from dbmimic.pipeline.prepare import sliced
from dbmimic.ports.source import Source


def graph(request: Request, source: Source) -> Diagram:
    """Give the graph of the source as the slice sees it; no row is read."""
    found = sliced(request, source)
    layers = _layers(found.graph)
    return Diagram(
        nodes=tuple(
            Node(str(table), found.plan.role(table), layer)
            for table, layer in sorted(layers.items(), key=lambda each: (each[1], each[0]))
        ),
        arcs=tuple(_arc(edge, found.plan) for edge in found.graph.edges),
    )


def suggestions(request: Request, source: Source) -> Suggestions:
    """Give the foreign keys that the source seems to have, and that neither it nor the slice declares."""
    found = sliced(request, source)
    return Suggestions(tuple(introspect.suggest(found.schema, found.graph, source)))


def _layers(graph: FkGraph) -> dict[TableId, int]:
    """Give for each table the length of the longest way up from it, cycles counted as one table."""
    layers: dict[TableId, int] = {}
    for component in graph.components:
        above = [
            layers[edge.parent] + 1 for edge in graph.edges if edge.child in component and edge.parent not in component
        ]
        layers.update(dict.fromkeys(component, max(above, default=0)))
    return layers


def _arc(edge: ForeignKey, plan: SubsetPlan) -> Arc:
    policy = plan.edges.get(edge)
    words = policy.words if policy is not None and plan.mode is not Mode.FULL else ()
    return Arc(
        child=str(edge.child),
        parent=str(edge.parent),
        columns=column_list(edge.child_columns)[1:-1] if edge.inside is None else edge.child_names[0],
        policy=", ".join(words),
        virtual=edge.virtual,
    )

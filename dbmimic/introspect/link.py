"""Tables and foreign keys become a graph with its cycles found."""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx

from dbmimic.model.graph import FkGraph
from dbmimic.model.names import TableId
from dbmimic.model.schema import ForeignKey, Schema


def link(schema: Schema, virtual: Iterable[ForeignKey] = ()) -> FkGraph:
    """
    Give the graph of the schema's foreign keys and of the `virtual` ones that somebody wrote.

    Shape: each table in exactly one component; parents before children; the order depends on names alone.
    Cost: linear in tables and edges, plus the sorting.

    Source:
        R. Tarjan, "Depth-first search and linear graph algorithms", SIAM J. Comput. 1(2), 1972.
    """
    foreign_keys = (*schema.foreign_keys, *virtual)
    references: nx.DiGraph[TableId] = nx.DiGraph()
    references.add_nodes_from(table.id for table in schema.tables)
    references.add_edges_from((edge.parent, edge.child) for edge in foreign_keys)
    condensed = nx.condensation(references)
    members = {node: tuple(sorted(condensed.nodes[node]["members"])) for node in condensed}
    order = nx.lexicographical_topological_sort(condensed, key=lambda node: members[node])
    edges = sorted(foreign_keys, key=lambda edge: (edge.child, edge.child_names, edge.parent, edge.name, edge.when))
    return FkGraph(edges=tuple(edges), components=tuple(members[node] for node in order))

"""Columns that foreign keys join must be decided as one, or the keys would no longer meet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import networkx as nx

from dbmimic.model.graph import FkGraph
from dbmimic.model.names import ColumnId


@dataclass(frozen=True, slots=True)
class Group:
    """
    Columns joined by foreign keys, directly or through others.

    `roots` are those that reference no other; where they all reference each other in a circle, all are roots. The
    first root, in name order, gives the group its domain.
    """

    columns: tuple[ColumnId, ...]
    roots: tuple[ColumnId, ...]

    @property
    def root(self) -> ColumnId:
        """The column that names the group."""
        return self.roots[0]


def groups(graph: FkGraph, columns: Iterable[ColumnId]) -> tuple[Group, ...]:
    """Give all columns in groups, a column without foreign keys in a group of its own, in the columns' order."""
    references: nx.DiGraph[ColumnId] = nx.DiGraph()
    references.add_nodes_from(columns)
    known = set(references)
    for edge in graph.edges:
        if edge.inside is not None:
            continue  # a document is not decided as what it references
        for child, parent in zip(edge.child_columns, edge.parent_columns, strict=True):
            pair = (edge.child.column(child), edge.parent.column(parent))
            if known.issuperset(pair):
                references.add_edge(*pair)
    order = {column: position for position, column in enumerate(references)}
    found = [_group(references.subgraph(members)) for members in nx.weakly_connected_components(references)]
    return tuple(sorted(found, key=lambda group: min(order[column] for column in group.columns)))


def _group(references: nx.DiGraph[ColumnId]) -> Group:
    condensed = nx.condensation(references)
    ends = [node for node in condensed if condensed.out_degree(node) == 0]
    roots = sorted(column for node in ends for column in condensed.nodes[node]["members"])
    return Group(columns=tuple(sorted(references)), roots=tuple(roots))

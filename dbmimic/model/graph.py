"""The foreign-key graph: tables, the edges between them, and its strongly connected components."""

from __future__ import annotations

from dataclasses import dataclass

from dbmimic.model.names import TableId
from dbmimic.model.schema import ForeignKey


@dataclass(frozen=True)
class FkGraph:
    """
    Nodes are tables, edges are foreign keys.

    Shape: `components` holds each table exactly once; parents stand before their children, tables that reference
    each other in a cycle stand together, each component in name order.
    """

    edges: tuple[ForeignKey, ...]
    components: tuple[tuple[TableId, ...], ...]

"""The foreign-key graph as it is drawn."""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA = "dbmimic/graph/1"


@dataclass(frozen=True, slots=True)
class Node:
    """
    One table. `role` is `seed`, `static`, `restrict`, `excluded` or `table`.

    No table of one `layer` references another of it but in a cycle; tables that reference nothing stand in layer 0.
    """

    table: str
    role: str
    layer: int


@dataclass(frozen=True, slots=True)
class Arc:
    """One foreign key, from the child to the parent; `policy` says how it is treated, where not as all are."""

    child: str
    parent: str
    columns: str
    policy: str = ""
    virtual: bool = False


@dataclass(frozen=True, slots=True)
class Diagram:
    """The graph, tables in name order within their layers."""

    nodes: tuple[Node, ...]
    arcs: tuple[Arc, ...]
    schema: str = SCHEMA

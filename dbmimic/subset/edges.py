"""Policies as written become policies of edges: every name found in the graph, or told with its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from dbmimic.errors import Problem
from dbmimic.model.graph import FkGraph
from dbmimic.model.names import TableId, column_list, nearest, split_name
from dbmimic.model.request import Children, EdgePolicy, Mode, Parent, SliceRequest, WhereSeed
from dbmimic.model.schema import Column, ForeignKey, Generated, Match, Schema
from dbmimic.model.settings import EdgeSpec, Named
from dbmimic.subset.planner import default_policy

_END = re.compile(r"\s*(?P<table>.+?)\s*\((?P<columns>[^()]+)\)\s*\Z")
_COLUMN = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([^,"]+?))\s*(?:,|\Z)')


def policies(
    specs: Iterable[EdgeSpec], schema: Schema, graph: FkGraph, request: SliceRequest, problems: list[Problem]
) -> dict[ForeignKey, EdgePolicy]:
    """Give the policy of every edge that has one of its own."""
    found: dict[ForeignKey, EdgePolicy] = {}
    for spec in specs:
        edge = find_edge(spec.edge, graph)
        if isinstance(edge, Problem):
            problems.append(edge)
            continue
        place = spec.edge.place
        if edge in found:
            problems.append(Problem("DM212", f"the edge {edge} has two policies", place, f"see {found[edge].place}"))
        if request.mode is Mode.FULL:
            reason = "the copy is full, so there is nothing to choose by edge"
            problems.append(Problem("DM212", reason, place, "give the slice `seeds`, or leave its `edges` out"))
        default = default_policy(edge, request.restricted, request.children)
        policy = EdgePolicy(
            parent=spec.parent or default.parent,
            children=spec.children or default.children,
            limit=spec.limit,
            ratio=spec.ratio,
            where=WhereSeed(edge.child, spec.where.text, spec.where.place) if spec.where else None,
            nulls=nulls(edge, schema, graph) if spec.parent is Parent.NULL else (),
            place=place,
        )
        problems += _contradictions(edge, policy, schema, graph, request, place)
        found[edge] = policy
    return found


def owned(
    owners: Mapping[TableId, Named],
    written: Mapping[ForeignKey, EdgePolicy],
    graph: FkGraph,
    request: SliceRequest,
    problems: list[Problem],
) -> dict[ForeignKey, EdgePolicy]:
    """Give the policies by which the rows of some tables come downwards over one edge only."""
    found: dict[ForeignKey, EdgePolicy] = {}
    for table, name in owners.items():
        owner = find_edge(name, graph)
        if isinstance(owner, Problem):
            problems.append(owner)
            continue
        if owner.child != table:
            problems.append(Problem("DM212", f"the edge {owner} is none of table {table}", name.place, "name another"))
        for edge in graph.edges:
            if edge.child == table and edge != owner:
                policy = written.get(edge) or default_policy(edge, request.restricted, request.children)
                found[edge] = replace(policy, children=Children.STOP, limit=None, ratio=None, where=None)
                if edge in written and (policy.thins or written[edge].children is Children.FOLLOW != request.children):
                    reason = f"rows of {table} come over {owner} alone, so this edge brings none"
                    problems.append(Problem("DM212", reason, policy.place, f"see {name.place}"))
    return found


def find_edge(name: Named, graph: FkGraph) -> ForeignKey | Problem:
    """Give the one edge that a name means: a constraint's name, `child(columns)`, or `child(columns) -> parent`."""
    matches = [edge for edge in graph.edges if _means(name.text, edge)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        listed = "; ".join(map(str, matches))
        hint = "write it as child(columns) -> parent(columns)"
        return Problem("DM205", f"the edge {name.text} could be any of: {listed}", name.place, hint)
    known = [spelled for edge in graph.edges for spelled in _spellings(edge)]
    guess = nearest(name.text, known)
    hint = f"did you mean {guess}?" if guess else "`dbmimic plan -v` lists the foreign keys that the source has"
    return Problem("DM205", f"there is no foreign key {name.text} in the source", name.place, hint)


def read_end(text: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Give the parts of the table's name and the columns of `table(column, column)`, or None where it is none."""
    found = _END.match(text)
    if found is None:
        return None
    columns = tuple(
        quoted.replace('""', '"') if quoted else plain for quoted, plain in _COLUMN.findall(found["columns"])
    )
    return split_name(found["table"]), columns


def is_named(table: TableId, parts: tuple[str, ...]) -> bool:
    """Tell whether a name's parts, the last of them at least, are those of a table."""
    whole = (table.schema, table.name)
    return len(parts) <= len(whole) and whole[-len(parts) :] == parts


def _means(text: str, edge: ForeignKey) -> bool:
    if text == edge.name:
        return True
    child, arrow, parent = text.partition("->")
    end = read_end(child)
    if end is None or not is_named(edge.child, end[0]) or sorted(end[1]) != sorted(edge.child_names):
        return False
    if not arrow:
        return True
    other = read_end(parent)
    if other is None:
        return is_named(edge.parent, split_name(parent.strip()))
    pairs = sorted(zip(edge.child_names, edge.parent_columns, strict=True))
    return is_named(edge.parent, other[0]) and sorted(zip(end[1], other[1], strict=False)) == pairs


def _spellings(edge: ForeignKey) -> Iterator[str]:
    yield edge.name
    columns = column_list(edge.child_columns) if edge.inside is None else f"({edge.child_names[0]})"
    yield f"{edge.child}{columns}"
    yield f"{TableId('', edge.child.name)}{columns}"


def _contradictions(
    edge: ForeignKey, policy: EdgePolicy, schema: Schema, graph: FkGraph, request: SliceRequest, place: str
) -> Iterator[Problem]:
    if policy.parent is Parent.NULL and not policy.nulls:
        reason = _why_not_null(edge, schema, graph)
        hint = "follow it, or let its rows leave (drop-child)"
        yield Problem("DM212", f"the edge {edge} cannot become NULL: {reason}", place, hint)
    if policy.parent is Parent.DROP_CHILD and edge.child in request.static:
        reason = f"table {edge.child} is static, so every row of it comes, but this edge makes rows of it leave"
        yield Problem("DM212", reason, place, "take it out of one of the two")
    descends = request.mode is not Mode.RESTRICT or policy.children is Children.STOP
    if policy.thins and not descends:
        reason = "in the mode 'restrict' children do not come along with their parents, so there is nothing to thin"
        yield Problem("DM212", reason, place, "give the child's table a seed instead")


def nulls(edge: ForeignKey, schema: Schema, graph: FkGraph) -> tuple[str, ...]:
    """Give the columns that become NULL where the parent is not in the slice; none where that cannot be."""
    free = tuple(column.name for column in _columns(edge, schema) if _binding(edge, column, schema, graph) is None)
    return () if edge.match is Match.FULL and len(free) < len(edge.child_columns) else free


def _why_not_null(edge: ForeignKey, schema: Schema, graph: FkGraph) -> str:
    reasons = (_binding(edge, column, schema, graph) for column in _columns(edge, schema))
    return "; ".join(reason for reason in reasons if reason is not None)


def _columns(edge: ForeignKey, schema: Schema) -> list[Column]:
    table = schema.table(edge.child)
    return [column for column in table.columns if column.name in edge.child_columns]


def _binding(edge: ForeignKey, column: Column, schema: Schema, graph: FkGraph) -> str | None:
    """Give why a column cannot become NULL for the sake of this edge alone, or None."""
    table = schema.table(edge.child)
    if edge.inside is not None:
        return f"it stands inside column {column.name}"
    if not column.nullable:
        return f"column {column.name} is NOT NULL"
    if column.generated is not Generated.NO:
        return f"column {column.name} is computed"
    if table.primary_key is not None and column.name in table.primary_key.columns:
        return f"column {column.name} is part of the primary key"
    if column.name in table.partition_columns:
        return f"column {column.name} decides the row's partition"
    return _bound_by_another(edge, column, graph)


def _bound_by_another(edge: ForeignKey, column: Column, graph: FkGraph) -> str | None:
    for other in graph.edges:
        if other.parent == edge.child and column.name in other.parent_columns:
            return f"column {column.name} is referenced by {other}"
        apart = bool(other.when) and bool(edge.when)
        if other != edge and other.child == edge.child and column.name in other.child_columns and not apart:
            return f"column {column.name} belongs to {other}, too"
    return None

"""What is to be covered, as written, becomes columns and edges: every name found, or told with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dbmimic.errors import Problem
from dbmimic.model.graph import FkGraph
from dbmimic.model.names import TableId, nearest
from dbmimic.model.request import Children, Cover, EdgePolicy, Mode, Parent, SliceRequest
from dbmimic.model.schema import ForeignKey, Schema, Table
from dbmimic.model.settings import CoverParentSpec, CoverSpec, Named
from dbmimic.subset.edges import find_edge
from dbmimic.subset.planner import default_policy

Policies = Mapping[ForeignKey, EdgePolicy]

_A_PAIR = 2


def covers(
    specs: Iterable[tuple[CoverSpec, TableId]],
    schema: Schema,
    graph: FkGraph,
    request: SliceRequest,
    problems: list[Problem],
) -> tuple[Cover, ...]:
    """Give what is to be covered of each of these tables; `request` has all else that the slice says."""
    found: dict[tuple[TableId, bool], Cover] = {}
    for spec, table in specs:
        reading = _Reading(spec, schema.table(table), schema, graph, request)
        cover = reading.cover()
        problems += reading.problems
        if (table, spec.pairs) in found:
            place = found[table, spec.pairs].place
            problems.append(Problem("DM212", f"table {table} is covered twice", spec.table.place, f"see {place}"))
        found[table, spec.pairs] = cover
    return tuple(found.values())


class _Reading:
    """Reads what is to be covered of one table."""

    def __init__(self, spec: CoverSpec, table: Table, schema: Schema, graph: FkGraph, request: SliceRequest) -> None:
        self.problems: list[Problem] = []
        self._spec = spec
        self._table = table
        self._schema = schema
        self._graph = graph
        self._request = request

    def cover(self) -> Cover:
        """Give what the words mean; what is wrong with them is in `problems`."""
        spec, table, place = self._spec, self._table, self._spec.table.place
        self._refuse_table(place)
        cover = Cover(
            table=table.id,
            pairs=spec.pairs,
            min_count=spec.min_count,
            columns=_usual(table) if spec.columns is None else self._columns(spec.columns, table),
            parents=tuple(each for written in spec.parents if (each := self._parent(written)) is not None),
            children=tuple(self._children(spec.children)),
            named=spec.columns is not None,
            place=place,
        )
        if not self.problems and cover.width < (_A_PAIR if spec.pairs else 1):
            reason = f"table {table.id} has no {'two columns' if spec.pairs else 'column'} to cover that are no keys"
            self._wrong(place, reason, "name its `columns`, or columns of its `parents`")
        return cover

    def _refuse_table(self, place: str) -> None:
        if self._table.id in self._request.excluded:
            self._wrong(place, f"table {self._table.id} is covered and excluded", "take it out of one of the two")
        elif not self._table.holds_rows:
            self._wrong(place, f"table {self._table.id} holds no rows of its own to cover", "leave it out")
        if self._request.mode is Mode.FULL:
            self._wrong(place, "the copy is full, so everything is covered", "leave `cover` or the mode out")

    def _columns(self, names: Iterable[Named], table: Table) -> tuple[str, ...]:
        for name in names:
            if table.column(name.text) is None:
                guess = nearest(name.text, [column.name for column in table.columns])
                hint = f"did you mean {guess}?" if guess else f"`dbmimic plan -v` lists the columns of {table.id}"
                reason = f"table {table.id} has no column {name.text}"
                self.problems.append(Problem("DM206", reason, name.place, hint))
        return tuple(dict.fromkeys(name.text for name in names))

    def _parent(self, written: CoverParentSpec) -> tuple[ForeignKey, tuple[str, ...]] | None:
        edge = find_edge(written.edge, self._graph)
        if isinstance(edge, Problem):
            self.problems.append(edge)
            return None
        if edge.child != self._table.id:
            self._wrong(written.edge.place, f"the edge {edge} does not begin at {self._table.id}", "name another")
        elif edge.parent in self._request.excluded or self._policy(edge).parent is Parent.NULL:
            reason = f"rows of {self._table.id} may be without what they reference over {edge}"
            self._wrong(written.edge.place, reason, "follow the edge, or leave these columns out")
        return edge, self._columns(written.columns, self._schema.table(edge.parent))

    def _children(self, names: Iterable[Named]) -> Iterator[ForeignKey]:
        """Give the edges of which children are counted: those that were named, else all that bring all children."""
        if self._spec.columns is None and not self._spec.children:
            into = [edge for edge in self._graph.edges if edge.parent == self._table.id]
            yield from (edge for edge in into if self._why_incomplete(edge) is None)
        for name in names:
            edge = find_edge(name, self._graph)
            if isinstance(edge, Problem):
                self.problems.append(edge)
            elif edge.parent != self._table.id:
                self._wrong(name.place, f"the edge {edge} does not lead to {self._table.id}", "name another")
            elif (why := self._why_incomplete(edge)) is not None:
                reason = f"not all children come along over {edge}, so their number is another one in the slice: {why}"
                self._wrong(name.place, reason, "leave it out here, or let them come")
            else:
                yield edge

    def _why_incomplete(self, edge: ForeignKey) -> str | None:
        """Give why a row of the table that was asked for may have fewer children in the slice than in the source."""
        request, policy = self._request, self._policy(edge)
        reasons = (
            (policy.children is not Children.FOLLOW, "they do not follow"),
            (policy.thins, "only some follow"),
            (edge.child in request.excluded, f"{edge.child} is excluded"),
            (edge.child in request.restricted or edge.parent in request.restricted, "the mode is restrict"),
            (edge.child in request.joint, "other keys must lead to them, too (enter: all)"),
            (edge.parent in request.static, f"{edge.parent} is static"),
            (any(self._policy(each).parent is Parent.DROP_CHILD for each in self._graph.edges), "rows may leave"),
        )
        return next((reason for holds, reason in reasons if holds), None)

    def _policy(self, edge: ForeignKey) -> EdgePolicy:
        return self._request.edges.get(edge) or default_policy(edge, self._request.restricted, self._request.children)

    def _wrong(self, place: str, reason: str, hint: str) -> None:
        self.problems.append(Problem("DM212", reason, place, hint))


def _usual(table: Table) -> tuple[str, ...]:
    """Give the columns of a table that do not tell its rows apart."""
    keys = [key.columns for key in table.keys if key.primary or len(key.columns) == 1]
    apart = {name for columns in keys for name in columns}
    return tuple(column.name for column in table.columns if column.name not in apart)

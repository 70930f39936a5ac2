"""One source as it will be in another engine: names, types, keys and statements, and what stays behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from dbmimic.engines.crossing import defaults, findings, names
from dbmimic.engines.crossing.composing import Design, composed, described
from dbmimic.engines.crossing.types import MYSQL_KEY, Held, Role, chosen, index_width, is_indexable
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.schema import Column, ForeignKey, Generated, Identity, Key, Schema, Table, TableKind
from dbmimic.model.target import Structure
from dbmimic.model.types import Kind

_SET_DEFAULT = "SET DEFAULT"


@dataclass(frozen=True)
class Carriage:
    """
    What is carried and as what.

    `schema` has the source's names and the source's ideas of what columns hold, so that rules, seeds and masks mean the
    same as in a copy inside one engine; all that differs is in `design`.
    """

    schema: Schema
    design: Design

    def structure(self) -> Structure:
        """Give the statements that make it, and its description."""
        kinds = {column: held.kind for column, held in self.design.held.items()}
        text = described(self.schema, kinds, self.design.edges)
        return Structure(self.design.to, text, composed(self.design))


def carriage(source: Schema, structure: Structure, to: str) -> Carriage:
    """
    Work out how a source gets into another engine.

    Raises:
        RefusedError: DM309 for each name that the target's engine has no place for.
    """
    numbering = frozenset(_numbering(source))
    plain = replace(
        source,
        tables=tuple(map(_plain, source.tables)),
        foreign_keys=tuple(_plain_edge(edge, to) for edge in source.foreign_keys if not edge.period),
    )
    held = _held(plain, numbering, to)
    edges = tuple(edge for edge in plain.foreign_keys if _is_unique(plain.table(edge.parent), edge.parent_columns))
    counters = frozenset(column for column in numbering if _counts(column, plain, held, to))
    values = {
        id_: value
        for id_, column in _columns(plain)
        if not defaults.is_nothing(column.default) and (value := defaults.translated(column, held[id_], to)) is not None
    }
    carried = _barred(plain, held)
    indexes = tuple(_indexes(carried, held, to))
    design = Design(carried, names.mapped(plain, to), held, edges, indexes, counters, values, to)
    told = findings.all_of(source, structure, design, numbering)
    events = {name for kind, name in structure.objects if kind == "EVENT"}  # said to be disabled, and are not there
    own = (found for found in source.findings if found.place not in events)
    return Carriage(replace(carried, findings=(*own, *told)), design)


def _plain(table: Table) -> Table:
    """Give a table that is one relation, computes and checks nothing, and all of whose rows travel as text."""
    columns = tuple(
        replace(column, generated=Generated.NO, logical=replace(column.logical, charset="")) for column in table.columns
    )
    kind = TableKind.PLAIN if table.holds_rows else table.kind
    plain = replace(table, columns=columns, kind=kind, leaves=(table.id,), partition_columns=(), as_text=True)
    return replace(plain, checks=(), distinct=())


def _plain_edge(edge: ForeignKey, to: str) -> ForeignKey:
    """Give a foreign key between whole tables; MySQL does not know SET DEFAULT."""
    actions = ["" if to == "mysql" and each == _SET_DEFAULT else each for each in (edge.on_delete, edge.on_update)]
    return replace(edge, child_leaves=None, parent_leaf=None, on_delete=actions[0], on_update=actions[1])


def _indexes(schema: Schema, held: Mapping[ColumnId, Held], to: str) -> Iterator[tuple[TableId, Key]]:
    """Give the indexes that the target can build, one for each list of columns that is no key."""
    for table in schema.tables:
        met = {key.columns for key in table.keys}
        for index in table.indexes:
            columns = [held[table.id.column(name)] for name in index.columns]
            if index.columns not in met and all(map(is_indexable, columns)) and index_width(columns, to) <= MYSQL_KEY:
                met.add(index.columns)
                yield table.id, index


def _barred(schema: Schema, held: Mapping[ColumnId, Held]) -> Schema:
    """Give the schema with a reason at each column that cannot be carried; it may be NULL, since nothing else may."""
    return replace(schema, tables=tuple(_barred_table(table, held) for table in schema.tables))


def _barred_table(table: Table, held: Mapping[ColumnId, Held]) -> Table:
    primary = table.primary_key.columns if table.primary_key is not None else ()
    return replace(
        table,
        columns=tuple(
            replace(column, barred=reason, nullable=column.nullable or column.name not in primary)
            if (reason := held[table.id.column(column.name)].barred)
            else column
            for column in table.columns
        ),
    )


def _columns(schema: Schema) -> Iterator[tuple[ColumnId, Column]]:
    for table in schema.tables:
        for column in table.columns:
            yield table.id.column(column.name), column


def _numbering(schema: Schema) -> Iterator[ColumnId]:
    """Give the columns that number new rows: identity columns, and those whose default is a sequence's next value."""
    for id_, column in _columns(schema):
        if column.identity is not Identity.NO or (column.default or "").startswith("nextval("):
            yield id_


def _counts(id_: ColumnId, schema: Schema, held: Mapping[ColumnId, Held], to: str) -> bool:
    """Whether the target can number new rows by a column: MySQL and SQLite need it to be the primary key."""
    if held[id_].kind is not Kind.INTEGER:
        return False
    primary = schema.table(id_.table).primary_key
    return to == "postgresql" or (primary is not None and primary.columns == (id_.name,))


def _is_unique(parent: Table, columns: tuple[str, ...]) -> bool:
    """Whether exactly these columns are a key, so that every engine lets others reference them."""
    return any(key.columns == columns for key in parent.keys)


def _held(schema: Schema, numbering: frozenset[ColumnId], to: str) -> dict[ColumnId, Held]:
    roles = _roles(schema, numbering)
    held = {id_: chosen(column, roles[id_], schema.engine, to) for id_, column in _columns(schema)}
    return _joined(schema.foreign_keys, held) if to == "mysql" else held


def _roles(schema: Schema, numbering: frozenset[ColumnId]) -> dict[ColumnId, Role]:
    groups: list[tuple[TableId, tuple[str, ...]]] = [
        (table.id, key.columns) for table in schema.tables for key in table.keys
    ]
    for edge in schema.foreign_keys:
        groups += [(edge.child, edge.child_columns), (edge.parent, edge.parent_columns)]
    widest: dict[ColumnId, int] = {}
    for table, columns in groups:
        texts = sum(1 for name in columns if _is_text(schema.table(table), name))
        for name in columns:
            widest[table.column(name)] = max(widest.get(table.column(name), 1), texts)
    alone = {
        table.id.column(table.primary_key.columns[0])
        for table in schema.tables
        if table.primary_key is not None and len(table.primary_key.columns) == 1
    }
    return {id_: Role(id_ in widest, widest.get(id_, 1), id_ in numbering, id_ in alone) for id_, _ in _columns(schema)}


def _is_text(table: Table, name: str) -> bool:
    column = table.column(name)
    return column is not None and column.logical.kind in {Kind.TEXT, Kind.BINARY}


def _joined(edges: Iterable[ForeignKey], held: dict[ColumnId, Held]) -> dict[ColumnId, Held]:
    """Give whole numbers that a foreign key joins one type: MySQL compares no two sizes."""
    pairs = [
        (edge.child.column(child), edge.parent.column(parent))
        for edge in edges
        for child, parent in zip(edge.child_columns, edge.parent_columns, strict=True)
        if {held[edge.child.column(child)].kind, held[edge.parent.column(parent)].kind} == {Kind.INTEGER}
    ]
    for _ in pairs:
        changed = [pair for pair in pairs if _size(held[pair[0]]) != _size(held[pair[1]])]
        if not changed:
            break
        for child, parent in changed:
            wider = max((held[child], held[parent]), key=_size)
            held[child] = held[parent] = wider
    return held


def _size(held: Held) -> int:
    return ("SmallInteger", "Integer", "BigInteger").index(type(held.sql).__name__)

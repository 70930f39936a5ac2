"""The target's CREATE statements, composed by SQLAlchemy from the source's schema."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Column as SqlColumn
from sqlalchemy import (
    ForeignKeyConstraint,
    Identity,
    MetaData,
    PrimaryKeyConstraint,
    UniqueConstraint,
    quoted_name,
    text,
)
from sqlalchemy import Table as SqlTable
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateTable

from dbmimic.engines.crossing.types import Held
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.schema import ForeignKey, Key, Schema, Table
from dbmimic.model.target import Composed
from dbmimic.model.types import Kind

_DIALECTS: Mapping[str, Callable[..., Dialect]] = {
    "mysql": mysql.dialect,
    "postgresql": postgresql.dialect,
    "sqlite": sqlite.dialect,
}
_LONGEST_NAME = 63  # bytes, of a constraint


@dataclass(frozen=True)
class Design:
    """
    All that the statements are made of, under the source's names.

    `edges` are the foreign keys, `indexes` the indexes that the target can build; `counters` the columns that number
    new rows in it; `defaults` by column the expression that both engines read alike.
    """

    schema: Schema
    names: Mapping[TableId, TableId]
    held: Mapping[ColumnId, Held]
    edges: Sequence[ForeignKey]
    indexes: Sequence[tuple[TableId, Key]]
    counters: frozenset[ColumnId]
    defaults: Mapping[ColumnId, str]
    to: str


def composed(design: Design) -> Composed:
    """Give the statements that make the design in the target's engine."""
    # `named`, because the drivers' own styles would double every per cent sign in a name.
    dialect = _DIALECTS[design.to](paramstyle="named")
    metadata = MetaData()
    tables = {table.id: _table(table, design, metadata) for table in design.schema.tables}
    keys = [(edge.child, key) for edge, key in zip(design.edges, _foreign_keys(design, tables), strict=True)]
    for child, key in keys:
        tables[child].append_constraint(key)
    inline = design.to == "sqlite"  # where a key cannot be added later
    return Composed(
        types=tuple(_types(design, tables, dialect)),
        tables=tuple(
            (design.names[table], _statement(CreateTable(made, None if inline else []), dialect))
            for table, made in tables.items()
        ),
        foreign_keys=() if inline else tuple((design.names[child], _constraint(key, dialect)) for child, key in keys),
        indexes=tuple(_indexes(design)),
        counters=tuple(design.names[column.table].column(column.name) for column in sorted(design.counters)),
    )


def _named(name: str) -> quoted_name:
    return quoted_name(name, quote=True)


def _table(table: Table, design: Design, metadata: MetaData) -> SqlTable:
    ours = design.names[table.id]
    primary = table.primary_key
    constraints: list[PrimaryKeyConstraint | UniqueConstraint] = []
    if primary is not None:
        constraints.append(PrimaryKeyConstraint(*map(_named, primary.columns)))
    constraints += [UniqueConstraint(*map(_named, columns)) for columns in unique_columns(table)]
    return SqlTable(
        _named(ours.name),
        metadata,
        *(_column(table, number, design) for number in range(len(table.columns))),
        *constraints,
        schema=_named(ours.schema) if ours.schema else None,
        mysql_engine="InnoDB",
    )


def unique_columns(table: Table) -> tuple[tuple[str, ...], ...]:
    """Give the columns of each unique key that says something beside the primary key and the others, in name order."""
    primary = table.primary_key.columns if table.primary_key is not None else ()
    return tuple(sorted({key.columns for key in table.keys if not key.primary} - {primary}))


def _column(table: Table, number: int, design: Design) -> SqlColumn[object]:
    column = table.columns[number]
    id_ = table.id.column(column.name)
    type_ = design.held[id_].sql
    if isinstance(type_, postgresql.ENUM):
        ours = design.names[table.id]
        type_ = postgresql.ENUM(*type_.enums, name=_named(f"{ours.name[:40]}_{number + 1}"), schema=ours.schema)
    counts = id_ in design.counters
    default = design.defaults.get(id_)
    return SqlColumn(
        _named(column.name),
        type_,
        *([Identity()] if counts and design.to == "postgresql" else []),
        nullable=column.nullable,
        autoincrement=counts,
        server_default=None if default is None or counts else text(default.replace(":", r"\:")),
    )


def _foreign_keys(design: Design, tables: Mapping[TableId, SqlTable]) -> Iterator[ForeignKeyConstraint]:
    names: set[str] = set()
    for edge in design.edges:
        own = edge.name not in names and len(edge.name.encode()) <= _LONGEST_NAME and design.to != "sqlite"
        names.add(edge.name)
        yield ForeignKeyConstraint(
            [_named(name) for name in edge.child_columns],
            [tables[edge.parent].c[name] for name in edge.parent_columns],
            name=_named(edge.name) if own else None,
            ondelete=edge.on_delete or None,
            onupdate=edge.on_update or None,
            deferrable=True if edge.deferrable and design.to == "sqlite" else None,
            initially="DEFERRED" if edge.deferrable and design.to == "sqlite" else None,
            use_alter=False,
        )


def _indexes(design: Design) -> Iterator[tuple[TableId, str, tuple[str, ...]]]:
    """Give the indexes under names that no other table or index has, for some engines tell them apart by name alone."""
    taken = {name.name.casefold() for name in design.names.values()}
    for table, index in design.indexes:
        ours = design.names[table]
        stem = f"{ours.name[:30]}_{'_'.join(index.columns)[:20]}_idx"
        numbered = itertools.chain((stem,), (f"{stem}{number}" for number in itertools.count(2)))
        name = next(name for name in numbered if name.casefold() not in taken)
        taken.add(name.casefold())
        yield ours, name, index.columns


def _types(design: Design, tables: Mapping[TableId, SqlTable], dialect: Dialect) -> Iterator[str]:
    """Give the CREATE TYPE of each enumeration; each column has its own, as in MySQL."""
    for table in tables.values():
        for column in table.columns:
            if isinstance(column.type, postgresql.ENUM) and design.to == "postgresql":
                yield _statement(postgresql.CreateEnumType(column.type), dialect)


def _statement(element: CreateTable | postgresql.CreateEnumType, dialect: Dialect) -> str:
    return str(element.compile(dialect=dialect)).strip()


def _constraint(key: ForeignKeyConstraint, dialect: Dialect) -> str:
    return str(dialect.ddl_compiler(dialect, CreateTable(key.table)).process(key)).strip()


def described(schema: Schema, kinds: Mapping[ColumnId, Kind], edges: Sequence[ForeignKey]) -> str:
    """Give what two databases of one structure have in common, as lines: tables, columns, keys, foreign keys."""
    lines = []
    for table in schema.tables:
        lines.append(f"table {table.id}")
        for column in table.columns:
            nullable = "" if column.nullable else " not null"
            lines.append(f"  {column.name} {kinds[table.id.column(column.name)]}{nullable}")
        if table.primary_key is not None:
            lines.append(f"  primary key {', '.join(table.primary_key.columns)}")
        lines += [f"  unique {', '.join(columns)}" for columns in unique_columns(table)]
    keys = {f"foreign key {edge} on delete {edge.on_delete} on update {edge.on_update}" for edge in edges}
    return "\n".join([*lines, *sorted(keys)])

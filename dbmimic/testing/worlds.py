"""
Worlds: small random databases with a slice that is asked of them, told apart from any engine.

A world is a value: tables with rows as tuples, foreign keys, a slice. `world_maker.make_world` makes one from an
integer seed; here is how it reads in each engine's SQL. `oracle.closure` says which rows its slice holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from dbmimic.model.request import Children, Parent

Value = int | str | None
Row = tuple[Value, ...]

# What tables cannot do everywhere and the worlds leave to one engine: partitions and MATCH FULL to PostgreSQL,
# WITHOUT ROWID to SQLite. The data are made so that no answer depends on them.


class Kind(StrEnum):
    """What a column holds."""

    INT = "int"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class WorldColumn:
    """One column."""

    name: str
    kind: Kind
    nullable: bool


@dataclass(frozen=True, slots=True)
class Partitioning:
    """How PostgreSQL splits the table: by hash of one column into `leaves`, the last with its columns reversed."""

    column: str
    leaves: int


@dataclass(frozen=True)
class WorldTable:
    """One table with all its rows, in the order of its columns. Without a primary key, rows may repeat."""

    name: str
    columns: tuple[WorldColumn, ...]
    primary_key: tuple[str, ...]
    unique_keys: tuple[tuple[str, ...], ...]
    indexes: tuple[tuple[str, ...], ...]
    rows: tuple[Row, ...]
    partitioning: Partitioning | None = None
    without_rowid: bool = False

    @cached_property
    def place(self) -> Mapping[str, int]:
        """The place of each column in a row."""
        return {column.name: place for place, column in enumerate(self.columns)}

    def values(self, row: Row, columns: Sequence[str]) -> Row:
        """Give a row's values of some columns."""
        return tuple(row[self.place[column]] for column in columns)


class Comparison(StrEnum):
    """What a seed's condition asks of one column."""

    ANY = "any"
    NONE = "none"
    IN = "in"
    AT_MOST = "at most"
    IS_NULL = "is null"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on one column; it is the same in every engine."""

    column: str
    comparison: Comparison
    values: tuple[int | str, ...] = ()

    def holds(self, value: Value) -> bool:
        """Tell whether it is true of a value of the column."""
        if self.comparison is Comparison.IN:
            return value in self.values
        if self.comparison is Comparison.AT_MOST:
            return isinstance(value, int) and isinstance(self.values[0], int) and value <= self.values[0]
        if self.comparison is Comparison.IS_NULL:
            return value is None
        return self.comparison is Comparison.ANY

    def sql(self, engine: str) -> str:
        """Give it as SQL."""
        listed = ", ".join(literal(value, engine) for value in self.values)
        return {
            Comparison.ANY: "1 = 1",
            Comparison.NONE: "1 = 0",
            Comparison.IN: f"{self.column} IN ({listed})",
            Comparison.AT_MOST: f"{self.column} <= {listed}",
            Comparison.IS_NULL: f"{self.column} IS NULL",
        }[self.comparison]


@dataclass(frozen=True, slots=True)
class WorldForeignKey:
    """
    A foreign key: `child_columns[i]` references `parent_columns[i]`, in any order of the parent's key.

    A `virtual` one is not declared; it holds for the rows for which `when` does, and rows may dangle.
    """

    name: str
    child: str
    child_columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    match_full: bool = False
    virtual: bool = False
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class WorldSeed:
    """Where the slice starts in one table: at the rows of a condition, or those with these primary keys."""

    table: str
    condition: Condition | None = None
    ids: tuple[tuple[int | str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class WorldPolicy:
    """The policy of one edge as somebody would write it; `nulls` are the columns that `parent: null` comes to."""

    parent: Parent | None = None
    children: Children | None = None
    limit: int | None = None
    ratio: float | None = None
    where: Condition | None = None
    nulls: tuple[str, ...] = ()


@dataclass(frozen=True)
class World:
    """A database and a slice of it; `policies` are by the names of foreign keys."""

    seed: int
    tables: tuple[WorldTable, ...]
    foreign_keys: tuple[WorldForeignKey, ...]
    seeds: tuple[WorldSeed, ...]
    follow: bool
    static: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    restrict: bool = False
    restricted: frozenset[str] = frozenset()
    joint: frozenset[str] = frozenset()
    policies: Mapping[str, WorldPolicy] = field(default_factory=dict)

    def edge_name(self, key: WorldForeignKey) -> str:
        """Give a foreign key as a configuration names it: SQLite keeps no names, so by its columns."""
        parent = f"{key.parent}({', '.join(key.parent_columns)})"
        return f"{key.child}({', '.join(key.child_columns)}) -> {parent}"

    @cached_property
    def by_name(self) -> Mapping[str, WorldTable]:
        """The tables by name."""
        return {table.name: table for table in self.tables}

    def ddl(self, engine: str) -> list[str]:
        """Give the statements that make the tables; on SQLite with their foreign keys, so load it with them off."""
        return [statement for table in self.tables for statement in self._table(table, engine)]

    def insert_statements(self, engine: str) -> list[str]:
        """Give the statements that load the rows, one for each table that has any."""
        statements = []
        for table in self.tables:
            rows = ",\n".join(f"({', '.join(literal(value, engine) for value in row)})" for row in table.rows)
            columns = ", ".join(column.name for column in table.columns)
            if rows:
                statements.append(f"INSERT INTO {table.name} ({columns}) VALUES\n{rows}")
        return statements

    def foreign_key_statements(self, engine: str) -> list[str]:
        """Give the statements that add the foreign keys after the data; none on SQLite."""
        if engine == "sqlite":
            return []
        return [
            f"ALTER TABLE {key.child} ADD CONSTRAINT {key.name} {self._clause(key, engine)}"
            for key in self.foreign_keys
            if not key.virtual
        ]

    def script(self, engine: str) -> list[str]:
        """Give all statements that make the world in an empty database, in order."""
        return self.ddl(engine) + self.insert_statements(engine) + self.foreign_key_statements(engine)

    def _table(self, table: WorldTable, engine: str) -> list[str]:
        lines = [_column(column) for column in table.columns]
        if table.primary_key:
            lines.append(f"PRIMARY KEY ({', '.join(table.primary_key)})")
        lines += [f"UNIQUE ({', '.join(key)})" for key in table.unique_keys]
        if engine == "sqlite":
            keys = [key for key in self.foreign_keys if key.child == table.name and not key.virtual]
            lines += [f"CONSTRAINT {key.name} {self._clause(key, engine)}" for key in keys]
        statements = [f"CREATE TABLE {table.name} (\n  " + ",\n  ".join(lines) + f"\n){_options(table, engine)}"]
        if engine == "postgresql":
            statements += _partitions(table)
        for place, columns in enumerate(table.indexes):
            statements.append(f"CREATE INDEX {table.name}_i{place} ON {table.name} ({', '.join(columns)})")
        return statements

    def _clause(self, key: WorldForeignKey, engine: str) -> str:
        pairs = list(zip(key.child_columns, key.parent_columns, strict=True))
        if engine == "mysql":
            # InnoDB wants the parent's columns in the order of its index; the key is the same in any order.
            parent = self.by_name[key.parent]
            order = next(k for k in (parent.primary_key, *parent.unique_keys) if set(k) == set(key.parent_columns))
            pairs.sort(key=lambda pair: order.index(pair[1]))
        child, parent_columns = (", ".join(names) for names in zip(*pairs, strict=True))
        full = " MATCH FULL" if key.match_full and engine == "postgresql" else ""
        return f"FOREIGN KEY ({child}) REFERENCES {key.parent} ({parent_columns}){full}"


def literal(value: Value, engine: str) -> str:
    """Give a value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    text = value.replace("\\", "\\\\") if engine == "mysql" else value
    return "'" + text.replace("'", "''") + "'"


def _column(column: WorldColumn) -> str:
    kind = {Kind.INT: "INTEGER", Kind.TEXT: "VARCHAR(40)"}[column.kind]
    return f"{column.name} {kind}{'' if column.nullable else ' NOT NULL'}"


def _options(table: WorldTable, engine: str) -> str:
    if engine == "mysql":
        return " ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    if engine == "postgresql" and table.partitioning is not None:
        return f" PARTITION BY HASH ({table.partitioning.column})"
    return " WITHOUT ROWID" if engine == "sqlite" and table.without_rowid else ""


def _partitions(table: WorldTable) -> list[str]:
    """Give the leaves; the last is made for itself with its columns in another order, and then attached."""
    if table.partitioning is None:
        return []
    leaves = table.partitioning.leaves
    bounds = [f"FOR VALUES WITH (MODULUS {leaves}, REMAINDER {place})" for place in range(leaves)]
    statements = [
        f"CREATE TABLE {table.name}_p{place} PARTITION OF {table.name} {bounds[place]}" for place in range(leaves - 1)
    ]
    last = f"{table.name}_p{leaves - 1}"
    columns = ", ".join(_column(column) for column in reversed(table.columns))
    return [
        *statements,
        f"CREATE TABLE {last} ({columns})",
        f"ALTER TABLE {table.name} ATTACH PARTITION {last} {bounds[-1]}",
    ]

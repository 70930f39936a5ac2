"""A database's structure as the catalogue tells it: tables, columns, keys, sequences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from dbmimic.model.findings import Finding
from dbmimic.model.names import ColumnId, TableId, column_list
from dbmimic.model.types import Kind, LogicalType

_NUMBERS = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT})
_LOOSE = frozenset({Kind.OTHER, Kind.ENUM, Kind.ARRAY})  # kinds of which two types need not be comparable


class Generated(StrEnum):
    """How a column gets its value when nobody gives one; a generated column is never loaded."""

    NO = "no"
    STORED = "stored"
    VIRTUAL = "virtual"


class Identity(StrEnum):
    """Whether a column is an identity column (or AUTO_INCREMENT, which is `by default`)."""

    NO = "no"
    BY_DEFAULT = "by default"
    ALWAYS = "always"


class TableKind(StrEnum):
    """What holds a table's rows."""

    PLAIN = "plain"
    PARTITIONED = "partitioned"  # the rows are in the leaves
    FOREIGN = "foreign"  # the rows are elsewhere: structure only
    VIRTUAL = "virtual"  # SQLite virtual tables (FTS, R-tree): structure only


class Match(StrEnum):
    """What a compound foreign key does with some of its columns NULL (SQL:2016 part 2, 4.20.3.3)."""

    SIMPLE = "simple"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Column:
    """
    One column; `type` is the engine's own spelling, `logical` what masks need of it.

    `barred` tells why its values cannot be had in the target's engine; empty where they can.
    """

    name: str
    type: str
    logical: LogicalType
    nullable: bool = True
    generated: Generated = Generated.NO
    identity: Identity = Identity.NO
    default: str | None = None
    barred: str = ""


def comparable(one: Column, other: Column) -> bool:
    """Tell whether every engine compares the values of two columns."""
    mine, theirs = one.logical.kind, other.logical.kind
    if mine in _NUMBERS and theirs in _NUMBERS:
        return True
    return mine is theirs and (mine not in _LOOSE or one.type == other.type)


@dataclass(frozen=True, slots=True)
class Key:
    """
    A primary key or a unique key without a condition, its columns in the key's own order.

    With `equal_nulls` (NULLS NOT DISTINCT) one row alone may have NULL in all of them.
    """

    name: str
    columns: tuple[str, ...]
    primary: bool = False
    equal_nulls: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """
    A condition that every row must meet, as the engine writes it; `dialect` is sqlglot's name of its SQL.

    One `of_type` is a domain's: the word VALUE stands for the one column. One `of_partitions` says that some partition
    whose rows are copied takes the row.
    """

    name: str
    expression: str
    columns: tuple[str, ...]
    dialect: str
    of_type: bool = False
    of_partitions: bool = False


@dataclass(frozen=True, slots=True)
class Distinct:
    """
    What tells rows apart and is no key: a unique index over expressions or of some rows only, or an exclusion.

    `elements` are columns (quoted, where they must be) or expressions, as the engine writes them.
    """

    name: str
    elements: tuple[str, ...]
    dialect: str


@dataclass(frozen=True, slots=True, order=True)
class Inside:
    """
    Where in a document, the child's only column, a reference stands: names and places from the outside in.

    `kind` is that of the column which is referenced: INTEGER, UUID or TEXT. What stands there and is none references
    nothing.
    """

    steps: tuple[str | int, ...]
    kind: Kind

    def __str__(self) -> str:
        steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.steps)
        return steps if steps.startswith("[") else steps[1:]


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """
    One edge of the graph: `child_columns[i]` references `parent_columns[i]`.

    `child_leaves` names the partitions of the child that the key sits on, where it does not sit on all of them;
    `parent_leaf` names the one partition that it references, where it references one directly. `on_delete` and
    `on_update` are what happens to the child, in SQL's words; empty where the change is refused.

    A `virtual` key is declared by the configuration alone, at `place`; it holds for the child rows for which the
    condition `when`, if there is one, is true. It may stand `inside` a document.

    Of a key over a `period` the last column is a range, which the ranges of all parents with the same other columns
    cover together: a child references every one of them that its range overlaps.
    """

    name: str
    child: TableId
    child_columns: tuple[str, ...]
    parent: TableId
    parent_columns: tuple[str, ...]
    nullable: bool = False  # at least one child column may be NULL
    match: Match = Match.SIMPLE
    deferrable: bool = False
    validated: bool = True
    child_leaves: tuple[TableId, ...] | None = None
    parent_leaf: TableId | None = None
    on_delete: str = ""
    on_update: str = ""
    virtual: bool = False
    when: str = ""
    place: str = field(default="", compare=False)
    inside: Inside | None = None
    period: bool = False

    @property
    def child_names(self) -> tuple[str, ...]:
        """The child's columns as they are told, each with the place in the document that it is."""
        if self.inside is None:
            return self.child_columns
        return tuple(f"{column}.{self.inside}" for column in self.child_columns)

    def __str__(self) -> str:
        columns = column_list(self.child_columns) if self.inside is None else f"({', '.join(self.child_names)})"
        return f"{self.child}{columns} -> {self.parent}{column_list(self.parent_columns)}"


@dataclass(frozen=True, slots=True)
class Table:
    """
    One table with its columns in their order.

    A partitioned table is one table; `leaves` are the physical relations that hold rows (the table itself where it
    is not partitioned). Tables that inherit from each other are tables of their own, each read with ONLY.
    `as_text` says that all columns travel as text, because the rows go into another engine. `indexes` are over
    whole columns and in their order, without a condition, and say nothing of what values there may be. `checks` and
    `distinct` say what rows there may be beside the keys, as far as the copy has it.
    """

    id: TableId
    columns: tuple[Column, ...]
    keys: tuple[Key, ...] = ()
    kind: TableKind = TableKind.PLAIN
    leaves: tuple[TableId, ...] = ()
    partition_columns: tuple[str, ...] = ()
    estimated_rows: int = 0
    as_text: bool = False
    indexes: tuple[Key, ...] = ()
    checks: tuple[Check, ...] = ()
    distinct: tuple[Distinct, ...] = ()

    def column(self, name: str) -> Column | None:
        """Give the column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def loadable(self) -> tuple[Column, ...]:
        """The columns that a load gives values for: all but the generated ones."""
        return tuple(column for column in self.columns if column.generated is Generated.NO)

    @property
    def holds_rows(self) -> bool:
        """Whether rows are copied: not for foreign and virtual tables."""
        return self.kind in {TableKind.PLAIN, TableKind.PARTITIONED}

    @property
    def primary_key(self) -> Key | None:
        """The primary key, or None."""
        return next((key for key in self.keys if key.primary), None)

    @property
    def stable_key(self) -> Key | None:
        """
        The key that tells this table's rows apart, in this run and the next: the primary key, else the first
        unique key (by name) whose columns are all NOT NULL, else None.
        """
        if self.primary_key is not None:
            return self.primary_key
        solid = {column.name for column in self.columns if not column.nullable}
        candidates = [key for key in self.keys if solid.issuperset(key.columns)]
        return min(candidates, key=lambda key: key.name, default=None)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence and the column that owns it, if one does."""

    id: TableId
    owner: ColumnId | None = None


@dataclass(frozen=True)
class Schema:
    """
    All tables in name order, with the foreign keys between them.

    Every key names existing columns. `findings` tells what the catalogue holds that a copy does not carry.
    """

    engine: str
    tables: tuple[Table, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    findings: tuple[Finding, ...] = field(default=(), compare=False)

    @cached_property
    def by_id(self) -> Mapping[TableId, Table]:
        """The tables by their ids."""
        return {table.id: table for table in self.tables}

    def table(self, table: TableId) -> Table:
        """Give the table of that id; a KeyError means that the id is not of this schema."""
        return self.by_id[table]

"""What is known of a source's structure from a copy of it: what its columns could hold, and its foreign keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from dbmimic.model.schema import Column, ForeignKey, Schema


class Shape(NamedTuple):
    """What a column can hold: the engine's word for its type, the type's kind, its length, and whether NULL."""

    type: str
    kind: str
    length: int | None
    nullable: bool

    @classmethod
    def of(cls, column: Column) -> Self:
        """Give a column's."""
        return cls(column.type, column.logical.kind.value, column.logical.length, column.nullable)

    def __str__(self) -> str:
        return self.type if self.nullable else f"{self.type} NOT NULL"


class Reference(NamedTuple):
    """A declared foreign key by its two ends."""

    child: str
    child_columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]

    @classmethod
    def of(cls, edge: ForeignKey) -> Self:
        """Give a foreign key's."""
        return cls(str(edge.child), edge.child_columns, str(edge.parent), edge.parent_columns)

    def __str__(self) -> str:
        return f"{self.child}({', '.join(self.child_columns)}) -> {self.parent}({', '.join(self.parent_columns)})"


@dataclass(frozen=True, slots=True)
class Known:
    """A structure by the names of tables and columns, as JSON can hold it."""

    shapes: Mapping[str, Mapping[str, Shape]]
    references: tuple[Reference, ...]

    @classmethod
    def of(cls, schema: Schema) -> Self:
        """Give a schema's."""
        shapes = {str(table.id): {each.name: Shape.of(each) for each in table.columns} for table in schema.tables}
        return cls(shapes, tuple(sorted({Reference.of(edge) for edge in schema.foreign_keys})))

    @classmethod
    def read(cls, shapes: Mapping[str, Mapping[str, Sequence[Any]]], references: Sequence[Sequence[Any]]) -> Self:
        """Give it back from JSON."""
        return cls(
            {table: {name: Shape(*each) for name, each in columns.items()} for table, columns in shapes.items()},
            tuple(Reference(child, tuple(own), parent, tuple(its)) for child, own, parent, its in references),
        )

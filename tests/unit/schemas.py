"""Small schemas for the units, built by hand."""

from dbmimic.model.names import TableId
from dbmimic.model.schema import Column, ForeignKey, Key, Schema, Table
from dbmimic.model.types import Kind, LogicalType

INT = LogicalType(Kind.INTEGER, bits=31)
BIGINT = LogicalType(Kind.INTEGER, bits=63)
SMALLINT = LogicalType(Kind.INTEGER, bits=15)
TEXT = LogicalType(Kind.TEXT)
BOOLEAN = LogicalType(Kind.BOOLEAN)
DATE = LogicalType(Kind.DATE)
MOMENT = LogicalType(Kind.TIMESTAMPTZ)


def varchar(length: int) -> LogicalType:
    return LogicalType(Kind.TEXT, length=length)


def table(name: str, columns: dict[str, LogicalType], *keys: tuple[str, ...], nullable: tuple[str, ...] = ()) -> Table:
    """Give a table whose first key is the primary one."""
    id_ = TableId("public", name)
    return Table(
        id=id_,
        columns=tuple(
            Column(column, logical.kind.value, logical, nullable=column in nullable)
            for column, logical in columns.items()
        ),
        keys=tuple(Key(f"{name}_key{n}", key, primary=n == 0) for n, key in enumerate(keys)),
        leaves=(id_,),
    )


def edge(
    child: str, columns: tuple[str, ...], parent: str, referenced: tuple[str, ...], *, nullable: bool = False
) -> ForeignKey:
    return ForeignKey(
        f"{child}_{'_'.join(columns)}_fkey",
        TableId("public", child),
        columns,
        TableId("public", parent),
        referenced,
        nullable=nullable,
    )


def schema(tables: list[Table], *edges: ForeignKey) -> Schema:
    return Schema("postgresql", tuple(sorted(tables, key=lambda table: table.id)), edges)

"""The catalogue becomes a Schema that every later stage may trust."""

from __future__ import annotations

from dbmimic.errors import InternalError
from dbmimic.model.schema import ForeignKey, Schema
from dbmimic.ports.source import Catalogue


def read(source: Catalogue) -> Schema:
    """
    Give the source's schema, proven to hold together.

    Raises:
        InternalError: DM901, an adapter gave a key that names a table or column which is not there.
    """
    schema = source.schema()
    for table in schema.tables:
        names = {column.name for column in table.columns}
        for key in table.keys:
            if not names.issuperset(key.columns):
                raise InternalError("DM901", f"key {key.name} names a column that is not there", place=str(table.id))
    for edge in schema.foreign_keys:
        _check(edge, schema)
    return schema


def _check(edge: ForeignKey, schema: Schema) -> None:
    ends = ((edge.child, edge.child_columns), (edge.parent, edge.parent_columns))
    for table, columns in ends:
        known = schema.by_id.get(table)
        if known is None or any(known.column(name) is None for name in columns):
            raise InternalError("DM901", f"foreign key {edge.name} names what is not there", place=str(edge))
    if len(edge.child_columns) != len(edge.parent_columns) or not edge.child_columns:
        raise InternalError("DM901", f"foreign key {edge.name} has sides of different lengths", place=str(edge))

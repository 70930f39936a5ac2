"""How the server spells what it was given."""

from __future__ import annotations

import pyarrow as pa
from psycopg import sql

from dbmimic.engines.postgres import catalog
from dbmimic.engines.postgres.connect import Connection
from dbmimic.engines.postgres.errors import Side, speaking
from dbmimic.model.names import ColumnId


def spelled(connection: Connection, side: Side, column: ColumnId, values: pa.Array) -> pa.Array:
    """Give texts as the server spells them as values of the column's type, without its length or precision."""
    encoded = values.dictionary_encode()
    asked = {"schema": column.table.schema, "table": column.table.name, "column": column.name}
    with speaking(connection, side, "asking how values are spelt", column.table):
        row = connection.execute(catalog.query("plain_type"), asked).fetchone()
        if row is None:
            return values
        # `format` gives what COPY gives, where a cast to text may not: of an inet, say.
        question = sql.SQL(
            "SELECT pg_catalog.format('%%s', CAST(given.text AS {}))"
            " FROM pg_catalog.unnest(%s::text[]) WITH ORDINALITY AS given (text, number) ORDER BY given.number"
        ).format(sql.SQL(row[0].replace("%", "%%")))
        told = connection.execute(question, [encoded.dictionary.to_pylist()]).fetchall()
    return pa.array([text for (text,) in told], pa.string()).take(encoded.indices)

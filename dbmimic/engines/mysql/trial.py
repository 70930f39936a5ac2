"""A check, asked of rows that are in no table."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pyarrow as pa
import pymysql

from dbmimic.engines.mysql import errors, quoting
from dbmimic.engines.mysql.session import Session
from dbmimic.model.schema import Check, Table
from dbmimic.model.types import Kind

_CAST = {
    Kind.BOOLEAN: "CAST({} AS DECIMAL(30, 0))",
    Kind.INTEGER: "CAST({} AS DECIMAL(30, 0))",
    Kind.DECIMAL: "CAST({} AS DECIMAL(65, 30))",
    Kind.FLOAT: "CAST({} AS DOUBLE)",
    Kind.DATE: "CAST({} AS DATE)",
    Kind.TIME: "CAST({} AS TIME(6))",
    Kind.TIMESTAMP: "CAST({} AS DATETIME(6))",
    Kind.TIMESTAMPTZ: "CAST({} AS DATETIME(6))",
}
_AS_TEXT = frozenset({Kind.TEXT, Kind.ENUM, Kind.JSON, Kind.UUID, Kind.NETWORK})


def refuses(session: Session, table: Table, check: Check, columns: Mapping[str, pa.Array]) -> bool | None:
    """
    Tell whether a check refuses any of these rows; None where the server cannot be asked.

    The columns are as the table has them, with their collations.
    """
    casts, fields = [], []
    for place, name in enumerate(check.columns):
        column = table.column(name)
        kind = Kind.OTHER if column is None else column.logical.kind
        if kind not in _CAST and kind not in _AS_TEXT:
            return None
        casts.append(_CAST.get(kind, "{}").format(f"given.k{place}"))
        fields.append(f"k{place} LONGTEXT PATH '$[{place}]'")
    rows = list(zip(*(columns[name].to_pylist() for name in check.columns), strict=True))
    document = quoting.text(json.dumps(rows, ensure_ascii=False))
    listed, name = ", ".join(map(quoting.name, check.columns)), quoting.name(table.id.name)
    given = f"JSON_TABLE({document}, '$[*]' COLUMNS ({', '.join(fields)})) AS given"
    made = f"SELECT {listed} FROM {name} WHERE FALSE UNION ALL SELECT {', '.join(casts)} FROM {given}"  # noqa: S608 -- names and values are quoted
    question = f"SELECT EXISTS (SELECT 1 FROM ({made}) AS {name} WHERE NOT ({check.expression}))"  # noqa: S608 -- from the catalogue
    try:
        row = session.fetch(question)[0]
    except pymysql.MySQLError as error:
        if session.open:
            return None
        raise errors.translated(error, session.side, str(table.id)) from None
    return str(row[0]) == "1"

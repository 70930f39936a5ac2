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
_PATIENCE = 5.0  # seconds: a check may call a function, and compute for long
_HEXADECIMAL = 2  # bytes of a statement for each of a literal
_FRAME_BYTES = 1 << 16  # what stands around the rows
_AS_TEXT = frozenset({Kind.TEXT, Kind.ENUM, Kind.JSON, Kind.UUID, Kind.NETWORK})


def refuses(session: Session, table: Table, check: Check, columns: Mapping[str, pa.Array]) -> bool | None:
    """
    Tell whether a check refuses any of these rows; None where the server cannot be asked, or takes too long.

    The columns are as the table has them, with their collations. Rows that do not fit into one statement are left out.
    """
    casts, fields = [], []
    for place, name in enumerate(check.columns):
        column = table.column(name)
        kind = Kind.OTHER if column is None else column.logical.kind
        if kind not in _CAST and kind not in _AS_TEXT:
            return None
        casts.append(_CAST.get(kind, "{}").format(f"given.k{place}"))
        fields.append(f"k{place} LONGTEXT PATH '$[{place}]'")
    given_rows = list(zip(*(columns[name].to_pylist() for name in check.columns), strict=True))
    rows = _fitting(given_rows, int(session.value("SELECT @@max_allowed_packet")) // _HEXADECIMAL - _FRAME_BYTES)
    if given_rows and not rows:
        return None
    document = quoting.text(f"[{','.join(rows)}]")
    listed, name = ", ".join(map(quoting.name, check.columns)), quoting.name(table.id.name)
    given = f"JSON_TABLE({document}, '$[*]' COLUMNS ({', '.join(fields)})) AS given"
    made = f"SELECT {listed} FROM {name} WHERE FALSE UNION ALL SELECT {', '.join(casts)} FROM {given}"  # noqa: S608 -- names and values are quoted
    question = f"SELECT EXISTS (SELECT 1 FROM ({made}) AS {name} WHERE NOT ({check.expression}))"  # noqa: S608 -- from the catalogue
    try:
        row = session.fetch(f"{_limit(session)}{question}")[0]
    except pymysql.MySQLError as error:
        if session.open:
            return None
        raise errors.translated(error, session.side, str(table.id)) from None
    return str(row[0]) == "1"


def _limit(session: Session) -> str:
    """Give what stands before a query that may take so long and no longer; a MySQL server has no such words."""
    return f"SET STATEMENT max_statement_time = {_PATIENCE} FOR " if session.is_mariadb else ""


def _fitting(rows: list[tuple[str | None, ...]], room: int) -> list[str]:
    """Give those rows as JSON that fit into so many bytes together: a larger statement would end the session."""
    found = []
    for row in rows:
        spelt = json.dumps(row, ensure_ascii=False)
        size = len(spelt.encode()) + 1
        if size <= room:
            found.append(spelt)
            room -= size
    return found

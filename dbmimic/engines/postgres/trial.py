"""A check, asked of rows that are in no table."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
import pyarrow as pa
from psycopg import sql

from dbmimic.engines.postgres.catalog import Facts
from dbmimic.engines.postgres.connect import Connection, apply
from dbmimic.engines.postgres.errors import Fault, Side, translated
from dbmimic.model.schema import Check, Table

_UNFIT = "22"  # the class of errors of a value that its type does not take
_CHECKED = "23514"
_PATIENCE = (("statement_timeout", "5s"),)  # a check may call a function, and that may do anything but write


def refuses(
    connection: Connection, facts: Facts, side: Side, table: Table, check: Check, columns: Mapping[str, pa.Array]
) -> bool | None:
    """
    Tell whether a check or a type refuses any of these rows; None where the server cannot be asked, or takes too long.

    A domain's check is asked by the type itself. For a table's the columns have the table's collations.
    """
    names = [sql.Identifier(f"k{place}") for place in range(len(check.columns))]
    cast = [
        sql.SQL("CAST({} AS {})").format(name, sql.SQL(facts.bare_types[table.id.column(column)]))
        for name, column in zip(names, check.columns, strict=True)
    ]
    given = sql.SQL("SELECT {} FROM ROWS FROM ({}) AS given ({})").format(
        sql.SQL(", ").join(cast),
        sql.SQL(", ").join(sql.SQL("pg_catalog.unnest(%s::text[])") for _ in names),
        sql.SQL(", ").join(names),
    )
    if check.of_type:
        question = sql.SQL("SELECT count(made.*) < 0 FROM ({}) AS made").format(given)
    else:
        question = sql.SQL(
            "SELECT EXISTS (SELECT FROM (SELECT {} FROM ONLY {} WHERE false UNION ALL {}) AS {} WHERE NOT ({}))"
        ).format(
            sql.SQL(", ").join(map(sql.Identifier, check.columns)),
            sql.Identifier(table.id.schema, table.id.name),
            given,
            sql.Identifier(table.id.name),
            sql.SQL(check.expression.replace("%", "%%")),
        )
    try:
        with connection.transaction(force_rollback=True):
            apply(connection, _PATIENCE, local=True)
            row = connection.execute(question, [columns[name].to_pylist() for name in check.columns]).fetchone()
    except psycopg.Error as error:
        fault = Fault.of(error, connection)
        if fault.broken:
            raise translated(fault, side, "trying a check", str(table.id)) from None
        if fault.state == _CHECKED:
            return check.of_type and fault.constraint == check.name
        return True if fault.state.startswith(_UNFIT) else None
    return bool(row and row[0])

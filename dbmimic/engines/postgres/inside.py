"""References that stand inside documents."""

from __future__ import annotations

from psycopg import sql

from dbmimic.model.schema import Inside
from dbmimic.model.types import Kind

_LARGEST = 2**63 - 1
_AS_KEY = {
    # Two tests, one inside the other: what is no number cannot be cast, and the server may ask in any order.
    Kind.INTEGER: "CASE WHEN {value} ~ '^-?[0-9]{{1,19}}$' THEN"
    f" CASE WHEN ({{value}})::numeric BETWEEN {-_LARGEST - 1} AND {_LARGEST} THEN ({{value}})::int8 END END",
    Kind.UUID: "CASE WHEN {value} ~* '^[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$' THEN ({value})::uuid END",
    Kind.TEXT: "{value}",
}


def reference(column: str, type_: str, at: Inside) -> sql.Composed:
    """Give what stands at a place of a document, under the column's name; NULL where it cannot be a key."""
    of = sql.Identifier(column)
    path = sql.Literal([str(step) for step in at.steps])
    value = sql.SQL("({} #>> {}::text[])").format(of, path)
    return sql.SQL("CASE WHEN {kind}({of} #> {path}::text[]) IN ('number', 'string') THEN {key} END AS {of}").format(
        kind=sql.SQL("pg_catalog.json_typeof" if type_ == "json" else "pg_catalog.jsonb_typeof"),
        of=of,
        path=path,
        key=sql.SQL(_AS_KEY[at.kind]).format(value=value),
    )

"""A check, asked of rows that are in no table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pyarrow as pa

from dbmimic.engines.sqlite.catalogue import TableFacts
from dbmimic.engines.sqlite.connection import Snapshot, name
from dbmimic.engines.sqlite.declared import Affinity
from dbmimic.errors import SourceError
from dbmimic.model.schema import Check

_WHOLE, _NUMBER = re.compile(r"[+-]?\d{1,18}"), re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")


def refuses(snapshot: Snapshot, facts: TableFacts, check: Check, columns: Mapping[str, pa.Array]) -> bool | None:
    """
    Tell whether a check refuses any of these rows; None where SQLite cannot be asked.

    The columns are as the table has them, with their collations.
    """
    held = []
    for column in check.columns:
        numeric = facts.affinities.get(column) is Affinity.NUMERIC
        values = columns[column].to_pylist()
        held.append([_number(value) if numeric and value is not None else value for value in values])
    rows = json.dumps(list(zip(*held, strict=True)))
    listed, table = ", ".join(map(name, check.columns)), name(facts.table.id.name)
    fields = ", ".join(f"json_extract(g.value, '$[{place}]')" for place in range(len(check.columns)))
    made = f"SELECT {listed} FROM {table} WHERE 0 UNION ALL SELECT {fields} FROM json_each(?) AS g"  # noqa: S608 -- quoted
    question = f"SELECT EXISTS (SELECT 1 FROM ({made}) AS {table} WHERE NOT ({check.expression}\n))"  # noqa: S608 -- from the catalogue
    try:
        return bool(snapshot.value(question, (rows,), str(facts.table.id)))
    except SourceError:
        return None


def _number(text: str) -> str | int | float:
    """Give the number that a column of numbers makes of a text, if it makes one."""
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text

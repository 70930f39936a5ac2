"""Where each table of the source stands in the target: engines differ in schemas, in folding and in lengths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dbmimic.errors import Problem, RefusedError
from dbmimic.model.names import TableId
from dbmimic.model.schema import Schema, Table

_DEFAULT_SCHEMA = "public"
_LONGEST = {"mysql": 64, "postgresql": 63}  # characters, and bytes
_HINT = "rename it in the source, or copy into the same engine"


def mapped(schema: Schema, to: str) -> Mapping[TableId, TableId]:
    """
    Give each table's id in the target.

    Where the target has no schemas, tables of the default schema keep their names and others get their schema's name
    in front: `sales.orders` becomes `sales_orders`.

    Raises:
        RefusedError: DM309 for each name that is too long, reserved, or the same as another's in the target.
    """
    names = {table.id: _mapped(table.id, to) for table in schema.tables}
    problems = list(_clashes(((str(old), new.name) for old, new in names.items()), to))
    problems += [_told(str(old), to) for old, new in names.items() if to == "sqlite" and _is_sqlites(new.name)]
    for table in schema.tables:
        problems += _of_columns(table, to)
    for old, new in names.items():
        problems += _unfit(str(old), new.name, to)
    if problems:
        raise RefusedError.of(problems)
    return names


def _mapped(table: TableId, to: str) -> TableId:
    if to == "postgresql":
        return TableId(_DEFAULT_SCHEMA, table.name)
    prefix = "" if table.schema in {"", _DEFAULT_SCHEMA} else f"{table.schema}_"
    return TableId("", prefix + table.name)


def _of_columns(table: Table, to: str) -> Iterator[Problem]:
    ids = [(str(table.id.column(column.name)), column.name) for column in table.columns]
    yield from _clashes(ids, to)
    for place, name in ids:
        yield from _unfit(place, name, to)


def _clashes(named: Iterable[tuple[str, str]], to: str) -> Iterator[Problem]:
    met: dict[str, str] = {}
    for place, name in named:
        key = name if to == "postgresql" else name.casefold()
        if key in met:
            yield Problem("DM309", f"{to} takes its name for that of {met[key]}", place, _HINT)
        met.setdefault(key, place)


def _unfit(place: str, name: str, to: str) -> Iterator[Problem]:
    longest = _LONGEST.get(to)
    length = len(name.encode()) if to == "postgresql" else len(name)
    if longest is not None and length > longest:
        yield Problem("DM309", f"its name is too long for {to}", place, _HINT)
    if to == "mysql" and name.endswith(" "):
        yield _told(place, to)


def _is_sqlites(name: str) -> bool:
    return name.casefold().startswith("sqlite_")


def _told(place: str, to: str) -> Problem:
    return Problem("DM309", f"{to} does not allow its name", place, _HINT)

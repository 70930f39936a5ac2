"""information_schema becomes a Schema, and the form of every column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from dbmimic.engines.mysql import quoting
from dbmimic.engines.mysql.queries import query
from dbmimic.engines.mysql.session import Row, Session
from dbmimic.engines.mysql.storage import has_snapshots, is_elsewhere
from dbmimic.engines.mysql.types import Declared, Form, form, logical
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.names import TableId
from dbmimic.model.schema import (
    Check,
    Column,
    Distinct,
    ForeignKey,
    Generated,
    Identity,
    Key,
    Schema,
    Sequence,
    Table,
    TableKind,
)

_TABLE_TYPES = frozenset({"BASE TABLE", "SYSTEM VERSIONED"})
DIALECT = "mysql"  # sqlglot's name of its SQL
_QUOTED = re.compile(r"'(?:[^'\\]|\\.|'')*'|`((?:[^`]|``)*)`", re.DOTALL)
_JSON_CHECK = re.compile(r"json_valid\(`((?:[^`]|``)*)`\)\Z")


@dataclass(frozen=True)
class Catalogue:
    """The schema, and beside it how each table's columns travel, in column order, and about how many bytes it takes."""

    schema: Schema
    forms: Mapping[TableId, Mapping[str, Form]]
    sizes: Mapping[TableId, int]


def table_id(name: str) -> TableId:
    """Give the id of a table of the session's database."""
    return TableId("", name)


def read(session: Session, database: str) -> Catalogue:
    """Give what the session's database says of itself."""
    rows = session.rows(query("tables"))
    tables = [row for row in rows if row[1] in _TABLE_TYPES]
    sequences = tuple(Sequence(table_id(row[0])) for row in rows if row[1] == "SEQUENCE")
    columns = _grouped(session.rows(query("columns")))
    keys = _grouped(session.rows(query("indexes")))
    conditions = session.rows(query("checks")) if session.is_mariadb else []
    json_columns = _json_columns(conditions)
    checks = _checks(conditions)
    forms: dict[TableId, Mapping[str, Form]] = {}
    made = []
    for row in tables:
        table = table_id(row[0])
        of_table = [_form(entry, row[0], json_columns, session) for entry in columns.get(row[0], [])]
        forms[table] = {each.column.name: each for each in of_table}
        described = tuple(each.column for each in of_table)
        listed = keys.get(row[0], [])
        unique = tuple(_keys([part for part in listed if not int(part[4])]))
        indexes = tuple(_keys([part for part in listed if int(part[4])]))
        made.append(
            Table(
                table,
                described,
                unique,
                kind=TableKind.FOREIGN if is_elsewhere(row[1], row[2]) else TableKind.PLAIN,
                leaves=(table,),
                estimated_rows=int(row[3] or 0),
                indexes=indexes,
                checks=tuple(checks.get(row[0], ())),
                distinct=tuple(_distinct([part for part in listed if not int(part[4])])),
            )
        )
    by_id = {table.id: table for table in made}
    edges, foreign = _foreign_keys(session.rows(query("foreign_keys")), by_id, database)
    findings = (*_table_findings(tables), *foreign)
    sizes = {table_id(row[0]): int(row[6] or 0) for row in tables}
    return Catalogue(Schema("mysql", tuple(made), edges, sequences, findings), forms, sizes)


def _grouped(rows: list[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row[0], []).append(row)
    return grouped


def _json_columns(conditions: list[Row]) -> frozenset[tuple[str, str]]:
    found = ((row[0], _JSON_CHECK.match(row[2])) for row in conditions)
    return frozenset((table, match.group(1).replace("``", "`")) for table, match in found if match)


def _checks(conditions: list[Row]) -> dict[str, list[Check]]:
    """Give the conditions by table, without those that only say that a column is JSON."""
    found: dict[str, list[Check]] = {}
    for table, title, clause in conditions:
        if _JSON_CHECK.match(clause):
            continue
        names = (match.group(1) for match in _QUOTED.finditer(clause))
        columns = tuple(dict.fromkeys(name.replace("``", "`") for name in names if name is not None))
        found.setdefault(table, []).append(Check(title, clause, columns, DIALECT))
    return found


def _distinct(rows: list[Row]) -> Iterator[Distinct]:
    """Give the unique indexes that look at the beginnings of some values only."""
    for index, parts in groupby(rows, key=lambda row: row[1]):
        listed = list(parts)
        if any(part[3] is not None for part in listed) and all(part[2] is not None for part in listed):
            named = ((quoting.name(column), sub_part) for _, _, column, sub_part, _ in listed)
            elements = tuple(column if part is None else f"LEFT({column}, {int(part)})" for column, part in named)
            yield Distinct(index, elements, DIALECT)


def _form(row: Row, table: str, json_columns: frozenset[tuple[str, str]], session: Session) -> Form:
    _, name, column_type, nullable, default, extra, characters, precision, scale, charset, collation = row
    is_json = column_type.lower() == "json" or (table, name) in json_columns
    described = logical(
        Declared(column_type, _number(characters), _number(precision), _number(scale), charset, is_json, collation)
    )
    column = Column(
        name=name,
        type=column_type,
        logical=described,
        nullable=nullable == "YES",
        generated=_generated(extra or ""),
        identity=Identity.BY_DEFAULT if "auto_increment" in (extra or "").lower() else Identity.NO,
        default=default,
    )
    return form(column, charset, is_mariadb=session.is_mariadb)


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _generated(extra: str) -> Generated:
    upper = extra.upper()
    if "VIRTUAL GENERATED" in upper:
        return Generated.VIRTUAL
    return Generated.STORED if "STORED GENERATED" in upper or "PERSISTENT" in upper else Generated.NO


def _keys(rows: list[Row]) -> Iterator[Key]:
    """Give the indexes; one over a prefix or an expression is left out."""
    for index, parts in groupby(rows, key=lambda row: row[1]):
        listed = list(parts)
        if all(column is not None and sub_part is None for _, _, column, sub_part, _ in listed):
            yield Key(index, tuple(row[2] for row in listed), primary=index == "PRIMARY")


def _foreign_keys(
    rows: list[Row], tables: Mapping[TableId, Table], database: str
) -> tuple[tuple[ForeignKey, ...], list[Finding]]:
    edges, findings = [], []
    for (table, constraint), parts in groupby(rows, key=lambda row: (row[0], row[1])):
        listed = list(parts)
        _, _, _, parent_database, parent, _ = listed[0]
        child = tables.get(table_id(table))
        if child is None:
            continue
        if parent_database != database or table_id(parent) not in tables:
            findings.append(_loose(child.id, constraint, is_far=parent_database != database))
            continue
        columns = tuple(row[2] for row in listed)
        nullable = {column.name for column in child.columns if column.nullable}
        edges.append(
            ForeignKey(
                name=constraint,
                child=child.id,
                child_columns=columns,
                parent=table_id(parent),
                parent_columns=tuple(row[5] for row in listed),
                nullable=not nullable.isdisjoint(columns),
            )
        )
    return tuple(edges), findings


def _loose(table: TableId, constraint: str, *, is_far: bool) -> Finding:
    if is_far:
        reason = f"the foreign key {constraint} references a table of another database"
        hint = "the key is neither followed nor built in the copy"
    else:
        reason = f"the foreign key {constraint} references a table that is not there"
        hint = "the key cannot be followed"
    return Finding("DM405", Severity.WARNING, str(table), reason, hint)


def _table_findings(rows: list[Row]) -> Iterator[Finding]:
    for name, kind, engine, *_ in rows:
        place = str(table_id(name))
        if is_elsewhere(kind, engine):
            reason = f"its rows are elsewhere (storage engine {engine}), so they are not copied, nor what leads there"
            hint = "in its place the copy has an empty table of its own"
            yield Finding("DM405", Severity.WARNING, place, reason, hint)
        elif not has_snapshots(engine):
            reason = f"the storage engine {engine} has no snapshots: rows that change during the run may be mixed"
            yield Finding("DM405", Severity.WARNING, place, reason, "copy from a server that nobody writes to")
        if kind == "SYSTEM VERSIONED":
            reason = "the table keeps a history of its rows; only the current rows are copied"
            hint = "in the copy FOR SYSTEM_TIME finds nothing from before it: what was history there began anew"
            yield Finding("DM405", Severity.WARNING, place, reason, hint)

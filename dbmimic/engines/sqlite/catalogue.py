"""The catalogue of one file: the `Schema`, and the facts that only this engine needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from dbmimic.engines.sqlite import constraints
from dbmimic.engines.sqlite.connection import Row, Snapshot, name, query
from dbmimic.engines.sqlite.declared import Affinity, affinity, logical
from dbmimic.errors import SourceError, TargetError
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.names import TableId, column_list
from dbmimic.model.schema import Column, ForeignKey, Generated, Identity, Key, Schema, Table, TableKind

ROWID_NAMES = ("rowid", "_rowid_", "oid")

_REFUSING = frozenset({"NO ACTION", "RESTRICT"})

# What may hide a word from a search in SQL: strings, quoted names and comments.
_OPAQUE = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL
)
_CHECK = re.compile(r"\bCHECK\b", re.IGNORECASE)
_AUTOINCREMENT = re.compile(r"\bAUTOINCREMENT\b", re.IGNORECASE)

# SQLite compares names without regard to the case of ASCII letters, and of no others.
_FOLD = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def folded(identifier: str) -> str:
    """Give the name in the form in which SQLite compares it."""
    return identifier.translate(_FOLD)


@dataclass(frozen=True)
class TableFacts:
    """
    One table as this engine sees it.

    `rowid` is the SQL name of the row's number, None for a WITHOUT ROWID table; `indexes` are the columns of each
    index without a condition, the primary key among them; `affinities` are by column name.
    """

    table: Table
    rowid: str | None
    indexes: tuple[tuple[str, ...], ...] = ()
    affinities: Mapping[str, Affinity] = field(default_factory=dict)

    def seeks(self, columns: tuple[str, ...]) -> bool:
        """Tell whether an index begins with exactly these columns, in any order."""
        return any(set(index[: len(columns)]) == set(columns) for index in self.indexes)


@dataclass(frozen=True)
class Catalogue:
    """The whole catalogue, read once."""

    facts: tuple[TableFacts, ...]
    schema: Schema

    @cached_property
    def by_id(self) -> Mapping[TableId, TableFacts]:
        """The facts by table."""
        return {facts.table.id: facts for facts in self.facts}


def read(snapshot: Snapshot) -> Catalogue:
    """Read the catalogue under the snapshot. Cost: a handful of small queries a table."""
    findings: list[Finding] = []
    statistics = _statistics(snapshot)
    facts = tuple(
        _table(snapshot, row, statistics.get(folded(row[0])), findings) for row in snapshot.all(query("tables"))
    )
    edges = _foreign_keys(snapshot, facts, findings)
    tables = tuple(sorted((fact.table for fact in facts), key=lambda table: table.id))
    return Catalogue(facts, Schema("sqlite", tables, edges, findings=tuple(findings)))


def _statistics(snapshot: Snapshot) -> dict[str, int]:
    if not snapshot.all("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'"):
        return {}
    counts: dict[str, int] = {}
    for table, stat in snapshot.all(query("statistics")):
        first = str(stat).split(" ", 1)[0]
        if table and first.isdecimal():
            counts[folded(table)] = max(counts.get(folded(table), 0), int(first))
    return counts


def _table(snapshot: Snapshot, row: Row, counted: int | None, findings: list[Finding]) -> TableFacts:
    title, kind, without_rowid, strict, sql = row
    table = TableId("", title)
    if kind == "virtual":
        message = "a virtual table is created empty: its rows are kept by its module"
        findings.append(Finding("DM405", Severity.WARNING, str(table), message))
        return TableFacts(
            Table(table, _virtual_columns(snapshot, table), kind=TableKind.VIRTUAL, leaves=(table,)), None
        )
    bare = _OPAQUE.sub(" ", sql)
    described = snapshot.all(query("columns"), (title,), str(table))
    indexes = _indexes(snapshot, table)
    alias = None if without_rowid else _alias(described, indexes)
    made = constraints.computed(sql, [column[0] for column in described]) if any(row[5] for row in described) else {}
    defaulted = [(*column[:3], made.get(column[0], column[3]), *column[4:]) for column in described]
    columns = tuple(_column(column, alias, auto=bool(_AUTOINCREMENT.search(bare))) for column in defaulted)
    primary = tuple(column[0] for column in sorted(described, key=lambda column: int(column[4])) if column[4])
    rowid = None if without_rowid else _rowid(table, columns, alias)
    whole = Table(
        table,
        columns,
        keys=_keys(primary, indexes),
        leaves=(table,),
        estimated_rows=_estimate(snapshot, table, rowid) if counted is None else counted,
        checks=constraints.checks(sql, [column.name for column in columns]) if _CHECK.search(bare) else (),
        distinct=tuple(constraints.distinct(*one) for one in snapshot.all(query("expressions"), (title,), str(table))),
    )
    searchable = [tuple(index.columns) for index in indexes if not index.partial and None not in index.columns]
    return TableFacts(
        whole,
        rowid,
        indexes=tuple(tuple(column for column in columns if column) for columns in searchable)
        + ((primary,) if primary else ()),
        affinities={column.name: affinity(column.type, strict=bool(strict)) for column in columns},
    )


def _virtual_columns(snapshot: Snapshot, table: TableId) -> tuple[Column, ...]:
    try:
        described = snapshot.all(query("columns"), (table.name,), str(table))
    except (SourceError, TargetError):
        return ()  # its module is not here, or wants to write to be asked: its columns hold nothing that is copied
    return tuple(_column(column, None, auto=False) for column in described)


def _column(described: Row, alias: str | None, *, auto: bool) -> Column:
    title, declared, notnull, default, _, hidden = described
    is_alias = title == alias
    return Column(
        title,
        declared,
        logical(declared),
        nullable=not notnull and not is_alias,
        generated={2: Generated.VIRTUAL, 3: Generated.STORED}.get(hidden, Generated.NO),
        identity=Identity.BY_DEFAULT if is_alias and auto else Identity.NO,
        default=default,
    )


@dataclass(frozen=True, slots=True)
class _Index:
    title: str
    unique: bool
    origin: str
    partial: bool
    columns: tuple[str | None, ...]


def _indexes(snapshot: Snapshot, table: TableId) -> list[_Index]:
    grouped: dict[str, tuple[Row, list[str | None]]] = {}
    for row in snapshot.all(query("indexes"), (table.name,), str(table)):
        grouped.setdefault(row[0], (row, []))[1].append(row[4])
    return [
        _Index(title, bool(row[1]), row[2], bool(row[3]), tuple(columns)) for title, (row, columns) in grouped.items()
    ]


def _alias(described: list[Row], indexes: list[_Index]) -> str | None:
    """Give the column that is the rowid by another name. `INTEGER PRIMARY KEY DESC` is not: it has an index."""
    primary = [column for column in described if column[4]]
    if len(primary) != 1 or primary[0][1].upper() != "INTEGER" or any(index.origin == "pk" for index in indexes):
        return None
    return str(primary[0][0])


def _rowid(table: TableId, columns: tuple[Column, ...], alias: str | None) -> str:
    if alias is not None:
        return name(alias)
    taken = {folded(column.name) for column in columns}
    for candidate in ROWID_NAMES:
        if candidate not in taken:
            return candidate
    hint = "rename one of its columns rowid, _rowid_ and oid, or give the table an INTEGER PRIMARY KEY"
    raise SourceError("DM405", "the table's columns hide every name of its row number", place=str(table), hint=hint)


def _keys(primary: tuple[str, ...], indexes: list[_Index]) -> tuple[Key, ...]:
    keys = [Key("PRIMARY KEY", primary, primary=True)] if primary else []
    for index in indexes:
        columns = tuple(column for column in index.columns if column is not None)
        if index.unique and index.origin != "pk" and not index.partial and len(columns) == len(index.columns):
            keys.append(Key(index.title, columns))
    return tuple(keys)


def _estimate(snapshot: Snapshot, table: TableId, rowid: str | None) -> int:
    """Give about how many rows there are: cheap where rows are numbered, counted where they are not."""
    if rowid is None:
        return int(snapshot.value(f"SELECT count(*) FROM {name(table.name)}", (), str(table)))  # noqa: S608 -- quoted
    largest = snapshot.value(f"SELECT max({rowid}) FROM {name(table.name)}", (), str(table))  # noqa: S608 -- quoted
    pages, size = snapshot.value("PRAGMA page_count"), snapshot.value("PRAGMA page_size")
    fitting = int(pages * size) // 4  # no row is smaller
    return min(max(int(largest or 0), 0), fitting)


def _foreign_keys(snapshot: Snapshot, facts: tuple[TableFacts, ...], findings: list[Finding]) -> tuple[ForeignKey, ...]:
    known = {folded(fact.table.id.name): fact.table for fact in facts}
    edges: list[ForeignKey] = []
    for fact in facts:
        child = fact.table
        grouped: dict[int, list[Row]] = {}
        for row in snapshot.all(query("foreign_keys"), (child.id.name,), str(child.id)):
            grouped.setdefault(row[0], []).append(row)
        used: dict[str, int] = {}
        for rows in grouped.values():
            edge = _edge(child, known.get(folded(rows[0][1])), rows, used, findings)
            if edge is not None:
                edges.append(edge)
    return tuple(sorted(edges, key=lambda edge: (edge.child, edge.name)))


def _edge(
    child: Table, parent: Table | None, rows: list[Row], used: dict[str, int], findings: list[Finding]
) -> ForeignKey | None:
    child_columns = tuple(_spelled(child, row[2]) for row in rows)
    title = f"{child.id}{column_list(tuple(row[2] for row in rows))}"
    if parent is None or not parent.holds_rows:
        message = "a foreign key references a table that is not there, and is left out"
        findings.append(Finding("DM405", Severity.WARNING, title, message))
        return None
    if rows[0][3] is None:  # REFERENCES parent, without columns: its primary key
        parent_columns: tuple[str | None, ...] = parent.primary_key.columns if parent.primary_key else ()
    else:
        parent_columns = tuple(_spelled(parent, row[3]) for row in rows)
    references = tuple(column for column in parent_columns if column is not None)
    holds = tuple(column for column in child_columns if column is not None)
    if not len(references) == len(holds) == len(rows):
        message = f"a foreign key does not fit the columns of {parent.id}, and is left out"
        findings.append(Finding("DM405", Severity.WARNING, title, message))
        return None
    if not any(set(key.columns) == set(references) for key in parent.keys):
        message = (
            f"a foreign key references columns of {parent.id} that no key makes unique; it is followed all the same"
        )
        findings.append(Finding("DM405", Severity.WARNING, title, message))
    used[title] = used.get(title, 0) + 1
    return ForeignKey(
        title if used[title] == 1 else f"{title} #{used[title]}",
        child.id,
        holds,
        parent.id,
        references,
        nullable=any(column.nullable for column in child.columns if column.name in holds),
        on_delete="" if rows[0][4] in _REFUSING else str(rows[0][4]),
        on_update="" if rows[0][5] in _REFUSING else str(rows[0][5]),
    )


def _spelled(table: Table, column: str) -> str | None:
    """Give the catalogue's own spelling of a column that a foreign key names in its own."""
    return next((own.name for own in table.columns if folded(own.name) == folded(column)), None)

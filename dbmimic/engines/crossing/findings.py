"""What does not get into another engine, or gets there as something else: one finding for each kind of thing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dbmimic.engines.crossing import defaults
from dbmimic.engines.crossing.composing import Design
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.schema import Generated, Key, Schema, TableKind
from dbmimic.model.target import Structure
from dbmimic.model.types import Kind

_SHOWN = 12
_LOST = {
    "VIEW": "views",
    "MATERIALIZED VIEW": "materialized views",
    "FUNCTION": "functions",
    "PROCEDURE": "procedures",
    "AGGREGATE": "aggregates",
    "TRIGGER": "triggers",
    "EVENT TRIGGER": "event triggers",
    "EVENT": "events",
    "RULE": "rewrite rules",
    "POLICY": "row policies",
    "CHECK": "CHECK constraints",
    "EXCLUDE": "exclusion constraints",
    "INDEX": "indexes",
    "INHERITS": "inheritances",
    "ON UPDATE": "times of the last change (ON UPDATE)",
    "PARTITION": "partitions",
    "COMMENT": "comments",
    "EXTENSION": "extensions",
}


def all_of(source: Schema, structure: Structure, design: Design, numbering: frozenset[ColumnId]) -> list[Finding]:
    """Give the findings about a source and what it becomes."""
    return [
        *_objects(source, structure, design),
        *_tables(source, design),
        *_columns(source, design, numbering),
        *_barred(design),
    ]


def _index_name(table: TableId, index: Key) -> str:
    """Give an index's name as a structure tells it: beside its table's, where names are of the whole schema."""
    return f"{table.schema or table.name}.{index.name}"


def _objects(source: Schema, structure: Structure, design: Design) -> Iterator[Finding]:
    carried = {_index_name(table.id, key) for table in source.tables for key in table.keys}
    carried |= {_index_name(table, index) for table, index in design.indexes}
    for kind, words in _LOST.items():
        found = [name for each, name in structure.objects if each == kind and name not in carried]
        yield from _told(words, found, f"are not carried into {design.to}")
    defaults_ = [column.default or "" for table in source.tables for column in table.columns]
    free = [
        str(sequence.id)
        for sequence in source.sequences
        if sequence.owner is None and not any(sequence.id.name in default for default in defaults_)
    ]
    yield from _told("sequences", free, f"are not carried into {design.to}")


def _tables(source: Schema, design: Design) -> Iterator[Finding]:
    split = [str(table.id) for table in source.tables if table.kind is TableKind.PARTITIONED]
    yield from _told("partitioned tables", split, f"become plain tables in {design.to}")
    elsewhere = [str(table.id) for table in source.tables if not table.holds_rows]
    yield from _told("tables whose rows are elsewhere", elsewhere, f"become plain, empty tables in {design.to}")
    partial = [str(edge) for edge in source.foreign_keys if edge.child_leaves or edge.parent_leaf]
    yield from _told("foreign keys of single partitions", partial, "hold for the whole tables in the copy")
    periods = [str(edge) for edge in source.foreign_keys if edge.period]
    yield from _told("foreign keys over periods", periods, f"are neither followed nor audited: {design.to} has none")
    refused = [str(edge) for edge in source.foreign_keys if "SET DEFAULT" in {edge.on_delete, edge.on_update}]
    if design.to == "mysql":
        yield from _told("foreign keys that set defaults", refused, "refuse the change in mysql instead")
    loose = [str(edge) for edge in design.schema.foreign_keys if edge not in design.edges]
    yield from _told(
        "foreign keys", loose, f"are followed and audited but not built in {design.to}: no key is referenced"
    )


def _columns(source: Schema, design: Design, numbering: frozenset[ColumnId]) -> Iterator[Finding]:
    columns = [(table.id.column(column.name), column) for table in source.tables for column in table.columns]
    computed = [str(id_) for id_, column in columns if column.generated is not Generated.NO]
    yield from _told("generated columns", computed, "become plain columns with the source's values, and need rules")
    lost = [
        str(id_)
        for id_, column in columns
        if not (defaults.is_nothing(column.default) or id_ in design.defaults or id_ in numbering)
        and column.generated is Generated.NO
    ]
    yield from _told("defaults", lost, f"are not carried into {design.to}")
    uncounted = [str(id_) for id_ in sorted(numbering - design.counters) if design.to != "sqlite"]
    yield from _told("columns", uncounted, f"number no new rows in {design.to}: they are not the primary key")
    notes: dict[str, list[str]] = {}
    for id_, held in design.held.items():
        if held.note:
            notes.setdefault(held.note, []).append(str(id_))
    for note, ids in sorted(notes.items()):
        yield from _told("columns", ids, f"are kept as {note}")
    if design.to == "sqlite":
        floats = [str(id_) for id_, column in columns if column.logical.kind is Kind.FLOAT]
        yield from _told("columns", floats, "lose the sign of a zero: SQLite keeps -0 as 0")


def _barred(design: Design) -> Iterator[Finding]:
    for id_, held in design.held.items():
        if held.barred:
            hint = "mask the column by `null`, or exclude its table"
            yield Finding(
                "DM309", Severity.WARNING, str(id_), f"the column may only be NULL in {design.to}: {held.barred}", hint
            )


def _told(words: str, names: Iterable[str], message: str) -> Iterator[Finding]:
    listed = sorted(set(names))
    if not listed:
        return
    shown = ", ".join(listed[:_SHOWN]) + (f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else "")
    place = f"{words}: {message.partition(':')[2].strip()}" if words == "columns" else words
    yield Finding("DM405", Severity.WARNING, place, f"{words} {message} ({len(listed)}): {shown}")

"""The catalogue, read under the snapshot: the `Schema`, and what only this engine needs to know beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from dbmimic.engines import charsets
from dbmimic.engines.postgres.connect import Connection
from dbmimic.engines.postgres.types import BaseType, in_charset, logical
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.schema import (
    Check,
    Column,
    Distinct,
    ForeignKey,
    Generated,
    Identity,
    Key,
    Match,
    Schema,
    Table,
    TableKind,
)
from dbmimic.model.schema import Sequence as OwnedSequence

ENGINE = "postgresql"
DIALECT = "postgres"  # sqlglot's name of its SQL

EdgeKey = tuple[TableId, tuple[str, ...], TableId, tuple[str, ...]]


def query(name: str) -> bytes:
    """Give one of the catalogue queries by its file's name."""
    return resources.files("dbmimic.engines.postgres").joinpath("sql", f"{name}.sql").read_bytes()


@dataclass(frozen=True, slots=True)
class Relation:
    """One thing that is a table to PostgreSQL: a table, a partitioned table, a partition, a foreign table."""

    oid: int
    id: TableId
    kind: str
    root: int
    ancestors: tuple[int, ...]
    rows: int
    unlogged: bool
    extension: bool
    configured: bool

    @property
    def is_partition(self) -> bool:
        """Whether it is a part of another table."""
        return self.root != self.oid


@dataclass(frozen=True, slots=True)
class Operator:
    """
    How one column pair of a foreign key is compared, as the constraint itself does it.

    `left` and `right` are the types that both sides are cast to, None where the operator takes any type;
    `collation` is the parent's, where the child's is another.
    """

    schema: str
    name: str
    left: str | None
    right: str | None
    collation: tuple[str, str] | None


@dataclass(frozen=True)
class Facts:
    """
    The schema and what the engine's queries need beside it.

    `names` tells what is locked and read, by oid. `beneath` gives, for every partitioned table and partition, the
    leaves under it that are read; `whole` holds the partitioned tables that can be queried as one, because no leaf of
    theirs is a foreign table.
    """

    schema: Schema
    names: Mapping[int, TableId]
    beneath: Mapping[TableId, tuple[TableId, ...]]
    whole: frozenset[TableId]
    operators: Mapping[EdgeKey, tuple[Operator, ...]]
    bare_types: Mapping[ColumnId, str] = field(repr=False)


def edge_key(edge: ForeignKey) -> EdgeKey:
    """Give what tells an edge apart from all others, whatever its name."""
    return edge.child, edge.child_columns, edge.parent, edge.parent_columns


def read(connection: Connection) -> Facts:
    """Read the catalogue. Cost: eleven queries, whatever the number of tables."""
    relations = [
        Relation(oid, TableId(schema, name), kind, root, tuple(above), rows, unlogged, extension, configured)
        for oid, schema, name, kind, root, above, rows, unlogged, extension, configured in connection.execute(
            query("relations")
        )
    ]
    findings = [_of_extension(relation) for relation in relations if relation.configured]
    relations = [relation for relation in relations if not relation.extension]
    by_oid = {relation.oid: relation for relation in relations}
    relations = [relation for relation in relations if relation.root in by_oid]
    leaves = _leaves(relations)
    findings += [
        _foreign_leaf(relation, by_oid[relation.root].id)
        for relation in relations
        if relation.is_partition and relation.kind == "f"
    ]
    columns, bare, oids = _columns(connection, [relation for relation in relations if not relation.is_partition])
    tables = _tables(connection, relations, columns, leaves)
    edges, operators = _foreign_keys(connection, by_oid, leaves)
    if connection.execute(query("large_objects")).fetchone() == (True,):
        findings += _large_objects(oids)
    findings += [_far_view(TableId(schema, name)) for _, schema, name in connection.execute(query("far_views"))]
    schema = Schema(
        ENGINE,
        tables=tuple(sorted(tables, key=lambda table: table.id)),
        foreign_keys=tuple(sorted(edges, key=lambda edge: (edge.child, edge.name))),
        sequences=_sequences(connection, by_oid),
        findings=tuple(findings),
    )
    return Facts(
        schema,
        names={relation.oid: relation.id for relation in relations if relation.kind != "f"},
        beneath={by_oid[oid].id: under for oid, under in leaves.items()},
        whole=_whole(relations, by_oid),
        operators=operators,
        bare_types=bare,
    )


def _leaves(relations: Sequence[Relation]) -> dict[int, tuple[TableId, ...]]:
    """Give the readable leaves of every relation, in name order; a plain table is its own leaf."""
    found: dict[int, list[TableId]] = {relation.oid: [] for relation in relations}
    for relation in relations:
        if relation.kind == "r":
            for holder in (relation.oid, *relation.ancestors):
                found[holder].append(relation.id)
    return {oid: tuple(sorted(under)) for oid, under in found.items()}


def _whole(relations: Sequence[Relation], by_oid: Mapping[int, Relation]) -> frozenset[TableId]:
    """Give the partitioned relations that hold no foreign table."""
    mixed = {holder for relation in relations if relation.kind == "f" for holder in relation.ancestors}
    return frozenset(relation.id for oid, relation in by_oid.items() if relation.kind == "p" and oid not in mixed)


_KINDS = {"r": TableKind.PLAIN, "p": TableKind.PARTITIONED, "f": TableKind.FOREIGN}


def _tables(
    connection: Connection,
    relations: Sequence[Relation],
    columns: Mapping[int, tuple[Column, ...]],
    leaves: Mapping[int, tuple[TableId, ...]],
) -> list[Table]:
    roots = [relation for relation in relations if not relation.is_partition]
    oids = [relation.oid for relation in roots]
    keys: dict[int, list[Key]] = {}
    indexes: dict[int, list[Key]] = {}
    for oid, name, primary, unique, once, names in connection.execute(query("keys"), [oids]):
        found = Key(name, tuple(names), primary=primary, equal_nulls=once)
        (keys if unique else indexes).setdefault(oid, []).append(found)
    checks, distinct = _checks(connection, oids), _distinct(connection, oids)
    split_by = _split_by(connection, relations, columns)
    for oid, bounds in _bounds(connection, relations, split_by):
        checks.setdefault(oid, []).append(bounds)
    rows: dict[int, int] = {}
    for relation in relations:
        if relation.kind == "r":
            rows[relation.root] = rows.get(relation.root, 0) + relation.rows
    return [
        Table(
            relation.id,
            columns.get(relation.oid, ()),
            tuple(keys.get(relation.oid, ())),
            _KINDS[relation.kind],
            leaves[relation.oid],
            split_by.get(relation.oid, ()),
            rows.get(relation.oid, 0),
            indexes=tuple(indexes.get(relation.oid, ())),
            checks=tuple(checks.get(relation.oid, ())),
            distinct=tuple(distinct.get(relation.oid, ())),
        )
        for relation in roots
    ]


def _split_by(
    connection: Connection, relations: Sequence[Relation], columns: Mapping[int, tuple[Column, ...]]
) -> dict[int, tuple[str, ...]]:
    """Give the columns by which each partitioned table, or a partition of it, is split, in the table's order."""
    found: dict[int, set[str]] = {}
    root_of = {relation.oid: relation.root for relation in relations}
    split = [relation.oid for relation in relations if relation.kind == "p"]
    for oid, name in connection.execute(query("partition_columns"), [split]):
        found.setdefault(root_of[oid], set()).add(name)
    return {
        oid: tuple(each.name for each in columns.get(oid, ()) if each.name in names) for oid, names in found.items()
    }


def _bounds(
    connection: Connection, relations: Sequence[Relation], split_by: Mapping[int, tuple[str, ...]]
) -> Iterator[tuple[int, Check]]:
    """Give for each partitioned table what its leaves that are read let in, if that is not everything."""
    leaves = [relation.oid for relation in relations if relation.kind == "r" and relation.is_partition]
    for oid, condition in connection.execute(query("partition_bounds"), [leaves]):
        yield oid, Check("partitions", condition, split_by[oid], DIALECT, of_partitions=True)


def _checks(connection: Connection, tables: Sequence[int]) -> dict[int, list[Check]]:
    found: dict[int, list[Check]] = {}
    for oid, name, expression, columns, of_type in connection.execute(query("checks"), {"tables": list(tables)}):
        found.setdefault(oid, []).append(Check(name, expression, tuple(columns), DIALECT, of_type))
    return found


def _distinct(connection: Connection, tables: Sequence[int]) -> dict[int, list[Distinct]]:
    found: dict[int, list[Distinct]] = {}
    for oid, name, elements in connection.execute(query("distinct"), [list(tables)]):
        found.setdefault(oid, []).append(Distinct(name, tuple(elements), DIALECT))
    return found


_GENERATED = {"": Generated.NO, "s": Generated.STORED, "v": Generated.VIRTUAL}
_ACTIONS = {"a": "", "r": "", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
_IDENTITY = {"": Identity.NO, "a": Identity.ALWAYS, "d": Identity.BY_DEFAULT}


def _columns(
    connection: Connection, tables: Sequence[Relation]
) -> tuple[dict[int, tuple[Column, ...]], dict[ColumnId, str], list[ColumnId]]:
    """Give the columns by table, what a text is cast to for each, and which of them hold oids."""
    ids = {relation.oid: relation.id for relation in tables}
    charset = charsets.of_postgres(connection.info.parameter_status("server_encoding") or "")
    found: dict[int, list[Column]] = {}
    bare_types: dict[ColumnId, str] = {}
    oids: list[ColumnId] = []
    for row in connection.execute(query("columns"), {"tables": list(ids)}):
        table, name, spelled, bare, nullable, identity, generated, default, *base = row
        schema, type_name, typtype, modifier, is_array, members, *of = base
        element = None if of[0] is None else BaseType(of[0], of[1], of[2], of[3], is_array=False, members=tuple(of[4]))
        held = BaseType(schema, type_name, typtype, modifier, is_array, tuple(members), element)
        column = Column(
            name,
            spelled,
            in_charset(logical(held), charset),
            nullable,
            _GENERATED[generated],
            _IDENTITY[identity],
            default,
        )
        found.setdefault(table, []).append(column)
        bare_types[ids[table].column(name)] = bare
        if (schema, type_name) == ("pg_catalog", "oid"):
            oids.append(ids[table].column(name))
    return {oid: tuple(columns) for oid, columns in found.items()}, bare_types, sorted(oids)


@dataclass(slots=True)
class _Declared:
    """The declarations that make one edge: on the partitioned table itself, or on some of its partitions."""

    edges: list[ForeignKey]
    on_root: bool
    leaves: set[TableId]


def _foreign_keys(
    connection: Connection, by_oid: Mapping[int, Relation], leaves: Mapping[int, tuple[TableId, ...]]
) -> tuple[list[ForeignKey], dict[EdgeKey, tuple[Operator, ...]]]:
    declared: dict[tuple[Any, ...], _Declared] = {}
    operators: dict[EdgeKey, tuple[Operator, ...]] = {}
    for row in connection.execute(query("foreign_keys"), {"relations": list(by_oid)}):
        name, child_oid, parent_oid, columns, referenced, nullable, match, deferrable, validated, *more = row
        period, on_delete, on_update, compared = more
        child, parent = by_oid[child_oid], by_oid[parent_oid]
        edge = ForeignKey(
            name,
            by_oid[child.root].id,
            tuple(columns),
            by_oid[parent.root].id,
            tuple(referenced),
            nullable,
            Match.FULL if match == "f" else Match.SIMPLE,
            deferrable,
            validated,
            parent_leaf=parent.id if parent.is_partition else None,
            on_delete=_ACTIONS[on_delete],
            on_update=_ACTIONS[on_update],
            period=period,
        )
        operators[edge_key(edge)] = tuple(_operator(one) for one in compared)
        same = declared.setdefault((*edge_key(edge), edge.match, edge.parent_leaf), _Declared([], False, set()))
        same.edges.insert(len(same.edges) if child.is_partition else 0, edge)
        same.on_root = same.on_root or not child.is_partition
        same.leaves.update(leaves[child.oid])
    all_leaves = {by_oid[oid].id: frozenset(under) for oid, under in leaves.items()}
    edges = [_joined(same, all_leaves[same.edges[0].child]) for same in declared.values()]
    return edges, operators


def _joined(same: _Declared, all_leaves: frozenset[TableId]) -> ForeignKey:
    """Give the one edge of several declarations; the one on the table itself lends its name, else the first by name."""
    first = same.edges[0] if same.on_root else min(same.edges, key=lambda edge: edge.name)
    everywhere = same.on_root or all_leaves <= same.leaves
    return ForeignKey(
        first.name,
        first.child,
        first.child_columns,
        first.parent,
        first.parent_columns,
        any(edge.nullable for edge in same.edges),
        first.match,
        all(edge.deferrable for edge in same.edges),
        all(edge.validated for edge in same.edges),
        None if everywhere else tuple(sorted(same.leaves)),
        first.parent_leaf,
        first.on_delete,
        first.on_update,
        period=first.period,
    )


def _operator(told: str) -> Operator:
    schema, name, left, right, collation_schema, collation = json.loads(told)
    return Operator(schema, name, left, right, (collation_schema, collation) if collation else None)


def _sequences(connection: Connection, by_oid: Mapping[int, Relation]) -> tuple[OwnedSequence, ...]:
    return tuple(
        OwnedSequence(TableId(schema, name), by_oid[by_oid[table].root].id.column(column) if table in by_oid else None)
        for _, schema, name, table, column, _ in connection.execute(query("sequences"))
    )


def _of_extension(relation: Relation) -> Finding:
    return Finding(
        "DM405",
        Severity.WARNING,
        str(relation.id),
        "the table belongs to an extension and is not copied; the extension is created without the rows added to it",
        "load its rows into the copy by hand, if the application needs them",
    )


def _foreign_leaf(relation: Relation, root: TableId) -> Finding:
    message = f"the partition of {root} is a foreign table, so its rows are not copied"
    return Finding("DM405", Severity.WARNING, str(relation.id), message, "copy them from where they are")


def _far_view(view: TableId) -> Finding:
    message = "the materialized view reads a foreign table, so it is not filled in the copy: that would not be masked"
    return Finding("DM405", Severity.WARNING, str(view), message, "fill it in staging from what is fit for it")


def _large_objects(columns: Sequence[ColumnId]) -> Iterator[Finding]:
    """Give a warning for each column that may refer to one, or for all of them where no column can."""
    message, hint = "the database holds large objects, which are not copied", "no column has the type of their oids"
    if not columns:
        yield Finding("DM405", Severity.WARNING, "pg_largeobject", message, hint)
    for column in columns:
        message = "the database holds large objects, which are not copied: what the column refers to may be missing"
        yield Finding("DM405", Severity.WARNING, str(column), message, "mask it with null where it holds their oids")

"""
Which rows are new, told by the transaction that wrote each.

A row's `xmin` stays readable after it was frozen. A transaction below the oldest one that ran at a snapshot was over
then, so a row of such a transaction was seen by that snapshot or never by any; it is the same row now, because a
change makes another. All rows of later transactions count as new, those of subtransactions with them, which snapshots
do not list.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from psycopg import RawCursor, sql

from dbmimic.engines.postgres import catalog, tids
from dbmimic.engines.postgres.connect import Connection
from dbmimic.engines.postgres.errors import speaking
from dbmimic.engines.postgres.packing import Packing, literal, received
from dbmimic.engines.postgres.source import PostgresSource
from dbmimic.engines.postgres.tids import TidArray
from dbmimic.model.baseline import Keys, LeafMark, Position, Standing
from dbmimic.model.keys import Gathering, KeySet, Rows
from dbmimic.model.names import TableId
from dbmimic.model.schema import ForeignKey, Table
from dbmimic.model.types import Kind

_BLOCKS_A_QUESTION = 1_024  # 8 MB of rows: with more, memory for what is sent costs more than the questions do
_IDS_A_QUESTION = 250_000
_SAMPLE_ROWS = 10_000
_TID_RANGES = 140000  # the first version that reads a range of places without reading the whole table
_XIDS = 1 << 32
_HALF = 1 << 31
_RECENT = "age(xmin) <= (SELECT age({}::xid))"
_NOT_WRAPPED = " AND age(xmin) >= 0"  # frozen rows of longer ago than half of all numbers seem to be of the future
_COUNTED = sql.SQL("count(*), NULL::bytea")
_DOING = "looking for what changed"


class DatedSource(PostgresSource):
    """A `ports.delta.Dated` source."""

    def position(self) -> Position:
        """Give where the server stands, with the marks of all relations."""
        with speaking(self._connection, self._side, _DOING):
            row = self._connection.execute(catalog.query("position")).fetchone()
            marks = self._connection.execute(catalog.query("leaf_marks")).fetchall()
        history, settled, following, types = row or ("", 0, 0, "")
        leaves = {TableId(schema, name): LeafMark(relation, place) for schema, name, relation, place in marks}
        return Position(f"{self._place.system}/{history}", types, settled, following, leaves)

    def standing(self, table: Table, since: int, key: tuple[str, ...] = ()) -> Standing:
        """Count a table's rows and give the recent ones, by stretches of its pages."""
        recent, values = Gathering(), Gathering()
        row_count = misfits = 0
        packing = Packing.of(table, key) if key else None
        listed = sql.SQL("string_agg(tidsend(ctid), '') FILTER (WHERE {}), {}").format(
            self._test(since), _COUNTED if packing is None else _keys(packing)
        )
        with self._walks.one(table.leaves) as walk:
            for leaf in table.leaves:
                for places, count, sent in self._asked(walk.connection, leaf, listed):
                    recent.add(leaf, tids.unpacked(places or b""))
                    found = received(sent or b"")
                    values.add(table.id, found)
                    row_count += count if packing is None else len(found)  # of each row a key, whether it fits or not
                    misfits += count if packing is not None else 0
        keys = Keys(key, values.keys()) if packing is not None and not misfits else None
        return Standing(row_count, recent.keys(), keys)

    def recent(self, rows: KeySet, since: int) -> KeySet:
        """Look at these rows by their places."""
        found = Gathering()
        listed = sql.SQL("string_agg(tidsend(ctid), '') FILTER (WHERE {})").format(self._test(since))
        with self._walks.one(rows.leaves) as walk:
            for leaf in rows.leaves:
                for (sent,) in self._asked_of(walk.connection, leaf, listed, rows):
                    found.add(leaf, tids.unpacked(sent or b""))
        return found.keys()

    def integers(self, table: Table, columns: tuple[str, ...], rows: Rows) -> KeySet | None:
        """Read the key in binary, a stretch of pages or some thousands of places at a time."""
        packing = Packing.of(table, columns)
        if packing is None:
            return None
        listed = _keys(packing)
        found = Gathering()
        with self._walks.one(table.leaves) as walk:
            for leaf in table.leaves:
                for misfits, sent in (
                    self._asked_of(walk.connection, leaf, listed, rows)
                    if isinstance(rows, KeySet)
                    else self._asked(walk.connection, leaf, listed)
                ):
                    if misfits:
                        return None
                    found.add(table.id, received(sent or b""))
        return found.keys()

    def referenced(self, edge: ForeignKey, gone: Keys) -> bool | None:
        """Join the child with the keys, where both are integers and the keys not too many."""
        child, parent = self.schema().table(edge.child), self.schema().table(edge.parent)
        packing = Packing.of(parent, gone.columns)
        if packing is None or len(gone.values) > _IDS_A_QUESTION or set(edge.parent_columns) != set(gone.columns):
            return None
        if not all(_is_integer(child, name) for name in edge.child_columns):
            return None
        unpacked = packing.unpacked(gone.values.bits(parent.id).spread_out())
        values = dict(zip(gone.columns, unpacked, strict=True))
        given = [sql.SQL("{}::int8[]").format(sql.Literal(literal(values[name]))) for name in edge.parent_columns]
        names = [sql.Identifier(f"k{number}") for number in range(len(given))]
        same = [
            sql.SQL("c.{} = k.{}").format(sql.Identifier(name), key)
            for name, key in zip(edge.child_columns, names, strict=True)
        ]
        leaves = edge.child_leaves or child.leaves
        with self._walks.one(leaves) as walk:
            for leaf in leaves:
                question = sql.SQL("SELECT count(*) FROM ONLY {} AS c JOIN unnest({}) AS k ({}) ON {}").format(
                    sql.Identifier(leaf.schema, leaf.name),
                    sql.SQL(", ").join(given),
                    sql.SQL(", ").join(names),
                    sql.SQL(" AND ").join(same),
                )
                with speaking(walk.connection, self._side, _DOING, leaf):
                    if walk.connection.execute(question).fetchone() != (0,):
                        return True
        return False

    def few_first(self, table: Table, columns: tuple[str, ...]) -> tuple[str, ...]:
        """Count the values of each column in some rows."""
        if len(columns) == 1:
            return columns
        counted = sql.SQL(", ").join(sql.SQL("count(DISTINCT {})").format(sql.Identifier(name)) for name in columns)
        question = sql.SQL("SELECT {} FROM (SELECT {} FROM {} LIMIT {}) AS t").format(
            counted,
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.Identifier(table.id.schema, table.id.name),
            sql.Literal(_SAMPLE_ROWS),
        )
        with self._walks.one(table.leaves) as walk, speaking(walk.connection, self._side, _DOING, table.id):
            counts = walk.connection.execute(question).fetchone() or (0,) * len(columns)
        return tuple(name for _, name in sorted(zip(counts, columns, strict=True)))

    def _test(self, since: int) -> sql.Composed:
        asked = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8"
        with self._walks.one(()) as walk, speaking(walk.connection, self._side, _DOING):
            row = walk.connection.execute(asked).fetchone()
        return _recent(since, int(row[0]) if row else _HALF)

    def _asked(self, connection: Connection, leaf: TableId, listed: sql.Composable) -> Iterator[tuple[Any, ...]]:
        """Give what is asked of each stretch of a leaf."""
        question = sql.SQL("SELECT {} FROM ONLY {}").format(listed, sql.Identifier(leaf.schema, leaf.name))
        with speaking(connection, self._side, _DOING, leaf):
            blocks = self._blocks(connection, leaf)
            edges = [None, *range(_BLOCKS_A_QUESTION, blocks, _BLOCKS_A_QUESTION), None]
            if connection.info.server_version < _TID_RANGES:
                edges = [None, None]
            for first, stop in itertools.pairwise(edges):
                limits = [
                    sql.SQL("ctid {} {}::tid").format(sql.SQL(sign), sql.Literal(f"({block},0)"))
                    for sign, block in ((">=", first), ("<", stop))
                    if block is not None
                ]
                where = sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(limits)) if limits else sql.SQL("")
                yield from RawCursor(connection).execute(question + where, binary=True)

    def _blocks(self, connection: Connection, leaf: TableId) -> int:
        name = sql.Identifier(leaf.schema, leaf.name).as_string(connection)
        size = "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::int8"
        row = connection.execute(size, (name,)).fetchone()
        return int(row[0]) if row else 0

    def _asked_of(
        self, connection: Connection, leaf: TableId, listed: sql.Composable, rows: KeySet
    ) -> Iterator[tuple[Any, ...]]:
        """Give what is asked of some rows of a leaf."""
        question = sql.SQL("SELECT {} FROM ONLY {} WHERE ctid = ANY ($1)").format(
            listed, sql.Identifier(leaf.schema, leaf.name)
        )
        with speaking(connection, self._side, _DOING, leaf):
            for ids in rows.chunks(leaf, _IDS_A_QUESTION):
                yield from RawCursor(connection).execute(question, (TidArray(ids),), binary=True)


def _is_integer(table: Table, name: str) -> bool:
    column = table.column(name)
    return column is not None and column.logical.kind is Kind.INTEGER


def _keys(packing: Packing) -> sql.Composed:
    return sql.SQL("{}, string_agg(int8send({}), '')").format(packing.misfits, packing.packed)


def _recent(since: int, following: int) -> sql.Composed:
    """Give the test of a row, where no transaction from `following` on has begun."""
    test = _RECENT + (_NOT_WRAPPED if following >= _HALF else "")
    return sql.SQL(test).format(sql.Literal(str(since % _XIDS)))

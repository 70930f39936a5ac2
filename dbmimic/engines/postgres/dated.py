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
from dbmimic.engines.postgres.errors import speaking
from dbmimic.engines.postgres.packing import Packing, received
from dbmimic.engines.postgres.source import PostgresSource
from dbmimic.engines.postgres.tids import TidArray
from dbmimic.model.baseline import LeafMark, Position, Standing
from dbmimic.model.keys import Gathering, KeySet, Rows
from dbmimic.model.names import TableId
from dbmimic.model.schema import Table

_BLOCKS_A_QUESTION = 16_384  # 128 MB of rows: some millions of them
_IDS_A_QUESTION = 250_000
_TID_RANGES = 140000  # the first version that reads a range of places without reading the whole table
_XIDS = 1 << 32
_HALF = 1 << 31
_RECENT = "age(xmin) <= (SELECT age({}::xid))"
_NOT_WRAPPED = " AND age(xmin) >= 0"  # frozen rows of longer ago than half of all numbers seem to be of the future
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

    def standing(self, leaf: TableId, since: int) -> Standing:
        """Count a leaf's rows and give the recent ones, by stretches of its pages."""
        found = Gathering()
        row_count = 0
        listed = sql.SQL("count(*), string_agg(tidsend(ctid), '') FILTER (WHERE {})").format(self._test(since))
        for count, sent in self._asked(leaf, listed):
            row_count += count
            found.add(leaf, tids.unpacked(sent or b""))
        return Standing(row_count, found.keys())

    def recent(self, rows: KeySet, since: int) -> KeySet:
        """Look at these rows by their places."""
        found = Gathering()
        listed = sql.SQL("string_agg(tidsend(ctid), '') FILTER (WHERE {})").format(self._test(since))
        for leaf in rows.leaves:
            for (sent,) in self._asked_of(leaf, listed, rows):
                found.add(leaf, tids.unpacked(sent or b""))
        return found.keys()

    def integers(self, table: Table, columns: tuple[str, ...], rows: Rows) -> KeySet | None:
        """Read the key in binary, a stretch of pages or some thousands of places at a time."""
        packing = Packing.of(table, columns)
        if packing is None:
            return None
        listed = sql.SQL("{}, string_agg(int8send({}), '')").format(packing.misfits, packing.packed)
        found = Gathering()
        for leaf in table.leaves:
            answers = self._asked_of(leaf, listed, rows) if isinstance(rows, KeySet) else self._asked(leaf, listed)
            for misfits, sent in answers:
                if misfits:
                    return None
                found.add(table.id, received(sent or b"").data)  # taken in whole, where an array is iterated
        return found.keys()

    def _test(self, since: int) -> sql.Composed:
        asked = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8"
        with speaking(self._connection, self._side, _DOING):
            row = self._connection.execute(asked).fetchone()
        return _recent(since, int(row[0]) if row else _HALF)

    def _asked(self, leaf: TableId, listed: sql.Composable) -> Iterator[tuple[Any, ...]]:
        """Give what is asked of each stretch of a leaf."""
        question = sql.SQL("SELECT {} FROM ONLY {}").format(listed, sql.Identifier(leaf.schema, leaf.name))
        with speaking(self._connection, self._side, _DOING, leaf):
            blocks = self._blocks(leaf)
            edges = [None, *range(_BLOCKS_A_QUESTION, blocks, _BLOCKS_A_QUESTION), None]
            if self._connection.info.server_version < _TID_RANGES:
                edges = [None, None]
            for first, stop in itertools.pairwise(edges):
                limits = [
                    sql.SQL("ctid {} {}::tid").format(sql.SQL(sign), sql.Literal(f"({block},0)"))
                    for sign, block in ((">=", first), ("<", stop))
                    if block is not None
                ]
                where = sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(limits)) if limits else sql.SQL("")
                yield from RawCursor(self._connection).execute(question + where, binary=True)

    def _blocks(self, leaf: TableId) -> int:
        name = sql.Identifier(leaf.schema, leaf.name).as_string(self._connection)
        size = "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::int8"
        row = self._connection.execute(size, (name,)).fetchone()
        return int(row[0]) if row else 0

    def _asked_of(self, leaf: TableId, listed: sql.Composable, rows: KeySet) -> Iterator[tuple[Any, ...]]:
        """Give what is asked of some rows of a leaf."""
        question = sql.SQL("SELECT {} FROM ONLY {} WHERE ctid = ANY ($1)").format(
            listed, sql.Identifier(leaf.schema, leaf.name)
        )
        with speaking(self._connection, self._side, _DOING, leaf):
            for ids in rows.chunks(leaf, _IDS_A_QUESTION):
                yield from RawCursor(self._connection).execute(question, (TidArray(ids),), binary=True)


def _recent(since: int, following: int) -> sql.Composed:
    """Give the test of a row, where no transaction from `following` on has begun."""
    test = _RECENT + (_NOT_WRAPPED if following >= _HALF else "")
    return sql.SQL(test).format(sql.Literal(str(since % _XIDS)))

"""
Whole columns out of SQLite and back into it, without an object a value: only what a mask reads leaves the file.

Out, one statement gives a column of some thousand rows as one blob. Back, the masked columns go as blobs into one
`INSERT ... SELECT` that takes the other columns from the source itself, where the target is proven to see the
snapshot's rows. Rows are told apart by their numbers (rowids) all the way. What is not plain text or integers comes
row by row, as `rows` does it.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.engines.sqlite.connection import FEWEST, PAGE_BYTES, Row, Snapshot, name
from dbmimic.engines.sqlite.identity import ByRowid
from dbmimic.engines.sqlite.rows import INTEGER, TEXT, Unread, packed
from dbmimic.engines.sqlite.structure import ENGINE
from dbmimic.model.batch import Layout, MaskedBatch, Payload, RawBatch
from dbmimic.model.keys import Rows, Whole

_MOST = 16_384  # rows of a batch
_AHEAD = 2  # batches that wait to be inserted
_FIRST, _LAST = -(2**63), 2**63 - 1
_BETWEEN, _NULL = b"\xff", b"\xfe"  # no text in UTF-8 holds them
_DIGITS = 10  # of a place in a blob: one holds a thousand million bytes at most
_SHORT = r"\A(?:0|-?[1-9][0-9]{0,17})\z"  # what is one and the same integer, whoever reads it
_CLASSES = {"text": TEXT, "integer": INTEGER}


class ColumnReader:
    """Reads rows of one table with rowids, the head as whole columns and the tail not at all."""

    def __init__(self, snapshot: Snapshot, layout: Layout, identity: ByRowid, integers: frozenset[str]) -> None:
        self._snapshot = snapshot
        self._layout = layout
        self._identity = identity
        self._rowid = identity.columns[0]
        self._table = name(layout.leaf.name)
        self._place = str(layout.table)
        self._expected = {column: "integer" if column in integers else "text" for column in layout.head}
        self._size = FEWEST

    def read(self, rows: Rows) -> Iterator[RawBatch]:
        """Stream the rows by ascending number; about a megabyte of head columns a batch."""
        if isinstance(rows, Whole):
            first: int | None = _FIRST
            while first is not None:
                last = self._last(first)
                bounds = (first, _LAST if last is None else last)
                where = f"{self._table} AS t NOT INDEXED WHERE t.{self._rowid} BETWEEN ?3 AND ?4"
                yield from self._batches(where, bounds, f"t.{self._rowid}")
                first = None if last is None or last == _LAST else last + 1
            return
        for ids in rows.chunks(self._layout.leaf, self._identity.capacity):
            start = 0
            while start < len(ids):
                numbers = self._identity.chosen(ids[start : start + self._size]).parameters
                start += self._size
                yield from self._batches(_joined(self._table, self._rowid, 3), numbers, "j.key")

    def _last(self, first: int) -> int | None:
        """Give the number of the last row of the next batch, or None where there are not so many rows."""
        sql = (
            f"SELECT t.{self._rowid} FROM {self._table} AS t NOT INDEXED WHERE t.{self._rowid} >= ? "  # noqa: S608 -- names are quoted
            f"ORDER BY t.{self._rowid} LIMIT 1 OFFSET {self._size - 1}"
        )
        found = self._snapshot.all(sql, (first,), self._place)
        return int(found[0][0]) if found else None

    def _batches(self, where: str, parameters: Sequence[object], order: str) -> Iterator[RawBatch]:
        """Give the rows of a condition, whose parameters are numbered from 3, as one batch, or page by page."""
        batch = self._batch(where, parameters)
        if batch is not None:
            if batch.row_count:
                yield batch
            return
        listed = ", ".join(f"t.{name(column)}" for column in self._layout.head + self._layout.tail)
        # The two parameters of the other question stand in the condition, so that their numbers are known.
        sql = f"SELECT {listed} FROM {where} AND ?1 <> ?2 ORDER BY {order}"  # noqa: S608 -- names are quoted
        for page in self._snapshot.pages(sql, (_BETWEEN, _NULL, *parameters), self._place):
            yield self._loose(page)

    def _batch(self, where: str, parameters: Sequence[object]) -> RawBatch | None:
        """Give the rows as one batch, or None where they do not travel as columns."""
        listed = ", ".join(
            f"CAST(group_concat(ifnull(t.{column}, ?2), ?1) AS BLOB), count(t.{column}), "
            f"sum(typeof(t.{column}) = '{self._expected[title]}')"
            for title, column in ((title, name(title)) for title in self._layout.head)
        )
        sql = f"SELECT count(*), CAST(group_concat(t.{self._rowid}, ',') AS BLOB), {listed} FROM {where}"  # noqa: S608 -- names are quoted
        row = self._snapshot.row(sql, (_BETWEEN, _NULL, *parameters), self._place)
        if row is None:
            return None
        count, numbers, *columns = row
        if not count:
            return RawBatch(self._layout, 0, {}, Payload(ENGINE, None))
        head: dict[str, pa.Array] = {}
        for place, column in enumerate(self._layout.head):
            data, filled, fitting = columns[3 * place : 3 * place + 3]
            values = _taken(data, count, filled) if filled == fitting else None
            if values is None:
                return None
            head[column] = values
        self._pace(count, sum(len(data) for data in columns[::3]))
        storage = {column: _CLASSES[self._expected[column]] * count for column in self._layout.head}
        told = f"[{numbers.decode('ascii')}]"
        unread = Unread(self._snapshot, self._rowid, told, storage, lambda: self._tail(told))
        return RawBatch(self._layout, count, head, Payload(ENGINE, unread))

    def _tail(self, numbers: str) -> Sequence[Row]:
        listed = ", ".join(f"t.{name(column)}" for column in self._layout.tail) or "NULL"
        sql = f"SELECT {listed} FROM {_joined(self._table, self._rowid, 1)} ORDER BY j.key"  # noqa: S608 -- names are quoted
        rows = self._snapshot.all(sql, (numbers,), self._place)
        return rows if self._layout.tail else [()] * len(rows)

    def _loose(self, page: list[Row]) -> RawBatch:
        """Give a page as a batch, and expect what follows to be alike."""
        batch, body = packed(self._layout, page)
        for column, letters in body.storage.items():
            self._expected[column] = "integer" if set(letters) == {INTEGER} else "text"
        self._size = FEWEST
        unread = Unread(self._snapshot, self._rowid, None, body.storage, lambda: body.tail)
        return RawBatch(batch.layout, batch.row_count, batch.head, Payload(ENGINE, unread, batch.tail.byte_count))

    def _pace(self, count: int, size: int) -> None:
        fitting = PAGE_BYTES * count // max(size, 1)
        self._size = max(FEWEST, min(_MOST, fitting, self._size * 4))


def _joined(table: str, rowid: str, number: int) -> str:
    """Give a join that finds rows by their numbers, the JSON of which is that parameter."""
    return f"json_each(?{number}) AS j CROSS JOIN {table} AS t WHERE t.{rowid} = j.value"


def _taken(data: bytes, count: int, filled: int) -> pa.Array | None:
    """Give the values of a column, or None where they are not so many texts in UTF-8."""
    values = pc.split_pattern(pa.array([data], pa.binary()), pattern=_BETWEEN).flatten()
    if len(values) != count:
        return None
    if filled < count:
        empty = pc.equal(values, pa.scalar(_NULL, pa.binary()))
        values = pc.if_else(empty, pa.scalar(None, pa.binary()), values)
    try:
        return values.cast(pa.string()) if values.null_count == count - filled else None
    except pa.ArrowInvalid:
        return None


class Splicer:
    """
    Inserts batches of `Unread` rows of one layout, in a transaction where their source is attached as `schema`.

    What does not go as columns, or goes wrong so that it is not clear whose fault it is, is left to `singly`.
    """

    def __init__(
        self, connection: sqlite3.Connection, layout: Layout, schema: str, singly: Callable[[MaskedBatch], int]
    ) -> None:
        self._connection = connection
        self._layout = layout
        self._schema = schema
        self._singly = singly

    def insert(self, batch: MaskedBatch) -> int:
        """Insert a batch and give the number of rows. Lets the driver's exception out."""
        unread = batch.tail.body
        prepared = self._prepared(batch, unread) if isinstance(unread, Unread) else None
        if prepared is not None:
            try:
                return self._connection.execute(*prepared).rowcount
            except sqlite3.Error:
                if not self._connection.in_transaction:  # as after a full disk
                    raise
        return self._singly(batch)

    def _prepared(self, batch: MaskedBatch, unread: Unread) -> tuple[str, list[object]] | None:
        """Give the statement that inserts a batch, and its parameters."""
        if unread.numbers is None:
            return None
        parameters: list[object] = [unread.numbers]
        listed = [f"t.{name(column)}" for column in self._layout.tail]
        for column in self._layout.head:
            values, letters = batch.head[column], unread.storage[column]
            stored = "TEXT" if letters.count(TEXT) == len(letters) else "INTEGER"
            if stored == "INTEGER" and pc.all(pc.match_substring_regex(values, _SHORT)).as_py() is False:
                return None
            at = len(parameters) + 1
            parameters += blobs_of(values)
            listed.append(f"CAST(substr(?{at + 1}, {_place(at, 0, values)}, {_place(at, _DIGITS)}) AS {stored})")
        own = name(self._layout.leaf.name)
        columns = ", ".join(map(name, self._layout.tail + self._layout.head))
        # OR ABORT: a table's own ON CONFLICT clauses could otherwise drop rows without a word.
        sql = (
            f"INSERT OR ABORT INTO main.{own} ({columns}) SELECT {', '.join(listed)} "  # noqa: S608 -- names are quoted
            f"FROM {_joined(f'{self._schema}.{own}', unread.rowid, 1)}"
        )
        return sql, parameters


def behind(put: Callable[[MaskedBatch], int], batches: Iterable[MaskedBatch]) -> Iterator[int]:
    """
    Give what `put` gives for each batch. A thread calls it while the next batch is made: SQLite works outside
    Python's lock. Memory: three batches.
    """
    thread = ThreadPoolExecutor(1, "dbmimic-insert")
    under_way: deque[Future[int]] = deque()
    try:
        for batch in batches:
            under_way.append(thread.submit(put, batch))
            if len(under_way) > _AHEAD:
                yield under_way.popleft().result()
        for each in under_way:
            yield each.result()
    finally:
        thread.shutdown(cancel_futures=True)


def _place(parameter: int, offset: int, values: pa.Array | None = None) -> str:
    """Give the number that stands in a row's entry of a blob of places; 0 is that of a NULL where there may be one."""
    number = f"CAST(substr(?{parameter}, j.key * {2 * _DIGITS} + {offset + 1}, {_DIGITS}) AS INTEGER)"
    return f"nullif({number}, 0)" if values is not None and values.null_count else number


def blobs_of(values: pa.Array) -> tuple[bytes, bytes]:
    """
    Give an array of texts as two blobs: for each value where it begins (from 1, 0 for NULL) and how long it is, in
    decimal digits of one width, because SQLite reads those; and the bytes of all values.
    """
    offsets = np.frombuffer(values.buffers()[1], dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    edges = offsets.astype(np.int64)
    begins = edges[:-1] - edges[0] + 1
    if values.null_count:
        begins = np.where(values.is_null().to_numpy(zero_copy_only=False), 0, begins)
    numbers = np.stack([begins, np.diff(edges)], axis=1)
    digits = np.empty((*numbers.shape, _DIGITS), dtype=np.uint8)
    for place in range(_DIGITS - 1, -1, -1):
        numbers, digits[:, :, place] = np.divmod(numbers, 10)
    held = values.buffers()[2]
    data = held.to_pybytes()[int(edges[0]) : int(edges[-1])] if held is not None else b""
    return (digits + ord("0")).tobytes(), data + b"\0"  # SQLite takes a part of an empty blob for NULL

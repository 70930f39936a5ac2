"""
Whole columns out of SQLite, without an object a value: only what a mask reads leaves the file.

One statement gives the columns of some thousand rows, each as one blob, and the rows' numbers (rowids) with them. What
is not plain text or integers comes row by row, as `rows` does it. The way back is `splice`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.engines.sqlite.connection import ENGINE, FEWEST, PAGE_BYTES, Row, Snapshot, name, weight
from dbmimic.engines.sqlite.elsewhere import Elsewhere, Here
from dbmimic.engines.sqlite.identity import ByRowid
from dbmimic.engines.sqlite.rows import INTEGER, TEXT, Unread, packed
from dbmimic.model.batch import Layout, Payload, RawBatch
from dbmimic.model.keys import Rows, Whole

_MOST = 16_384  # rows of a batch
_FIRST, _LAST = -(2**63), 2**63 - 1
_BETWEEN, _NULL = b"\xff", b"\xfe"  # no text in UTF-8 holds them
_CLASSES = {"text": TEXT, "integer": INTEGER}
_PRIMARY = 0xFF  # an extended result code carries the primary one in its low byte


@dataclass(frozen=True, slots=True)
class _Question:
    """Which rows are asked for: what stands after FROM, its parameters (numbered from 3), their order."""

    where: str
    parameters: Sequence[object]
    order: str
    size: int


class ColumnReader:
    """
    Reads rows of one table with rowids, the head as whole columns and the tail not at all.

    Where another process reads, it does so while the batch before is worked on.
    """

    def __init__(
        self, snapshot: Snapshot, layout: Layout, identity: ByRowid, integers: frozenset[str], other: Elsewhere | None
    ) -> None:
        self._snapshot = snapshot
        self._link = other or Here(snapshot.lend())
        self._many = other is not None
        self._layout = layout
        self._identity = identity
        self._rowid = identity.columns[0]
        self._table = name(layout.leaf.name)
        self._place = str(layout.table)
        self._expected = {column: "integer" if column in integers else "text" for column in layout.head}
        self._size = FEWEST
        self._next: int | None = None

    def read(self, rows: Rows) -> Iterator[RawBatch]:
        """Stream the rows by ascending number; about a megabyte of head columns a batch."""
        questions = self._whole() if isinstance(rows, Whole) else self._chosen(rows)
        try:
            asked = self._ask(questions)
            while asked is not None:
                row = self._answer()
                batch = self._batch(row, asked) if row is not None else None
                if batch is not None:
                    asked = self._ask(questions)
                    if batch.row_count:
                        yield batch
                    continue
                if isinstance(rows, Whole):
                    self._pass(asked)
                yield from self._loose(asked)
                asked = self._ask(questions)
        finally:
            while self._link.under_way:
                with suppress(sqlite3.Error):  # nobody wants to know any more
                    self._link.answer()

    def _whole(self) -> Iterator[_Question]:
        last = (
            f"SELECT u.{self._rowid} FROM {self._table} AS u NOT INDEXED WHERE u.{self._rowid} >= ?3 "  # noqa: S608 -- names are quoted
            f"ORDER BY u.{self._rowid} LIMIT 1 OFFSET ?4"
        )
        between = f"t.{self._rowid} BETWEEN ?3 AND ifnull(({last}), {_LAST})"
        self._next = _FIRST
        while self._next is not None:
            where = f"{self._table} AS t NOT INDEXED WHERE {between}"
            yield _Question(where, (self._next, self._size - 1), f"t.{self._rowid}", self._size)

    def _chosen(self, rows: Rows) -> Iterator[_Question]:
        for ids in rows.chunks(self._layout.leaf, self._identity.capacity) if not isinstance(rows, Whole) else ():
            start = 0
            while start < len(ids):
                part = ids[start : start + self._size]
                start += self._size
                where = _joined(self._table, self._rowid, 3)
                yield _Question(where, self._identity.chosen(part).parameters, "j.key", len(part))

    def _ask(self, questions: Iterator[_Question]) -> _Question | None:
        """Send the next question; what is sent is small, since an answer may be on its way."""
        asked = next(questions, None)
        if asked is not None:
            listed = ", ".join(
                f"CAST(group_concat(ifnull(t.{column}, ?2), ?1) AS BLOB), count(t.{column}), "
                f"sum(typeof(t.{column}) = '{self._expected[title]}')"
                for title, column in ((title, name(title)) for title in self._layout.head)
            )
            number = f"t.{self._rowid}"
            numbers = f"max({number}), CAST(group_concat({number}, ',') AS BLOB)"
            sql = f"SELECT count(*), {numbers}, {listed} FROM {asked.where}"  # noqa: S608 -- names are quoted
            with self._snapshot.telling(self._place):
                self._link.send(sql, (_BETWEEN, _NULL, *asked.parameters))
        return asked

    def _answer(self) -> Row | None:
        """Give the answer to a question, or None where one of its blobs would be longer than SQLite's longest."""
        with self._snapshot.telling(self._place):
            try:
                return self._link.answer()[1]
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", 0) & _PRIMARY != sqlite3.SQLITE_TOOBIG:
                    raise
        return None

    def _batch(self, row: Row, asked: _Question) -> RawBatch | None:
        """Give the rows as one batch, or None where they do not travel as columns."""
        count, last, numbers, *columns = row
        head: dict[str, pa.Array] = {}
        for place, column in enumerate(self._layout.head if count else ()):
            data, filled, fitting = columns[3 * place : 3 * place + 3]
            values = _taken(data, count, filled) if filled == fitting else None
            if values is None:
                return None
            head[column] = values
        self._next = last + 1 if count == asked.size and last < _LAST else None
        if not count:
            return RawBatch(self._layout, 0, {}, Payload(ENGINE, None))
        self._resize(count, sum(len(data) for data in columns[::3]))
        storage = {column: _CLASSES[self._expected[column]] * count for column in self._layout.head}
        told = f"[{numbers.decode('ascii')}]"
        unread = Unread(self._snapshot, self._rowid, told, storage, lambda: self._tail(told), self._many)
        return RawBatch(self._layout, count, head, Payload(ENGINE, unread))

    def _resize(self, rows: int, size: int) -> None:
        """Ask for as many rows next as fit a page, by the size of these."""
        self._size = max(FEWEST, min(_MOST, PAGE_BYTES * rows // max(size, 1), self._size * 4))

    def _pass(self, asked: _Question) -> None:
        """Go on behind the rows of a question that had no answer."""
        sql = f"SELECT count(*), max(t.{self._rowid}) FROM {asked.where} AND ?1 <> ?2"  # noqa: S608 -- names are quoted
        count, last = self._snapshot.all(sql, (_BETWEEN, _NULL, *asked.parameters), self._place)[0]
        self._next = last + 1 if count == asked.size and last < _LAST else None

    def _tail(self, numbers: str) -> Iterator[Sequence[Row]]:
        listed = ", ".join(f"t.{name(column)}" for column in self._layout.tail) or "NULL"
        sql = f"SELECT {listed} FROM {_joined(self._table, self._rowid, 1)} ORDER BY j.key"  # noqa: S608 -- names are quoted
        for page in self._snapshot.pages(sql, (numbers,), self._place):
            yield page if self._layout.tail else [()] * len(page)

    def _loose(self, asked: _Question) -> Iterator[RawBatch]:
        """Give the rows page by page, and expect what follows to be alike."""
        listed = ", ".join(f"t.{name(column)}" for column in self._layout.head + self._layout.tail)
        # The two parameters of the other statement stand in the condition, so that their numbers are known.
        sql = f"SELECT {listed} FROM {asked.where} AND ?1 <> ?2 ORDER BY {asked.order}"  # noqa: S608 -- names are quoted
        rows = size = 0
        for page in self._snapshot.pages(sql, (_BETWEEN, _NULL, *asked.parameters), self._place):
            batch, body = packed(self._layout, page)
            rows, size = rows + len(page), size + weight(page)
            for column, letters in body.storage.items():
                self._expected[column] = "integer" if set(letters) == {INTEGER} else "text"
            unread = Unread(self._snapshot, self._rowid, None, body.storage, partial(iter, (body.tail,)), self._many)
            yield RawBatch(batch.layout, batch.row_count, batch.head, Payload(ENGINE, unread, batch.tail.byte_count))
        self._resize(rows, size)


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

"""
Masked columns meet the rest of their rows inside SQLite: they go as blobs into an `INSERT ... SELECT` that takes the
other columns from the source itself, where that is attached and proven to be the snapshot's.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.engines.sqlite.connection import name
from dbmimic.engines.sqlite.elsewhere import Elsewhere, Here
from dbmimic.engines.sqlite.rows import TEXT, Unread
from dbmimic.model.batch import Layout, MaskedBatch

_AHEAD = 2  # batches that wait to be inserted
_SHORT = r"\A(?:0|-?[1-9][0-9]{0,17})\z"  # what is one and the same integer, whoever reads it
_PRIMARY = 0xFF  # an extended result code carries the primary one in its low byte
# After these the transaction may be over.
_ENDING = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_ABORT}
)


class Splicer:
    """
    Inserts batches of `Unread` rows of one layout, in a transaction where their source is attached as `schema`.

    What does not go as columns, or goes wrong so that it is not clear whose fault it is, is left to `singly`.
    """

    def __init__(
        self, link: Elsewhere | Here, layout: Layout, schema: str, singly: Callable[[MaskedBatch], int]
    ) -> None:
        self._link = link
        self._layout = layout
        self._schema = schema
        self._singly = singly
        self._sent: deque[MaskedBatch] = deque()

    def insert(self, batches: Iterable[MaskedBatch]) -> int:
        """Insert the batches and give the number of rows. Lets the driver's exception out. Memory: three batches."""
        count = 0
        try:
            for batch in batches:
                prepared = self._prepared(batch)
                if prepared is None:
                    count += self._finished(0) + self._singly(batch)
                else:
                    self._link.send(*prepared)
                    self._sent.append(batch)
                    count += self._finished(_AHEAD)
            return count + self._finished(0)
        except BaseException:
            self._forget()
            raise

    def _finished(self, left: int) -> int:
        """Wait until only so many batches are under way, and give the number of rows of those that are done."""
        count = 0
        while len(self._sent) > left:
            batch = self._sent.popleft()
            try:
                count += self._link.answer()[0]
            except sqlite3.Error as error:
                if isinstance(batch.tail.body, Unread):
                    for _ in batch.tail.body.tail():  # a source that cannot be read says so itself
                        pass
                if getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _ENDING:
                    raise
                count += self._finished(0) + self._singly(batch)
        return count

    def _forget(self) -> None:
        while self._sent:
            self._sent.popleft()
            try:
                self._link.answer()
            except sqlite3.Error:
                continue  # what went wrong first is what is told

    def _prepared(self, batch: MaskedBatch) -> tuple[str, list[object]] | None:
        """Give the statement that inserts a batch, and its parameters."""
        unread = batch.tail.body
        if not isinstance(unread, Unread) or unread.numbers is None:
            return None
        parameters: list[object] = [unread.numbers]
        listed = [f"t.{name(column)}" for column in self._layout.tail]
        for column in self._layout.head:
            values, letters = batch.head[column], unread.storage[column]
            stored = "TEXT" if letters.count(TEXT) == len(letters) else "INTEGER"
            if stored == "INTEGER" and pc.all(pc.match_substring_regex(values, _SHORT)).as_py() is False:
                return None
            part, given = part_of(len(parameters) + 1, values)
            parameters += given
            listed.append(f"CAST({part} AS {stored})")
        own = name(self._layout.leaf.name)
        columns = ", ".join(map(name, self._layout.tail + self._layout.head))
        # OR ABORT: a table's own ON CONFLICT clauses could otherwise drop rows without a word.
        sql = (
            f"INSERT OR ABORT INTO main.{own} ({columns}) SELECT {', '.join(listed)} "  # noqa: S608 -- names are quoted
            f"FROM json_each(?1) AS j CROSS JOIN {self._schema}.{own} AS t WHERE t.{unread.rowid} = j.value"
        )
        return sql, parameters


def part_of(at: int, values: pa.Array) -> tuple[str, list[object]]:
    """
    Give the expression for the bytes of a row's value, and its parameters, numbered from `at`.

    SQLite finds them by where they begin and how long they are, which stand in a blob of decimal digits with a place
    for each row; where all values are of one length, that is not needed.
    """
    edges, data = _bytes_of(values)
    lengths = np.diff(edges)
    longest = int(lengths.max(initial=0))
    if not values.null_count and longest == int(lengths.min(initial=longest)):
        return f"substr(?{at}, j.key * {longest} + 1, {longest})", [data]
    begins = edges[:-1] + 1
    if values.null_count:
        begins[values.is_null().to_numpy(zero_copy_only=False)] = 0
    front, back = len(str(int(edges[-1]) + 1)), len(str(longest))
    number = f"CAST(substr(?{at + 1}, j.key * {front + back} + {{}}, {{}}) AS INTEGER)"
    begin, length = number.format(1, front), number.format(front + 1, back)
    begin = f"nullif({begin}, 0)" if values.null_count else begin
    return f"substr(?{at}, {begin}, {length})", [data, _digits((begins, front), (lengths, back))]


def _bytes_of(values: pa.Array) -> tuple[npt.NDArray[np.int32], bytes]:
    """Give an array's bytes, and where in them each value begins and the last one ends."""
    offsets = np.frombuffer(values.buffers()[1], dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    held = values.buffers()[2]
    data = memoryview(held)[int(offsets[0]) : int(offsets[-1])] if held is not None else b""
    return offsets - offsets[0], b"".join((data, b"\0"))  # SQLite takes a part of an empty blob for NULL


def _digits(*columns: tuple[npt.NDArray[np.int32], int]) -> bytes:
    """Give numbers row by row as decimal digits, each column in so many."""
    digits = np.empty((len(columns[0][0]), sum(width for _, width in columns)), dtype=np.uint8)
    end = 0
    for numbers, width in columns:
        end += width
        left = numbers
        for place in range(end - 1, end - width - 1, -1):
            left, digits[:, place] = np.divmod(left, 10)
    return (digits + ord("0")).tobytes()

"""
Rows between SQLite and batches.

Tail columns travel as the tuples that the driver gives: NULL, integers, reals, text and blobs, each in its own storage
class. Head columns travel as text; beside it goes one letter a value that says how a value is written back, so that an
integer that was masked to another integer is stored as one. The letters hold nothing of the values.

Text that is not UTF-8 is held as a `str` with lone surrogates (see `connection.lenient`) and written back byte by byte.
In a file with one of the UTF-16 encodings SQLite itself repairs text that is not well formed when it is read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from operator import add
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.engines.sqlite.connection import ENGINE, Row, Snapshot, name, weight
from dbmimic.engines.sqlite.declared import logical
from dbmimic.engines.sqlite.identity import bound, is_lenient, marker
from dbmimic.errors import InternalError
from dbmimic.model.batch import NO_TAIL, Layout, MaskedBatch, Payload, RawBatch
from dbmimic.model.types import Kind

_HEX = re.compile(r"x'((?:[0-9a-f]{2})*)'\Z")
_INTEGER = re.compile(r"(?:0|-?[1-9][0-9]*)\Z")
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1

TEXT, INTEGER, REAL, BLOB, BYTES = "tirby"  # BYTES: text that is not UTF-8
_CLASSES = {
    Kind.BOOLEAN: INTEGER,
    Kind.INTEGER: INTEGER,
    Kind.FLOAT: REAL,
    Kind.DECIMAL: REAL,
    Kind.BINARY: BLOB,
}
_NUMBERS = {INTEGER: pa.int64(), REAL: pa.float64()}


@dataclass(frozen=True, slots=True)
class Body:
    """The tail columns row by row, and for each head column the letters of its values' storage classes."""

    tail: Sequence[Row]
    storage: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Relay:
    """
    All rows of a table, not read yet: another connection reads them where `snapshot` proves that it sees the same.

    `as_stored` tells whether a row's columns are all that is stored of it, in their order. `pages` gives the rows to
    whoever cannot.
    """

    snapshot: Snapshot
    as_stored: bool
    pages: Callable[[], Iterator[list[Row]]]


@dataclass(frozen=True, slots=True)
class Unread:
    """
    Rows whose tail columns were not read: another connection reads them where `snapshot` proves that it sees the same.

    `numbers` are the rowids in the batch's order, as JSON; None where the rows have to come one by one. `tail` gives
    the tail columns page by page to whoever cannot do without. `storage` is that of `Body`. `many` tells that another
    process is worth its start.
    """

    snapshot: Snapshot
    rowid: str
    numbers: str | None
    storage: Mapping[str, str]
    tail: Callable[[], Iterable[Sequence[Row]]]
    many: bool = False


def packed(layout: Layout, page: Sequence[Row]) -> tuple[RawBatch, Body]:
    """Give rows that were read head first, then tail, as a batch, and its body."""
    width = len(layout.head)
    head: dict[str, pa.Array] = {}
    storage: dict[str, str] = {}
    for place, column in enumerate(layout.head):
        head[column], storage[column] = to_text([row[place] for row in page])
    tail = [row[width:] for row in page] if width else page
    body = Body(tail, storage)
    return RawBatch(layout, len(page), head, Payload(ENGINE, body, weight(tail))), body


def to_text(values: list[object]) -> tuple[pa.Array, str]:
    """Give the values as text, and the letter of each one's storage class (NULL counts as text)."""
    if set(map(type, values)) <= {str, type(None)}:
        with suppress(UnicodeEncodeError):
            return pa.array(values, pa.string()), TEXT * len(values)
    spelled = [_spelled(value) for value in values]
    return pa.array([text for text, _ in spelled], pa.string()), "".join(letter for _, letter in spelled)


def _spelled(value: object) -> tuple[str | None, str]:
    if value is None:
        return None, TEXT
    if isinstance(value, int):
        return str(value), INTEGER
    if isinstance(value, float):
        return repr(value), REAL
    if isinstance(value, bytes):
        return f"x'{value.hex()}'", BLOB
    text = str(value)
    if is_lenient(text):
        return f"x'{text.encode('utf-8', 'surrogateescape').hex()}'", BYTES
    return text, TEXT


def from_text(array: pa.Array, storage: str) -> list[object]:
    """Give the values to store: in the storage class of the original where the text still is of that class."""
    texts: list[str | None] = array.to_pylist()
    if storage.count(TEXT) == len(storage):
        return list(texts)
    return [text if text is None else _stored(text, letter) for text, letter in zip(texts, storage, strict=True)]


def _stored(text: str, letter: str) -> object:
    if letter == INTEGER and _INTEGER.match(text) and _SMALLEST <= int(text) <= _LARGEST:
        return int(text)
    if letter == REAL:
        return _real(text)
    if letter == BLOB and not text:
        return b""  # as masks write no bytes at all
    if letter in {BLOB, BYTES} and (digits := _HEX.match(text)):
        raw = bytes.fromhex(digits[1])
        return raw if letter == BLOB else raw.decode("utf-8", "surrogateescape")
    return text


def _real(text: str) -> object:
    """Give the number where the text is how that is read back; where SQLite likes numbers, it makes one of others."""
    try:
        number = float(text)
    except ValueError:
        return text
    if math.isnan(number):
        return text  # SQLite stores NaN as NULL
    return number if math.isinf(number) or repr(number) == text else text


class Connection(Protocol):
    """What rows are inserted over."""

    def execute(self, sql: str, parameters: Sequence[object] = ..., /) -> object:
        """Run a statement."""
        ...

    def executemany(self, sql: str, rows: Sequence[Row], /) -> object:
        """Run a statement for each row."""
        ...


class Inserter:
    """Inserts the batches of one layout into one table; `declared` gives the types of its columns."""

    def __init__(self, connection: Connection, layout: Layout, declared: Callable[[], Mapping[str, str]]) -> None:
        self._connection = connection
        self._layout = layout
        self._declared = declared
        self._columns = ", ".join(name(column) for column in layout.tail + layout.head)
        self._plain = self._sql(["?"] * (len(layout.tail) + len(layout.head)))

    @cached_property
    def _classes(self) -> Mapping[str, str]:
        """By column, the letter of the storage class that its declared type asks for."""
        return {column: _CLASSES.get(logical(declared).kind, TEXT) for column, declared in self._declared().items()}

    def _sql(self, markers: Iterable[str]) -> str:
        # OR ABORT: a table's own ON CONFLICT clauses could otherwise drop rows without a word.
        table = name(self._layout.leaf.name)
        return f"INSERT OR ABORT INTO {table} ({self._columns}) VALUES ({', '.join(markers)})"  # noqa: S608 -- quoted

    def insert(self, batch: MaskedBatch) -> int:
        """Insert a batch; within a transaction, which the caller rolls back where this raises."""
        if isinstance(batch.tail.body, Relay):
            return sum(map(self._inserted, batch.tail.body.pages()))
        if batch.tail == NO_TAIL and not self._layout.tail:
            return self._inserted(list(self._translated(batch)))
        return sum(self._inserted(list(rows)) for rows in _joined(self._layout, batch))

    def _translated(self, batch: MaskedBatch) -> Iterable[Row]:
        """Give rows of another engine, each value in the storage class of its column."""
        columns = (_in_class(batch.head[column], self._classes[column]) for column in self._layout.head)
        return zip(*columns, strict=True)

    def _inserted(self, rows: Sequence[Row]) -> int:
        if not rows:
            return 0
        self._connection.execute("SAVEPOINT batch")
        try:
            self._connection.executemany(self._plain, rows)
        except UnicodeEncodeError:
            self._connection.execute("ROLLBACK TO batch")
            self._insert_singly(rows)
        self._connection.execute("RELEASE batch")
        return len(rows)

    def _insert_singly(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._connection.execute(self._sql(map(marker, row)), tuple(map(bound, row)))


def _in_class(values: pa.Array, letter: str) -> list[object]:
    """Give values of one storage class, by whole columns where all of them are of it."""
    if letter in _NUMBERS:
        with suppress(pa.ArrowInvalid):
            numbers = values.cast(_NUMBERS[letter])
            if letter == INTEGER or not pc.any(pc.is_nan(numbers)).as_py():
                return list(numbers.to_pylist())
    return from_text(values, letter * len(values))


def _joined(layout: Layout, batch: MaskedBatch) -> Iterator[Iterable[Row]]:
    """Give the rows to insert page by page, tail first, then head."""
    body = batch.tail.body
    if batch.tail.engine != ENGINE or not isinstance(body, Body | Unread):
        raise InternalError("DM901", "a batch of another engine reached SQLite", place=str(layout.table))
    start = 0
    for tail in (body.tail,) if isinstance(body, Body) else body.tail():
        stop = start + len(tail)
        columns = [
            from_text(batch.head[column][start:stop], body.storage[column][start:stop]) for column in layout.head
        ]
        start = stop
        if not layout.head:
            yield tail
        else:
            yield map(add, tail, zip(*columns, strict=True)) if layout.tail else zip(*columns, strict=True)

"""Rows in bulk: `COPY ... TO STDOUT`, gathered into batches."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from psycopg import sql

from dbmimic.engines.postgres import catalog, copytext, tids
from dbmimic.engines.postgres.catalog import ENGINE
from dbmimic.engines.postgres.connect import ORDERLY, Connection, reading_settings, spelled
from dbmimic.engines.postgres.copyout import copy_out, mended_rows, pinpointed
from dbmimic.engines.postgres.errors import Side, speaking
from dbmimic.engines.postgres.payload import Lines, LongRow, Relay, Tails
from dbmimic.engines.postgres.pump import Outflow, Psql
from dbmimic.engines.postgres.session import hang_up
from dbmimic.engines.postgres.watch import mark
from dbmimic.errors import DbmimicError, UnreadableText
from dbmimic.model.batch import Layout, Payload, RawBatch
from dbmimic.model.keys import KeySet, Portion, Rows, Span
from dbmimic.model.names import TableId
from dbmimic.ports.source import KeyedRows

BATCH_BYTES = 4 << 20  # below, what a mask costs for each batch tells
_IDS_A_STATEMENT = 20_000
_IDS_IN_BINARY = 250_000  # binary rows have a head and an end, so all of them come by one statement, of 3 MB at most
_WORTH_A_PUMP = 4 << 20  # bytes; starting two programs takes as long as reading so much by ourselves
_LEAVING_SECONDS = 10.0
_TID_RANGES = 140000  # the first version that reads a range of places without reading the whole table


@dataclass(frozen=True, slots=True)
class Bulk:
    """What decides how a leaf's rows travel."""

    blocks: int
    byte_count: int
    row_count: float  # as the last ANALYZE saw it, or a guess
    binary: bool


@dataclass(slots=True)
class _Stream:
    """Rows that a thread takes from a session."""

    thread: threading.Thread
    over: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Begun(Iterator[RawBatch]):
    """Batches of rows that a `psql` reads already, whether anybody has asked for the first of them or not."""

    outflow: Outflow
    batches: Generator[RawBatch, None, None]

    def __next__(self) -> RawBatch:
        """Give the next batch."""
        return next(self.batches)

    def close(self) -> None:
        """End the reading; a generator that was not begun would leave it as it is."""
        self.batches.close()
        self.outflow.close()


@dataclass(slots=True)
class Reading:
    """
    A session that reads under the snapshot of that name, and how to find a `psql` that can do it in its stead.

    What `mends` texts reads all of them by itself.
    """

    connection: Connection
    side: Side
    snapshot: str
    psql: Callable[[], Psql | None]
    mends: bool = False
    _stream: _Stream | None = None

    def end(self) -> None:
        """End what another thread takes from the session, so that this can be closed."""
        stream = self._stream
        if stream is None or stream.thread is threading.current_thread() or not stream.thread.is_alive():
            return
        hang_up(self.connection.pgconn)
        stream.over.wait(_LEAVING_SECONDS)

    def read(self, layout: Layout, rows: Rows | Span) -> Iterator[RawBatch]:
        """Stream the chosen rows of a leaf, by ourselves where they are few; a `psql` begins at once."""
        if self.mends:
            return self._mended(layout, rows)
        bulk = self.bulk(layout)
        share = _share(rows, layout.leaf, bulk)
        psql = self.psql() if bulk.byte_count * share >= _WORTH_A_PUMP else None
        if psql is None:
            return self._here(layout, rows)
        if layout.head:
            outflow = self._outflow(psql, layout, rows, ahead=BATCH_BYTES)
            return Begun(outflow, self._pumped(outflow, layout, rows))
        few = not isinstance(rows, KeySet) or len(rows.bits(layout.leaf)) <= _IDS_IN_BINARY
        binary = bulk.binary and few
        outflow = self._outflow(psql, layout, rows, binary=binary)
        return Begun(outflow, self._relayed(outflow, layout, binary=binary))

    def bulk(self, layout: Layout) -> Bulk:
        """Ask the catalogue how large a leaf is; nothing where it is not there."""
        asked = {"schema": layout.leaf.schema, "name": layout.leaf.name, "columns": [*layout.head, *layout.tail]}
        with speaking(self.connection, self.side, "reading the catalogue", layout.leaf):
            row = self.connection.execute(catalog.query("bulk"), asked).fetchone()
        return Bulk(*row) if row is not None else Bulk(0, 0, 0, binary=False)

    def cut(self, layout: Layout, rows: Rows, byte_count: int) -> list[Portion]:
        """Cut the rows by their places: whole tables by pages, chosen rows by number."""
        bulk = self.bulk(layout)
        count = max(1, round(bulk.byte_count * _share(rows, layout.leaf, bulk) / max(1, byte_count)))
        if isinstance(rows, KeySet):
            return _shares(layout.leaf, rows, bulk, count)
        if count == 1 or self.connection.info.server_version < _TID_RANGES:
            return [Portion(rows, bulk.byte_count)]
        edges = [None, *(tids.first_of(bulk.blocks * n // count) for n in range(1, count)), None]
        size = bulk.byte_count // count
        return [Portion(Span(first, stop), size) for first, stop in itertools.pairwise(edges)]

    def _here(self, layout: Layout, rows: Rows | Span) -> Iterator[RawBatch]:
        try:
            yield from self._streamed(layout, rows)
        except UnreadableText as error:
            raise self._pinpointed(layout, rows) or error from None

    def _pinpointed(self, layout: Layout, rows: Rows | Span) -> DbmimicError | None:
        columns = (*layout.head, *layout.tail)
        return pinpointed(
            self.connection, self.side, layout.leaf, columns, selected(layout.leaf, ("ctid", *columns), rows)
        )

    def _streamed(self, layout: Layout, rows: Rows | Span) -> Iterator[RawBatch]:
        # Closed at once where a text cannot be read: the session is asked then for the text's place.
        with self._streaming(), closing(self._rows(layout, rows)) as messages:
            for block, row_count in copytext.blocks(messages, BATCH_BYTES):
                yield _here_batch(layout, block, row_count)

    def _rows(self, layout: Layout, rows: Rows | Span) -> Generator[memoryview, None, None]:
        for query in _queries(layout, rows):
            yield from copy_out(self.connection, self.side, query, layout.leaf)

    def _mended(self, layout: Layout, rows: Rows | Span) -> Iterator[RawBatch]:
        columns = (*layout.head, *layout.tail)
        with self._streaming():
            for block, row_count, places in mended_rows(
                self.connection, self.side, layout.leaf, _queries(layout, rows), BATCH_BYTES
            ):
                counts = {columns[place]: count for place, count in places.items()}
                yield replace(_here_batch(layout, block, row_count), mended=counts)

    @contextmanager
    def _streaming(self) -> Iterator[None]:
        """Let the session be known to be in the middle of rows."""
        self._stream = stream = _Stream(threading.current_thread())
        try:
            yield
        finally:
            stream.over.set()
            self._stream = None

    def _pumped(self, outflow: Outflow, layout: Layout, rows: Rows | Span) -> Generator[RawBatch, None, None]:
        try:
            yield from self._taken(outflow, layout)
        except UnreadableText as error:
            raise self._pinpointed(layout, rows) or error from None

    def _taken(self, outflow: Outflow, layout: Layout) -> Generator[RawBatch, None, None]:
        with closing(outflow):
            lines = copytext.LineReader(outflow.read)
            while block := lines.block(len(layout.head) if layout.tail else 0):
                if lines.whole:
                    yield _batch(layout, block, many=True)
                    continue
                head, rest = copytext.long_head(block, len(layout.head))
                pieces = lines.pieces(rest)
                values = dict(zip(layout.head, head, strict=True))
                yield RawBatch(layout, 1, values, Payload(ENGINE, LongRow(pieces), len(block)))
                for _ in pieces:  # what nobody asked for is skipped
                    pass
            outflow.finish()

    def _relayed(self, outflow: Outflow, layout: Layout, *, binary: bool) -> Generator[RawBatch, None, None]:
        with closing(outflow):
            yield RawBatch(layout, 0, {}, Payload(ENGINE, Relay(outflow, binary)))

    def _outflow(
        self, psql: Psql, layout: Layout, rows: Rows | Span, *, binary: bool = False, ahead: int = 0
    ) -> Outflow:
        version = self.connection.info.server_version
        begun = (
            sql.SQL("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"),
            sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(self.snapshot)),
            # in the transaction: outside of it psql makes each setting one of its own
            spelled((*reading_settings(version), ORDERLY, ("application_name", mark(self.snapshot))), local=True),
            lock(layout.leaf),
        )
        queries = _queries(layout, rows, binary=binary)
        script = b"".join(query.as_bytes(self.connection) + b";\n" for query in (*begun, *queries))
        return Outflow(psql, script, str(layout.leaf), ahead=ahead)


def lock(leaf: TableId) -> sql.Composed:
    """
    Give the statement by which a session beside the keeper locks a leaf, or fails.

    Where somebody's ALTER waits for the keeper's lock, ours would wait for that ALTER.
    """
    name = sql.Identifier(leaf.schema, leaf.name)
    return sql.SQL("LOCK TABLE ONLY {} IN ACCESS SHARE MODE NOWAIT").format(name)


def _share(rows: Rows | Span, leaf: TableId, bulk: Bulk) -> float:
    """Estimate which share of a leaf's bytes some of its rows take."""
    if isinstance(rows, KeySet):
        return min(1.0, len(rows.bits(leaf)) / max(1.0, bulk.row_count))
    if isinstance(rows, Span):
        first = (rows.first or 0) >> tids.OFFSET_BITS
        stop = bulk.blocks if rows.stop is None else rows.stop >> tids.OFFSET_BITS
        return max(0.0, min(1.0, (stop - first) / max(1, bulk.blocks)))
    return 1.0


def _shares(leaf: TableId, rows: KeySet, bulk: Bulk, count: int) -> list[Portion]:
    """Cut chosen rows of a leaf into so many sets of one size."""
    held = len(rows.bits(leaf))
    size = bulk.byte_count * _share(rows, leaf, bulk) / count
    if count == 1:
        return [Portion(rows, int(size))]
    return [Portion(KeySet.of(leaf, ids), int(size)) for ids in rows.chunks(leaf, -(-held // count))]


def _here_batch(layout: Layout, block: bytes, row_count: int) -> RawBatch:
    if layout.head:
        return _batch(layout, block, many=False)
    return RawBatch(layout, row_count, {}, Payload(ENGINE, Lines(block), len(block)))


def _batch(layout: Layout, block: bytes | memoryview, *, many: bool) -> RawBatch:
    head, ends, row_count = copytext.split(block, len(layout.head), len(layout.head) + len(layout.tail))
    values = dict(zip(layout.head, head, strict=True))
    return RawBatch(layout, row_count, values, Payload(ENGINE, Tails(ends, many), len(block)))


def keyed(
    connection: Connection, side: Side, leaf: TableId, columns: tuple[str, ...], rows: Rows, *, mends: bool = False
) -> Iterator[KeyedRows]:
    """Stream the identities of some of a leaf's rows with some columns as text."""

    def asked() -> Iterator[sql.Composed]:
        return selected(leaf, ("ctid", *columns), rows)

    def blocks() -> Iterator[bytes]:
        if mends:
            yield from (block for block, *_ in mended_rows(connection, side, leaf, asked(), BATCH_BYTES))
            return
        for query in asked():
            yield from (block for block, _ in copytext.blocks(copy_out(connection, side, query, leaf), BATCH_BYTES))

    try:
        for block in blocks():
            values, _, _ = copytext.split(block, 1 + len(columns), 1 + len(columns))
            yield KeyedRows(leaf, tids.parsed(values[0]), tuple(values[1:]))
    except UnreadableText as error:
        raise pinpointed(connection, side, leaf, columns, asked()) or error from None


def _list(columns: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _queries(layout: Layout, rows: Rows | Span, *, binary: bool = False) -> Iterator[sql.Composed]:
    """Give the statements that copy the rows; COPY takes no parameters, so places stand in them as digits."""
    yield from selected(layout.leaf, (*layout.head, *layout.tail), rows, binary=binary)


def selected(
    leaf: TableId, columns: tuple[str, ...], rows: Rows | Span, *, binary: bool = False
) -> Iterator[sql.Composed]:
    """Give the statements that copy these columns of the rows out."""
    select = sql.SQL("SELECT {} FROM ONLY {}").format(_list(columns), sql.Identifier(leaf.schema, leaf.name))
    form = sql.SQL(" (FORMAT binary)" if binary else "")
    if isinstance(rows, KeySet):
        for ids in rows.chunks(leaf, _IDS_IN_BINARY if binary else _IDS_A_STATEMENT):
            yield sql.SQL(
                "COPY ({} WHERE ctid = ANY ({}::tid[]) AND ctid >= {}::tid AND ctid <= {}::tid) TO STDOUT{}"
            ).format(
                select,
                sql.Literal(tids.literal(ids)),
                sql.Literal(tids.place(ids[0])),
                sql.Literal(tids.place(ids[-1])),
                form,
            )
        return
    limits = []
    if isinstance(rows, Span):
        ends = ((" >= ", rows.first), (" < ", rows.stop))
        limits = [
            sql.SQL("ctid{}{}::tid").format(sql.SQL(sign), sql.Literal(tids.place(np.uint64(place))))
            for sign, place in ends
            if place is not None
        ]
    where = sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(limits)) if limits else sql.SQL("")
    yield sql.SQL("COPY ({}{}) TO STDOUT{}").format(select, where, form)

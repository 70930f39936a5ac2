"""Rows into a table of the new copy by `COPY ... FROM STDIN`, and sequences to where they belong."""

from __future__ import annotations

import itertools
import selectors
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass

import psycopg
import pyarrow as pa
from psycopg import sql
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from dbmimic.engines.postgres import copytext, straight, waiting
from dbmimic.engines.postgres.connect import Connection, session_settings, spelled
from dbmimic.engines.postgres.ddl import SequenceValue
from dbmimic.engines.postgres.errors import Fault, Side, speaking, translated
from dbmimic.engines.postgres.payload import Lines, LongRow, Relay, Tails
from dbmimic.engines.postgres.pump import Inflow, Psql
from dbmimic.engines.postgres.straight import Straight, Through
from dbmimic.errors import DbmimicError, InternalError, TargetError
from dbmimic.model.amount import amount
from dbmimic.model.batch import NO_TAIL, Layout, MaskedBatch
from dbmimic.model.names import ColumnId

_DOING = "loading rows"
# Rows are written by the one transaction that names their unit, so they can be told from others later.
_UNITS = """
CREATE TABLE {} (
    unit text PRIMARY KEY, row_count int8 NOT NULL, account text NOT NULL, written int8 NOT NULL DEFAULT txid_current()
)"""
_PATIENCE_SECONDS = 2.0  # with a server that is to give up


Entry = Callable[[sql.Composable], sql.Composed]


@dataclass(frozen=True, slots=True)
class Journal:
    """A table in the new copy that names the units whose rows it holds, for as long as it is loaded."""

    schema: str

    def create(self, connection: Connection) -> None:
        """Make it."""
        with speaking(connection, Side.TARGET, "preparing the new copy"):
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(self.schema)))
            connection.execute(sql.SQL(_UNITS).format(self._table))

    def drop(self, connection: Connection) -> None:
        """Remove it."""
        with speaking(connection, Side.TARGET, "finishing the new copy"):
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(self.schema)))

    def loaded(self, connection: Connection, unit: str) -> int | None:
        """Give how many rows a unit loaded, or None where it did not."""
        with speaking(connection, Side.TARGET, _DOING):
            row = connection.execute(
                sql.SQL("SELECT row_count FROM {} WHERE unit = %s").format(self._table), (unit,)
            ).fetchone()
        return int(row[0]) if row is not None else None

    def entry(self, unit: str, row_count: sql.Composable, account: str) -> sql.Composed:
        """Give the statement that names a unit."""
        values = sql.SQL("{}, {}, {}").format(sql.Literal(unit), row_count, sql.Literal(account))
        return sql.SQL("INSERT INTO {} VALUES ({})").format(self._table, values)

    @property
    def _table(self) -> sql.Identifier:
        return sql.Identifier(self.schema, "units")


@dataclass(frozen=True, slots=True)
class Writing:
    """A session that writes to the new copy, and how to find a `psql` that can do it in its stead."""

    connection: Connection
    psql: Callable[[], Psql | None]
    journal: Journal | None = None

    def write(
        self, layout: Layout, batches: Iterable[MaskedBatch], unit: str = "", account: Callable[[], str] = str
    ) -> int:
        """Load the batches into `layout.leaf` in one transaction and give the number of rows."""
        if self.journal is None or not unit:
            return self._written(layout, iter(batches), None)
        journal = self.journal

        def entry(row_count: sql.Composable) -> sql.Composed:
            return journal.entry(unit, row_count, account())

        before = self.journal.loaded(self.connection, unit)
        if before is not None:
            return before
        try:
            return self._written(layout, iter(batches), entry)
        except TargetError:
            # Somebody who was thought to be lost may have been the faster one.
            before = None if self.connection.broken else self.journal.loaded(self.connection, unit)
            if before is None:
                raise
            return before

    def _written(self, layout: Layout, batches: Iterator[MaskedBatch], entry: Entry | None) -> int:
        first = next(batches, None)
        every = itertools.chain(() if first is None else (first,), batches)
        if first is None or not _is_bulk(first.tail.body):
            return self._here(layout, every, entry)
        relay = first.tail.body if isinstance(first.tail.body, Relay) else None
        if straight.is_possible(self.connection):
            return self._here(layout, every, entry, many=True, relay=relay)
        psql = self.psql()
        if psql is None:
            return self._here(layout, every, entry, relay=relay)
        return self._pumped(psql, layout, first, batches, entry)

    def _here(
        self,
        layout: Layout,
        batches: Iterable[MaskedBatch],
        entry: Entry | None,
        *,
        many: bool = False,
        relay: Relay | None = None,
    ) -> int:
        """
        Load by this session; where batches are `many`, they are sent while the next one is made.

        How many rows a `relay` holds is known to the server alone.
        """
        place = str(layout.leaf)
        row_count = 0

        def pieces() -> Iterator[bytes | memoryview]:
            nonlocal row_count
            for batch in batches:
                yield from _pieces(batch)
                row_count += batch.row_count

        with speaking(self.connection, Side.TARGET, _DOING, place), self.connection.transaction():
            _begin(self.connection, layout, binary=relay is not None and relay.binary)
            rows = Straight(self.connection) if many else Through(self.connection)
            try:
                for piece in itertools.takewhile(lambda _: not rows.broken, pieces()):
                    rows.write(piece)
                rows.end()
            except BaseException:
                rows.stop()
                with suppress(psycopg.Error):  # what went wrong first is what is told
                    _give_up(self.connection)
                raise
            if rows.broken:
                raise _failed(self.connection, layout, _ended(self.connection, b"refused"))
            held = _end(self.connection, layout)
            if relay is None and held != row_count:
                raise _miscounted(row_count, held, place)
            if entry is not None:
                self.connection.execute(entry(sql.Literal(held)))
        return held

    def _pumped(
        self, psql: Psql, layout: Layout, first: MaskedBatch, others: Iterator[MaskedBatch], entry: Entry | None
    ) -> int:
        body = first.tail.body
        relay = body if isinstance(body, Relay) else None
        settings = spelled(session_settings(self.connection.info.server_version)).as_string(self.connection)
        copying = _copy_in(layout, binary=relay is not None and relay.binary).as_string(self.connection)
        statements = [f"{settings}; BEGIN", copying]
        source = relay.outflow.rows if relay is not None else None
        row_count = 0
        columns = (*layout.head, *layout.tail)
        with closing(Inflow(psql, statements, str(layout.leaf), source, columns)) as inflow:
            if relay is not None:
                relay.outflow.rows.close()  # or the reading end would not see that the writing one is gone
                relay.outflow.finish(inflow)
            else:
                for batch in itertools.chain((first,), others):
                    for piece in _pieces(batch):
                        inflow.write(piece)
                    row_count += batch.row_count
            script = ""
            if entry is not None:
                rows = sql.SQL(":ROW_COUNT")  # psql's own: those of the COPY
                script = f"{entry(rows).as_string(self.connection)};"
            held = inflow.commit(script)
        for _ in others:  # ends the reading
            pass
        if relay is None and held != row_count:
            raise _miscounted(row_count, held, str(layout.leaf))
        return held


def _is_bulk(body: object) -> bool:
    return isinstance(body, Relay | LongRow) or (isinstance(body, Tails) and body.many)


def _copy_in(layout: Layout, *, binary: bool = False) -> sql.Composed:
    columns = (*layout.head, *layout.tail)
    names = sql.SQL(" ({})").format(sql.SQL(", ").join(map(sql.Identifier, columns))) if columns else sql.SQL("")
    table = sql.Identifier(layout.leaf.schema, layout.leaf.name)
    form = sql.SQL(" (FORMAT binary)" if binary else "")
    return sql.SQL("COPY {}{} FROM STDIN{}").format(table, names, form)


def _begin(connection: Connection, layout: Layout, *, binary: bool) -> None:
    connection.pgconn.send_query(_copy_in(layout, binary=binary).as_bytes(connection))
    begun = waiting.answer(connection)
    if begun is None or begun.status != ExecStatus.COPY_IN:
        waiting.drained(connection)
        raise translated(Fault.of_result(connection, begun), Side.TARGET, _DOING, str(layout.leaf))


def _rows(batch: MaskedBatch) -> bytes | memoryview:
    """Give the batch as COPY reads it."""
    body = batch.tail.body
    if isinstance(body, Lines):
        return body.block
    if batch.tail == NO_TAIL and not batch.layout.tail:
        return copytext.join([batch.head[column] for column in batch.layout.head], None)
    if not isinstance(body, Tails):
        raise InternalError("DM901", f"rows of {batch.tail.engine} were given to PostgreSQL")
    return copytext.join([batch.head[column] for column in batch.layout.head], body.ends)


def _pieces(batch: MaskedBatch) -> Iterator[bytes | memoryview]:
    """Give the batch as COPY reads it; a long row, and rows that are relayed, as they come."""
    body = batch.tail.body
    if isinstance(body, Relay):
        yield from body.outflow.blocks()
        return
    if not isinstance(body, LongRow):
        yield _rows(batch)
        return
    yield copytext.join([batch.head[column] for column in batch.layout.head], pa.array([b""], pa.binary()))
    yield from body.pieces


def _end(connection: Connection, layout: Layout) -> int:
    """End the COPY and give how many rows the server took."""
    ended = _ended(connection, None)
    if ended is None or ended.status != ExecStatus.COMMAND_OK:
        raise _failed(connection, layout, ended)
    return ended.command_tuples or 0


def _give_up(connection: Connection) -> None:
    """End the COPY so that the server takes back what it has of it; one that does not answer soon is left to that."""
    try:
        _ended(connection, b"the copy was given up", patience=_PATIENCE_SECONDS)
    except TimeoutError:
        connection.close()


def _failed(connection: Connection, layout: Layout, ended: PGresult | None) -> DbmimicError:
    """Give what the server had against the COPY."""
    fault = Fault.of_result(connection, ended, (*layout.head, *layout.tail))
    return translated(fault, Side.TARGET, _DOING, str(layout.leaf))


def _ended(connection: Connection, refusal: bytes | None, patience: float | None = None) -> PGresult | None:
    """
    End the COPY and give what the server says to it. A signal is heard meanwhile, which it is not inside of libpq.

    Raises:
        TimeoutError: the server said nothing for `patience` seconds.
    """
    pgconn = connection.pgconn
    while not pgconn.put_copy_end(refusal):
        waiting.wait(connection, selectors.EVENT_WRITE, patience)
    return waiting.drained(connection, patience)


def _miscounted(sent: int, held: int, place: str) -> InternalError:
    return InternalError("DM901", f"{amount(sent, 'row was', 'rows were')} sent and {held:,} arrived", place=place)


def set_sequence(connection: Connection, value: SequenceValue, masked: frozenset[ColumnId]) -> None:
    """
    Set a sequence to the source's value; past the furthest value of the column that owns it, where that is masked.

    The furthest is the largest, or the smallest where the sequence counts down.
    """
    name = sql.Identifier(value.id.schema, value.id.name)
    text = sql.Literal(name.as_string(connection))
    if value.owner not in masked or value.owner is None:
        question = sql.SQL("SELECT setval({}::regclass, {}, {})")
        connection.execute(question.format(text, sql.Literal(value.last_value), sql.Literal(value.is_called)))
        return
    owner = value.owner
    row = connection.execute(
        sql.SQL(
            "SELECT s.seqincrement > 0, s.seqmin, s.seqmax, min(t.{column})::int8, max(t.{column})::int8"
            " FROM pg_sequence s LEFT JOIN {table} t ON true WHERE s.seqrelid = {sequence}::regclass"
            " GROUP BY s.seqincrement, s.seqmin, s.seqmax"
        ).format(
            column=sql.Identifier(owner.name),
            table=sql.Identifier(owner.table.schema, owner.table.name),
            sequence=text,
        )
    ).fetchone()
    last, called = value.last_value, value.is_called
    if row is not None and row[3] is not None:
        ascending, lowest, highest, smallest, largest = row
        furthest = largest if ascending else smallest
        if (furthest >= last) if ascending else (furthest <= last):
            last, called = min(max(furthest, lowest), highest), True
    connection.execute(
        sql.SQL("SELECT setval({}::regclass, {}, {})").format(text, sql.Literal(last), sql.Literal(called))
    )

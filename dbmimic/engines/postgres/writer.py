"""Rows into a table of the new copy by `COPY ... FROM STDIN`, and sequences to where they belong."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
from psycopg import sql
from psycopg.pq import ExecStatus

from dbmimic.engines.postgres import catalog, copytext
from dbmimic.engines.postgres.connect import Connection
from dbmimic.engines.postgres.ddl import SequenceValue
from dbmimic.engines.postgres.errors import Fault, Side, speaking, translated
from dbmimic.errors import InternalError
from dbmimic.model.batch import Layout, MaskedBatch
from dbmimic.model.names import ColumnId

_DOING = "loading rows"


def write(connection: Connection, layout: Layout, batches: Iterable[MaskedBatch]) -> int:
    """Load the batches into `layout.leaf` in one transaction and give the number of rows."""
    place = str(layout.leaf)
    row_count = 0
    with speaking(connection, Side.TARGET, _DOING, place), connection.transaction():
        _begin(connection, layout)
        try:
            for batch in batches:
                _send(connection, batch)
                row_count += batch.row_count
        except BaseException:
            _end(connection, place, b"the copy was given up")
            raise
        _end(connection, place, None)
    return row_count


def _begin(connection: Connection, layout: Layout) -> None:
    columns = (*layout.head, *layout.tail)
    names = sql.SQL(" ({})").format(sql.SQL(", ").join(map(sql.Identifier, columns))) if columns else sql.SQL("")
    table = sql.Identifier(layout.leaf.schema, layout.leaf.name)
    begun = connection.pgconn.exec_(sql.SQL("COPY {}{} FROM STDIN").format(table, names).as_bytes(connection))
    if begun.status != ExecStatus.COPY_IN:
        raise translated(Fault.of_result(connection, begun), Side.TARGET, _DOING, str(layout.leaf))
    connection.pgconn.nonblocking = 0  # libpq sends at once; without blocking it would move its buffer again and again


def _send(connection: Connection, batch: MaskedBatch) -> None:
    connection.pgconn.put_copy_data(_rows(batch))


def _rows(batch: MaskedBatch) -> bytes | memoryview:
    """Give the batch as COPY reads it."""
    body = batch.tail.body
    if batch.tail.engine != catalog.ENGINE:
        raise InternalError("DM901", f"rows of {batch.tail.engine} were given to PostgreSQL")
    if not batch.layout.head and isinstance(body, bytes):
        return body
    if body is not None and not isinstance(body, pa.Array):
        raise InternalError("DM901", "a batch's payload is not what the reader made")
    return copytext.join([batch.head[column] for column in batch.layout.head], body)


def _end(connection: Connection, place: str, refusal: bytes | None) -> None:
    """End the COPY, by giving it up where there is a refusal, and tell what the server says to it."""
    pgconn = connection.pgconn
    pgconn.put_copy_end(refusal)
    ended = pgconn.get_result()
    while pgconn.get_result() is not None:
        pass
    pgconn.nonblocking = 1
    if refusal is None and (ended is None or ended.status != ExecStatus.COMMAND_OK):
        raise translated(Fault.of_result(connection, ended), Side.TARGET, _DOING, place)


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

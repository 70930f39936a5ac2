"""Rows in bulk: `COPY ... TO STDOUT`, gathered into batches."""

from __future__ import annotations

import selectors
from collections.abc import Iterator

from psycopg import sql
from psycopg.pq import ExecStatus

from dbmimic.engines.postgres import copytext, tids
from dbmimic.engines.postgres.catalog import ENGINE
from dbmimic.engines.postgres.connect import Connection
from dbmimic.engines.postgres.errors import Fault, Side, speaking, translated
from dbmimic.model.batch import Layout, Payload, RawBatch
from dbmimic.model.keys import KeySet, Rows
from dbmimic.model.names import TableId
from dbmimic.ports.source import KeyedRows

BATCH_BYTES = 1 << 20
_IDS_A_STATEMENT = 20_000


def read(connection: Connection, side: Side, layout: Layout, rows: Rows) -> Iterator[RawBatch]:
    """Stream the chosen rows of a leaf; one statement for all rows, or one for every few thousand named ones."""
    columns = (*layout.head, *layout.tail)
    messages = (
        message
        for query in _queries(layout.leaf, columns, rows)
        for message in copy_out(connection, side, query, layout.leaf)
    )
    for block, row_count in copytext.blocks(messages, BATCH_BYTES):
        if not layout.head:
            yield RawBatch(layout, row_count, {}, Payload(ENGINE, block, len(block)))
            continue
        head, tail = copytext.split(block, row_count, len(layout.head), len(columns))
        yield RawBatch(layout, row_count, dict(zip(layout.head, head, strict=True)), Payload(ENGINE, tail, len(block)))


def keyed(connection: Connection, side: Side, leaf: TableId, columns: tuple[str, ...]) -> Iterator[KeyedRows]:
    """Stream the identities of a leaf's rows with some columns as text."""
    query = sql.SQL("COPY (SELECT {} FROM ONLY {}) TO STDOUT").format(
        _list(("ctid", *columns)), sql.Identifier(leaf.schema, leaf.name)
    )
    for block, row_count in copytext.blocks(copy_out(connection, side, query, leaf), BATCH_BYTES):
        values, _ = copytext.split(block, row_count, 1 + len(columns), 1 + len(columns))
        yield KeyedRows(leaf, tids.parsed(values[0]), tuple(values[1:]))


def _list(columns: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _queries(leaf: TableId, columns: tuple[str, ...], rows: Rows) -> Iterator[sql.Composed]:
    """Give the statements that copy the rows; COPY takes no parameters, so places stand in them as digits."""
    select = sql.SQL("SELECT {} FROM ONLY {}").format(_list(columns), sql.Identifier(leaf.schema, leaf.name))
    if not isinstance(rows, KeySet):
        yield sql.SQL("COPY ({}) TO STDOUT").format(select)
        return
    for ids in rows.chunks(leaf, _IDS_A_STATEMENT):
        yield sql.SQL(
            "COPY ({} WHERE ctid = ANY ({}::tid[]) AND ctid >= {}::tid AND ctid <= {}::tid) TO STDOUT"
        ).format(
            select, sql.Literal(tids.literal(ids)), sql.Literal(tids.place(ids[0])), sql.Literal(tids.place(ids[-1]))
        )


def copy_out(connection: Connection, side: Side, query: sql.Composed, place: TableId) -> Iterator[memoryview]:
    """
    Run one COPY and give its rows as they come, each with its newline.

    A reader that stops early cancels the statement; the transaction, and with it the snapshot, lives on.
    """
    doing = "reading rows"
    with speaking(connection, side, doing, place):
        connection.execute("SAVEPOINT dbmimic_read")
        connection.pgconn.send_query(query.as_bytes(connection))
        finished = False
        try:
            yield from _rows(connection, side, place)
            finished = True
        finally:
            if not finished and not connection.broken:
                _abandon(connection)
        connection.execute("RELEASE SAVEPOINT dbmimic_read")


def _rows(connection: Connection, side: Side, place: TableId) -> Iterator[memoryview]:
    pgconn = connection.pgconn
    with selectors.DefaultSelector() as selector:
        selector.register(pgconn.socket, selectors.EVENT_READ)
        while pgconn.is_busy():
            selector.select()
            pgconn.consume_input()
        begun = pgconn.get_result()
        if begun is None or begun.status != ExecStatus.COPY_OUT:
            raise translated(Fault.of_result(connection, begun), side, "reading rows", str(place))
        size, row = pgconn.get_copy_data(1)
        while size >= 0:
            if size == 0:
                selector.select()
                pgconn.consume_input()
            else:
                yield row
            size, row = pgconn.get_copy_data(1)
    ended = pgconn.get_result()
    if ended is None or ended.status != ExecStatus.COMMAND_OK:
        raise translated(Fault.of_result(connection, ended), side, "reading rows", str(place))
    while pgconn.get_result() is not None:
        pass


def _abandon(connection: Connection) -> None:
    """Cancel the running COPY, throw away what is on its way, and make the transaction usable again."""
    connection.cancel_safe(timeout=10)
    while (result := connection.pgconn.get_result()) is not None:
        while result.status == ExecStatus.COPY_OUT and connection.pgconn.get_copy_data(0)[0] > 0:
            pass
    connection.execute("ROLLBACK TO SAVEPOINT dbmimic_read")

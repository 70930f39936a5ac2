"""
`COPY ... TO STDOUT` by a session of ours: its rows in UTF-8, or as the bytes that stand in the database.

A database in SQL_ASCII knows of no encoding and is taken for one in UTF-8. One in UTF-8 is believed by its server,
which checks nothing that it gives.
"""

from __future__ import annotations

import selectors
from collections.abc import Iterable, Iterator

from psycopg import sql
from psycopg.pq import ExecStatus

from dbmimic.engines import charsets
from dbmimic.engines.postgres import copytext, waiting
from dbmimic.engines.postgres.connect import ORDERLY, Connection, spelled
from dbmimic.engines.postgres.errors import Fault, Side, speaking, translated
from dbmimic.errors import DbmimicError, UnreadableText
from dbmimic.model.names import TableId

_UTF8 = frozenset({"UTF8", "SQL_ASCII"})
_UNKNOWN = "ascii"  # no database is in that
_BLOCK_BYTES = 1 << 20


def copy_out(
    connection: Connection, side: Side, query: sql.Composed | bytes, place: TableId, encoding: str = "UTF8"
) -> Iterator[memoryview]:
    """
    Run one COPY and give its rows as they come, each with its newline, in an encoding of the server's.

    A reader that stops early cancels the statement; the transaction, and with it the snapshot, lives on.
    """
    doing = "reading rows"
    with speaking(connection, side, doing, place):
        said = query if isinstance(query, bytes) else query.as_bytes(connection)
        settings = spelled((ORDERLY, ("client_encoding", encoding)), local=True)
        connection.execute(sql.SQL("SAVEPOINT dbmimic_read; {}").format(settings))
        connection.pgconn.send_query(said)
        finished = False
        try:
            yield from _rows(connection, side, place)
            finished = True
        finally:
            if not finished and not connection.broken:
                _abandon(connection)
        # What is set in a savepoint that is given up is not, so this ends the setting, too.
        connection.execute("ROLLBACK TO SAVEPOINT dbmimic_read; RELEASE SAVEPOINT dbmimic_read")


def _rows(connection: Connection, side: Side, place: TableId) -> Iterator[memoryview]:
    pgconn = connection.pgconn
    begun = waiting.answer(connection)
    if begun is None or begun.status != ExecStatus.COPY_OUT:
        raise translated(Fault.of_result(connection, begun), side, "reading rows", str(place))
    with selectors.DefaultSelector() as selector:  # one for all rows
        selector.register(pgconn.socket, selectors.EVENT_READ)
        size, row = pgconn.get_copy_data(1)
        while size >= 0:
            if size == 0:
                while not selector.select(connection.patience):
                    connection.ask_around(selectors.EVENT_READ)
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


def mended_rows(
    connection: Connection, side: Side, leaf: TableId, queries: Iterable[sql.Composed], size: int
) -> Iterator[tuple[bytes, int, dict[int, int]]]:
    """
    Run these COPYs and give their rows in UTF-8, with another character for what is no text in the database's encoding.

    They come in blocks of about `size` bytes: each with its number of rows, and how many values had such, by column.
    """
    for block, row_count, codec in _as_they_stand(connection, side, leaf, queries, size):
        mended, counts = copytext.mended(block, codec)
        yield mended, row_count, counts


def pinpointed(
    connection: Connection, side: Side, leaf: TableId, columns: tuple[str, ...], queries: Iterable[sql.Composed]
) -> DbmimicError | None:
    """
    Give the error that tells the first text which is none in the database's encoding, by its row's place and its
    column; None where all of them are, by our own measure, or nobody here knows the encoding.

    The queries copy the ctid and the columns out. Cost: the rows are read once more, up to that one.
    """
    own = _encoding(connection)
    try:
        for block, _, codec in _as_they_stand(connection, side, leaf, queries, _BLOCK_BYTES):
            if (found := copytext.unreadable(block, codec)) is not None:
                place = found[0].decode()
                message = f"a text is not valid {'UTF-8' if own in _UTF8 else own}, in the row whose ctid is {place}"
                ways = "leave its row out, or say on_encoding_error: replace" if side is Side.SOURCE else "or copy anew"
                hint = f"WHERE ctid = '{place}' finds it: mend it, {ways}"
                return side.error(side.code(4), message, place=str(leaf.column(columns[found[1] - 1])), hint=hint)
    except UnreadableText:
        pass
    return None


def _encoding(connection: Connection) -> str:
    return str(connection.info.parameter_status("server_encoding"))


def _as_they_stand(
    connection: Connection, side: Side, leaf: TableId, queries: Iterable[sql.Composed], size: int
) -> Iterator[tuple[bytes, int, str]]:
    """Run COPYs without a conversion and give blocks of rows with their number, and Python's word for the encoding."""
    own = _encoding(connection)
    codec = charsets.of_postgres(own) or "utf-8"
    if codec == _UNKNOWN:
        message = f"the encoding {own} is known to the server alone, so no text in it can be mended"
        raise UnreadableText("DM404", message, place=str(leaf), hint="leave on_encoding_error out")
    for query in queries:
        said = query.as_string(connection).encode(codec)
        for block, row_count in copytext.blocks(copy_out(connection, side, said, leaf, own), size):
            yield block, row_count, codec

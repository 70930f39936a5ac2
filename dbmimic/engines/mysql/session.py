"""
One connection, with the three ways in which we talk to a server: rows for the catalogue, blocks of rows for bulk
reading, and uploads for bulk writing.
"""

from __future__ import annotations

import io
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from types import TracebackType
from typing import Any, Self

import pymysql
from pymysql.connections import Connection, MySQLResult
from pymysql.constants import CR
from pymysql.cursors import Cursor

from dbmimic.engines.mysql.errors import Side, connecting, speaking_of
from dbmimic.engines.mysql.patience import Listening, Patience
from dbmimic.engines.mysql.stream import Block, Stream
from dbmimic.engines.mysql.upload import send
from dbmimic.engines.silence import ANSWER_SECONDS
from dbmimic.errors import InternalError

Row = tuple[Any, ...]

_BUFFER_BYTES = 8192  # as the driver's own


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a statement did: rows touched, warnings raised."""

    rows: int
    warnings: int


class _Result(MySQLResult):
    """A result that answers a request for a local file from memory, and only while we have something to send."""

    def _read_load_local_packet(self, first_packet: Any) -> None:
        del first_packet  # names the file, and there is none
        driver: Any = super()
        connection: Any = self.connection
        upload, connection.upload = connection.upload, None
        failure = send(connection, upload or ())
        driver._read_ok_packet(connection._read_packet())  # noqa: SLF001 -- the driver has no public way
        if failure is not None:
            raise failure


class _Wire(Connection):
    """The driver's connection with our results, and one that asks around where nothing comes."""

    upload: Iterable[bytes | memoryview] | None = None
    patience: Patience | None = None
    # The driver's own, and in no other way to be had.
    _sock: Any
    _rfile: Any
    _read_timeout: Any
    _write_timeout: Any
    _current_timeout: Any
    _force_close: Callable[[], None]

    def listen(self, patience: Patience) -> None:
        """Ask around from now on where nothing came or went for so long."""
        self.patience = patience
        self._read_timeout = self._write_timeout = self._current_timeout = patience.seconds
        self._sock.settimeout(patience.seconds)
        self._rfile = io.BufferedReader(Listening(self._sock, patience), _BUFFER_BYTES)

    def _create_ssl_ctx(self, sslp: Any) -> ssl.SSLContext:
        driver: Any = super()
        return driver._create_ssl_ctx(sslp) if sslp else _whoever_answers()  # noqa: SLF001 -- no public way either

    def _write_bytes(self, data: bytes) -> None:
        try:
            if self.patience is None:
                self._sock.sendall(data)
            else:
                self.patience.send(self._sock, data)
        except OSError:
            self._force_close()
            raise pymysql.OperationalError(CR.CR_SERVER_GONE_ERROR, "the connection was lost") from None
        except BaseException:
            self._force_close()
            raise

    def _read_query_result(self, unbuffered: bool = False) -> Any:
        self._result = None
        result: Any = _Result(self)
        if unbuffered:
            result.init_unbuffered_query()
            result.unbuffered_active = False  # we read the rows ourselves
        else:
            result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return result.affected_rows


@cache
def _whoever_answers() -> ssl.SSLContext:
    """
    Give what encrypts where nothing is said of certificates: nobody's is looked at then, as the driver has it.

    The driver makes it anew for each connection, and reads all the machine's certificates for it: 25 ms of work.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Session:
    """
    One connection of one side. All statements are given whole: nothing is formatted by the driver.

    Never raises a driver's exception.
    """

    def __init__(self, side: Side, options: dict[str, Any], stall_timeout: float | None = None) -> None:
        self.side = side
        settings: dict[str, Any] = {
            "charset": "utf8mb4",
            "use_unicode": False,
            "conv": {},
            "local_infile": True,
            "autocommit": None,  # it is set with the rest: where a server has it off, the driver fails without `conv`
        }
        self._wire: Any
        if stall_timeout is not None:  # for as long as it does not ask around itself
            patience = options.get("connect_timeout", ANSWER_SECONDS)
            settings |= {"read_timeout": patience, "write_timeout": patience}
        another = partial(_Wire, **settings, **options)
        with connecting(side):
            self._wire = another()
            if stall_timeout is not None:
                self._wire.listen(Patience.of(self._wire, side, stall_timeout, another))
        _look_after(self._wire._sock)  # noqa: SLF001 -- the driver keeps the system's two hours
        self.host = str(options.get("host", ""))
        # A socket or TLS; or the address says that it need not be.
        self.is_private = bool(self._wire._secure or options.get("ssl_disabled"))  # noqa: SLF001 -- as above
        self._raw = False
        self._streaming = 0
        self._streams = count(1)
        version = str(self._wire.server_version)
        self.is_mariadb = "mariadb" in version.lower()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, statement: str | bytes, place: str = "") -> Outcome:
        """Run a statement that gives no rows."""
        with speaking_of(self.side, place):
            return self.attempt(statement)

    def attempt(self, statement: str | bytes) -> Outcome:
        """Run a statement and let the driver's exception out; for callers inside this room that look at it."""
        self._only()
        with Cursor(self._wire) as cursor:
            run: Callable[..., int] = cursor.execute
            rows = run(statement)
            return Outcome(rows, cursor.warning_count)

    def rows(self, statement: str, place: str = "") -> list[Row]:
        """Give all rows of a small answer as text (bytes where they are not UTF-8); NULL is None."""
        with speaking_of(self.side, place):
            return self.fetch(statement)

    def fetch(self, statement: str) -> list[Row]:
        """Give rows like `rows` and let the driver's exception out."""
        self._only()
        self._results(raw=False)
        with Cursor(self._wire) as cursor:
            cursor.execute(statement)
            return [tuple(_text(value) for value in row) for row in cursor.fetchall()]

    def records(self, statement: str) -> list[dict[str, Any]]:
        """Give rows like `fetch`, each by the names of its columns."""
        self._only()
        self._results(raw=False)
        with Cursor(self._wire) as cursor:
            cursor.execute(statement)
            names = [str(column[0]) for column in cursor.description or ()]
            return [dict(zip(names, map(_text, row), strict=True)) for row in cursor.fetchall()]

    def value(self, statement: str, place: str = "") -> Any:
        """Give the first value of the first row, or None."""
        rows = self.rows(statement, place)
        return rows[0][0] if rows else None

    def blocks(self, statement: str, place: str = "") -> Iterator[Block]:
        """
        Stream an answer as blocks of rows of about a megabyte; text stays in each column's own character set.

        No other statement may run on this session until the stream is used up or closed.
        """
        with speaking_of(self.side, place):
            yield from self.attempt_blocks(statement)

    def attempt_blocks(self, statement: str) -> Iterator[Block]:
        """Stream like `blocks` and let the driver's exception out."""
        self._only()
        self._results(raw=True)
        self._wire.query(statement, unbuffered=True)
        stream = Stream(self._wire._rfile, self._wire.encoding)  # noqa: SLF001 -- the driver reads row by row only
        self._streaming = mine = next(self._streams)
        try:
            yield from stream.blocks()
        finally:
            if self._streaming == mine:
                self._streaming = 0
            if self.open:
                stream.drain()

    def upload(self, statement: str, blocks: Iterable[bytes | memoryview]) -> Outcome:
        """
        Run a LOAD DATA LOCAL whose file are these blocks; they are not asked for where the server refuses it.

        What they raise comes out, after the server has taken what was sent before. Lets the driver's exception out.
        """
        self._wire.upload = blocks
        try:
            return self.attempt(statement)
        finally:
            self._wire.upload = None

    @property
    def open(self) -> bool:
        """Whether the connection is up, as far as this end knows."""
        return bool(self._wire.open)

    @property
    def streaming(self) -> bool:
        """Whether an answer is being streamed."""
        return bool(self._streaming)

    def close(self) -> None:
        """Close the connection; safe to call twice, and on one that is broken."""
        if self._wire.open:
            try:
                self._wire.close()
            except (pymysql.MySQLError, OSError):
                return

    def _only(self) -> None:
        if self._streaming:
            raise InternalError("DM901", "a statement was sent while rows are being streamed", place=self.side.place)

    def _results(self, *, raw: bool) -> None:
        """Have text sent in each column's own character set, or all in UTF-8."""
        if raw != self._raw:
            self.attempt("SET character_set_results = " + ("NULL" if raw else "utf8mb4"))
            self._raw = raw


def _look_after(connection: socket.socket) -> None:
    """Have a peer that is gone without a word found out after two minutes, as on PostgreSQL."""
    if connection.family != socket.AF_UNIX:
        for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
            if hasattr(socket, option):  # not on every system
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _text(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value

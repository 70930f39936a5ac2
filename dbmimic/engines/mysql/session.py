"""
One connection, with the three ways in which we talk to a server: rows for the catalogue, row packets for bulk
reading, and uploads for bulk writing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Any, Self

import pymysql
from pymysql.connections import Connection, MySQLResult
from pymysql.cursors import Cursor, SSCursor

from dbmimic.engines.mysql.errors import Side, speaking_of
from dbmimic.errors import InternalError

Row = tuple[Any, ...]

_BATCH_BYTES = 1 << 20
_BATCH_ROWS = 16_384
# Well below any server's max_allowed_packet, large enough that the packets' overhead vanishes.
_UPLOAD_BYTES = 256 * 1024


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
        data = memoryview(connection.upload or b"")
        for start in range(0, len(data), _UPLOAD_BYTES):
            connection.write_packet(bytes(data[start : start + _UPLOAD_BYTES]))
        connection.write_packet(b"")
        driver._read_ok_packet(connection._read_packet())  # noqa: SLF001 -- the driver has no public way


class _PacketResult(_Result):
    """A result whose rows are the bytes of their packets, to be taken apart many at a time."""

    def _read_row_from_packet(self, packet: Any) -> Any:
        return packet.get_all_data()

    def _finish_unbuffered_query(self) -> None:
        """Read what is left of the answer, unless its connection is gone: the driver would go on reading from it."""
        connection: Any = self.connection
        if connection is not None and not connection.open:
            self.unbuffered_active = False
            self.connection = None
            return
        driver: Any = super()
        driver._finish_unbuffered_query()  # noqa: SLF001 -- the driver has no public way


class _Wire(Connection):
    """The driver's connection with our results."""

    upload: bytes | memoryview | None = None

    def _read_query_result(self, unbuffered: bool = False) -> Any:
        self._result = None
        result: Any = _PacketResult(self) if unbuffered else _Result(self)
        if unbuffered:
            result.init_unbuffered_query()
        else:
            result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return result.affected_rows


class Session:
    """
    One connection of one side. All statements are given whole: nothing is formatted by the driver.

    Never raises a driver's exception.
    """

    def __init__(self, side: Side, options: dict[str, Any]) -> None:
        self.side = side
        settings: dict[str, Any] = {
            "charset": "utf8mb4",
            "use_unicode": False,
            "conv": {},
            "local_infile": True,
            "autocommit": True,
        }
        self._wire: Any
        with speaking_of(side):
            self._wire = _Wire(**settings, **options)
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

    def value(self, statement: str, place: str = "") -> Any:
        """Give the first value of the first row, or None."""
        rows = self.rows(statement, place)
        return rows[0][0] if rows else None

    def packets(self, statement: str, place: str = "") -> Iterator[list[bytes]]:
        """
        Stream an answer as lists of row packets of about a megabyte; text stays in each column's own character set.

        No other statement may run on this session until the stream is used up or closed.
        """
        with speaking_of(self.side, place):
            yield from self.attempt_packets(statement)

    def attempt_packets(self, statement: str) -> Iterator[list[bytes]]:
        """Stream like `packets` and let the driver's exception out."""
        self._only()
        self._results(raw=True)
        cursor = SSCursor(self._wire)
        self._streaming = mine = next(self._streams)
        try:
            cursor.execute(statement)
            yield from _batches(cursor)
        finally:
            if self._streaming == mine:
                self._streaming = 0
            cursor.close()

    def upload(self, statement: str, data: bytes | memoryview) -> Outcome:
        """Run a LOAD DATA LOCAL whose file is `data`; lets the driver's exception out."""
        self._wire.upload = data
        try:
            return self.attempt(statement)
        except pymysql.MySQLError:
            raise
        except BaseException:
            self.close()  # the upload was cut short, and the server would take what comes next for its rest
            raise
        finally:
            self._wire.upload = None

    @property
    def open(self) -> bool:
        """Whether the connection is up, as far as this end knows."""
        return bool(self._wire.open)

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


def _text(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _batches(cursor: SSCursor) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    fetch: Callable[[], Any] = cursor.fetchone
    for packet in iter(fetch, None):
        batch.append(packet)
        size += len(packet)
        if size >= _BATCH_BYTES or len(batch) >= _BATCH_ROWS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch

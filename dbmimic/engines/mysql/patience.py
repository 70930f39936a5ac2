"""
Reading and writing that do not wait for ever for a server of which nothing comes.

A network tells of a peer that is gone; of one behind a proxy that takes what we send and passes nothing on it does not.
How long a statement takes says nothing, so after a while another connection asks what the session of the first does.
"""

from __future__ import annotations

import contextlib
import io
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.cursors import Cursor

from dbmimic.engines import silence
from dbmimic.engines.mysql import errors
from dbmimic.engines.mysql.errors import Side
from dbmimic.errors import TryAgainError

_CLIENTS = range(2000, 3000)  # the numbers of errors that no server tells
# How MariaDB and MySQL call it that a session waits for its client, in a statement.
_WRITES = ("Writing to net", "Sending to client")
_READS = ("Reading from net", "Receiving from client")
_READS_LOOKS = 3  # in a row: what a proxy still holds of rows that we sent may be on its way, and nobody tells
_WHO = "SELECT concat(@@hostname, ':', @@port), connection_id()"
_ASKED = (
    "SELECT concat(@@hostname, ':', @@port), p.command, p.time, coalesce(p.state, '') FROM (SELECT 1) AS one"
    " LEFT JOIN information_schema.processlist AS p ON p.id = {}"
)


@dataclass(slots=True)
class Patience:
    """
    How many seconds a session waits without a word, and how its server is asked about it: `another` connects.

    `server` and `number` are what the server calls itself and the session; a proxy may have made up other ones.
    """

    side: Side
    seconds: float
    another: Callable[[], Any]
    server: str
    number: str
    _looks: int = 0
    _unsent: int = 0

    @classmethod
    def of(cls, connection: Any, side: Side, seconds: float, another: Callable[[], Any]) -> Patience:
        """Give that of a session. Cost: one question."""
        ((server, number),) = _rows(connection, _WHO)
        return cls(side, seconds, another, server, number)

    def ask_around(self, connection: Any, events: int) -> None:
        """
        Make sure that the server works for us; for a wait for these events (of `poll`) that took all our patience.

        Raises:
            TryAgainError: DM711, DM712, it does not.
        """
        before, self._unsent = self._unsent, silence.unsent(connection.fileno())
        if self._unsent not in {0, before}:  # the other end takes what we have sent, if slowly
            return
        self._looks += 1
        poll = select.poll()
        poll.register(connection, events)
        error = self._verdict(lambda: bool(poll.poll(silence.blink(self.seconds) * 1000)))
        if error is None:
            return
        with contextlib.suppress(OSError):  # what is read or written after this fails at once
            connection.shutdown(socket.SHUT_RDWR)
        raise error

    def _verdict(self, stirs: Callable[[], bool]) -> TryAgainError | None:
        """Give the error for a session that does nothing for us; one that is cut off is ended, for its locks."""
        side = self.side
        try:
            other = self.another()
            with contextlib.ExitStack() as closing:
                closing.callback(other._force_close)  # noqa: SLF001 -- the polite way may wait
                if self._may_work(*_rows(other, _ASKED.format(self.number))[0]) or stirs():
                    return None
                with contextlib.suppress(pymysql.MySQLError, OSError):  # it may be gone
                    _rows(other, f"KILL {self.number}")
            return silence.cut_off(side.role, side.place, self.seconds)
        except (pymysql.MySQLError, OSError) as error:
            code = errors.number(error)
            refused = code not in errors.CONNECTION_LOST and code not in _CLIENTS
            return None if refused or stirs() else silence.unheard(side.role, side.place, self.seconds)

    def _may_work(self, server: str, command: str | None, seconds: str, state: str) -> bool:
        """Tell whether the session is at work, by its command, the seconds since when, and its state."""
        if server != self.server:  # one of several behind one name
            return True
        if command is None:
            return False
        if state in _READS:
            return self._looks < _READS_LOOKS
        done = command == "Sleep" and int(seconds) >= self.seconds * 0.9 - 1  # whole seconds
        return not done and state not in _WRITES

    def heard(self) -> None:
        """Say that something came or went."""
        self._looks = 0

    def send(self, connection: Any, data: bytes) -> None:
        """Send all of it."""
        left = memoryview(data)
        while left:
            try:
                left = left[connection.send(left) :]
                self.heard()
            except TimeoutError:
                self.ask_around(connection, select.POLLOUT)


class Listening(io.RawIOBase):
    """What comes from a socket whose timeout is the patience."""

    def __init__(self, connection: Any, patience: Patience) -> None:
        self._connection, self._patience = connection, patience

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Give what came next."""
        while True:
            try:
                count = int(self._connection.recv_into(buffer))
            except TimeoutError:
                self._patience.ask_around(self._connection, select.POLLIN)
            else:
                self._patience.heard()
                return count


def _rows(connection: Any, statement: str) -> list[Any]:
    with Cursor(connection) as cursor:
        cursor.execute(statement)
        return [tuple(each.decode() if isinstance(each, bytes) else each for each in row) for row in cursor.fetchall()]

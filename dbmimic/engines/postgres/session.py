"""
Connections that do not wait for ever for a server of which nothing comes.

A network tells of a peer that is gone; of one behind a proxy that takes what we send and passes nothing on it does not.
How long a statement takes says nothing: an index may take hours. So after a while another connection is made, and its
server asked what the session of the first one does.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from weakref import WeakSet

import psycopg
from psycopg import pq
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn
from psycopg.waiting import Wait

from dbmimic.engines import silence
from dbmimic.engines.postgres.errors import Side
from dbmimic.engines.postgres.pools import STARTED
from dbmimic.errors import TryAgainError

T = TypeVar("T")

_TELLS_OF_COPY = 140000

_WAITING = selectors.EVENT_READ | selectors.EVENT_WRITE

# Whether a session is at work, as far as its server knows: not waiting for its client, and not done for so long that an
# answer of it were here by now.
_AT_WORK = f"""
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_stat_activity a
     WHERE ({{}})
       AND a.pid <> pg_catalog.pg_backend_pid()
       AND ((a.state = 'active' AND a.wait_event_type = 'Client')
         OR (a.state LIKE 'idle%%' AND a.state_change < now() - make_interval(secs => %(seconds)s))) IS NOT TRUE
), {STARTED}, pg_catalog.host(pg_catalog.inet_server_addr())
"""  # noqa: S608 -- a word of ours
_OF_PID = "a.pid = %(pid)s"
_END = (
    "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a"
    " WHERE a.pid = %(pid)s AND a.usename = current_user AND a.application_name LIKE 'dbmimic%%'"
)
_OF_PROGRAMS = (
    "a.usename = current_user AND a.datname = current_database() AND a.pid <> ALL (%(pids)s)"
    " AND a.application_name ~ '^(dbmimic( .*)?|pg_dump|psql)$'"
)


@dataclass(frozen=True, slots=True)
class Peer:
    """
    Who is at the other end of a connection, and how to make another one to it.

    `pid` is the session's own, also where a pool (`pooled`) made up another one. `server` is host and port as they were
    resolved here, `host` as the server sees itself. `patience` is in seconds.
    """

    side: Side
    place: str
    conninfo: str = field(repr=False)
    patience: float
    server: tuple[str, int]
    pid: int
    started: str | None
    host: str | None
    pooled: bool

    def verdict(self, stirs: Callable[[], bool], *, programs: bool = False) -> TryAgainError | None:
        """
        Give the error for a session that does nothing more for us, and None for one that is at work, or may be.

        `stirs` tells whether something came from it after all. What is cut off is ended at its server, so that nobody
        waits for its locks. With `programs` it is about the programs that we started.
        """
        try:
            with contextlib.closing(Connection.connect(self.conninfo, autocommit=True)) as other:
                other.last_word = silence.ANSWER_SECONDS
                return self._asked(other, stirs, programs=programs)
        except psycopg.errors.ConnectionTimeout:
            return None if stirs() else silence.unheard(self.side, self.place, self.patience)
        except psycopg.Error:
            answers = pq.PGconn.ping(self.conninfo.encode()) in {pq.Ping.OK, pq.Ping.REJECT}
            return None if answers or stirs() else silence.unheard(self.side, self.place, self.patience)

    def _asked(self, other: Connection, stirs: Callable[[], bool], *, programs: bool) -> TryAgainError | None:
        known = [each.peer.pid for each in _listening() if each.peer is not None]
        asked = {"pid": self.pid, "pids": known, "seconds": self.patience * 0.9}
        question = _AT_WORK.format(_OF_PROGRAMS if programs else _OF_PID)
        try:
            row = other.execute(question.encode(), asked).fetchone()
        except psycopg.Error:
            if self.pooled:  # it may be in the pool's queue, behind ourselves
                return None
            raise
        at_work, started, host = row or (True, None, None)
        elsewhere = host != self.host and started != self.started  # one of several servers behind one name
        loads = partial(self._loaded, other)
        before = loads()
        if at_work or elsewhere or stirs() or loads() != before:
            return None
        if not programs:
            with contextlib.suppress(psycopg.Error):
                other.execute(_END.encode(), asked)
        return silence.cut_off(self.side, self.place, self.patience)

    def _loaded(self, other: Connection) -> object:
        """Give how many bytes our COPYs have got, where the server tells: what a proxy still holds is on its way."""
        if other.info.server_version < _TELLS_OF_COPY:
            return None
        question = "SELECT sum(bytes_processed) FROM pg_catalog.pg_stat_progress_copy"
        return other.execute(question).fetchone()

    def part(self, error: TryAgainError) -> None:
        """Hang up everybody who waits for the same server, where that answers nobody: each would wait as long."""
        for each in _listening() if error.code == "DM711" else ():
            if each.peer is not None and each.peer.server == self.server:
                each.part(error)


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """
    A connection that finds out after a while without a word whether there is still somebody.

    `peer` is None where it is to wait for ever. `stalled` tells why it was hung up, if it was.
    """

    peer: Peer | None = None
    stalled: TryAgainError | None = None
    _unsent = 0  # bytes, when we asked around last
    last_word: float | None = None  # it is hung up after so many seconds, without asking

    def listen(self, peer: Peer | None) -> None:
        """Have it ask around about this peer from now on."""
        self.peer, self.last_word = peer, None
        with _LOCK:
            _OPEN.add(self)

    @property
    def patience(self) -> float | None:
        """After how many seconds without a word to ask around, if ever."""
        return self.peer.patience if self.peer is not None else None

    def wait(self, gen: PQGen[T], *args: Any, **named: Any) -> T:
        """Do one of the driver's own steps, which wait here."""
        return super().wait(self._heard(gen), *args, **named)

    def _heard(self, gen: PQGen[T]) -> PQGen[T]:
        heard = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready or self._is_over(time.monotonic() - heard, wanted):
                    heard = time.monotonic()
                wanted = gen.send(ready)
        except StopIteration as ended:
            result: T = ended.value
            return result

    def _is_over(self, seconds: float, wanted: Wait) -> bool:
        """Tell whether patience came to its end, and ask around if so."""
        if self.last_word is not None and seconds >= self.last_word:
            hang_up(self.pgconn)
            raise psycopg.OperationalError("no answer")
        if self.peer is None or seconds < self.peer.patience:
            return False
        self.ask_around(selectors.EVENT_READ if wanted == Wait.R else _WAITING)
        return True

    def ask_around(self, events: int) -> None:
        """
        Make sure that somebody works for us; for a wait for these events that took all our patience.

        Raises:
            TryAgainError: DM711, DM712, nobody does; this connection was hung up.
        """
        if self.peer is None or (self.stalled is None and self._sends()):
            return
        error = self.stalled or self.peer.verdict(partial(self._stirs, events))
        if error is not None:
            self.part(error)
            self.peer.part(error)
            raise error

    def _sends(self) -> bool:
        """Tell whether the other end takes what we have sent, if slowly."""
        before, self._unsent = self._unsent, silence.unsent(self.pgconn.socket)
        return self._unsent not in {0, before}

    def _stirs(self, events: int) -> bool:
        """Tell whether what was on its way when the server was asked is here by now."""
        if self.stalled is not None:
            return False
        with selectors.DefaultSelector() as selector:
            selector.register(self.pgconn.socket, events)
            return bool(selector.select(silence.blink(self.patience or 0)))

    def part(self, error: TryAgainError) -> None:
        """Hang up, whoever waits, and remember why."""
        if self.stalled is None and not self.closed:
            self.stalled = error
            hang_up(self.pgconn)


_OPEN: WeakSet[Connection] = WeakSet()
_LOCK = threading.Lock()


def _listening() -> list[Connection]:
    """Give every connection of this process that is to be told where its server answers nobody."""
    with _LOCK:
        return list(_OPEN)


def hang_up(pgconn: PGconn) -> None:
    """
    End what another thread does with a connection: it finds nobody at the other end, whatever the network is like.

    Closing would free what libpq is working on in that thread, and the process with it.
    """
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(pgconn.socket)) as same:
        same.shutdown(socket.SHUT_RDWR)

"""
The sessions that answer the walk's questions: the keeper's, and one beside it once two are asked at the same time.

The second one has locks of its own on what it reads, or does without: where somebody's ALTER waits for the keeper's
lock, a plain read would wait for that ALTER, and the ALTER for us.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import psycopg
from psycopg import sql

from dbmimic.engines.postgres.connect import Connection, apply
from dbmimic.engines.postgres.errors import Side, speaking
from dbmimic.engines.postgres.reader import lock
from dbmimic.engines.postgres.session import hang_up
from dbmimic.engines.postgres.walk import Walk
from dbmimic.errors import DbmimicError, SnapshotLost
from dbmimic.model.names import TableId

ABREAST = 2
_HELPERS = "max_parallel_workers_per_gather"
_CANCEL_SECONDS = 10.0
_LEAVING_SECONDS = 2.0  # that a server which heard of a cancellation takes at most


class Walks:
    """
    Gives each question a session of its own, two at the most, from any thread.

    A question that is asked alone has a helper of the server; of two at once each is done by its session alone, so that
    no more of the server is used than by one.
    """

    def __init__(self, keeper: Walk, join: Callable[[], Connection]) -> None:
        self._keeper = keeper
        self._join = join
        self._second: Walk | None = None
        self._alone = False  # no second session can be had
        self._free = (threading.RLock(), threading.RLock())
        self._locked: set[TableId] = set()
        self._helped: set[int] = {id(keeper)}  # the sessions that may have a helper now, as they were set last
        self._busy: set[int] = set()
        self._closing = False

    @contextlib.contextmanager
    def one(self, tables: Iterable[TableId]) -> Iterator[Walk]:
        """Give a session that nobody else uses, which may read these tables; wait where there is none."""
        first, second = self._free
        if not first.acquire(blocking=False):
            with second:
                walk = self._beside(tables)
                if walk is not None:
                    with self._using(walk):
                        yield walk
                    return
            first.acquire()
        try:
            with self._using(self._keeper):
                yield self._keeper
        finally:
            first.release()

    @contextlib.contextmanager
    def _using(self, walk: Walk) -> Iterator[None]:
        if self._closing:
            hint = "run the command again for a new snapshot"
            raise SnapshotLost("DM403", "the source's snapshot was ended while it was read", hint=hint)
        self._busy.add(id(walk))
        try:
            self._help(walk, wanted=len(self._busy) == 1)
            yield
        finally:
            self._busy.discard(id(walk))

    def _help(self, walk: Walk, *, wanted: bool) -> None:
        if wanted == (id(walk) in self._helped):
            return
        with speaking(walk.connection, Side.SOURCE, "setting up the session"):
            apply(walk.connection, ((_HELPERS, "1" if wanted else "0"),), local=True)
        (self._helped.add if wanted else self._helped.discard)(id(walk))

    def _beside(self, tables: Iterable[TableId]) -> Walk | None:
        """Give the second session with these tables locked; None, now and for good, where that cannot be had."""
        if self._alone or self._closing:
            return None
        try:
            if self._second is None:
                self._second = replace(self._keeper, connection=self._join())
                self._helped.add(id(self._second))
            wanted = [table for table in tables if table not in self._locked]
            if wanted:
                statements = sql.SQL("; ").join(lock(table) for table in wanted)
                with speaking(self._second.connection, Side.SOURCE, "locking the tables"):
                    self._second.connection.execute(statements)
                self._locked.update(wanted)
        except DbmimicError:
            self._alone = True
            self._end()
            return None
        return self._second

    def rest(self) -> None:
        """End the second session unless it is at work: none is left idle at the source once the walk is over."""
        _, second = self._free
        if second.acquire(blocking=False):
            with contextlib.ExitStack() as held:
                held.callback(second.release)
                self._end()

    def _end(self) -> None:
        second, self._second = self._second, None
        self._locked.clear()
        if second is not None:
            self._helped.discard(id(second))
            with contextlib.suppress(psycopg.Error):
                second.connection.close()

    def close(self) -> None:
        """Cancel what is still asked, and end the second session; to close the keeper is its owner's."""
        self._closing = True
        walks = (self._keeper, self._second)
        for free, walk in zip(self._free, walks, strict=True):
            if free.acquire(blocking=False):
                free.release()
            elif walk is not None:
                with contextlib.suppress(psycopg.Error):
                    walk.connection.cancel_safe(timeout=_CANCEL_SECONDS)
                left = free.acquire(timeout=_LEAVING_SECONDS)
                if not left:  # the server did not hear of it, or does not answer
                    hang_up(walk.connection.pgconn)
                    left = free.acquire(timeout=_CANCEL_SECONDS)
                if left:
                    free.release()
        self._end()

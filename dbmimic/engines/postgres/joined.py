"""A run's snapshot and its new copy, reached by sessions of another process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import psycopg

from dbmimic.engines.postgres import databases
from dbmimic.engines.postgres import snapshot as snapshots
from dbmimic.engines.postgres.connect import connect
from dbmimic.engines.postgres.databases import NEW
from dbmimic.engines.postgres.errors import Side, speaking
from dbmimic.engines.postgres.pump import Psql
from dbmimic.engines.postgres.reader import Reading, lock
from dbmimic.engines.postgres.tools import Toolbox
from dbmimic.engines.postgres.writer import Journal, Writing
from dbmimic.model.address import Address
from dbmimic.model.batch import Layout, MaskedBatch, RawBatch
from dbmimic.model.keys import Rows, Span


class PostgresJoinedSource:
    """A `ports.source.JoinedSource`: a connection of its own under the snapshot of that name."""

    def __init__(self, address: Address, snapshot: str, toolbox: Toolbox) -> None:
        self._connection = connect(address, Side.SOURCE)
        try:
            snapshots.enter(self._connection, snapshot)
            toolbox.serve(self._connection.info.server_version, tls=self._connection.pgconn.ssl_in_use)
        except BaseException:
            self._connection.close()
            raise
        psql = partial(Psql.like, self._connection, toolbox, Side.SOURCE)
        self._reading = Reading(self._connection, Side.SOURCE, snapshot, psql, address.mends_text)

    def read(self, layout: Layout, rows: Rows | Span) -> Iterator[RawBatch]:
        """Stream the chosen rows of a leaf."""
        with speaking(self._connection, Side.SOURCE, "locking the table", layout.leaf):
            self._connection.execute(lock(layout.leaf))
        return self._reading.read(layout, rows)

    def close(self) -> None:
        """End the session."""
        with contextlib.suppress(psycopg.Error):
            self._connection.close()


class PostgresJoinedTarget:
    """A `ports.target.JoinedTarget`: a connection of its own in the new copy."""

    def __init__(self, address: Address, token: str, toolbox: Toolbox) -> None:
        run, _, target = token.partition("/")
        name = databases.beside(target, NEW)
        self._connection = connect(address, Side.TARGET, database=name)
        try:
            with speaking(self._connection, Side.TARGET, "joining the new copy", name):
                found = databases.find(self._connection, name)
            toolbox.serve(self._connection.info.server_version, tls=self._connection.pgconn.ssl_in_use)
        except BaseException:
            self._connection.close()
            raise
        mark = found.mark if found is not None else None
        self._token = f"{mark.run}/{target}" if mark is not None and mark.building else None
        psql = partial(Psql.like, self._connection, toolbox, Side.TARGET)
        self._writing = Writing(self._connection, psql, journal(run))

    @property
    def token(self) -> str | None:
        """What the database's own mark says."""
        return self._token

    def write(
        self, layout: Layout, batches: Iterable[MaskedBatch], unit: str = "", account: Callable[[], str] = str
    ) -> int:
        """Load the batches into a table of the new copy, all of them or none."""
        return self._writing.write(layout, batches, unit, account)

    def close(self) -> None:
        """End the session."""
        with contextlib.suppress(psycopg.Error):
            self._connection.close()


def journal(run: str) -> Journal:
    """Give the journal of that run."""
    return Journal(f"dbmimic_{run}")

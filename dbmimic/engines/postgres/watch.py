"""A session beside those that read, which sees whom they hold up and how busy the server is."""

from __future__ import annotations

import contextlib

import psycopg

from dbmimic.engines.postgres import catalog
from dbmimic.engines.postgres.connect import apply, connect
from dbmimic.engines.postgres.errors import Side, speaking
from dbmimic.model.address import Address
from dbmimic.model.names import TableId
from dbmimic.ports.watch import Sight, Waiting

_DOING = "looking whether anybody waits for us"
_SHORT = (("statement_timeout", "10s"), ("lock_timeout", "1s"))  # a look that takes longer is worse than none


def mark(snapshot: str) -> str:
    """Give the application name of the sessions that join a snapshot, by which their run's watch knows them."""
    return f"dbmimic {snapshot}"


class PostgresWatch:
    """A `ports.watch.Watch` over the session `keeper` and those that joined its snapshot."""

    def __init__(self, address: Address, keeper: int, snapshot: str) -> None:
        self._ours = {"keeper": keeper, "mark": mark(snapshot)}
        others = catalog.query("others")
        self._waiting, self._at_work = catalog.query("waiting"), others + catalog.query("at_work")
        self._crowd, self._crowds = others + catalog.query("crowd"), 0  # and how often it was asked
        self._connection = connect(address, Side.SOURCE)
        try:
            with speaking(self._connection, Side.SOURCE, _DOING):
                apply(self._connection, _SHORT)
                seen = self._connection.execute("SELECT pg_has_role('pg_read_all_stats', 'USAGE')").fetchone()
        except BaseException:
            self._connection.close()
            raise
        self._sees_all = seen == (True,)

    @property
    def unseen(self) -> tuple[str, ...]:
        """How many sessions are at work, without the role `pg_read_all_stats`."""
        blind = "how many sessions are at work: an open transaction counts as one (GRANT pg_read_all_stats shows them)"
        return () if self._sees_all else (blind,)

    def look(self) -> Sight:
        """Give who waits, and how busy the server is."""
        with speaking(self._connection, Side.SOURCE, _DOING), self._connection.transaction():
            waiting = self._connection.execute(self._waiting, self._ours).fetchall()
            found = self._connection.execute(self._at_work, self._ours).fetchone()
        lag, at_work, present, connected, transactions = found or (None, None, False, False, 0)
        places = ((pid, str(TableId(schema, name)) if name is not None else "") for pid, schema, name in waiting)
        waiters = tuple(Waiting(pid, place) for pid, place in places)
        quiet = present and at_work is None
        ended = (transactions or 0) - self._crowds
        return Sight(waiters, lag, at_work, ended, present=quiet, connected=connected)

    def crowd(self) -> int | None:
        """Give how many sessions of others run a statement now."""
        if not self._sees_all:
            return None
        with speaking(self._connection, Side.SOURCE, _DOING):
            self._crowds += 1
            found = self._connection.execute(self._crowd, self._ours).fetchone()
        return int(found[0]) if found else None

    def let_go(self) -> None:
        """End the keeper and what joined it; a role may always end its own sessions."""
        with speaking(self._connection, Side.SOURCE, "letting go of the snapshot"):
            self._connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %(keeper)s"
                " OR (application_name = %(mark)s AND usename = current_user)",
                self._ours,
            )

    def close(self) -> None:
        """End the session."""
        with contextlib.suppress(psycopg.Error):
            self._connection.close()

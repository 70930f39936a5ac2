"""A session beside the one that reads, which sees whom that holds up and how busy the server is."""

from __future__ import annotations

import pymysql

from dbmimic.engines.mysql import errors, quoting
from dbmimic.engines.mysql.connect import connect
from dbmimic.engines.mysql.errors import Side
from dbmimic.engines.mysql.session import Session
from dbmimic.errors import DbmimicError
from dbmimic.model.address import Address
from dbmimic.ports.watch import Sight, Waiting

# What others do and this run does not: it selects, and a target on the same server takes LOAD DATA.
_OTHERS = ("insert", "update", "delete", "replace", "commit", "stmt_execute", "call_procedure")
_RUNNING = "Threads_running"
_LAG = ("Seconds_Behind_Master", "Seconds_Behind_Source")
_SLAVE, _REPLICA = "SHOW SLAVE STATUS", "SHOW REPLICA STATUS"
_LOCKED = "Waiting for table metadata lock"


class MysqlWatch:
    """
    A `ports.watch.Watch` over one session.

    That session has read from every table of its database under one transaction, so whoever waits for a table's
    metadata there waits for it, too: to tell which table is nobody's right without more than that of reading.
    """

    def __init__(self, address: Address, database: str, keeper: int, place: str) -> None:
        self._database, self._keeper = database, keeper
        self._session: Session = connect(address, Side("source", place), None)
        try:
            self._look_around()
        except BaseException:
            self._session.close()
            raise

    def _look_around(self) -> None:
        """Find out what the account may see."""
        granted = {str(row[0]).upper() for row in self._session.rows(_PRIVILEGES)}
        self._sees_others = "PROCESS" in granted
        self._status = _SLAVE if self._session.is_mariadb else _REPLICA
        self._sees_lag = True
        try:
            self._session.records(self._status)
        except pymysql.MySQLError as error:
            if errors.number(error) not in errors.DENIED:
                raise errors.translated(error, self._session.side) from None
            self._sees_lag = False

    @property
    def unseen(self) -> tuple[str, ...]:
        """Who waits, without PROCESS; how far a replica is behind, without the right to ask."""
        replica = "SLAVE MONITOR" if self._session.is_mariadb else "REPLICATION CLIENT"
        return (
            *(() if self._sees_others else ("whether somebody waits for its locks (GRANT PROCESS ON *.* shows it)",)),
            *(() if self._sees_lag else (f"how far a replica is behind (GRANT {replica} ON *.* shows it)",)),
        )

    def look(self) -> Sight:
        """Give who waits, and how busy the server is."""
        session = self._session
        waiting: list[Waiting] = []
        if self._sees_others:
            rows = session.rows(_WAITING.format(state=quoting.text(_LOCKED), database=quoting.text(self._database)))
            waiting = [Waiting(int(row[0])) for row in rows]
        counters = {str(name).lower(): int(value) for name, value in session.rows(_COUNTERS)}
        ours = int(session.value(_OURS) or 0)
        transactions = sum(value for name, value in counters.items() if name != _RUNNING.lower())
        at_work = max(0, counters.get(_RUNNING.lower(), 0) - ours)
        connected = (
            self._sees_others and int(session.value(_CONNECTED.format(name=quoting.text(self._database))) or 0) > 0
        )
        return Sight(tuple(waiting), self._lag(), at_work, transactions, connected=connected)

    def crowd(self) -> int | None:
        """Give how many sessions of others run a statement now."""
        return int(self._session.value(_CROWD) or 0) if self._sees_others else None

    def _lag(self) -> float | None:
        if not self._sees_lag:
            return None
        try:
            found = self._session.records(self._status)
        except pymysql.MySQLError as error:
            raise errors.translated(error, self._session.side) from None
        told = [row[name] for row in found for name in _LAG if row.get(name) is not None]
        return max((float(each) for each in told), default=None)

    def let_go(self) -> None:
        """End the session; an account may always end its own."""
        try:
            self._session.run(f"KILL {self._keeper}")
        except DbmimicError:
            return  # it is gone already

    def close(self) -> None:
        """End the session."""
        self._session.close()


_PRIVILEGES = (
    "SELECT privilege_type FROM information_schema.user_privileges"
    """ WHERE grantee = concat("'", replace(current_user(), '@', "'@'"), "'")"""
)
_WAITING = (
    "SELECT id FROM information_schema.processlist WHERE state = {state} AND (db = {database} OR db IS NULL)"
    " ORDER BY id"
)
_OURS = (
    "SELECT count(*) FROM information_schema.processlist WHERE command = 'Query'"
    " AND user = substring_index(user(), '@', 1)"
)
_OTHERS_SESSIONS = (
    "SELECT count(*) FROM information_schema.processlist WHERE user <> substring_index(user(), '@', 1) AND "
)
_CONNECTED = _OTHERS_SESSIONS + "db = {name}"
_CROWD = _OTHERS_SESSIONS + "command IN ('Query', 'Execute')"
_COUNTERS = "SHOW GLOBAL STATUS WHERE variable_name IN ({})".format(
    ", ".join(f"'{name}'" for name in (_RUNNING, *(f"Com_{each}" for each in _OTHERS)))
)

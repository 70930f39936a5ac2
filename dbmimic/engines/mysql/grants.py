"""The least rights on MySQL and MariaDB."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing

from dbmimic.engines.mysql import quoting
from dbmimic.engines.mysql.connect import connect
from dbmimic.engines.mysql.errors import Side
from dbmimic.engines.mysql.examine import BUILDING, pattern
from dbmimic.engines.mysql.places import Places, folded
from dbmimic.engines.mysql.session import Session
from dbmimic.errors import ConfigError
from dbmimic.model.address import Address
from dbmimic.model.grants import Grant, Grants

_ROUTINES = "to see and copy routines; without it nobody knows of them"
_SHOW_CREATE_ROUTINE = (11, 3)  # MariaDB's version that has the privilege


class MysqlRights:
    """A `ports.granting.Granting`. What a role may not see of the source is taken to be there."""

    def source(self, address: Address, role: str) -> Grants:
        """Give what the account that reads needs."""
        with closing(_opened(address, "source")) as session:
            account = _account(session, role)
            found = tuple(_reading(session, address.database, account))
        note = "the whole database: the catalogue would hide a table that is not granted, and the copy lack it"
        return Grants("source", str(address), account, found, (note,))

    def target(self, address: Address, role: str) -> Grants:
        """Give what the account that builds copies needs."""
        with closing(_opened(address, "target")) as session:
            account = _account(session, role)
            found = tuple(_building(Places(folded(session, address.database)), account))
        return Grants("target", str(address), account, found)


def _opened(address: Address, side: str) -> Session:
    if not address.database:
        raise ConfigError("DM214", "the address names no database", place=str(address))
    return connect(address, Side(side, str(address)), None)


def _account(session: Session, role: str) -> str:
    """Give an account as a statement names it; one without a host is let in from everywhere."""
    user, _, host = (role or str(session.value("SELECT CURRENT_USER()"))).rpartition("@")
    user, host = (user, host) if user else (host, "%")
    return "@".join("'" + part.replace("\\", "\\\\").replace("'", "''") + "'" for part in (user, host))


def _reading(session: Session, database: str, account: str) -> Iterator[Grant]:
    on = f"{quoting.name(pattern(database))}.* TO {account};"
    yield Grant(f"GRANT SELECT ON {on}", "to read all tables")
    held = quoting.text(database)
    tables, views = (
        session.rows(f"SELECT 1 FROM information_schema.{kind} WHERE table_schema = {held} LIMIT 1")  # noqa: S608 -- quoted
        for kind in ("tables", "views")
    )
    if views or not tables:
        yield Grant(f"GRANT SHOW VIEW ON {on}", "to copy views; without it the copy lacks them, and says so")
    for privilege, kind in (("TRIGGER", "triggers"), ("EVENT", "events")):
        yield Grant(f"GRANT {privilege} ON {on}", f"to see and copy {kind}; without it nobody knows of them")
    yield Grant(_routines(session, on, account), _ROUTINES)
    yield Grant(f"GRANT PROCESS ON *.* TO {account};", "to see who waits for a lock of ours (throttle.give_way)")
    replica = "SLAVE MONITOR" if session.is_mariadb else "REPLICATION CLIENT"
    why = "to see how far a replica is behind (throttle.max_lag)"
    yield Grant(f"GRANT {replica} ON *.* TO {account};", why)


def _routines(session: Session, on: str, account: str) -> str:
    """Give what lets the definition of a routine be read, which is another one on each server."""
    if not session.is_mariadb:
        return f"GRANT SHOW_ROUTINE ON *.* TO {account};"
    version = re.search(r"(\d+)\.(\d+)", str(session.value("SELECT VERSION()")))
    if version is not None and (int(version[1]), int(version[2])) >= _SHOW_CREATE_ROUTINE:
        return f"GRANT SHOW CREATE ROUTINE ON {on}"
    return f"GRANT SELECT ON mysql.proc TO {account};"


def _building(places: Places, account: str) -> Iterator[Grant]:
    privileges = ", ".join(BUILDING)
    target = quoting.name(pattern(places.target))
    yield Grant(f"GRANT {privileges} ON {target}.* TO {account};", "the target itself")
    beside = [pattern(places.target) + r"\_dbmimic%"]
    if not places.old(10).startswith(places.target):  # the name was cut
        beside = [pattern(each) for each in (places.new, *(places.old(slot) for slot in range(1, 10)), places.sidecar)]
    for each in beside:
        why = "its neighbours: the new copy, old ones, and what is remembered"
        yield Grant(f"GRANT {privileges} ON {quoting.name(each)}.* TO {account};", why)
    yield Grant(f"GRANT CREATE USER ON *.* TO {account};", "for sandboxes, each with its account", needed=False)
    why = "for sandboxes: nobody writes into the target while it is copied"
    yield Grant(f"GRANT LOCK TABLES ON {target}.* TO {account};", why, needed=False)
    for each in beside:
        statement = f"GRANT ALL PRIVILEGES ON {quoting.name(each)}.* TO {account} WITH GRANT OPTION;"
        yield Grant(statement, "for sandboxes, too", needed=False)

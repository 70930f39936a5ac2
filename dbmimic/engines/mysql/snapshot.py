"""The one consistent, read-only view of the source, and the proof that no table is missing from it."""

from __future__ import annotations

import pymysql

from dbmimic.engines.mysql import errors, quoting
from dbmimic.engines.mysql.queries import query
from dbmimic.engines.mysql.session import Row, Session
from dbmimic.engines.mysql.storage import is_elsewhere
from dbmimic.errors import Problem, SourceError, TryAgainError

_TRIES = 5
_READABLE = frozenset({"BASE TABLE", "SYSTEM VERSIONED", "SEQUENCE"})
_LOCK_SECONDS = 60
_HINT = "run the copy when no migration runs on the source"
_NOBODYS = "dbmimic asks whether it sees all tables"

# The tables and views of a database, each with its kind and when it was made.
Born = frozenset[tuple[str, str, str]]


def begin(session: Session) -> Born:
    """
    Begin the snapshot and give what is in it. It reads a row of every table, so that the server holds a metadata lock
    on each: a TRUNCATE or an ALTER by another session then waits until the snapshot ends. A new table does not wait:
    see `unchanged`.

    One that came in between shows itself: the server refuses to read a table that is younger than the snapshot
    (error 1412), and its creation time differs. Then the snapshot is begun anew.

    Raises:
        SourceError: DM402, the role may not read the whole database; with every table that it may see and not read.
        TryAgainError: DM702, tables were altered again and again.
    """
    session.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    session.run("SET SESSION TRANSACTION READ ONLY")
    session.run(f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS}")
    for _ in range(_TRIES):
        before = session.rows(query("tables"))
        session.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        if _touched(session, before) and _born(session.rows(query("tables"))) == _born(before):
            _sees_all(session)
            return _born(before)
        session.run("ROLLBACK")
    raise TryAgainError("DM702", "tables were altered while the snapshot began", place=session.side.place, hint=_HINT)


def unchanged(session: Session, born: Born) -> None:
    """
    Make sure that the structure as it was read is the snapshot's: descriptions are of now, whatever a session sees.

    Raises:
        TryAgainError: DM702, tables or views came meanwhile, of which nothing was decided.
    """
    if _born(session.rows(query("tables"))) != born:
        reason = "tables or views were made while the structure was read"
        raise TryAgainError("DM702", reason, place=session.side.place, hint=_HINT)


def _sees_all(session: Session) -> None:
    """
    Refuse a role that may read single tables only: the catalogue hides the others from it, and a copy without them
    would look whole. The server says which it is when it is asked for a table that nobody has: denied, or unknown.
    """
    try:
        session.fetch(f"SELECT 1 FROM {quoting.name(_NOBODYS)}")  # noqa: S608 -- names are quoted
    except pymysql.MySQLError as error:
        if errors.number(error) == errors.UNKNOWN_TABLE:
            return
        if errors.number(error) not in errors.DENIED:
            raise errors.translated(error, session.side) from None
    hint = "GRANT SELECT on the whole database (`name`.*) to this role; exclude tables in the configuration instead"
    reason = "the role may read single tables only, and those it may not read would be missing without a word"
    raise SourceError("DM402", reason, place=session.side.place, hint=hint)


def _born(tables: list[Row]) -> Born:
    return frozenset((name, kind, created) for name, kind, _, _, created, *_ in tables)


def _touched(session: Session, tables: list[Row]) -> bool:
    """Read from every table; False where one changed since the snapshot began."""
    denied = []
    for name, kind, engine, *_ in tables:
        if kind not in _READABLE or is_elsewhere(kind, engine):
            continue
        try:
            session.fetch(f"SELECT 1 FROM {quoting.name(name)} LIMIT 1")  # noqa: S608 -- names are quoted
        except pymysql.MySQLError as error:
            code = errors.number(error)
            if code in {errors.TABLE_CHANGED, errors.UNKNOWN_TABLE}:
                return False
            if code not in errors.DENIED:
                raise errors.translated(error, session.side, name) from None
            denied.append(name)
    if denied:
        raise _denied(denied)
    return True


def _denied(tables: list[str]) -> SourceError:
    problems = [
        Problem("DM402", "permission denied", name, f"GRANT SELECT ON {quoting.name(name)} to this role")
        for name in tables
    ]
    first, *others = problems
    return SourceError("DM402", first.message, place=first.place, hint=first.hint, others=others)

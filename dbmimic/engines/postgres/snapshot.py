"""
One snapshot for the whole run, taken after every table was locked against being emptied.

`TRUNCATE` and rewrites are not seen by an older snapshot as they should be: the table would read as empty. So all
tables are locked in ACCESS SHARE mode first, as `pg_dump` does it, and whatever the catalogue then shows without
being locked sends us back to the start.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from dbmimic.engines.postgres import catalog
from dbmimic.engines.postgres.connect import Connection, apply, reading_settings
from dbmimic.engines.postgres.errors import Fault, Side, speaking, translated
from dbmimic.engines.postgres.watch import mark
from dbmimic.errors import DbmimicError, Problem, SnapshotLost, TryAgainError
from dbmimic.model.names import TableId

_LOCK_TRIES = 4
_LOCK_WAIT = "2s"  # longer would queue production's own sessions behind ours
_PAUSE_SECONDS = 0.5
_CATALOGUE_TRIES = 5
_TABLES_A_LOCK = 200
_LOCK_REFUSED = "55P03"
_NO_SUCH_SNAPSHOT = frozenset({"22023", "42704", "55000"})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The snapshot that is held: its exported name, and the catalogue under it."""

    token: str
    facts: catalog.Facts


@dataclass(frozen=True, slots=True)
class _Lockable:
    kind: str
    id: TableId
    oid: int
    usage: bool
    readable: bool
    partly: bool
    filtered: bool


def begin(connection: Connection, side: Side = Side.SOURCE) -> Snapshot:
    """
    Lock every table, take the snapshot and read the catalogue; the transaction stays open.

    Raises:
        SourceError: DM402, with everything that the role may not read.
        TryAgainError: DM702, a table could not be locked, or tables come and go faster than we look.
    """
    for _ in range(_CATALOGUE_TRIES):
        wanted = _allowed(connection, side)
        tables = [one for one in wanted if one.kind == "table"]
        _locked(connection, tables, side)
        with speaking(connection, side, "reading the catalogue"):
            row = connection.execute("SELECT pg_export_snapshot()").fetchone()
            facts = catalog.read(connection)
        known = {(one.oid, one.id) for one in tables}
        if facts.names.items() <= known and row is not None:
            return Snapshot(row[0], facts)
        connection.execute("ROLLBACK")
    message = "tables are created or changed faster than they can be locked"
    raise TryAgainError("DM702", message, hint="try again when no migration runs")


def enter(connection: Connection, token: str) -> None:
    """
    Begin a transaction that reads under the snapshot which another session exported by that name.

    Raises:
        SnapshotLost: DM403, there is none: the session that held it was ended.
    """
    with speaking(connection, Side.SOURCE, "setting up the session"):
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    try:
        connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(token)))
        told = (("application_name", mark(token)),)
        apply(connection, reading_settings(connection.info.server_version) + told, local=True)
    except psycopg.Error as error:
        fault = Fault.of(error, connection)
        if fault.state in _NO_SUCH_SNAPSHOT:
            message = "the source's snapshot is gone: the session that held it was ended"
            raise SnapshotLost("DM403", message, hint="run the command again for a new snapshot") from None
        raise translated(fault, Side.SOURCE, "joining the snapshot") from None


def _allowed(connection: Connection, side: Side) -> list[_Lockable]:
    """Give what is to be read, or tell everything that may not be."""
    with speaking(connection, side, "listing the tables"):
        apply(connection, reading_settings(connection.info.server_version))
        rows = connection.execute(catalog.query("lockable")).fetchall()
    wanted = [_Lockable(kind, TableId(schema, name), *rest) for kind, schema, name, *rest in rows]
    problems = [problem for one in wanted if (problem := _lacking(one, connection.info.user, side))]
    if len(problems) > 1 and side is Side.SOURCE:  # the last one is read first; what is pasted runs with it, too
        *others, last = problems
        problems = [*others, replace(last, hint=f"{last.hint} -- all at once: `dbmimic grants --for source`")]
    if problems:
        raise side.error.of(problems)
    return wanted


def _lacking(one: _Lockable, user: str, side: Side) -> Problem | None:
    """Give what the role lacks for one table or sequence, with the statement that grants it."""
    name, role = sql.Identifier(one.id.schema, one.id.name), sql.Identifier(user)
    code = side.code(2)
    if not one.usage:
        schema = sql.Identifier(one.id.schema)
        grant = sql.SQL("GRANT USAGE ON SCHEMA {} TO {};").format(schema, role).as_string()
        return Problem(code, f"the role may not use the schema of {one.id}", str(one.id), grant)
    if not one.readable:
        word = sql.SQL("SEQUENCE" if one.kind == "sequence" else "TABLE")
        grant = sql.SQL("GRANT SELECT ON {} {} TO {};").format(word, name, role).as_string()
        message = f"the role may not read the {one.kind} {one.id}"
        if one.partly:
            message = f"the role may read columns of {one.id}, but LOCK TABLE, ours and pg_dump's, asks for all of it"
        return Problem(code, message, str(one.id), grant)
    if one.filtered:
        grant = sql.SQL("ALTER ROLE {} BYPASSRLS;").format(role).as_string()
        return Problem(code, f"row-level security hides rows of {one.id} from the role", str(one.id), grant)
    return None


def _locked(connection: Connection, tables: Sequence[_Lockable], side: Side) -> None:
    """Begin the transaction with all tables locked; on return no snapshot has been taken yet."""
    fault = Fault("")
    for attempt in range(_LOCK_TRIES):
        if attempt:
            time.sleep(_PAUSE_SECONDS * attempt)
        try:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            apply(
                connection,
                (*reading_settings(connection.info.server_version), ("lock_timeout", _LOCK_WAIT)),
                local=True,
            )
            for start in range(0, len(tables), _TABLES_A_LOCK):
                names = [sql.Identifier(one.id.schema, one.id.name) for one in tables[start : start + _TABLES_A_LOCK]]
                only = sql.SQL(", ").join(sql.SQL("ONLY {}").format(name) for name in names)
                connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(only))
            apply(connection, (("lock_timeout", "0"),), local=True)
        except psycopg.Error as error:
            fault = Fault.of(error, connection)
            if fault.broken or fault.state not in {_LOCK_REFUSED, "42P01"}:  # 42P01: dropped since we looked
                raise translated(fault, side, "locking the tables") from None
            connection.execute("ROLLBACK")
        else:
            return
    raise _blocked(connection, tables, fault, side)


def _blocked(connection: Connection, tables: Sequence[_Lockable], fault: Fault, side: Side) -> DbmimicError:
    """Give the error that names who holds the locks that we did not get."""
    with speaking(connection, side, "looking for who holds the lock"):
        rows = connection.execute(catalog.query("blockers"), [[one.oid for one in tables]]).fetchall()
    if not rows:
        return translated(fault, side, "locking the tables")
    problems = [
        Problem(
            "DM702",
            f"{TableId(schema, name)} is locked against readers by the session with process id {pid}",
            str(TableId(schema, name)),
            "try again when its transaction is over",
        )
        for schema, name, pid in rows
    ]
    return TryAgainError.of(problems)

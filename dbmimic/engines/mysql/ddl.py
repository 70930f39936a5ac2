"""A script's statements, run in their order in the session's current database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pymysql
from pymysql.charset import charset_by_name

from dbmimic.engines.mysql import errors, quoting, statements
from dbmimic.engines.mysql.connect import DDL_MODE
from dbmimic.engines.mysql.session import Session
from dbmimic.engines.mysql.structure import ObjectScript, Script

# What a view says while another view that it reads is not there yet.
_NOT_YET = frozenset({errors.UNKNOWN_TABLE, 1305, 1356})
_FOREIGN_DEFINER = frozenset({1227, 1449})
_PROBE = "dbmimic_may_make_functions"


def create_database(session: Session, database: str, script: Script) -> None:
    """Make an empty database with the script's character set, and use it."""
    session.run(
        f"CREATE DATABASE {quoting.name(database)} CHARACTER SET {script.charset} COLLATE {script.collation}", database
    )
    session.run(f"USE {quoting.name(database)}", database)


def may_make_functions(session: Session, script: Script) -> None:
    """
    Make sure, before rows are loaded, that the server lets the role make the script's functions and triggers.

    Raises:
        TargetError: DM502, it writes a binary log and trusts nobody with them.
    """
    if not any(each.kind in {"FUNCTION", "TRIGGER"} for each in script.objects):
        return
    try:
        session.attempt(f"CREATE FUNCTION {_PROBE}() RETURNS INT DETERMINISTIC RETURN 1")
        session.attempt(f"DROP FUNCTION {_PROBE}")
    except pymysql.MySQLError as error:
        if errors.number(error) in errors.UNSAFE_LOG:
            raise errors.translated(error, session.side) from None


def create_tables(session: Session, script: Script) -> None:
    """Create sequences and tables, bare."""
    session.run(f"SET SESSION sql_mode = '{DDL_MODE}'")
    for sequence in script.sequences:
        session.run(sequence.create, sequence.name)
    for table in script.tables:
        session.run(table.create, table.name)


def finish_tables(session: Session, script: Script) -> None:
    """Give the loaded tables their foreign keys and counters, and the server its statistics."""
    session.run(f"SET SESSION sql_mode = '{DDL_MODE}'")
    for sequence in script.sequences:
        session.rows(f"SELECT SETVAL({quoting.name(sequence.name)}, {sequence.next_value}, 0)", sequence.name)
    for table in script.tables:
        name = quoting.name(table.name)
        if table.foreign_keys:
            session.run(f"ALTER TABLE {name} " + ", ".join(f"ADD {each}" for each in table.foreign_keys), table.name)
        if table.auto_increment is not None:
            session.run(f"ALTER TABLE {name} AUTO_INCREMENT = {table.auto_increment}", table.name)
        session.rows(f"ANALYZE NO_WRITE_TO_BINLOG TABLE {name}", table.name)


def create_objects(session: Session, objects: Sequence[ObjectScript]) -> None:
    """Create views, routines, triggers and events; views wait for the views that they read."""
    try:
        waiting = list(objects)
        while waiting:
            left = [each for each in waiting if not _created(session, each, last=False)]
            if len(left) == len(waiting):
                _created(session, left[0], last=True)
                left = left[1:]
            waiting = left
    finally:
        session.run("SET NAMES utf8mb4")
        session.run(f"SET SESSION time_zone = '+00:00', sql_mode = '{DDL_MODE}'")


def _created(session: Session, script: ObjectScript, *, last: bool) -> bool:
    """Create one object; False where it must wait for another. The last try lets the failure out."""
    try:
        _create(session, script)
    except pymysql.MySQLError as error:
        code = errors.number(error)
        if code in _NOT_YET and script.kind == "VIEW" and not last:
            return False
        ours = statements.without_definer(script.create)
        if code not in _FOREIGN_DEFINER or ours == script.create:
            raise errors.translated(error, session.side, script.name) from None
        return _created(session, replace(script, create=ours), last=last)
    return True


def _create(session: Session, script: ObjectScript) -> None:
    charset, statement = _encoded(script)
    session.attempt("SET NAMES utf8mb4")
    mode = quoting.text(DDL_MODE if script.kind == "VIEW" else script.sql_mode)  # which may be the empty one
    session.attempt(f"SET SESSION sql_mode = {mode}, time_zone = {quoting.text(script.time_zone)}")
    session.attempt(f"SET SESSION character_set_client = {charset}")
    if script.collation:
        session.attempt(f"SET SESSION collation_connection = {script.collation}")
    session.attempt(statement)


def _encoded(script: ObjectScript) -> tuple[str, bytes]:
    """Give the statement in the character set under which it was written, else in UTF-8."""
    try:
        return script.client_charset, script.create.encode(charset_by_name(script.client_charset).encoding)
    except (KeyError, LookupError, UnicodeEncodeError):
        return "utf8mb4", script.create.encode()

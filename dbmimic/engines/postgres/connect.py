"""Connections: how libpq is asked for one, and what every session of ours is set to."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from dbmimic.engines.postgres import session
from dbmimic.engines.postgres.errors import Side, speaking, unreachable
from dbmimic.engines.postgres.pools import found, lends_by_transaction
from dbmimic.engines.postgres.session import Peer
from dbmimic.errors import TargetError
from dbmimic.model.address import Address

Connection = session.Connection

OLDEST = 130000

logging.getLogger("psycopg").addHandler(logging.NullHandler())  # or its warnings would go to standard error

_TEXT_FORMS = (
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("extra_float_digits", "1"),
    ("bytea_output", "hex"),
    ("xmloption", "content"),
    ("standard_conforming_strings", "on"),
    ("array_nulls", "on"),  # without it a NULL in an array is loaded as the word
    ("transform_null_equals", "off"),
)
_PATIENCE = (
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
)
_NEWER_PATIENCE = (("idle_session_timeout", 140000), ("transaction_timeout", 170000))
_READING = (
    ("row_security", "off"),
    ("search_path", ""),
    ("jit", "off"),
    ("synchronize_seqscans", "off"),  # rows come in ascending identity
    ("max_parallel_workers_per_gather", "1"),  # two cores of production at most; see `ORDERLY`
    # Rows are fetched by their places in order, and looked up by keys that came in order: pages are near each other and
    # seldom read twice. At 1.1 the planner reads a table of ten million rows as a whole where 200,000 of them are asked
    # for by their places, which takes ten times as long.
    ("random_page_cost", "0.5"),
    ("work_mem", "64MB"),  # some ten thousand rows are joined at a time; what does not fit would go to files
)

# For a read that is to come in ascending identity: helpers of the server mix what they read.
ORDERLY = ("max_parallel_workers_per_gather", "0")


def session_settings(version: int) -> tuple[tuple[str, str], ...]:
    """Give what every session is set to: text forms that lose nothing, and no timeouts of ours to trip over."""
    newer = tuple((name, "0") for name, since in _NEWER_PATIENCE if version >= since)
    return _TEXT_FORMS + _PATIENCE + newer


def reading_settings(version: int) -> tuple[tuple[str, str], ...]:
    """Give what a transaction that reads is set to, beside its isolation level."""
    return session_settings(version) + _READING


def connect(address: Address, side: Side, *, database: str | None = None) -> Connection:
    """
    Connect, with every statement its own transaction until one is begun.

    What the address leaves empty is left to libpq: `PG*` variables, service files, `~/.pgpass`.

    Raises:
        SourceError: (TargetError on the target) DM401 where nobody answers, DM408 where a pool lends its sessions by
            transaction: what we set and lock would stay with the sessions of others.
    """
    wanted: dict[str, Any] = {
        "host": address.host or None,
        "port": address.port,
        "user": address.user or None,
        "password": address.password or None,
        "dbname": database or address.database or None,
        "application_name": "dbmimic",
        "client_encoding": "UTF8",
        "keepalives_idle": 60,  # a peer that is gone without a word is found out after two minutes
        "keepalives_interval": 15,
        "keepalives_count": 4,
    }
    if "PGCONNECT_TIMEOUT" not in os.environ:
        wanted["connect_timeout"] = 20
    parameters = {name: value for name, value in (wanted | dict(address.options)).items() if value is not None}
    place = str(address)
    try:
        conninfo = make_conninfo(**parameters)
    except psycopg.Error:
        hint = "options are those of libpq, as sslmode"
        raise side.error(side.code(1), f"the URL of the {side} has an unknown option", place=place, hint=hint) from None
    connection = _opened(conninfo, side, place)
    connection.last_word = address.stall_timeout
    try:
        with speaking(connection, side, "setting up the session", place):
            own = found(connection)
            _refuse_unfit(connection, own.pid, side, place, partial(_opened, conninfo, side, place))
            apply(connection, session_settings(connection.info.server_version))
        info = connection.info
        server, pooled = (info.host, info.port), own.pid != info.backend_pid
        patience = address.stall_timeout
        connection.listen(
            Peer(side, place, conninfo, patience, server, own.pid, own.started, own.host, pooled) if patience else None
        )
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse_unfit(connection: Connection, own: int, side: Side, place: str, another: Callable[[], Connection]) -> None:
    if connection.info.server_version < OLDEST:
        message = f"the {side} is older than PostgreSQL 13"
        raise side.error(side.code(5 if side is Side.SOURCE else 4), message, place=place)
    if lends_by_transaction(connection, own, another):
        message = f"the {side} is behind a pool that lends its sessions for one transaction at a time"
        hint = "name the server itself, or a pool that lends by session"
        raise side.error(side.code(8), message, place=place, hint=hint)


def _opened(conninfo: str, side: Side, place: str) -> Connection:
    try:
        return Connection.connect(conninfo, autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        raise unreachable(error, conninfo, side, place) from None


def named(address: Address) -> str:
    """Give the database that libpq would choose where the address names none."""
    probe = connect(address, Side.TARGET)
    with closing(probe):
        return probe.info.dbname


def maintenance(address: Address) -> Connection:
    """Connect to the database from which others are created and renamed: `postgres`, else `template1`."""
    first, second = ("postgres", "template1") if address.database != "postgres" else ("template1", "postgres")
    try:
        return connect(address, Side.TARGET, database=first)
    except TargetError as error:
        try:
            return connect(address, Side.TARGET, database=second)
        except TargetError:
            raise error from None


def apply(connection: Connection, settings: tuple[tuple[str, str], ...], *, local: bool = False) -> None:
    """Set these, for the session or (`local`) for the transaction, in one round trip."""
    connection.execute(spelled(settings, local=local))


def spelled(settings: tuple[tuple[str, str], ...], *, local: bool = False) -> sql.Composed:
    """Give the statements that set these, as one text."""
    word = sql.SQL("SET LOCAL" if local else "SET")
    return sql.SQL("; ").join(
        sql.SQL("{} {} = {}").format(word, sql.Identifier(name), sql.Literal(value)) for name, value in settings
    )

"""Pools between us and a server: one that lends sessions by transaction is found out before anything is set there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg

_ASKED = 3
# As text of our own: it is asked before DateStyle is set, and the driver reads a time in the ISO style alone.
STARTED = (
    "pg_catalog.to_char(pg_catalog.timezone('UTC', pg_catalog.pg_postmaster_start_time()), 'YYYY-MM-DD HH24:MI:SS.US')"
)
_WHO = f"SELECT pg_catalog.pg_backend_pid(), {STARTED}, pg_catalog.host(pg_catalog.inet_server_addr())"


@dataclass(frozen=True, slots=True)
class Found:
    """The session that we got: its process id, when its server was started, and the server's own address."""

    pid: int
    started: str | None
    host: str | None


def found(connection: psycopg.Connection[tuple[Any, ...]]) -> Found:
    """Ask which session we have. Cost: one question."""
    row = connection.execute(_WHO).fetchone()
    return Found(*(row or (0, None, None)))


def lends_by_transaction(
    connection: psycopg.Connection[tuple[Any, ...]],
    own: int,
    another: Callable[[], psycopg.Connection[tuple[Any, ...]]],
) -> bool:
    """
    Tell whether another client may get our session as soon as a transaction is over.

    A server tells a client the process id of its session when they connect, a pool makes one up. Where the two differ,
    a second connection is made: by transaction it gets the session that we have just left, or we get another one.

    `own` is the session's process id. Cost: nothing; behind a pool four questions, and a connection.
    """
    if own == connection.info.backend_pid:
        return False
    with closing(another()) as second:
        return _process(second) == own or any(_process(connection) != own for _ in range(_ASKED))


def _process(connection: psycopg.Connection[tuple[Any, ...]]) -> int:
    row = connection.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0

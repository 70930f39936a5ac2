"""Pools between us and a server: one that lends sessions by transaction is found out before anything is set there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg

_ASKED = 3


def lends_by_transaction(
    connection: psycopg.Connection[tuple[Any, ...]], another: Callable[[], psycopg.Connection[tuple[Any, ...]]]
) -> bool:
    """
    Tell whether another client may get our session as soon as a transaction is over.

    A server tells a client the process id of its session when they connect, a pool makes one up. Where the two differ,
    a second connection is made: by transaction it gets the session that we have just left, or we get another one.

    Cost: one question; behind a pool five, and a connection.
    """
    own = _process(connection)
    if own == connection.info.backend_pid:
        return False
    with closing(another()) as second:
        return _process(second) == own or any(_process(connection) != own for _ in range(_ASKED))


def _process(connection: psycopg.Connection[tuple[Any, ...]]) -> int:
    row = connection.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0

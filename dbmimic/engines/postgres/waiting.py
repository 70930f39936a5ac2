"""Waiting for a server where signals are heard and other threads run, which libpq's own waiting keeps off."""

from __future__ import annotations

import selectors

from psycopg.pq.abc import PGresult

from dbmimic.engines.postgres.session import Connection


def wait(connection: Connection, events: int, patience: float | None = None) -> None:
    """
    Wait for a connection's socket; without a `patience` in seconds as long as somebody at the other end is at work.

    Raises:
        TimeoutError: nothing came for `patience` seconds.
        TryAgainError: DM711, DM712, nobody is at work there.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(connection.pgconn.socket, events)
        while not selector.select(connection.patience if patience is None else patience):
            if patience is not None:
                raise TimeoutError
            connection.ask_around(events)


def flushed(connection: Connection, patience: float | None = None) -> None:
    """Send what libpq holds back."""
    pgconn = connection.pgconn
    while pgconn.flush():
        wait(connection, selectors.EVENT_READ | selectors.EVENT_WRITE, patience)
        pgconn.consume_input()


def answer(connection: Connection, patience: float | None = None) -> PGresult | None:
    """Give the next result of a statement under way, None where there is none."""
    pgconn = connection.pgconn
    flushed(connection, patience)
    while pgconn.is_busy():
        wait(connection, selectors.EVENT_READ, patience)
        pgconn.consume_input()
    return pgconn.get_result()


def drained(connection: Connection, patience: float | None = None) -> PGresult | None:
    """Give the first result of a statement under way, and take those that follow it: then another can be sent."""
    first = answer(connection, patience)
    following = first
    while following is not None:
        following = answer(connection, patience)
    return first

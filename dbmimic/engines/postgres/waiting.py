"""Waiting for a server where signals are heard and other threads run, which libpq's own waiting keeps off."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket

import psycopg
from psycopg.pq.abc import PGconn, PGresult


def wait(pgconn: PGconn, events: int, patience: float | None = None) -> None:
    """
    Wait for a connection's socket.

    Raises:
        TimeoutError: nothing came for `patience` seconds.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(pgconn.socket, events)
        if not selector.select(patience):
            raise TimeoutError


def hang_up(pgconn: PGconn) -> None:
    """
    End what another thread does with a connection: it finds nobody at the other end, whatever the network is like.

    Closing would free what libpq is working on in that thread, and the process with it.
    """
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(pgconn.socket)) as same:
        same.shutdown(socket.SHUT_RDWR)


def flushed(pgconn: PGconn, patience: float | None = None) -> None:
    """Send what libpq holds back."""
    while pgconn.flush():
        wait(pgconn, selectors.EVENT_READ | selectors.EVENT_WRITE, patience)
        pgconn.consume_input()


def answer(pgconn: PGconn, patience: float | None = None) -> PGresult | None:
    """Give the next result of a statement under way, None where there is none."""
    flushed(pgconn, patience)
    while pgconn.is_busy():
        wait(pgconn, selectors.EVENT_READ, patience)
        pgconn.consume_input()
    return pgconn.get_result()


def drained(pgconn: PGconn, patience: float | None = None) -> PGresult | None:
    """Give the first result of a statement under way, and take those that follow it: then another can be sent."""
    first = answer(pgconn, patience)
    following = first
    while following is not None:
        following = answer(pgconn, patience)
    return first

"""
What runs in the process of `elsewhere`: it imports nothing of ours, so that it starts at once.

Comes in: pickled (statement, parameters, whether those are many rows), the first one the file's URI. Goes out: pickled
(error code or None, its name, rows touched, first row). Ends with its standard input, at once and whatever it does:
then whoever started it is gone, and what is not committed is taken back.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sqlite3
import sys
import threading
from collections.abc import Sequence
from typing import Any

_AHEAD = 3  # statements that are held while one runs


Sent = tuple[str, Sequence[Any], bool]
NOT_ENCODED = -1  # instead of a code: a text that the driver cannot bind


def _take(statements: queue.SimpleQueue[Sent], room: threading.Semaphore) -> None:
    while True:
        room.acquire()
        try:
            statements.put(pickle.load(sys.stdin.buffer))  # noqa: S301 -- what our own parent sends
        except (EOFError, OSError):
            os._exit(0)


def _answer(connection: sqlite3.Connection, sql: str, parameters: Sequence[Any], many: bool) -> tuple[object, ...]:
    try:
        cursor = connection.executemany(sql, parameters) if many else connection.execute(sql, parameters)
        row = None if many else cursor.fetchone()
        count = cursor.rowcount
        cursor.close()
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return code, getattr(error, "sqlite_errorname", type(error).__name__), 0, None
    except UnicodeEncodeError:
        return NOT_ENCODED, "a text is not UTF-8", 0, None
    return None, "", count, row


def main() -> None:
    """Answer statements until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a key pressed at the terminal is the parent's to answer
    statements: queue.SimpleQueue[Sent] = queue.SimpleQueue()
    room = threading.Semaphore(_AHEAD)
    threading.Thread(target=_take, args=(statements, room), daemon=True).start()
    connection = None
    while True:
        sql, parameters, many = statements.get()
        if connection is None:
            connection = sqlite3.connect(sql, uri=True, isolation_level=None)
            answer: tuple[object, ...] = (None, "", 0, None)
        else:
            answer = _answer(connection, sql, parameters, many)
        room.release()
        pickle.dump(answer, sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()

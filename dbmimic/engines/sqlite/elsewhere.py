"""
SQLite in a process of its own, which is given statements and gives back a row each.

Threads would not do: two connections of one process wait for each other at every piece of memory that SQLite takes.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sqlite3
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from dbmimic.engines.sqlite.connection import Row
from dbmimic.engines.sqlite.statements import NOT_ENCODED

_PROGRAM = Path(__file__).with_name("statements.py")
_GRACE_SECONDS = 10.0
_WORTH_ROWS = 50_000


class Elsewhere:
    """
    One connection to a file in another process.

    Statements are answered in the order in which they were sent. Where many are under way, either what is sent or
    what comes back must be small: nobody reads the one while he writes the other.
    """

    def __init__(self, uri: str, settings: Sequence[str]) -> None:
        """Start the process and open the file; `settings` are statements that are run first."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._under_way = 0
        try:
            self.send(uri)
            self.answer()
            for statement in settings:
                self.execute(statement)
        except BaseException:
            self.close()
            raise

    @property
    def under_way(self) -> int:
        """How many statements have not been answered."""
        return self._under_way

    def send(self, sql: str, parameters: Sequence[object] = (), *, many: bool = False) -> None:
        """Have a statement run."""
        self._under_way += 1
        with self._lost():
            pickle.dump((sql, parameters, many), _open(self._process.stdin), pickle.HIGHEST_PROTOCOL)
            _open(self._process.stdin).flush()

    def answer(self) -> tuple[int, Row | None]:
        """
        Give the number of rows that the first statement under way touched, and its first row.

        Raises:
            sqlite3.Error: with the code of what went wrong there, and without its text.
        """
        self._under_way -= 1
        with self._lost():
            code, title, count, row = pickle.load(_open(self._process.stdout))  # noqa: S301 -- what our own process sends
        if code is None:
            return count, row
        if code == NOT_ENCODED:
            raise UnicodeEncodeError("utf-8", "", 0, 0, title)
        raise _error(code, title)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> tuple[int, Row | None]:
        """Have a statement run and give its answer; those under way must have been answered."""
        self.send(sql, parameters)
        return self.answer()

    def executemany(self, sql: str, rows: Sequence[Row]) -> tuple[int, Row | None]:
        """Have a statement run for each row, like `execute`."""
        self.send(sql, rows, many=True)
        return self.answer()

    def close(self) -> None:
        """End the process; what it has not committed is taken back. Safe to call twice."""
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError, EOFError):
                _open(pipe).close()
        try:
            self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @contextlib.contextmanager
    def _lost(self) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):  # ValueError: it was closed by us
            error = _error(sqlite3.SQLITE_ABORT, "SQLITE_ABORT")
        else:
            return
        raise error from None


class Here:
    """The same on a connection of this process: a statement runs when its answer is asked for."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._sent: deque[tuple[str, Sequence[object]]] = deque()

    @property
    def under_way(self) -> int:
        """How many statements have not been answered."""
        return len(self._sent)

    def send(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Have a statement run."""
        self._sent.append((sql, parameters))

    def answer(self) -> tuple[int, Row | None]:
        """Give the number of rows that the first statement under way touches, and its first row."""
        cursor = self._connection.execute(*self._sent.popleft())
        row = cursor.fetchone()
        return cursor.rowcount, row


def is_worth_it(rows: int) -> bool:
    """Tell whether another process pays for its start, some hundredths of a second."""
    return rows >= _WORTH_ROWS and bool(sys.executable) and len(os.sched_getaffinity(0)) > 1


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise EOFError
    return pipe


def _error(code: int, title: str) -> sqlite3.Error:
    error = sqlite3.DatabaseError(title)
    error.sqlite_errorcode, error.sqlite_errorname = code, title
    return error

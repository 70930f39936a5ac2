"""
Rows straight into the socket of a connection that is in a `COPY ... FROM STDIN`.

libpq would copy every block once more and keep Python's lock while the server is slow; a `psql` beside us would take
a pipe and a look at every line. What is written are CopyData messages (PostgreSQL's documentation, "Message Formats"),
by a thread that hands over a whole block in one call into the system.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import threading
from collections import deque
from queue import Empty, Queue

from dbmimic.engines.postgres.connect import Connection
from dbmimic.engines.postgres.waiting import flushed, wait
from dbmimic.errors import TryAgainError

_AHEAD = 2  # blocks that wait to be sent
_MESSAGE_BYTES = 1 << 16  # the server holds a message as a whole
_HEADER = struct.Struct("!cI")
_TIME = struct.Struct("ll")
_LENGTH_BYTES = 4  # the length counts itself
_BUFFERS = 512  # that one call takes
_ERROR = b"E"
_PATIENCE_SECONDS = 2.0


def is_possible(connection: Connection) -> bool:
    """Whether the server gets what is written to the socket as it is written: nothing encrypts it on its way."""
    return not (connection.pgconn.ssl_in_use or connection.pgconn.used_gssapi)


class Through:
    """The same through libpq, for what is small and what is encrypted."""

    broken = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn

    def write(self, piece: bytes | memoryview) -> None:
        """Send some more bytes of rows; waits for the server."""
        view = memoryview(piece).cast("B")
        for start in range(0, len(view), _MESSAGE_BYTES):  # of more libpq would move the rest again and again
            while not self._pgconn.put_copy_data(view[start : start + _MESSAGE_BYTES]):
                wait(self._connection, selectors.EVENT_WRITE)
            flushed(self._connection)

    def end(self) -> None:
        """Do nothing: all is sent."""

    def stop(self) -> None:
        """Do nothing: all is sent."""


class Straight:
    """
    Sends the rows of the COPY that a connection is in; nobody else may use the connection until `end` or `stop`.

    `broken` tells that the server has ended the COPY or the connection is lost: what is written then goes nowhere.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._socket = socket.socket(fileno=os.dup(connection.pgconn.socket))
        if connection.patience is not None:
            patience = _TIME.pack(*divmod(int(connection.patience * 1_000_000), 1_000_000))
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
        self._socket.setblocking(True)  # one call for a block, however often the server has to be waited for
        self._pieces: Queue[bytes | memoryview | None] = Queue(_AHEAD)
        self._given_up = False
        self.broken = False
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def write(self, piece: bytes | memoryview) -> None:
        """Take some more bytes of rows; waits where two blocks are waiting."""
        self._pieces.put(piece)

    def end(self) -> None:
        """Wait until all is sent, and give the socket back to libpq."""
        self._pieces.put(None)
        self._thread.join()
        self._give_back()

    def stop(self) -> None:
        """Send no more than the block that is being sent; if that does not end soon, the connection is cut."""
        self._given_up = True
        with contextlib.suppress(Empty):
            while True:
                self._pieces.get_nowait()
        self._pieces.put(None)
        self._thread.join(_PATIENCE_SECONDS)
        if self._thread.is_alive():
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._thread.join()
        self._give_back()

    def _give_back(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.setblocking(False)  # as libpq expects it: both names of the socket share this
        self._socket.close()

    def _send(self) -> None:
        while (piece := self._pieces.get()) is not None:
            if self._given_up or self.broken:
                continue
            try:
                self.broken = self._has_failed()
                if not self.broken:
                    self._send_all(piece)
            except (OSError, MemoryError, TryAgainError):  # a thread that ended would let the others wait for ever
                self.broken = True

    def _has_failed(self) -> bool:
        """Tell whether the server said already that it takes no more: a long COPY need not go to its end then."""
        try:
            return self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) in {_ERROR, b""}
        except BlockingIOError:
            return False

    def _send_all(self, piece: bytes | memoryview) -> None:
        left = deque(_messages(piece))
        while left:
            try:
                sent = self._socket.sendmsg([left[place] for place in range(min(_BUFFERS, len(left)))])
            except BlockingIOError:  # not a byte went for as long as our patience
                self._connection.ask_around(selectors.EVENT_WRITE)
                continue
            while left and sent >= len(left[0]):
                sent -= len(left.popleft())
            if sent:
                left[0] = memoryview(left[0])[sent:]


def _messages(piece: bytes | memoryview) -> list[bytes | memoryview]:
    view = memoryview(piece).cast("B")
    parts = [view[start : start + _MESSAGE_BYTES] for start in range(0, len(view), _MESSAGE_BYTES)]
    return [each for part in parts for each in (_HEADER.pack(b"d", len(part) + _LENGTH_BYTES), part)]

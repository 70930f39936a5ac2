"""
A relay between PostgreSQL's clients and the server that counts what passes: statements, waits and bytes.

It speaks the protocol just well enough to see where messages begin (PostgreSQL's documentation, "Message Formats"). What
passes through it is not timed.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from queue import Queue

_ASKS_FOR_ENCRYPTION = {80877103, 80877104}
_PIECE = 1 << 16
_KEPT = 1 << 12  # bytes of a message that are looked at


@dataclass
class Traffic:
    """What passed to one database: statements, those of them that walk, waits for the server, and bytes both ways."""

    statements: int = 0
    walking: int = 0
    waits: int = 0
    sent: int = 0
    received: int = 0


@dataclass
class _Client:
    """Where one connection's client is in its messages."""

    counted: dict[str, Traffic]
    database: str = ""
    _pending: bytearray = field(default_factory=bytearray)
    _skip: int = 0

    @property
    def traffic(self) -> Traffic:
        return self.counted.setdefault(self.database, Traffic())

    def feed(self, piece: bytes) -> None:
        """Look at what the client sends."""
        skipped = min(self._skip, len(piece))
        self._skip -= skipped
        self._pending += piece[skipped:]
        while self._message():
            pass
        self.traffic.sent += len(piece)

    def answered(self, piece: bytes) -> None:
        """Count what the server sends."""
        self.traffic.received += len(piece)

    def _message(self) -> bool:
        held = self._pending
        start = 1 if self.database else 0  # the first message of all has no letter
        if len(held) < start + 4:
            return False
        size = start + struct.unpack_from("!i", held, start)[0]
        if len(held) < min(size, _KEPT):
            return False
        body = bytes(held[start + 4 : min(size, _KEPT)])
        if start:
            self._count(chr(held[0]), body)
        elif struct.unpack_from("!i", body)[0] not in _ASKS_FOR_ENCRYPTION:
            words = body[4:].split(b"\0")
            self.database = dict(zip(words[::2], words[1::2], strict=False))[b"database"].decode()
        self._skip = max(0, size - len(held))
        del held[:size]
        return True

    def _count(self, letter: str, body: bytes) -> None:
        self.traffic.statements += letter in "QE"
        self.traffic.waits += letter in "QS"
        self.traffic.walking += letter in "QP" and b"string_agg(" in body and b") AS q" in body


@contextlib.contextmanager
def relay(port: int) -> Iterator[tuple[int, dict[str, Traffic]]]:
    """Give a port that leads to this one, and what passes by database, which is filled while it is used."""
    counted: dict[str, Traffic] = {}
    ready: Queue[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Queue()

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, see: Callable[[bytes], None]) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await source.read(_PIECE):
                see(piece)
                sink.write(piece)
                await sink.drain()
        sink.close()
        with contextlib.suppress(ConnectionError):
            await sink.wait_closed()

    async def pair(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", port)
        client = _Client(counted)
        await asyncio.gather(pump(reader, ours, client.feed), pump(theirs, writer, client.answered))

    async def serve() -> None:
        over = asyncio.Event()
        async with await asyncio.start_server(pair, "127.0.0.1", 0) as server:
            ready.put((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), over))
            await over.wait()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.wait(others, timeout=5) if others else None

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    here, loop, over = ready.get()
    try:
        yield here, counted
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()

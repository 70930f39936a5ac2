"""A relay in front of a server that can cut, stall and slow down what passes: the network between us and a database."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self

_PIECE = 1 << 16
_RESET = struct.pack("ii", 1, 0)  # closing throws away what is unsent, and the other end is told by a reset


class Proxy:
    """
    Listens on a port of the loopback address and passes everything on to where `upstream` says the server is now.

    It runs in a thread of its own, and its methods may be called from any.
    """

    def __init__(self, upstream: Callable[[], int]) -> None:
        self._upstream = upstream
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server
        self._open: set[asyncio.StreamWriter] = set()
        self._refusing = False
        self._flowing = asyncio.Event()
        self._frozen: list[asyncio.Event] = []
        self._bytes_per_second = 0.0
        self._delay = 0.0
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._flowing.set()
        self._server = self._do(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()
        self.cut(refuse=True)
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self, *, refuse: bool) -> None:
        """Reset every connection; `refuse` takes no new ones until `heal`."""
        self._refusing = refuse
        self._call(self._reset)

    def stall(self) -> None:
        """Pass nothing on; connections stay, and new ones are taken."""
        self._call(self._flowing.clear)

    def freeze(self) -> None:
        """Pass nothing on of the connections that are there; new ones are as they should be."""

        def there() -> None:
            self._frozen.append(self._flowing)
            self._flowing.clear()
            self._flowing = asyncio.Event()
            self._flowing.set()

        self._call(there)

    def throttle(self, bytes_per_second: float, delay: float) -> None:
        """Pass on so much a second of each connection, and each piece so many seconds late."""
        self._bytes_per_second, self._delay = bytes_per_second, delay

    def heal(self) -> None:
        """Pass everything on again."""
        self._refusing = False
        self._bytes_per_second = self._delay = 0.0
        for gate in (*self._frozen, self._flowing):
            self._call(gate.set)

    async def _end(self) -> None:
        """Take no more connections, and let those that were cut come to their end."""
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _call(self, what: Callable[[], object]) -> None:
        async def there() -> None:
            what()

        self._do(there())

    def _reset(self) -> None:
        for writer in list(self._open):
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        gate = self._flowing
        try:
            if self._refusing:
                return
            there, back = await asyncio.open_connection("127.0.0.1", self._upstream())
            self._open.add(back)
            try:
                await asyncio.gather(
                    self._pass(reader, back, gate), self._pass(there, writer, gate), return_exceptions=True
                )
            finally:
                self._open.discard(back)
                back.close()
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event) -> None:
        """Pass on what comes until the end, and the end."""
        try:
            while piece := await reader.read(_PIECE):
                await gate.wait()
                if self._bytes_per_second:
                    await asyncio.sleep(self._delay + len(piece) / self._bytes_per_second)
                writer.write(piece)
                await writer.drain()
        finally:
            writer.close()

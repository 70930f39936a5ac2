"""The file of a LOAD DATA LOCAL, sent by a thread of its own while the next part of it is being made."""

from __future__ import annotations

from collections.abc import Iterable
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import Any

# Well below any server's max_allowed_packet, large enough that the packets' overhead vanishes.
_PACKET_BYTES = 256 * 1024
_BLOCKS_AHEAD = 2


def send(connection: Any, blocks: Iterable[bytes | memoryview]) -> Exception | None:
    """
    Send the blocks and the end of the file, and give what the blocks raised, if they did.

    Memory: three blocks. An interrupt closes the connection: the server would take what comes next for the rest.
    """
    sender = _Sender(connection)
    failure: Exception | None = None
    sender.start()
    try:
        try:
            for block in blocks:
                if not sender.take(block):
                    break
        except Exception as error:  # noqa: BLE001 - it is raised when the server has answered
            failure = error
        sender.finish()
    except BaseException:
        connection._force_close()  # noqa: SLF001 -- the polite way would wait for the thread
        sender.give_up()
        raise
    if sender.failure is not None:
        raise failure or sender.failure
    connection.write_packet(b"")
    return failure


class _Sender(Thread):
    def __init__(self, connection: Any) -> None:
        super().__init__(name="dbmimic-upload", daemon=True)
        self.failure: Exception | None = None
        self._connection = connection
        self._room = Semaphore(_BLOCKS_AHEAD)
        self._waiting: SimpleQueue[bytes | memoryview | None] = SimpleQueue()

    def take(self, block: bytes | memoryview) -> bool:
        """Take a block as soon as there is room; False where sending has failed."""
        self._room.acquire()
        if self.failure is None:
            self._waiting.put(block)
        return self.failure is None

    def finish(self) -> None:
        """Wait until everything is sent."""
        self.give_up()
        self.join()

    def give_up(self) -> None:
        """Let the thread end after what it was given, without waiting for it."""
        self._waiting.put(None)

    def run(self) -> None:
        try:
            while (block := self._waiting.get()) is not None:
                data = memoryview(block)
                for start in range(0, len(data), _PACKET_BYTES):
                    self._connection.write_packet(bytes(data[start : start + _PACKET_BYTES]))
                self._room.release()
        except Exception as error:  # noqa: BLE001 - the other thread raises it
            self.failure = error
            self._room.release()

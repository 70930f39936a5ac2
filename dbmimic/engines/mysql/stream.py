"""An answer on its way: the rows' packets as they lie in the bytes that came, many at a time."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.constants import CR
from pymysql.protocol import MysqlPacket

from dbmimic.errors import TryAgainError

_BLOCK_BYTES = 1 << 20
_BLOCK_ROWS = 65_536
_READ_BYTES = 1 << 18
_HEADER = 4
_FULL = 0xFFFFFF  # a packet of this length is continued by the next one
_LONGEST_END = 9
_END = 0xFE
_ERROR = 0xFF

_word: Callable[[bytearray, int], tuple[int]] = struct.Struct("<I").unpack_from


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows: their bytes, and where in them each row begins; what lies between two rows is nobody's."""

    data: bytes | bytearray
    starts: list[int]

    def __len__(self) -> int:
        return len(self.starts)


class Stream:
    """
    The rows of one answer, read from the connection's own file behind the driver's back.

    Memory: a block of about a megabyte, or one row where that is longer.
    """

    def __init__(self, file: Any, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self._held = bytearray()
        self.ended = False

    def blocks(self) -> Iterator[Block]:
        """Give the rows in blocks; lets the driver's exception out where the server ends the answer with an error."""
        while not self.ended:
            block = self._block()
            if block.starts:
                yield block

    def drain(self) -> None:
        """Read what is left and throw it away, so that the connection can be used again."""
        for _ in self.blocks():
            pass

    def _block(self) -> Block:
        starts: list[int] = []
        held = self._held
        at, size = 0, len(held)
        while at < _BLOCK_BYTES and len(starts) < _BLOCK_ROWS:
            known = size > at + _HEADER
            length = _word(held, at)[0] & _FULL if known else _FULL
            if starts and known and length > _BLOCK_BYTES:
                break  # a long row goes alone, so that nobody needs to copy it
            stop = at + _HEADER + length
            if size < stop:
                size = self._more()
                continue
            if held[at + _HEADER] >= _END and self._is_end(at, stop):
                break
            starts.append(at + _HEADER)
            at = stop
            if length == _FULL:
                at = self._joined(stop)
                size = len(held)
        if at > 2 * _BLOCK_BYTES:
            self._held = held[at:]
            del held[at:]
            return Block(held, starts)
        data = bytes(memoryview(held)[:at])
        del held[:at]
        return Block(data, starts)

    def _more(self) -> int:
        """Read some more bytes and give how many there are."""
        try:
            came = self._file.read1(_READ_BYTES)
        except OSError:
            came = b""
        except TryAgainError:  # somebody hung up
            self.ended = True
            raise
        if not came:
            self.ended = True
            raise pymysql.OperationalError(CR.CR_SERVER_LOST, "the connection was lost") from None
        self._held += came
        return len(self._held)

    def _joined(self, stop: int) -> int:
        """Move the parts of a long row together, header by header, and give where it ends."""
        length = _FULL
        while length == _FULL:
            while len(self._held) < stop + _HEADER:
                self._more()
            length = _word(self._held, stop)[0] & _FULL
            del self._held[stop : stop + _HEADER]
            stop += length
            while len(self._held) < stop:
                self._more()
        return stop

    def _is_end(self, at: int, stop: int) -> bool:
        """Tell whether a packet is the answer's last; an error is raised as the driver does."""
        first = self._held[at + _HEADER]
        if first == _END and stop - at - _HEADER >= _LONGEST_END:
            return False
        packet = bytes(memoryview(self._held)[at + _HEADER : stop])
        self.ended = True
        if first == _ERROR:
            MysqlPacket(packet, self._encoding).raise_for_error()
        del self._held[at:]
        return True

"""Memory for key sets, up to a limit: what was not used for longest goes to disk, and comes back when asked for."""

from __future__ import annotations

import os
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import IO

import numpy as np
from pyroaring import BitMap64

from dbmimic.errors import SourceError

_LIMIT = 128_000_000  # bytes of all bitmaps of a process that are in memory
_CONTAINER = 64  # bytes that a container of a bitmap takes besides its values, as malloc gives them
_SAVED = 20  # bytes that it takes of a written bitmap, where containers are far from each other
_WORD = 8
_SMALLEST_SLOT = 4096


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a bitmap stands in the file; `plain` is one written as its numbers, where that is shorter."""

    offset: int
    length: int
    slot: int
    plain: bool


class Encryption:
    """AES-128 in counter mode under a key that is drawn here: for what this process alone reads again."""

    def __init__(self) -> None:
        self.key = os.urandom(16)

    def crypted(self, number: int, data: bytes) -> bytes:
        """Encrypt or decrypt; nothing else may be encrypted under the same number."""
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 -- few runs spill

        counter = number.to_bytes(_WORD, "big") + bytes(_WORD)
        return Cipher(algorithms.AES128(self.key), modes.CTR(counter)).encryptor().update(data)


def no_room(reason: str, taken: int = 0) -> SourceError:
    """Give the error for a disk that has no room for what does not fit into memory."""
    message = f"the chosen rows' identities do not fit into memory, and not on disk: {reason}"
    place = f" ({taken >> 20} MB are taken)" if taken else ""
    hint = f"make room for temporary files there{place}, or let TMPDIR name another folder"
    return SourceError("DM407", message, place=_folder(), hint=hint)


class Spill:
    """
    Holds bitmaps by number: in memory up to `limit` bytes, the others in a temporary file.

    The file is made when the limit is first passed, in the folder for temporary files (TMPDIR). It has no name, so
    that it is gone with the process however that ends, and what is written there is encrypted: an identity may be the
    key of a person. Bitmaps never change, so each is written once, under its number.

    Safe to use from several threads. A forked child starts empty.
    """

    _file: IO[bytes] | None = None

    def __init__(self, limit: int = _LIMIT) -> None:
        self.limit = limit
        self.clear()

    def clear(self) -> None:
        """Forget everything, and the file."""
        if self._file is not None:
            self._file.close()
        self._lock = threading.RLock()  # a bitmap may be dropped by the collector while another is put
        self._resident: OrderedDict[int, tuple[BitMap64, int]] = OrderedDict()
        self._places: dict[int, _Place] = {}
        self._file = None
        self._encryption = Encryption()
        self._end = self._size = self._next = 0
        self._free: dict[int, list[int]] = {}

    @property
    def written(self) -> int:
        """How many bytes of the file are taken or were."""
        return self._end

    def put(self, bits: BitMap64) -> int:
        """
        Take a bitmap, which nobody may change any more, and give its number.

        Raises:
            SourceError: DM407, the temporary file cannot be made or has no room.
        """
        with self._lock:
            number = self._next
            self._next += 1
            self._keep(number, bits)
            return number

    def get(self, number: int) -> BitMap64:
        """Give a bitmap, which must not be changed."""
        with self._lock:
            held = self._resident.get(number)
            if held is not None:
                self._resident.move_to_end(number)
                return held[0]
            bits = self._read(number)
            self._keep(number, bits)
            return bits

    def drop(self, number: int) -> None:
        """Forget a bitmap."""
        with self._lock:
            _, size = self._resident.pop(number, (None, 0))
            self._size -= size
            place = self._places.pop(number, None)
            if place is not None:
                self._free.setdefault(place.slot, []).append(place.offset)

    def _keep(self, number: int, bits: BitMap64) -> None:
        size = _memory(bits)
        self._resident[number] = (bits, size)
        self._size += size
        try:
            while self._size > self.limit and self._resident:
                self._evict()
        except BaseException:
            self.drop(number)
            raise

    def _evict(self) -> None:
        number, (bits, size) = next(iter(self._resident.items()))
        if number not in self._places:
            self._places[number] = self._write(number, bits)
        if self._resident.pop(number, None) is not None:
            self._size -= size

    def _write(self, number: int, bits: BitMap64) -> _Place:
        plain = _saved(bits) > _WORD * len(bits)
        data = self._encryption.crypted(number, bits.to_array().tobytes() if plain else bits.serialize())
        slot = _slot(len(data))
        offsets = self._free.get(slot)
        offset = offsets.pop() if offsets else self._end
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="dbmimic-", buffering=0)  # noqa: SIM115 -- it lasts
            done = 0
            while done < len(data):
                done += os.pwrite(self._file.fileno(), data[done:], offset + done)
        except OSError as error:
            failed = error.errno
        else:
            self._end = max(self._end, offset + slot)
            return _Place(offset, len(data), slot, plain)
        raise no_room(os.strerror(failed) if failed is not None else "no folder takes them", self._end)

    def _read(self, number: int) -> BitMap64:
        place, file = self._places[number], self._file
        if file is None:
            raise KeyError(number)
        data = self._encryption.crypted(number, os.pread(file.fileno(), place.length, place.offset))
        if place.plain:
            return BitMap64(np.frombuffer(data, dtype=np.uint64).data)
        return BitMap64.deserialize(data)


def _memory(bits: BitMap64) -> int:
    told = bits.get_statistics()
    values = told["n_bytes_array_containers"] + told["n_bytes_bitset_containers"] + told["n_bytes_run_containers"]
    return int(values + _CONTAINER * told["n_containers"])


def _saved(bits: BitMap64) -> int:
    told = bits.get_statistics()
    return int(_memory(bits) - (_CONTAINER - _SAVED) * told["n_containers"])


def _slot(length: int) -> int:
    """Give the size of the slot for so many bytes: few sizes, so that a slot that comes free fits what comes next."""
    slot = _SMALLEST_SLOT
    while slot < length:
        slot *= 2
    return slot * 3 // 4 if slot * 3 // 4 >= length else slot


def _folder() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:
        return "TMPDIR"


SPILL = Spill()
os.register_at_fork(after_in_child=SPILL.clear)  # a child's writes would overwrite its parent's

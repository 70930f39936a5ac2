"""Numbers for keys that are none, in the order in which they are met; many are on disk, where nobody reads them."""

from __future__ import annotations

import hashlib
import marshal
import sqlite3
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from dbmimic.model.keys import RowIds
from dbmimic.model.spill import Encryption, no_room

KeyTuple = tuple[Any, ...]  # of bytes, text, numbers and None

_IN_MEMORY = 400_000  # keys of all tables of a process: some 250 bytes each
_BLOCK = 256  # keys that are encrypted together
_FORM = 2  # of marshal: the same bytes for equal values, whoever else holds them
_MADE = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -8192;
CREATE TABLE met (hash BLOB PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE blocks (number INTEGER PRIMARY KEY, keys BLOB NOT NULL);
"""


class Numbers:
    """
    The keys of one table, numbered from 0 as they are met.

    Where the tables of a process have more keys than fit, those of the table that grows go into a temporary SQLite
    database (TMPDIR), which has no name and is gone with the process. It holds keyed hashes of 128 bits and encrypted
    keys, and what they are made with is in memory only.

    Cost: about 250 bytes a key in memory, up to some 100 MB for all tables; on disk about 50 bytes and the key, and
    some 10 microseconds of CPU a key.

    Raises:
        SourceError: DM407, there is no room on disk.
    """

    in_memory: ClassVar[int] = 0  # of all objects

    def __init__(self) -> None:
        self._numbers: dict[KeyTuple, int] = {}
        self._keys: list[KeyTuple] = []  # all of them, or those of the last block
        self._first = 0  # the number of the first of these
        self._disk: sqlite3.Connection | None = None

    def __len__(self) -> int:
        return self._first + len(self._keys)

    def of(self, keys: Sequence[KeyTuple]) -> RowIds:
        """Give the numbers of these keys; a key that is new gets the next one."""
        if self._disk is None:
            before = len(self._keys)
            found = np.fromiter(map(self._held, keys), dtype=np.uint64, count=len(keys))
            Numbers.in_memory += len(self._keys) - before
            if Numbers.in_memory > _IN_MEMORY:
                self._move()
            return found
        return self._looked_up(self._disk, keys)

    def keys(self, numbers: RowIds) -> list[KeyTuple]:
        """Give the keys of these numbers; fast where numbers that are near each other follow each other."""
        found: list[KeyTuple] = []
        at, block = -1, self._keys
        for number in numbers.tolist():
            if number >= self._first:
                found.append(self._keys[number - self._first])
                continue
            if number // _BLOCK != at:
                at = number // _BLOCK
                block = self._block(at)
            found.append(block[number % _BLOCK])
        return found

    def _held(self, key: KeyTuple) -> int:
        number = self._numbers.setdefault(key, len(self._keys))
        if number == len(self._keys):
            self._keys.append(key)
        return number

    def _move(self) -> None:
        """Move what is in memory to disk."""
        self._encryption = Encryption()
        disk = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        disk.executescript(_MADE)
        Numbers.in_memory -= len(self._keys)
        rows = sorted((self._hash(key), number) for key, number in self._numbers.items())
        self._numbers = {}
        self._save(disk, rows)
        self._disk = disk

    def _looked_up(self, disk: sqlite3.Connection, keys: Sequence[KeyTuple]) -> RowIds:
        hashes = [self._hash(key) for key in keys]
        known: dict[bytes, int] = {}
        new: list[tuple[bytes, int]] = []
        for each, key in zip(hashes, keys, strict=True):
            if each in known:
                continue
            row = disk.execute("SELECT number FROM met WHERE hash = ?", (each,)).fetchone()
            known[each] = len(self) if row is None else row[0]
            if row is None:
                new.append((each, len(self)))
                self._keys.append(key)
        if new:
            self._save(disk, sorted(new))
        return np.fromiter((known[each] for each in hashes), dtype=np.uint64, count=len(keys))

    def _save(self, disk: sqlite3.Connection, rows: Sequence[tuple[bytes, int]]) -> None:
        """Write hashes with their numbers, and the keys in memory but for the last block, which is not full yet."""
        full = len(self._keys) // _BLOCK * _BLOCK
        blocks = [
            ((self._first + start) // _BLOCK, marshal.dumps(self._keys[start : start + _BLOCK], _FORM))
            for start in range(0, full, _BLOCK)
        ]
        sealed = [(number, self._encryption.crypted(number, block)) for number, block in blocks]
        try:
            disk.execute("BEGIN")
            disk.executemany("INSERT INTO met VALUES (?, ?)", rows)
            disk.executemany("INSERT INTO blocks VALUES (?, ?)", sealed)
            disk.execute("COMMIT")
        except sqlite3.Error as error:
            failed = error.sqlite_errorname
        else:
            self._keys, self._first = self._keys[full:], self._first + full
            return
        raise no_room(f"SQLite says {failed}")

    def _block(self, number: int) -> list[KeyTuple]:
        if self._disk is None:
            raise KeyError(number)
        (sealed,) = self._disk.execute("SELECT keys FROM blocks WHERE number = ?", (number,)).fetchone()
        keys: list[KeyTuple] = marshal.loads(self._encryption.crypted(number, sealed))  # noqa: S302 -- it is our own
        return keys

    def _hash(self, key: KeyTuple) -> bytes:
        return hashlib.blake2b(marshal.dumps(key, _FORM), digest_size=16, key=self._encryption.key).digest()

    def __del__(self) -> None:
        if self._disk is None:
            Numbers.in_memory -= len(self._keys)
        else:
            self._disk.close()

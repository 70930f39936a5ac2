"""Row identities of one leaf as compressed bitmaps, in pieces that need not be in memory."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap64

from dbmimic.model.spill import SPILL

RowIds = npt.NDArray[np.uint64]

_PIECE = 1 << 18  # identities; a piece holds from half of it to twice as many, the last one fewer
_AT_ONCE = 1_000_000  # that are sorted together: 8 MB
_ARRAYS_AT_ONCE = 10_000
_LENGTH = struct.Struct("<Q")


class _Piece:
    """Some identities, at least one. All are from `first` to `last`."""

    __slots__ = ("_number", "count", "first", "last")

    def __init__(self, bits: BitMap64) -> None:
        self._number = -1  # where there is no room for it, there is none to drop
        self.first, self.last, self.count = bits.min(), bits.max(), len(bits)
        self._number = SPILL.put(bits)

    @property
    def bits(self) -> BitMap64:
        """The identities; not to be changed."""
        return SPILL.get(self._number)

    @property
    def ids(self) -> RowIds:
        """The identities as an array."""
        return _spread_out(self.bits)

    def __del__(self) -> None:
        SPILL.drop(self._number)


class Bits:
    """
    A set of 64-bit numbers: distinct, ascending, never changed in place.

    Cost: between a bit and six bytes a number where one of a hundred is in the set, up to some 70 where they are far
    from each other; of all sets together not more than `Spill.limit`, the rest is on disk.
    """

    __slots__ = ("_count", "_pieces")

    def __init__(self, pieces: Sequence[_Piece] = ()) -> None:
        self._pieces = tuple(pieces)
        self._count = sum(piece.count for piece in self._pieces)

    @classmethod
    def of(cls, ids: Iterable[int] | RowIds) -> Bits:
        """Give the set of these numbers, in any order, some of them perhaps more than once."""
        numbers = ids if isinstance(ids, np.ndarray) else np.array(list(ids), dtype=np.uint64)
        if len(numbers) > 1 and not (numbers[1:] > numbers[:-1]).all():
            numbers = _distinct(numbers)
        return cls([_Piece(_packed(numbers[at : at + _PIECE])) for at in range(0, len(numbers), _PIECE)])

    def arrays(self, size: int) -> Iterator[RowIds]:
        """Give the numbers in order, `size` at a time. Cost: memory for so many, and for those of a piece."""
        waiting: list[RowIds] = []
        count = 0
        for piece in self._pieces:
            ids = piece.ids
            while count + len(ids) >= size:
                cut = size - count
                yield np.concatenate([*waiting, ids[:cut]]) if waiting else ids[:cut]
                waiting, count, ids = [], 0, ids[cut:]
            if len(ids):
                waiting.append(ids)
                count += len(ids)
        if waiting:
            yield np.concatenate(waiting)

    def spread_out(self) -> RowIds:
        """Give all numbers in order. Cost: eight bytes each."""
        found = np.empty(len(self), dtype=np.uint64)
        start = 0
        for piece in self._pieces:
            found[start : start + piece.count] = piece.ids
            start += piece.count
        return found

    def at(self, ranks: Iterable[int]) -> RowIds:
        """Give the numbers of these ranks, which ascend from 0."""
        wanted = np.array(list(ranks), dtype=np.int64)
        found = [np.empty(0, dtype=np.uint64)]
        start = 0
        for piece in self._pieces:
            begin, end = np.searchsorted(wanted, (start, start + piece.count))
            if begin < end:
                found.append(piece.ids[wanted[begin:end] - start])
            start += piece.count
        return np.concatenate(found)

    def holds(self, ids: RowIds) -> npt.NDArray[np.bool_]:
        """Tell of each of these numbers whether it is in the set. Cost: memory for these alone."""
        found = np.zeros(len(ids), dtype=np.bool_)
        for held in (Bits.of(ids) & self).arrays(_PIECE):
            found |= np.isin(ids, held)
        return found

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        for piece in self._pieces:
            yield from piece.bits

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bits) and len(self) == len(other) and not self - other

    __hash__ = None  # type: ignore[assignment]  # compares by content, and content may be large

    def __or__(self, other: Bits) -> Bits:
        if not self or not other:
            return self or other
        return _united(self._pieces, other._pieces)

    def __sub__(self, other: Bits) -> Bits:
        built = _Building()
        start = 0
        for piece in self._pieces:
            near, start = _overlapping(piece, other._pieces, start)
            if not near:
                built.take(piece)
            elif piece not in near:
                rest = piece.bits
                for each in near:
                    rest = rest - each.bits
                built.add(rest)
        return built.done()

    def __and__(self, other: Bits) -> Bits:
        built = _Building()
        start = 0
        for piece in self._pieces:
            near, start = _overlapping(piece, other._pieces, start)
            if piece in near:
                built.take(piece)
            else:
                for each in near:
                    built.add(piece.bits & each.bits)
        return built.done()

    def serialize(self) -> bytes:
        """Give the set as bytes, for `deserialize`: each piece after its length."""
        parts = (piece.bits.serialize() for piece in self._pieces)
        return b"".join(each for part in parts for each in (_LENGTH.pack(len(part)), part))

    @classmethod
    def deserialize(cls, written: bytes) -> Bits:
        """Give the set that `serialize` gave as bytes."""
        parts, at = [], 0
        while at < len(written):
            begin = at + _LENGTH.size
            at = begin + _LENGTH.unpack_from(written, at)[0]
            parts.append(written[begin:at])
        return _restored(parts)

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, ([piece.bits.serialize() for piece in self._pieces],)


class BitsGathering:
    """
    Gathers numbers in any order.

    What comes is sorted a million at a time; of these sets each two that are about as large become one, so that every
    number is joined with others as often as the count of all has binary digits, and not at all where they ascend.
    """

    def __init__(self) -> None:
        self._waiting: list[RowIds] = []
        self._count = 0
        self._sets: list[Bits] = []

    def add(self, ids: Iterable[int] | RowIds) -> None:
        """Add these numbers."""
        numbers = ids if isinstance(ids, np.ndarray) else np.array(list(ids), dtype=np.uint64)
        self._waiting.append(numbers)
        self._count += len(numbers)
        if self._count >= _AT_ONCE or len(self._waiting) >= _ARRAYS_AT_ONCE:
            self._settle()

    def _settle(self) -> None:
        new = Bits.of(np.concatenate(self._waiting))
        self._waiting, self._count = [], 0
        while self._sets and len(self._sets[-1]) <= 2 * len(new):
            new = self._sets.pop() | new
        self._sets.append(new)

    def bits(self) -> Bits:
        """Give what was gathered, and begin anew."""
        if self._waiting:
            self._settle()
        found, self._sets = self._sets, []
        return together(found)


def together(sets: Sequence[Bits]) -> Bits:
    """Give the union of many sets, joined by twos."""
    while len(sets) > 1:
        sets = [one | other for one, other in zip_longest(sets[::2], sets[1::2], fillvalue=Bits())]
    return sets[0] if sets else Bits()


class _Cursor:
    """Goes through pieces in order; what was not taken of the one at hand is its `rest`."""

    def __init__(self, pieces: Sequence[_Piece]) -> None:
        self._pieces = iter(pieces)
        self.step()

    def step(self) -> None:
        """Go to the next piece."""
        self.piece = next(self._pieces, None)
        self.rest: BitMap64 | None = None
        self.first, self.last = (self.piece.first, self.piece.last) if self.piece is not None else (0, 0)

    def taken(self, end: int) -> BitMap64:
        """Take what is at hand up to a number, itself included; the rest stays."""
        bits = BitMap64() if self.piece is None else self.piece.bits if self.rest is None else self.rest
        if end >= self.last:
            self.step()
            return bits
        rest = bits.copy()
        rest.remove_range(0, end + 1)
        self.rest, self.first = rest, rest.min()
        return bits - rest


class _Building:
    """Makes pieces of about one size of what comes in ascending order."""

    def __init__(self) -> None:
        self._pieces: list[_Piece] = []
        self._waiting = BitMap64()

    def add(self, bits: BitMap64) -> None:
        """Add numbers."""
        self._waiting = self._waiting | bits if self._waiting else bits
        if len(self._waiting) >= _PIECE:
            self._settle()

    def take(self, piece: _Piece) -> None:
        """Add a piece, which stays the same one if it can."""
        enough = _PIECE // 2
        if piece.count < enough or 0 < len(self._waiting) < enough:
            self.add(piece.bits)
        else:
            self._settle()
            self._pieces.append(piece)

    def _settle(self) -> None:
        if len(self._waiting) > 2 * _PIECE:
            ids = _spread_out(self._waiting)
            self._pieces += [_Piece(_packed(part)) for part in np.array_split(ids, len(ids) // _PIECE)]
        elif self._waiting:
            self._pieces.append(_Piece(self._waiting))
        self._waiting = BitMap64()

    def done(self) -> Bits:
        """Give the set."""
        self._settle()
        return Bits(self._pieces)


def _united(ones: Sequence[_Piece], others: Sequence[_Piece]) -> Bits:
    built = _Building()
    left, right = _Cursor(ones), _Cursor(others)

    def pass_on(cursor: _Cursor) -> None:
        if cursor.piece is not None and cursor.rest is None:
            built.take(cursor.piece)
            cursor.step()
        else:
            built.add(cursor.taken(cursor.last))

    while left.piece is not None and right.piece is not None:
        if left.piece is right.piece and left.rest is None and right.rest is None:
            right.step()
            pass_on(left)
        elif left.last < right.first:
            pass_on(left)
        elif right.last < left.first:
            pass_on(right)
        else:
            end = min(left.last, right.last)
            built.add(left.taken(end) | right.taken(end))
    for cursor in (left, right):
        while cursor.piece is not None:
            pass_on(cursor)
    return built.done()


def _overlapping(piece: _Piece, others: Sequence[_Piece], start: int) -> tuple[Sequence[_Piece], int]:
    """Give those of the others, from a place on, that may share numbers with a piece, and the place of the first."""
    while start < len(others) and others[start].last < piece.first:
        start += 1
    stop = start
    while stop < len(others) and others[stop].first <= piece.last:
        stop += 1
    return others[start:stop], start


def _restored(written: Sequence[bytes]) -> Bits:
    return Bits([_Piece(BitMap64.deserialize(each)) for each in written])


def _distinct(numbers: RowIds) -> RowIds:
    """Sort them: `np.unique` hashes integers, which takes ten times as long where nearly all are distinct."""
    ordered = np.sort(numbers, kind="stable")  # which takes runs that ascend as they are
    kept = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=kept[1:])
    return ordered[kept]


def _packed(ids: RowIds) -> BitMap64:
    numbers = array("Q")  # which is taken as it is; of any other buffer each number would become an object first
    numbers.frombytes(np.ascontiguousarray(ids).data.cast("B"))
    return BitMap64(numbers)


def _spread_out(bits: BitMap64) -> RowIds:
    return np.frombuffer(bits.to_array(), dtype=np.uint64)

"""
A column's rows side by side, for masks that make of each value something that hangs on its neighbours.

Who is whose neighbour is said by keyed numbers of the rows' own keys, and never by the order in which they were read:
the rows of a group stand in a circle, in the order of these numbers. A row that is new has two neighbours, and leaves
all others as they were.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.model.summary import Dealt

MOST_BYTES = 128 << 20
"""Bytes that a column may take while it is dealt: its values, and 8 to 24 for each row."""

_GROUP_BYTES = 16

Places = npt.NDArray[np.int64]


class UndealableError(ValueError):
    """A column cannot be dealt. The message says why, and holds no value."""


@dataclass(frozen=True, slots=True)
class Hand:
    """
    The rows that take part: those of one group one after the other, each group in the order of its rows' numbers.

    Shape: `rows` is (n,) uint64, `values` as many, `first` and `last` (n,): where the row's group begins and ends.
    """

    rows: Words
    values: pa.Array = field(repr=False)
    first: Places
    last: Places

    @property
    def following(self) -> Places:
        """Where the neighbour after each row is: after the last one of a group comes the first."""
        places = np.arange(len(self.rows))
        return np.where(places == self.last, self.first, places + 1)

    @property
    def preceding(self) -> Places:
        """Where the neighbour before each row is."""
        places = np.arange(len(self.rows))
        return np.where(places == self.first, self.last, places - 1)


def numbers(keyed: KeyedFunction, keys: pa.Array) -> Words:
    """Give the number by which a row with this key is known. Shape: (n,) uint64."""
    return keyed.sub("rows").uniform(keys.fill_null(""))


def places_of(keyed: KeyedFunction, keys: pa.Array, rows: Words) -> tuple[Places, npt.NDArray[np.bool_]]:
    """
    Give where the rows with these keys stand among `rows`, numbers in ascending order, and which of them stand there.

    Shape: (n,) each; a place is arbitrary where its row is not there. Cost: a search for each key.
    """
    asked = numbers(keyed, keys)
    places = np.searchsorted(rows, asked)
    there = places < len(rows)
    there[there] = rows[places[there]] == asked[there]
    return places, there


class Gathering:
    """
    Takes a column's rows batch by batch, and gives the hand that they make.

    Memory: the values that are not blank, 8 bytes for each and 16 more where there are groups; some three times that
    while the hand is made. No more than `most_bytes` are taken.
    """

    def __init__(self, keyed: KeyedFunction, most_bytes: int = MOST_BYTES) -> None:
        self._keyed = keyed
        self._room = most_bytes
        self._rows: list[Words] = [np.zeros(0, dtype=np.uint64)]
        self._groups: list[Words] = [np.zeros((0, 2), dtype=np.uint64)]
        self._taking: list[npt.NDArray[np.bool_]] = [np.zeros(0, dtype=np.bool_)]
        self._values: list[pa.Array] = [pa.array([], pa.string())]

    def add(self, values: pa.Array, keys: pa.Array, groups: pa.Array | None, taking: npt.NDArray[np.bool_]) -> None:
        """
        Take rows: their values (none of them blank), keys, groups, and whether each takes part.

        Raises:
            UndealableError: they are more than may be held at once.
        """
        group_bytes = _GROUP_BYTES * len(values) if groups is not None else 0
        self._room -= values.nbytes + 8 * len(values) + group_bytes
        if self._room < 0:
            raise UndealableError(
                f"the column takes more than {MOST_BYTES >> 20} MB, and all of it must be known before its first row is"
                " masked"
            )
        self._values.append(values)
        self._rows.append(numbers(self._keyed, keys))
        self._taking.append(taking)
        if groups is not None:
            self._groups.append(self._keyed.sub("groups").prf(groups))

    def hand(self, least: int) -> tuple[Hand, Places, Words]:
        """
        Give the hand; where in the ascending numbers of all rows its rows are; and all those numbers.

        The rows of groups with fewer than `least` that take part are one group together; where that is still too
        small, it is one with another.

        Raises:
            UndealableError: too few rows take part at all, or two rows have one number.
        """
        rows = np.concatenate(self._rows)
        order = np.argsort(rows)
        rows = rows[order]
        if bool((rows[1:] == rows[:-1]).any()):
            raise UndealableError("the keys of two rows cannot be told apart under this `domain`; name another")
        places = np.flatnonzero(np.concatenate(self._taking)[order])
        if 0 < len(places) < least:
            raise UndealableError(f"fewer than {least} rows hold a value, so it could be told whose it was")
        groups = np.concatenate(self._groups)
        label = np.zeros(len(places), dtype=np.int64)
        if len(groups):
            label = _pooled(_labels(groups[order][places]), least)
        together = np.argsort(label, kind="stable")
        places, label = places[together], label[together]
        begins = np.flatnonzero(np.diff(label, prepend=-1))
        sizes = np.diff(np.append(begins, len(label)))
        first = np.repeat(begins, sizes)
        values = pa.concat_arrays(self._values).take(pa.array(order[places]))
        return Hand(rows[places], values, first, first + np.repeat(sizes, sizes) - 1), places, rows


def laid_out(made: pa.Array, places: Places, rows: Words) -> Dealt:
    """Give what becomes of all rows, of what was made of those that took part."""
    inverse = np.full(len(rows), -1, dtype=np.int64)
    inverse[places] = np.arange(len(places))
    values = made.take(pa.array(inverse, mask=inverse < 0))
    digest = hashlib.blake2b(rows.tobytes(), digest_size=_GROUP_BYTES)
    for buffer in values.buffers():
        digest.update(b"" if buffer is None else buffer)
    return Dealt(rows, values, digest.hexdigest())


def _labels(groups: Words) -> Places:
    """Give a number for each row's group, from 0 on."""
    order = np.lexsort((groups[:, 1], groups[:, 0]))
    ordered = groups[order]
    new = np.zeros(len(groups), dtype=np.int64)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    label = np.empty(len(groups), dtype=np.int64)
    label[order] = np.cumsum(new)
    return label


def _pooled(label: Places, least: int) -> Places:
    """Give the labels with one for all groups that are too small; if that is too small, it is the first large one's."""
    sizes = np.bincount(label)
    small = sizes[label] < least
    count = int(small.sum())
    if not count:
        return label
    large = label[~small]
    pool = int(large[0]) if count < least and len(large) else len(sizes)
    return np.where(small, pool, label)

"""
Values that look alike: of one length, with the same kinds of characters in the same places.

What such values have in common is worked out once for all of them, so that what remains is arithmetic on whole columns
of bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dbmimic.masks.layout import Bytes, Positions, windows

OTHER, DIGIT, LOWER, UPPER, PLUS, FOREIGN, _PAST = range(7)

_WORD = 8
_ENOUGH = 64  # values; fewer are not worth a pattern of their own
_FEW_CODES = 1 << 16

_CLASSES = np.full(256, OTHER, dtype=np.uint8)
_CLASSES[ord("0") : ord("9") + 1] = DIGIT
_CLASSES[ord("a") : ord("z") + 1] = LOWER
_CLASSES[ord("A") : ord("Z") + 1] = UPPER
_CLASSES[ord("+")] = PLUS
_CLASSES[128:] = FOREIGN
_FACTORS = np.array(
    [
        0x9E3779B97F4A7C15,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0xD6E8FEB86659FD93,
        0xFF51AFD7ED558CCD,
        0xC4CEB9FE1A85EC53,
    ],
    dtype=np.uint64,
)


@dataclass(frozen=True)
class Alike:
    """The rows of values that look alike, and the class of each of their characters; `rows` is None for all rows."""

    rows: Positions | None
    classes: tuple[int, ...]


def alike(
    starts: Positions, lengths: Positions, data: Bytes, widest: int, enough: int = _ENOUGH
) -> tuple[list[Alike], Positions]:
    """
    Give the groups of at least `enough` values that look alike, and the rows in none of them: those of rare forms.

    Empty values and those of more than `widest` bytes (at most 48) are in neither.
    """
    fitting = (lengths > 0) & (lengths <= widest)
    rows = None if bool(fitting.all()) else np.flatnonzero(fitting)
    if len(lengths) == 0 or (rows is not None and len(rows) == 0):
        return [], np.zeros(0, dtype=np.int64)
    begins, sizes = (starts, lengths) if rows is None else (starts[rows], lengths[rows])
    words = _words(begins, sizes, data)
    if all(bool((words[:, place] == words[0, place]).all()) for place in range(words.shape[1])):
        return [Alike(rows, _classes(words[0]))], np.zeros(0, dtype=np.int64)
    groups: list[Alike] = []
    rare: list[Positions] = []
    for found in _by_hash(words):
        same = (words[found] == words[found[0]]).all(axis=1)
        these = found[same]
        if len(these) < enough:
            rare.append(found)
            continue
        rare.append(found[~same])
        groups.append(Alike(these if rows is None else rows[these], _classes(words[these[0]])))
    left = np.concatenate([*rare, np.zeros(0, dtype=np.int64)])
    return groups, left if rows is None else rows[left]


def _words(starts: Positions, lengths: Positions, data: Bytes) -> npt.NDArray[np.uint64]:
    """Give the classes of each value's characters, eight to a word."""
    width = -(-int(lengths.max()) // _WORD) * _WORD
    classes = _CLASSES.take(windows(data, width)[starts].view(np.uint8)).reshape(-1, width)
    if int(lengths.min()) < width:
        classes[np.arange(width)[None, :] >= lengths[:, None]] = _PAST
    return classes.view(np.uint64)


def _classes(words: npt.NDArray[np.uint64]) -> tuple[int, ...]:
    return tuple(int(found) for found in words.view(np.uint8) if found != _PAST)


def _by_hash(words: npt.NDArray[np.uint64]) -> Iterator[Positions]:
    """Give the rows of each hash. Rows that look alike have one; what is left to chance is for the caller to see."""
    hashes = (words * _FACTORS[: words.shape[1]]).sum(axis=1, dtype=np.uint64)
    encoded = pa.array(hashes).dictionary_encode()
    codes = encoded.indices.to_numpy()
    counts = np.bincount(codes)
    order = np.argsort(codes.astype(np.uint16) if len(counts) <= _FEW_CODES else codes, kind="stable")
    return iter(np.split(order, np.cumsum(counts)[:-1]))

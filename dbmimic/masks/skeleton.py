"""
Many JSON documents at once: their skeletons, which are documents without what their scalars say, and their scalars.

Documents of one origin have few skeletons. What is worked out for a skeleton (whether it is JSON, and which of its
scalars are masked) holds for all documents that have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dbmimic.masks.layout import Bytes, Positions, byte_layout

LITERAL = "\x02"  # stands for a number or a word in a skeleton; a string stands there as ""

Flags = npt.NDArray[np.bool_]

_QUOTE, _COLON, _BLANK, _FIRST_PRINTED = ord('"'), ord(":"), ord(" "), 0x20
_SIGN, _SPACE, _UNFIT = 1, 2, 4  # what a byte is, outside of strings; one that is unfit stands nowhere in a plain text
_KINDS = np.zeros(256, dtype=np.uint8)
_KINDS[:_FIRST_PRINTED] = _UNFIT
_KINDS[list(b" \t\n\r")] = _SPACE
_KINDS[list(b'{}[]:,"')] = _SIGN
_KINDS[ord("\\")] = _UNFIT


@dataclass(frozen=True)
class Skeletons:
    """
    The texts of some rows, and their scalars in the order in which they stand.

    `rows` are the rows of plain texts: without a backslash or a control character, as most documents are. For these
    alone, `skeletons` has one text each, `starts` and `data` are where they stand, `begins` and `ends` are where their
    scalars do (a string without its quotes), and scalars `first[n]` to `first[n + 1]` are text n's.
    """

    rows: Positions
    skeletons: pa.Array
    starts: Positions
    data: Bytes
    begins: Positions
    ends: Positions
    is_string: Flags
    first: Positions

    @classmethod
    def of(cls, texts: pa.Array) -> Skeletons:
        """Give the skeletons of texts, none NULL or empty; whether they are JSON is open. Cost: some 10 ns a byte."""
        rows = np.arange(len(texts))
        read = _read(texts)
        while not isinstance(read, _Read):
            left = np.flatnonzero(~read)
            rows, texts = rows[left], texts.take(pa.array(left))
            read = _read(texts)
        return cls(rows, _without_scalars(read), *read)

    def texts(self, scalars: Positions) -> pa.Array:
        """Give what these scalars say, which must be in order."""
        return pieces(self.begins[scalars], self.ends[scalars], self.data).take(
            pa.array(np.arange(1, 2 * len(scalars), 2))
        )

    def row_of(self, scalars: Positions) -> Positions:
        """Give in which text each scalar stands."""
        found: Positions = np.searchsorted(self.first, scalars, side="right") - 1
        return found

    def replaced(self, scalars: Positions, by: pa.Array) -> pa.Array:
        """Give the documents with these scalars, which must be in order, replaced by the texts; no quotes are added."""
        begins, ends = self.begins[scalars], self.ends[scalars]
        count = len(scalars)
        between = pieces(begins, ends, self.data)
        order = np.arange(2 * count + 1)
        order[1::2] = np.arange(count) + len(between)
        text = pa.concat_arrays([between, by]).take(pa.array(order))
        grown = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(byte_layout(by)[1] - (ends - begins))])
        bounds = np.append(self.starts, len(self.data))
        offsets = (bounds + grown[np.searchsorted(begins, bounds, side="left")]).astype(np.int32)
        data = np.ascontiguousarray(byte_layout(text)[2])
        return pa.StringArray.from_buffers(len(self.starts), pa.py_buffer(offsets), pa.py_buffer(data))


def pieces(begins: Positions, ends: Positions, data: Bytes) -> pa.Array:
    """Give what stands before the first place, in it, between it and the next one, and so on to the end: no copy."""
    offsets = np.empty(2 * len(begins) + 2, dtype=np.int32)
    offsets[0], offsets[1:-1:2], offsets[2:-1:2], offsets[-1] = 0, begins, ends, len(data)
    return pa.StringArray.from_buffers(2 * len(begins) + 1, pa.py_buffer(offsets), pa.py_buffer(data))


class _Read(NamedTuple):
    starts: Positions
    data: Bytes
    begins: Positions
    ends: Positions
    is_string: Flags
    first: Positions


def _read(texts: pa.Array) -> _Read | Flags:
    """Give where the texts and their scalars stand, or which rows are not plain, if there are any."""
    starts, _, data = byte_layout(texts)
    data = np.ascontiguousarray(data)
    bounds = np.append(starts, len(data))
    kinds = _KINDS.take(data)
    quoted = data == _QUOTE
    counts = np.cumsum(quoted, dtype=np.int32)
    before = np.append(np.zeros(1, dtype=np.int32), counts)[bounds]  # quotes before each text
    unfit: Flags = ((before[1:] - before[:-1]) % 2).astype(np.bool_)
    inside = (counts & 1).view(np.int32).astype(np.bool_)  # from the opening quote to before the closing one
    if not unfit.any():
        _mark(unfit, starts, np.flatnonzero((kinds == _UNFIT) | (inside & (data < _FIRST_PRINTED))))
    quotes = np.flatnonzero(quoted)
    if unfit.any():
        return unfit
    opens, closes = quotes[::2], quotes[1::2]
    colons = np.flatnonzero((data == _COLON) & ~inside)
    keys = counts[colons].astype(np.int64) // 2 - 1
    gaps = colons - (closes[keys] if len(closes) else -1)
    odd = (keys < 0) | ~((gaps == 1) | ((gaps == 2) & (data[colons - 1] == _BLANK)))  # noqa: PLR2004  a blank between
    _mark(unfit, starts, colons[odd])
    unfit |= np.isin(data[starts], (_COLON, _BLANK))  # a colon here would make a key of another text's last string
    if unfit.any():
        return unfit
    is_key = np.zeros(len(opens), dtype=np.bool_)
    is_key[keys] = True
    literal = (kinds == 0) & ~inside
    first_of, last_of = literal.copy(), literal.copy()
    first_of[1:] &= ~literal[:-1]
    last_of[:-1] &= ~literal[1:]
    first_of[starts] = literal[starts]
    last_of[bounds[1:] - 1] = literal[bounds[1:] - 1]
    begins = np.concatenate([opens[~is_key] + 1, np.flatnonzero(first_of)])
    ends = np.concatenate([closes[~is_key], np.flatnonzero(last_of) + 1])
    order = np.argsort(begins, kind="stable")
    is_string = order < len(opens) - len(keys)
    begins, ends = begins[order], ends[order]
    return _Read(starts, data, begins, ends, is_string, np.searchsorted(begins, bounds, side="left"))


def _mark(rows: Flags, starts: Positions, places: Positions) -> None:
    """Mark the rows in which these places are."""
    rows[np.searchsorted(starts, places, side="right") - 1] = True


def _without_scalars(read: _Read) -> pa.Array:
    """Give the texts with "" for each string, and one sign for each other scalar."""
    signs = read.data.copy()
    signs[read.begins[~read.is_string]] = ord(LITERAL)
    left = read.begins + ~read.is_string
    sizes = read.ends - left
    some = sizes > 0
    steps = np.zeros(len(signs) + 1, dtype=np.int8)
    steps[left[some]] = 1
    steps[read.ends[some]] = -1
    kept = signs[np.cumsum(steps[:-1], dtype=np.int8) == 0]
    taken = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])[read.first]
    offsets = (np.append(read.starts, len(signs)) - taken).astype(np.int32)
    return pa.StringArray.from_buffers(len(read.starts), pa.py_buffer(offsets), pa.py_buffer(kept))

"""Arrow text seen as NumPy bytes, and back: no copy per value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Positions = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

_OFFSETS = {pa.string(): "<i4", pa.binary(): "<i4", pa.large_string(): "<i8", pa.large_binary(): "<i8"}

_CHUNK = 4096  # rows at once, so that what is written again and again stays in the processor's cache
_LOWER_BIT = np.uint8(0x20)
_HIGH_BITS = np.uint64(0x8080808080808080)


def byte_layout(values: pa.Array) -> tuple[Positions, Positions, Bytes]:
    """
    Give where each value of a string or binary array starts, how many bytes it has, and the bytes.

    Slices are seen as slices; a null has some start and some length inside the bytes.
    """
    offsets, data = _offsets_and_bytes(values)
    wide = offsets.astype(np.int64, copy=False)
    starts = wide - wide[0] if wide[0] else wide
    return starts[:-1], np.diff(wide), data


def rows_of(values: pa.Array, width: int = 0) -> Bytes | None:
    """Give the bytes of values that all have `width` of them (0: whatever it is), a row each; None if they have not."""
    if values.null_count or not len(values):
        return None
    offsets, data = _offsets_and_bytes(values)
    width = width or int(offsets[1]) - int(offsets[0])
    if not width or len(data) != len(values) * width or not (offsets[1:] - offsets[:-1] == width).all():
        return None
    return data.reshape(-1, width)


def _offsets_and_bytes(values: pa.Array) -> tuple[npt.NDArray[np.signedinteger], Bytes]:
    """Give where the values start and the last one ends, counted in the array's own bytes, and their bytes alone."""
    if values.type not in _OFFSETS:
        return _offsets_and_bytes(values.cast(pa.string()))
    _validity, offset_buffer, data_buffer = values.buffers()
    if len(values) == 0 or offset_buffer is None:
        return np.zeros(len(values) + 1, dtype=np.int64), np.zeros(0, dtype=np.uint8)
    offsets = np.frombuffer(offset_buffer, dtype=_OFFSETS[values.type])
    offsets = offsets[values.offset : values.offset + len(values) + 1]
    every = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer is not None else np.zeros(0, dtype=np.uint8)
    return offsets, every[int(offsets[0]) : int(offsets[-1])]


def windows(data: Bytes, width: int) -> npt.NDArray[np.void]:
    """Give the `width` bytes that start at each position, with zeros past the end."""
    padded = np.concatenate([data, np.zeros(width, dtype=np.uint8)])
    return np.ndarray((len(data) + 1,), dtype=f"V{width}", buffer=padded, strides=(1,))


def fixed_width(matrix: Bytes) -> pa.Array:
    """Give the rows of a byte matrix of ASCII as text, each row one value of the matrix's width."""
    count, width = matrix.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32) if width else np.zeros(count + 1, dtype=np.int32)
    data = np.ascontiguousarray(matrix)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))


@dataclass(frozen=True)
class Cells:
    """
    One short text for each row (or each entry of a pool), padded to a common width.

    Shape: `bytes` is (n,) of `V8`, `V16`, ... and `sizes` (n,) how many of them count.
    """

    bytes: npt.NDArray[np.void]
    sizes: Positions

    @classmethod
    def of(cls, texts: Sequence[str]) -> Cells:
        """Give the cells of some texts."""
        encoded = [text.encode() for text in texts]
        sizes = np.array([len(text) for text in encoded], dtype=np.int64)
        width = cell_width(int(sizes.max(initial=1)))
        return cls(np.array(encoded, dtype=f"S{width}").view(f"V{width}"), sizes)

    @classmethod
    def beginning(cls, matrix: Bytes, ending: str) -> Cells:
        """Give cells that begin with the rows of a matrix of bytes and all end with the same text."""
        count, width = matrix.shape
        size = width + len(ending)
        pattern = np.zeros(cell_width(size), dtype=np.uint8)
        pattern[width:size] = np.frombuffer(ending.encode(), dtype=np.uint8)
        cells = np.full(count, pattern.view(f"V{len(pattern)}"))
        if width and count:
            begins = np.ndarray((count,), dtype=f"V{width}", buffer=cells, strides=(len(pattern),))
            begins[:] = np.ascontiguousarray(matrix).view(f"V{width}").reshape(-1)
        return cls(cells, np.full(count, size, dtype=np.int64))

    def take(self, index: npt.NDArray[np.integer]) -> Cells:
        """Give the cells at these indices."""
        places = index.astype(np.int64, copy=False)
        return Cells(self.bytes.take(places), self.sizes.take(places))

    def replaced(self, where: npt.NDArray[np.bool_], other: Cells) -> Cells:
        """Give the other cells where it is so, and these elsewhere."""
        width = max(self.bytes.itemsize, other.bytes.itemsize)
        wide = np.zeros((len(self.sizes), width), dtype=np.uint8)
        for cells, rows in ((self, ~where), (other, where)):
            matrix = cells.bytes.view(np.uint8).reshape(-1, cells.bytes.itemsize)
            wide[rows, : cells.bytes.itemsize] = matrix[rows]
        return Cells(wide.view(f"V{width}").reshape(-1), np.where(where, other.sizes, self.sizes))


def cell_width(size: int) -> int:
    """Give the width of cells that hold texts of so many bytes."""
    return -(-size // 8) * 8


def concatenated(*parts: Cells) -> pa.Array:
    """
    Give each row's texts, one after the other, as one text.

    Every cell is written with what pads it, in the order of rows and parts, so that the next one covers the padding:
    of several values for one place NumPy keeps the last.
    """
    rows, width = len(parts[0].sizes), max(part.bytes.itemsize for part in parts)
    if not rows:
        return pa.array([], pa.string())
    sizes = np.empty((rows, len(parts)), dtype=np.int64)
    for number, part in enumerate(parts):
        sizes[:, number] = part.sizes
    ends = np.cumsum(sizes.reshape(-1))
    starts = ends - sizes.reshape(-1)
    total = int(ends[-1])
    data = np.empty(total + width, dtype=np.uint8)
    places = np.ndarray((total + 1,), dtype=f"V{width}", buffer=data, strides=(1,))
    cells = np.zeros((min(rows, _CHUNK), len(parts), width), dtype=np.uint8)
    items = cells.view(f"V{width}").reshape(-1)
    columns = [
        np.ndarray(
            (len(cells),),
            dtype=part.bytes.dtype,
            buffer=cells,
            offset=number * width,
            strides=(len(parts) * width,),
        )
        for number, part in enumerate(parts)
    ]
    for first in range(0, rows, _CHUNK):
        count = min(_CHUNK, rows - first)
        for column, part in zip(columns, parts, strict=True):
            column[:count] = part.bytes[first : first + count]
        begin, end = first * len(parts), (first + count) * len(parts)
        places[starts[begin:end]] = items[: count * len(parts)]
    offsets = np.zeros(rows + 1, dtype=np.int32)
    offsets[1:] = ends[len(parts) - 1 :: len(parts)]
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(data[:total]))


def same_text(made: pa.Array, seen: pa.Array) -> Positions:
    """Give the rows where a text that was made is the folded text that was seen, in whatever (ASCII) case."""
    starts, lengths, data = byte_layout(made)
    seen_starts, seen_lengths, seen_data = byte_layout(seen)
    rows = np.flatnonzero((lengths == seen_lengths) & (lengths > 0))
    if len(rows):
        firsts = data[starts[rows]] | _LOWER_BIT, seen_data[seen_starts[rows]] | _LOWER_BIT
        rows = rows[firsts[0] == firsts[1]]
    if not len(rows):
        return rows
    equal = pc.equal(pc.ascii_lower(made.take(pa.array(rows))), seen.take(pa.array(rows)))
    found: Positions = rows[pc.fill_null(equal, False).to_numpy(zero_copy_only=False)]
    return found


def keep_blank(values: pa.Array, masked: pa.Array) -> pa.Array:
    """Give the masked values, but NULL and the empty string where the values have them."""
    offsets, _ = _offsets_and_bytes(values)
    if values.null_count == 0 and bool((offsets[1:] != offsets[:-1]).all()):
        return masked
    return pc.if_else(pc.equal(values, ""), values, masked)


def is_ascii(values: pa.Array) -> bool:
    """Whether no byte of the array is above 127."""
    data = _offsets_and_bytes(values)[1]
    rest = len(data) % 8
    words = data[: len(data) - rest].view(np.uint64)
    high = np.bitwise_or.reduce(words) & _HIGH_BITS
    return not high and bool(np.all(data[len(data) - rest :] < 128))  # noqa: PLR2004  ASCII

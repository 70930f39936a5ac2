"""
Row packets become Arrow arrays, and Arrow arrays become the lines of a LOAD DATA: column by column, never row by row.

Source:
    Text protocol rows are length-encoded strings one after the other, 0xFB for NULL: MySQL Source Code
    Documentation, "Text Resultset Row" and "Protocol::LengthEncodedString".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_NULL = 0xFB
_WIDTHS = ((0xFC, 2), (0xFD, 3), (0xFE, 8))
_ESCAPES = ((b"\\", b"\\\\"), (b"\t", b"\\t"), (b"\n", b"\\n"), (b"\0", b"\\0"))  # the backslash first

Positions = npt.NDArray[np.int64]
Octets = npt.NDArray[np.uint8]


def columns(packets: list[bytes], count: int) -> list[pa.Array]:
    """
    Give the `count` columns of these rows as `pa.binary()` arrays.

    Cost: a few passes over the bytes in numpy; memory about ten times the bytes of one column.
    """
    data = np.frombuffer(b"".join(packets), dtype=np.uint8)
    sizes = np.fromiter(map(len, packets), dtype=np.int64, count=len(packets))
    at = np.cumsum(sizes) - sizes
    arrays = []
    for _ in range(count):
        begins, lengths, nulls = _fields(data, at)
        arrays.append(_array(data, begins, lengths, nulls))
        at = begins + lengths
    return arrays


def _fields(data: Octets, at: Positions) -> tuple[Positions, Positions, npt.NDArray[np.bool_]]:
    """Read the length that stands at each position: where the bytes begin, how many they are, which are NULL."""
    first = data[at].astype(np.int64)
    begins = at + 1
    lengths = np.where(first < _NULL, first, 0)
    for marker, width in _WIDTHS:
        chosen = np.flatnonzero(first == marker)
        if chosen.size:
            lengths[chosen] = _little_endian(data, at[chosen] + 1, width)
            begins[chosen] += width
    return begins, lengths, first == _NULL


def _little_endian(data: Octets, at: Positions, width: int) -> Positions:
    total = np.zeros(len(at), dtype=np.int64)
    for byte in range(width):
        total |= data[at + byte].astype(np.int64) << (8 * byte)
    return total


def _array(data: Octets, begins: Positions, lengths: Positions, nulls: npt.NDArray[np.bool_]) -> pa.Array:
    offsets = np.zeros(len(begins) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    if len(begins) == 1:
        values = data[begins[0] : begins[0] + lengths[0]]
    else:
        values = data[np.repeat(begins - offsets[:-1], lengths) + np.arange(offsets[-1], dtype=np.int64)]
    validity = pa.py_buffer(np.packbits(~nulls, bitorder="little").tobytes()) if nulls.any() else None
    buffers = [validity, pa.py_buffer(offsets.astype(np.int32).tobytes()), pa.py_buffer(values.tobytes())]
    return pa.Array.from_buffers(pa.binary(), len(begins), buffers)


def as_text(values: pa.Array) -> pa.Array:
    """Give UTF-8 bytes as `pa.string()`."""
    return values.cast(pa.string())


def lines(fields: Sequence[pa.Array]) -> bytes | memoryview:
    r"""Give the rows as LOAD DATA reads them: a tab after each field, a newline after each row, `\N` for NULL."""
    escaped = [pc.fill_null(_escaped(field), rb"\N") for field in fields]
    last = pc.binary_join_element_wise(escaped[-1], pa.scalar(b"\n", pa.binary()), pa.scalar(b"", pa.binary()))
    if len(escaped) > 1:
        last = pc.binary_join_element_wise(*escaped[:-1], last, pa.scalar(b"\t", pa.binary()))
    return _bytes_of(last)


def _escaped(field: pa.Array) -> pa.Array:
    held = bytes(_bytes_of(field))
    for raw, safe in _ESCAPES:
        if raw in held:
            field = pc.replace_substring(field, pattern=raw, replacement=safe)
    return field


def _bytes_of(array: pa.Array) -> memoryview:
    """Give the bytes of all values, one after the other, without a copy."""
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int32)[array.offset : array.offset + len(array) + 1]
    values = array.buffers()[2]
    if values is None or not len(array):
        return memoryview(b"")
    return memoryview(values)[int(offsets[0]) : int(offsets[-1])]

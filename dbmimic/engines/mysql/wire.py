"""
Rows become Arrow arrays, and Arrow arrays become the lines of a LOAD DATA: column by column, never row by row.

Source:
    Text protocol rows are length-encoded strings one after the other, 0xFB for NULL: MySQL Source Code
    Documentation, "Text Resultset Row" and "Protocol::LengthEncodedString".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.engines.mysql.stream import Block

_NULL = 0xFB
_WIDTHS = ((0xFC, 2), (0xFD, 3), (0xFE, 8))
_PIECE_BYTES = 1 << 20
_ESCAPES = ((b"\\", b"\\\\"), (b"\t", b"\\t"), (b"\n", b"\\n"), (b"\0", b"\\0"))  # the backslash first

Positions = npt.NDArray[np.int64]
Octets = npt.NDArray[np.uint8]


def columns(block: Block, count: int) -> list[pa.Array]:
    """
    Give the `count` columns of these rows as `pa.binary()` arrays.

    Cost: two copies of the bytes, and 50 bytes of memory a value while it runs.
    """
    data = np.frombuffer(block.data, dtype=np.uint8)
    at = np.array(block.starts, dtype=np.int64)
    edges = np.empty((len(at), count, 2), dtype=np.int32)
    empty = []
    for column in range(count):
        begins, lengths, nulls = _fields(data, at)
        at = begins + lengths
        edges[:, column, 0], edges[:, column, 1] = begins, at
        empty.append(nulls)
    return _taken(block.data, edges, empty)


def _taken(
    data: bytes | bytearray, edges: npt.NDArray[np.int32], empty: Sequence[npt.NDArray[np.bool_]]
) -> list[pa.Array]:
    """
    Give one array for each column: what lies between the edges is the values and, in turn, the gaps between them,
    so that all of them together are one Arrow array over the bytes as they came, to take the values from.
    """
    rows, count, _ = edges.shape
    everything = pa.Array.from_buffers(
        pa.binary(), 2 * rows * count - 1, [None, pa.py_buffer(edges.reshape(-1)), pa.py_buffer(data)]
    )
    if rows == 1:  # perhaps very long values, which are not copied
        return [
            pa.nulls(1, pa.binary()) if nulls[0] else everything.slice(2 * column, 1)
            for column, nulls in enumerate(empty)
        ]
    places = np.arange(0, 2 * rows * count, 2 * count, dtype=np.int32)
    return [
        everything.take(pa.array(places + 2 * column, mask=nulls if nulls.any() else None))
        for column, nulls in enumerate(empty)
    ]


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


def as_text(values: pa.Array) -> pa.Array:
    """Give UTF-8 bytes as `pa.string()`."""
    return values.cast(pa.string())


def lines(fields: Sequence[pa.Array]) -> Iterator[bytes | memoryview]:
    r"""
    Give the rows as LOAD DATA reads them: a tab after each field, a newline after each row, `\N` for NULL.

    Memory: what the rows take, twice; of a single row no more than a piece of a megabyte at a time.
    """
    if len(fields[0]) != 1:
        yield _lines(fields)
        return
    for place, field in enumerate(fields):
        if place:
            yield b"\t"
        if field.null_count:
            yield rb"\N"
            continue
        data = _bytes_of(field)
        for start in range(0, len(data), _PIECE_BYTES):
            piece = bytes(data[start : start + _PIECE_BYTES])
            for raw, safe in _ESCAPES:
                piece = piece.replace(raw, safe)
            yield piece
    yield b"\n"


def _lines(fields: Sequence[pa.Array]) -> memoryview:
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

"""Arrow text seen as NumPy bytes, and back: no copy per value."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Positions = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

_OFFSETS = {pa.string(): "<i4", pa.binary(): "<i4", pa.large_string(): "<i8", pa.large_binary(): "<i8"}


def byte_layout(values: pa.Array) -> tuple[Positions, Positions, Bytes]:
    """
    Give where each value of a string or binary array starts, how many bytes it has, and the bytes.

    Slices are seen as slices; a null has some start and some length inside the bytes.
    """
    if values.type not in _OFFSETS:
        return byte_layout(values.cast(pa.string()))
    _validity, offset_buffer, data_buffer = values.buffers()
    if len(values) == 0 or offset_buffer is None:
        nothing = np.zeros(len(values), dtype=np.int64)
        return nothing, nothing, np.zeros(0, dtype=np.uint8)
    offsets: Positions = np.frombuffer(offset_buffer, dtype=_OFFSETS[values.type]).astype(np.int64, copy=False)
    offsets = offsets[values.offset : values.offset + len(values) + 1]
    base = int(offsets[0])
    every = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer is not None else np.zeros(0, dtype=np.uint8)
    starts = offsets - base
    return starts[:-1], np.diff(starts), every[base : int(offsets[-1])]


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


def keep_blank(values: pa.Array, masked: pa.Array) -> pa.Array:
    """Give the masked values, but NULL and the empty string where the values have them."""
    if values.null_count == 0 and bool(np.all(byte_layout(values)[1])):
        return masked
    return pc.if_else(pc.equal(values, ""), values, masked)


def is_ascii(values: pa.Array) -> bool:
    """Whether no byte of the array is above 127."""
    data = byte_layout(values)[2]
    return len(data) == 0 or int(data.max()) < 128  # noqa: PLR2004  ASCII

"""
COPY's text form to Arrow and back, a megabyte at a time.

A row is a line; between its columns stands a tab, and no other raw tab or newline occurs, because COPY escapes those
inside values. So the places of tabs and newlines are all there is to parse, and what stands after the head columns
is passed on as it came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.errors import InternalError, UnreadableText

_LONG_PIECES = 2
_TAB = 0x09
_NEWLINE = 0x0A
_BACKSLASH = 0x5C
_NULL = b"\\N"
_ESCAPED = ((b"\n", b"\\n"), (b"\t", b"\\t"), (b"\r", b"\\r"), (b"\b", b"\\b"), (b"\f", b"\\f"), (b"\v", b"\\v"))
_ASIDE = b"\x00"  # stands for an escaped backslash for a moment; PostgreSQL's text never holds it

_Positions = npt.NDArray[np.int64]


def blocks(messages: Iterator[bytes | memoryview], size: int) -> Iterator[tuple[bytes, int]]:
    """Gather rows into blocks of about `size` bytes; give each block with its number of rows."""
    held: list[bytes | memoryview] = []
    byte_count = 0
    for message in messages:
        held.append(message)
        byte_count += len(message)
        if byte_count >= size:
            yield b"".join(held), len(held)
            held, byte_count = [], 0
    if held:
        yield b"".join(held), len(held)


class LineReader:
    """
    Cuts the rows of COPY's text that come in pieces into blocks of whole rows, of a piece's size or more.

    A row much longer than that comes in pieces itself where its head can stand alone. Memory: three pieces.
    """

    def __init__(self, read: Callable[[], bytes | bytearray]) -> None:
        self._read = read
        self._rest: bytes = b""
        self.whole = True

    def block(self, head: int = 0) -> bytes | memoryview:
        """
        Give the next block, empty at the end; after that `whole` tells whether it is made of whole rows.

        If not, it is the beginning of one long row, with at least its first `head` columns; `pieces` gives the rest.
        With `head` 0 a row is never cut.
        """
        pieces: list[bytes | bytearray] = [self._rest]
        while b"\n" not in pieces[-1] and (piece := self._read()):
            pieces.append(piece)
            if (
                head
                and b"\n" not in pieces[-1]
                and len(pieces) > _LONG_PIECES
                and sum(each.count(b"\t") for each in pieces) >= head
            ):
                self.whole, self._rest = False, b""
                return b"".join(pieces)
        data = b"".join(pieces)
        cut = data.rfind(b"\n") + 1
        self.whole, self._rest = True, data[cut:]
        return memoryview(data)[:cut]

    def pieces(self, rest: bytes) -> Iterator[bytes]:
        """Give the rest of a long row as it comes, newline included."""
        while rest:
            cut = rest.find(b"\n") + 1
            if cut:
                self._rest = rest[cut:]
                yield rest[:cut]
                return
            yield rest
            rest = bytes(self._read())


def long_head(block: bytes | memoryview, head: int) -> tuple[list[pa.Array], bytes]:
    """Give the first `head` columns of the one row that a block begins with, and what follows them."""
    *values, rest = bytes(block).split(b"\t", head)
    return [_unescaped(pa.array([value], pa.binary())) for value in values], rest


def split(block: bytes | memoryview, head: int, columns: int) -> tuple[list[pa.Array], pa.Array | None, int]:
    """
    Give the first `head` columns of a block as text, the rest of each line, newline included, as it is, and the number
    of rows.

    The rest is None where `head` is all there is.
    """
    data = np.frombuffer(block, dtype=np.uint8)
    separators = np.flatnonzero((data - np.uint8(_TAB)) <= 1)  # tabs and newlines in one pass
    row_count = len(separators) // columns
    table = separators[: row_count * columns].reshape(row_count, columns)
    # Each row ends with a newline, and by the sum of what was found no other separator is one.
    wanted = row_count * (_TAB * (columns - 1) + _NEWLINE)
    if (
        len(separators) != row_count * columns
        or not row_count
        or (data[table[:, -1]] != _NEWLINE).any()
        or int(data[separators].sum(dtype=np.int64)) != wanted
    ):
        raise InternalError("DM901", "a block of COPY rows does not have the shape that was asked for")
    pieces = _cut(len(data), table[:, -1], table, head, columns)
    width = 2 * head + (1 if head < columns else 0)
    offsets = pa.py_buffer(pieces.astype(np.int32))
    everything = pa.Array.from_buffers(pa.binary(), row_count * width, [None, offsets, pa.py_buffer(block)])
    rows = np.arange(row_count, dtype=np.int64) * width
    values = [_unescaped(everything.take(pa.array(rows + 2 * column))) for column in range(head)]
    tail = everything.take(pa.array(rows + 2 * head)) if head < columns else None
    return values, tail, row_count


def unreadable(block: bytes, codec: str) -> tuple[bytes, int] | None:
    """Give the first value of the row with the first text that is none in this encoding, and the text's column."""
    if _reads(block, codec):
        return None
    line = next((line for line in block.split(b"\n") if not _reads(line, codec)), b"")
    fields = line.split(b"\t")
    return next(((fields[0], place) for place, field in enumerate(fields) if not _reads(field, codec)), None)


def mended(block: bytes, codec: str) -> tuple[bytes, dict[int, int]]:
    """
    Give rows in UTF-8 with U+FFFD for what is no text in their encoding, and how many values had such, by column.

    Where their encoding has no U+FFFD, `?` stands for it, as the copy is in the same.

    Cost: a scan where all of it is text. In no server's encoding is a tab or a newline a part of another character.
    """
    if _reads(block, codec):
        return (block if codec == "utf-8" else block.decode(codec).encode()), {}
    counts: dict[int, int] = {}
    lines, instead = [], "\ufffd" if codec == "utf-8" else "?"
    for line in block.split(b"\n"):
        fields = line.split(b"\t")
        for place in (place for place, field in enumerate(fields) if not _reads(field, codec)):
            counts[place] = counts.get(place, 0) + 1
        texts = (field.decode(codec, "replace").replace("\ufffd", instead) for field in fields)
        lines.append("\t".join(texts).encode())
    return b"\n".join(lines), counts


def _reads(data: bytes, codec: str) -> bool:
    try:
        data.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _cut(size: int, ends: _Positions, tabs: _Positions, head: int, columns: int) -> _Positions:
    """
    Give where each piece of a block starts, and the block's end: for every row its head values, each followed by its
    separator as a piece of its own, and the rest of the line as one piece.
    """
    row_count = len(ends)
    width = 2 * head + (1 if head < columns else 0)
    starts = np.empty((row_count, width), dtype=np.int64)
    starts[0, 0] = 0
    starts[1:, 0] = ends[:-1] + 1
    for column in range(head):
        starts[:, 2 * column + 1] = tabs[:, column] if column < columns - 1 else ends
        if 2 * column + 2 < width:
            starts[:, 2 * column + 2] = tabs[:, column] + 1
    return np.append(starts.reshape(-1), size)


def _data(values: pa.Array) -> npt.NDArray[np.uint8]:
    """Give the bytes of all values of a binary array without its slice's surroundings."""
    buffer = values.buffers()[2]
    if buffer is None or len(values) == 0:
        return np.empty(0, dtype=np.uint8)
    offsets = np.frombuffer(values.buffers()[1], dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    held: npt.NDArray[np.uint8] = np.frombuffer(buffer, dtype=np.uint8)[offsets[0] : offsets[-1]]
    return held


def _unescaped(values: pa.Array) -> pa.Array:
    """Give the values as text, NULL as null. Cost: a scan, and more passes only where more is escaped than NULLs."""
    backslashes = np.count_nonzero(_data(values) == _BACKSLASH)
    if backslashes:
        absent = pc.equal(values, _NULL)
        values = pc.if_else(absent, pa.scalar(None, pa.binary()), values)
        if backslashes > pc.sum(absent).as_py():
            values = pc.replace_substring(values, b"\\\\", _ASIDE)
            for raw, escaped in _ESCAPED:
                values = pc.replace_substring(values, escaped, raw)
            values = pc.replace_substring(values, _ASIDE, b"\\")
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        raise UnreadableText("DM404", "a text of the source is not valid UTF-8") from None


def _escaped(values: pa.Array) -> pa.Array:
    """Give text as COPY reads it, null as NULL."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    plain = values.cast(pa.binary())
    present = _data(plain)
    if np.any(present == _BACKSLASH):
        plain = pc.replace_substring(plain, b"\\", b"\\\\")
    for raw, escaped in _ESCAPED:
        if np.any(present == raw[0]):
            plain = pc.replace_substring(plain, raw, escaped)
    return plain.fill_null(_NULL) if plain.null_count else plain


def join(head: Sequence[pa.Array], tail: pa.Array | None) -> memoryview:
    """Give the rows as COPY reads them: the head columns, then the rest of each line as `split` gave it."""
    columns = [_escaped(values) for values in head]
    if tail is not None:
        lines = pc.binary_join_element_wise(*columns, tail, _scalar(b"\t"))
    else:
        joined = pc.binary_join_element_wise(*columns, _scalar(b"\t"))
        lines = pc.binary_join_element_wise(joined, _scalar(b"\n"), _scalar(b""))
    return _data(lines).data.cast("B")


def _scalar(value: bytes) -> pa.Scalar:
    return pa.scalar(value, pa.binary())

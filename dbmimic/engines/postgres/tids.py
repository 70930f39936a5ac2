"""
Row identities: where a row stands in its leaf, packed as `block << 12 | offset`.

An offset has eleven bits on the largest pages. A bitmap takes less the nearer its numbers are to each other: where one
row of a page is chosen, it would take some 70 bytes if a page had all numbers of sixteen bits.

The snapshot keeps the versions that it sees where they are, so a place is a name for as long as the snapshot lasts.
Both directions go in PostgreSQL's binary form, made and read as whole numpy arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

from dbmimic.errors import InternalError
from dbmimic.model.keys import RowIds

_TID = 27
_TID_ARRAY = 1010
OFFSET_BITS = 12  # places to a page of 32 kB: 1169
_OFFSET_BITS = np.uint64(OFFSET_BITS)
_OFFSET_MASK = np.uint64((1 << OFFSET_BITS) - 1)
_SENT = np.dtype([("block", ">u4"), ("offset", ">u2")])
_SENT_WITH_KEY = np.dtype([("block", ">u4"), ("offset", ">u2"), ("key", ">u8")])
_SIGN = np.uint64(1 << 63)
_ELEMENT = np.dtype([("size", ">i4"), ("block", ">u4"), ("offset", ">u2")])


@dataclass(frozen=True, slots=True)
class TidArray:
    """Row identities on their way to the server, as one parameter of type `tid[]`."""

    ids: RowIds


class TidArrayDumper(Dumper):
    """Writes a `TidArray` in the binary form of `tid[]`."""

    format = Format.BINARY
    oid = _TID_ARRAY

    def dump(self, obj: TidArray) -> Buffer | None:
        """Give the array's bytes: its header, then a length, a block and an offset for each element."""
        elements = np.empty(len(obj.ids), dtype=_ELEMENT)
        elements["size"] = _SENT.itemsize
        elements["block"] = obj.ids >> _OFFSET_BITS
        elements["offset"] = obj.ids & _OFFSET_MASK
        dimensions, nulls, lower_bound = 1, 0, 1
        header = np.array([dimensions, nulls, _TID, len(obj.ids), lower_bound], dtype=">i4")
        return header.tobytes() + elements.tobytes()


def unpacked(sent: bytes) -> RowIds:
    """Give the identities that the server sent as `string_agg(tidsend(ctid), '')`: six bytes a row."""
    places = np.frombuffer(sent, dtype=_SENT)
    return _packed(places["block"].astype(np.uint64), places["offset"].astype(np.uint64))


def with_keys(sent: bytes) -> tuple[RowIds, RowIds]:
    """Give identities and keys that the server sent as `tidsend(ctid) || int8send(key)`, the keys with 2**63 added."""
    rows = np.frombuffer(sent, dtype=_SENT_WITH_KEY)
    places = _packed(rows["block"].astype(np.uint64), rows["offset"].astype(np.uint64))
    return places, rows["key"].astype(np.uint64) ^ _SIGN


def parsed(places: pa.Array) -> RowIds:
    """Give the identities that the server wrote as text: `(block,offset)`."""
    bare = pc.utf8_slice_codeunits(places, 1, -1)
    numbers = pc.cast(pc.list_flatten(pc.split_pattern(bare, ",")), pa.uint64())
    pairs: npt.NDArray[np.uint64] = numbers.to_numpy(zero_copy_only=False).reshape(-1, 2)
    return _packed(pairs[:, 0], pairs[:, 1])


def _packed(blocks: RowIds, offsets: RowIds) -> RowIds:
    if len(offsets) and offsets.max() > _OFFSET_MASK:  # only where a table is no heap, but something of an extension
        raise InternalError("DM901", f"a row has place {offsets.max()} in its page, where heaps end before 2048")
    ids: RowIds = (blocks << _OFFSET_BITS) | offsets
    return ids


def literal(ids: RowIds) -> str:
    """Give the identities as the text of a `tid[]`, made of digits and punctuation alone."""
    blocks = pc.cast(pa.array(ids >> _OFFSET_BITS), pa.string())
    offsets = pc.cast(pa.array(ids & _OFFSET_MASK), pa.string())
    elements = pc.binary_join_element_wise('"(', blocks, ",", offsets, ')"', "")
    joined = pc.binary_join(pa.ListArray.from_arrays([0, len(elements)], elements), ",")
    return "{" + str(joined[0].as_py()) + "}"


def place(row: np.uint64) -> str:
    """Give one identity as the text of a `tid`."""
    return f"({int(row >> _OFFSET_BITS)},{int(row & _OFFSET_MASK)})"


def first_of(block: int) -> int:
    """Give an identity that no row of the blocks before has, and none of this block or a later one is below."""
    return block << OFFSET_BITS

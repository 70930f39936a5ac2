"""
The frozen pools that names and places are drawn from.

A file beside this module never changes, since a single byte changes what is masked: another one takes its place, with
a name of its own, its digest and a new `POOLS_VERSION`. Entries are ASCII: they fit every character set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical
from dbmimic.masks.keyed import Words
from dbmimic.masks.layout import Cells, Positions, is_ascii, same_text

POOLS_VERSION = "2"

DIGESTS: Mapping[str, str] = {
    "cities.v1.txt": "54ba26df98566723fa872ec564fc7ba4948bd819520e82c97798f06ca6cdca56",
    "first_names.v2.txt": "f715b95641f0f31d59170e8250e7deae5c5c2943e8189c2a1febd4316fd20ef8",
    "first_names_female.v2.txt": "c38f2bd25768ec49388345688c40cce0693a81be1a9668534911408a90d1a816",
    "first_names_male.v2.txt": "66fa4ae0fb666cf4ac4861a4a0c5aed8e08fdc24305e7b208ccb39325dd03ccd",
    "last_names.v2.txt": "010adb3b3b9d4b7ec6ec886a91df268e9ed4af76ce7d96bfce3668f81a43e854",
    "streets.v1.txt": "bfd1fb77161f561d9a0f3e9bf90645b58f98c06abc028dee9922c8b904ebd29f",
}
_FILES: Mapping[str, str] = {file.split(".")[0]: file for file in DIGESTS}

_ENOUGH = 256  # with fewer entries than this that fit, all entries are cut to fit instead


@dataclass(frozen=True)
class Pool:
    """Entries to draw from: at least one, all different without regard to case."""

    entries: pa.Array

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def lower(self) -> pa.Array:
        """The entries in lower case, in the same order."""
        return pc.ascii_lower(self.entries)

    @cached_property
    def longest(self) -> int:
        """The number of characters of the longest entry."""
        return int(pc.max(pc.utf8_length(self.entries)).as_py())

    def fitting(self, limit: int | None) -> Pool:
        """Give the entries of at most `limit` characters (at least 1); where few fit, the beginnings of all of them."""
        if limit is None or limit >= self.longest:
            return self
        short = self.entries.filter(pc.less_equal(pc.utf8_length(self.entries), limit))
        if len(short) >= _ENOUGH:
            return Pool(short)
        return Pool(pc.unique(pc.utf8_rtrim(pc.utf8_slice_codeunits(self.entries, 0, limit), characters=" ")))

    def index(self, bits: Words, low: int, width: int) -> Words:
        """Give an index for each word, from `width` of its bits (at most 32) starting at bit `low`."""
        share = (bits >> np.uint64(low)) & np.uint64((1 << width) - 1)
        return (share * np.uint64(len(self))) >> np.uint64(width)

    def drawn(self, index: Words, seen: pa.Array) -> pa.Array:
        """Give the entries at these indices, and the next one wherever an entry is what was seen (folded)."""
        made = self.take(index)
        same = self.same(made, seen)
        if not len(same):
            return made
        moved = index.copy()
        moved[same] = self.next(index[same])
        return self.take(moved)

    def same(self, made: pa.Array, seen: pa.Array) -> Positions:
        """Give the rows where a text that was made of entries is the folded text that was seen."""
        if self._is_ascii:
            return same_text(made, seen)
        found: Positions = np.flatnonzero(pc.fill_null(pc.equal(canonical.folded(made), seen), False))
        return found

    @cached_property
    def _is_ascii(self) -> bool:
        return is_ascii(self.entries)

    @cached_property
    def cells(self) -> Cells:
        """The entries as cells."""
        return Cells.of(self.entries.to_pylist())

    def followed_by(self, ending: str) -> Cells:
        """Give the entries as cells, each with the same text after it."""
        return Cells.of([entry + ending for entry in self.entries.to_pylist()])

    def next(self, index: Words) -> Words:
        """Give the index of the entry after each; the first one follows the last."""
        return (index + np.uint64(1)) % np.uint64(len(self))

    def take(self, index: Words) -> pa.Array:
        """Give the entries at these indices."""
        return self.entries.take(pa.array(index))


@cache
def load(name: str) -> Pool:
    """
    Give a pool by its name (`first_names`, `last_names`, `cities`, ...: see DIGESTS), read once.

    `first_names_female` and `first_names_male` hold the first names that are given to one gender alone.

    Raises:
        ValueError: the file is not the one that this version was made with.
    """
    file = _FILES[name]
    body = resources.files("dbmimic.masks").joinpath("pools", file).read_bytes()
    if hashlib.sha256(body).hexdigest() != DIGESTS[file]:
        raise ValueError(f"the pool {file} is damaged: its digest is not the expected one")
    return Pool(pa.array(body.decode("ascii").splitlines(), pa.string()))

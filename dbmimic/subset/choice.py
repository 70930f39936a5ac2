"""Which rows are chosen where not all of them are: by keyed hash, so that tonight's are last night's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.errors import InternalError
from dbmimic.masks import canonical
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.address import Secret
from dbmimic.model.keys import WHOLE, Gathering, KeySet, RowIds, Rows
from dbmimic.model.names import TableId
from dbmimic.model.schema import ForeignKey, Table
from dbmimic.model.types import LogicalType
from dbmimic.ports.source import End, Walker

_SEPARATOR = b"\x1f"  # the unit separator of ASCII: keys hardly hold it, and if one does only the choice changes
_NULL = b"\x00"
_PARENTS_AT_ONCE = 1_000_000

Numbers = npt.NDArray[np.int64]


def share(table: Table, ratio: float, source: Walker, secret: Secret | None, among: Rows = WHOLE) -> KeySet:
    """
    Give of these rows those whose keyed hash lies below the ratio: the same rows every night while their keys stay,
    and a smaller share inside a larger one. Rows of a table without a key are told apart by all their columns.

    Cost: one read of the rows' keys.
    """
    chosen = Gathering()
    for leaf, ids, hashes in hashed(table, source, secret, among):
        chosen.add(leaf, ids[hashes / 2.0**64 < ratio])
    return chosen.keys()


def nearest(
    edge: ForeignKey, table: Table, limit: int, parents: KeySet, among: KeySet, source: Walker, secret: Secret | None
) -> KeySet:
    """
    Give, for each of these parents, of its children `among` those at most `limit` with the smallest keyed hashes.

    Cost: a question for each million parents, with 32 bytes of memory for each of their children; a read of the keys of
    those children that have too many siblings.
    """
    chosen = KeySet()
    for leaf in parents.leaves:
        for ids in parents.chunks(leaf, _PARENTS_AT_ONCE):
            chosen |= _nearest(edge, table, limit, KeySet.of(leaf, ids), among, source, secret)
    return chosen


def _nearest(
    edge: ForeignKey, table: Table, limit: int, parents: KeySet, among: KeySet, source: Walker, secret: Secret | None
) -> KeySet:
    pairs = _Pairs.of(edge, table, parents, among, source)
    family_sizes = np.bincount(pairs.parents)
    crowded = family_sizes[pairs.parents] > limit
    chosen = pairs.rows(~crowded)
    if crowded.any():
        chosen |= _smallest(pairs.only(crowded), limit, table, source, secret)
    return chosen


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Children and the numbers of their parents, pair by pair; `leaves[at[i]]` is where child `i` stands."""

    leaves: tuple[TableId, ...]
    at: Numbers
    children: RowIds
    parents: Numbers

    @classmethod
    def of(cls, edge: ForeignKey, table: Table, parents: KeySet, among: KeySet, source: Walker) -> _Pairs:
        places = {leaf: place for place, leaf in enumerate(table.leaves)}
        families = {leaf: place for place, leaf in enumerate(parents.leaves)}
        at, children, family, parent = [], [], [], []
        for links in source.links(edge, parents, End.PARENT):
            held = among.holds(links.child_leaf, links.children)
            at.append(np.full(int(held.sum()), places[links.child_leaf], dtype=np.int64))
            children.append(links.children[held])
            family.append(np.full(len(at[-1]), families[links.parent_leaf], dtype=np.uint64))
            parent.append(links.parents[held])
        if not at:
            nothing = np.empty(0, dtype=np.int64)
            return cls(table.leaves, nothing, np.empty(0, dtype=np.uint64), nothing)
        both = np.stack([np.concatenate(family), np.concatenate(parent)], axis=1)
        _, numbers = np.unique(both, axis=0, return_inverse=True)
        return cls(table.leaves, np.concatenate(at), np.concatenate(children), numbers.reshape(-1).astype(np.int64))

    def only(self, those: npt.NDArray[np.bool_]) -> _Pairs:
        """Give some of the pairs."""
        return _Pairs(self.leaves, self.at[those], self.children[those], self.parents[those])

    def rows(self, those: npt.NDArray[np.bool_]) -> KeySet:
        """Give the children of some of the pairs."""
        chosen = KeySet()
        for place, leaf in enumerate(self.leaves):
            chosen |= KeySet.of(leaf, self.children[those & (self.at == place)])
        return chosen


def _smallest(pairs: _Pairs, limit: int, table: Table, source: Walker, secret: Secret | None) -> KeySet:
    hashes = np.zeros(len(pairs.children), dtype=np.uint64)
    everybody = pairs.rows(np.ones(len(hashes), dtype=np.bool_))
    for leaf, ids, found in hashed(table, source, secret, everybody):
        order = np.argsort(ids)
        mine = np.flatnonzero(pairs.at == pairs.leaves.index(leaf))
        where = np.searchsorted(ids[order], pairs.children[mine])
        where = np.minimum(where, len(ids) - 1)
        known = ids[order][where] == pairs.children[mine]  # an answer may hold a part of the leaf
        hashes[mine[known]] = found[order][where[known]]
    order = np.lexsort((pairs.children, pairs.at, hashes, pairs.parents))
    ranked = pairs.parents[order]
    begins = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    rank = np.arange(len(order)) - np.repeat(begins, np.diff(np.r_[begins, len(order)]))
    chosen = np.zeros(len(order), dtype=np.bool_)
    chosen[order[rank < limit]] = True
    return pairs.rows(chosen)


def hashed(
    table: Table, source: Walker, secret: Secret | None, among: Rows
) -> Iterator[tuple[TableId, RowIds, npt.NDArray[np.uint64]]]:
    """Give the keyed hashes of these rows' keys, some rows at a time."""
    hashing = RowHash.of(table, secret)
    for rows in source.keyed(table, hashing.columns, among):
        if len(rows.ids):
            yield rows.leaf, rows.ids, hashing.of_rows(rows.columns)


@dataclass(frozen=True, slots=True)
class RowHash:
    """The keyed hash of a table's rows, over `columns`: its key, or all of them where it has none."""

    columns: tuple[str, ...]
    _kinds: tuple[LogicalType, ...]
    _keyed: KeyedFunction

    @classmethod
    def of(cls, table: Table, secret: Secret | None) -> RowHash:
        """Give the hash of a table's rows."""
        if secret is None:
            raise InternalError("DM901", "rows were to be chosen by hash without a secret", place=str(table.id))
        key = table.stable_key
        names = key.columns if key is not None else tuple(column.name for column in table.loadable)
        kinds = {column.name: column.logical for column in table.columns}
        keyed = KeyedFunction.derive(secret, f"slice:{table.id.name.casefold()}")
        return cls(names, tuple(kinds[name] for name in names), keyed)

    def of_rows(self, columns: Sequence[pa.Array]) -> npt.NDArray[np.uint64]:
        """Give the hashes of rows, the same on every engine; the columns are in the order of `columns`."""
        parts = [
            pc.fill_null(canonical.by_kind(values, kind).cast(pa.binary()), _NULL)
            for values, kind in zip(columns, self._kinds, strict=True)
        ]
        return self._keyed.uniform(parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, _SEPARATOR))

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
_PAIRS_AT_ONCE = 1_000_000  # of children and parents: 100 bytes each while the smallest hashes are found

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

    Cost: a question for as many parents as have half a million children together, so far as that can be foreseen; for
    fewer once more where they turn out to have more than a million, and for each one alone that has so many. A read of
    the keys of those children that have too many siblings. Memory: about 100 MB, and what `limit` rows take where that
    is more than half a million.
    """
    choice = _Choice(edge, table, limit, among, source, secret)
    size = max(1, min(_PARENTS_AT_ONCE, len(parents) * (_PAIRS_AT_ONCE // 2) // max(1, len(among))))
    for leaf in parents.leaves:
        for ids in parents.chunks(leaf, size):
            choice.make(leaf, ids)
    return choice.chosen.keys()


class _Choice:
    """Chooses children, parents of one leaf after the other."""

    def __init__(
        self, edge: ForeignKey, table: Table, limit: int, among: KeySet, source: Walker, secret: Secret | None
    ) -> None:
        self._edge, self._table, self._limit = edge, table, limit
        self._among, self._source, self._secret = among, source, secret
        self.chosen = Gathering()

    def make(self, leaf: TableId, parents: RowIds) -> None:
        """Choose the children of these parents, which are in order."""
        pairs, sizes = self._pairs(leaf, parents)
        if pairs is not None:
            crowded = sizes[pairs.parents] > self._limit
            self._take(pairs, ~crowded)
            if crowded.any():
                self._take_smallest(pairs.only(crowded))
            return
        few = _PAIRS_AT_ONCE // 2
        hubs = sizes > few
        for hub in np.flatnonzero(hubs):
            self._take_of_hub(leaf, parents[hub : hub + 1])
        sizes[hubs] = 0
        groups = (np.cumsum(sizes) - sizes) // few
        for group in np.unique(groups[sizes > 0]):
            self.make(leaf, parents[(groups == group) & (sizes > 0)])

    def _pairs(self, leaf: TableId, parents: RowIds) -> tuple[_Pairs | None, Numbers]:
        """Give these parents' children, if they are not too many, and how many each has."""
        places = {each: place for place, each in enumerate(self._table.leaves)}
        sizes = np.zeros(len(parents), dtype=np.int64)
        at: list[Numbers] = []
        children: list[RowIds] = []
        numbers: list[Numbers] = []
        count = 0
        for links in self._source.links(self._edge, KeySet.of(leaf, parents), End.PARENT):
            held = self._among.holds(links.child_leaf, links.children)
            found = np.searchsorted(parents, links.parents[held])
            sizes += np.bincount(found, minlength=len(parents))
            count += len(found)
            if count > _PAIRS_AT_ONCE:
                at, children, numbers = [], [], []
                continue
            at.append(np.full(len(found), places[links.child_leaf], dtype=np.int64))
            children.append(links.children[held])
            numbers.append(found)
        if count > _PAIRS_AT_ONCE:
            return None, sizes
        nothing = np.empty(0, dtype=np.int64)
        ids = np.concatenate([np.empty(0, dtype=np.uint64), *children])
        return _Pairs(np.concatenate([nothing, *at]), ids, np.concatenate([nothing, *numbers])), sizes

    def _take(self, pairs: _Pairs, those: npt.NDArray[np.bool_]) -> None:
        for place, leaf in enumerate(self._table.leaves):
            self.chosen.add(leaf, pairs.children[those & (pairs.at == place)])

    def _take_smallest(self, pairs: _Pairs) -> None:
        """Take the children with the smallest hashes of each parent."""
        hashes = np.zeros(len(pairs.children), dtype=np.uint64)
        for leaf, ids, found in self._hashed(pairs):
            order = np.argsort(ids)
            mine = np.flatnonzero(pairs.at == self._table.leaves.index(leaf))
            where = np.searchsorted(ids[order], pairs.children[mine])
            where = np.minimum(where, len(ids) - 1)
            known = ids[order][where] == pairs.children[mine]  # an answer may hold a part of the leaf
            hashes[mine[known]] = found[order][where[known]]
        order = np.lexsort((pairs.children, pairs.at, hashes, pairs.parents))
        ranked = pairs.parents[order]
        begins = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        rank = np.arange(len(order)) - np.repeat(begins, np.diff(np.r_[begins, len(order)]))
        chosen = np.zeros(len(order), dtype=np.bool_)
        chosen[order[rank < self._limit]] = True
        self._take(pairs, chosen)

    def _hashed(self, pairs: _Pairs) -> Iterator[tuple[TableId, RowIds, npt.NDArray[np.uint64]]]:
        everybody = Gathering()
        for place, leaf in enumerate(self._table.leaves):
            everybody.add(leaf, pairs.children[pairs.at == place])
        return hashed(self._table, self._source, self._secret, everybody.keys())

    def _take_of_hub(self, leaf: TableId, parent: RowIds) -> None:
        """Take the children with the smallest hashes of one parent that has very many; the best so far are held."""
        children = self._source.children(self._edge, KeySet.of(leaf, parent)) & self._among
        best: list[_Hashed] = []
        count = 0
        for child_leaf, ids, hashes in hashed(self._table, self._source, self._secret, children):
            place = np.full(len(ids), self._table.leaves.index(child_leaf), dtype=np.int64)
            best.append(_Hashed(place, ids, hashes))
            count += len(ids)
            if count > 2 * self._limit + _PAIRS_AT_ONCE // 2:
                best = [_Hashed.least(best, self._limit)]
                count = len(best[0].ids)
        found = _Hashed.least(best, self._limit)
        for number, child_leaf in enumerate(self._table.leaves):
            self.chosen.add(child_leaf, found.ids[found.at == number])


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Children and the numbers of their parents, pair by pair; child `i` stands in the table's leaf number `at[i]`."""

    at: Numbers
    children: RowIds
    parents: Numbers

    def only(self, those: npt.NDArray[np.bool_]) -> _Pairs:
        """Give some of the pairs."""
        return _Pairs(self.at[those], self.children[those], self.parents[those])


@dataclass(frozen=True, slots=True)
class _Hashed:
    """Rows, each in the table's leaf number `at[i]`, with their hashes."""

    at: Numbers
    ids: RowIds
    hashes: npt.NDArray[np.uint64]

    @classmethod
    def least(cls, parts: Sequence[_Hashed], limit: int) -> _Hashed:
        """Give of all of these the rows with the smallest hashes."""
        at, ids, hashes = (np.concatenate([getattr(part, name) for part in parts]) for name in ("at", "ids", "hashes"))
        order = np.lexsort((ids, at, hashes))[:limit]
        return cls(at[order], ids[order], hashes[order])


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

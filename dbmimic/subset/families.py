"""How many children the rows of a table have over one edge: none, one, many, or as many as hardly another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from dbmimic.model.bits import Bits
from dbmimic.model.keys import WHOLE, KeySet, RowIds
from dbmimic.model.names import TableId
from dbmimic.model.schema import ForeignKey
from dbmimic.ports.source import End, Links, Walker

NONE, ONE, MANY, MOST = range(4)

Counts = npt.NDArray[np.int64]

_COUNTED = 1_000_000  # families of a leaf whose size is kept: 16 bytes each
_LINKS_AT_ONCE = 1_000_000
_VERIFIED = 1_000


class Families:
    """
    The families of one edge, by the number of children.

    `MOST` are the `min_count` largest families of at least two, and those that are as large. Up to a million families
    in a leaf that is exact; beyond, a family counts as one of the largest if it is among the largest of those with
    more than a millionth of all children.

    Cost: one read of all links of the edge; two bits to two bytes a parent, and 16 MB for each leaf.
    """

    def __init__(self, edge: ForeignKey, min_count: int, source: Walker) -> None:
        self._one: dict[TableId, Bits] = {}
        self._many: dict[TableId, Bits] = {}
        largest: dict[TableId, _Largest] = {}
        for leaf, parents in _gathered(source.links(edge, WHOLE, End.CHILD)):
            ids, counts = np.unique(parents, return_counts=True)
            self._note(leaf, ids, counts)
            largest.setdefault(leaf, _Largest()).add(ids, counts)
        self._most = _most(edge, largest, min_count, source)

    def _note(self, leaf: TableId, ids: RowIds, counts: Counts) -> None:
        one, single = self._one.get(leaf, Bits()), Bits.of(ids[counts == 1])
        self._many[leaf] = self._many.get(leaf, Bits()) | Bits.of(ids[counts > 1]) | (single & one)
        self._one[leaf] = (one | single) - self._many[leaf]

    def classes(self, leaf: TableId, ids: RowIds) -> npt.NDArray[np.int32]:
        """Give the class of each of these rows."""
        found = np.full(len(ids), NONE, dtype=np.int32)
        for number, rows in ((ONE, KeySet(self._one)), (MANY, KeySet(self._many)), (MOST, self._most)):
            found[rows.holds(leaf, ids)] = number
        return found


class _Largest:
    """
    The largest families so far, by mergeable Misra-Gries summaries: where there is no more place the smallest leave,
    and what they counted is taken from all (Agarwal et al., "Mergeable Summaries", ACM TODS 38(4), 2013).
    """

    def __init__(self) -> None:
        self.ids: RowIds = np.empty(0, dtype=np.uint64)
        self.counts: Counts = np.empty(0, dtype=np.int64)
        self.exact = True

    def add(self, ids: RowIds, counts: Counts) -> None:
        """Count some more children."""
        together = np.concatenate([self.ids, ids])
        self.ids, where = np.unique(together, return_inverse=True)
        sums = np.bincount(where.reshape(-1), weights=np.concatenate([self.counts, counts]))
        self.counts = sums.astype(np.int64)
        if len(self.ids) > _COUNTED:
            cut = np.partition(self.counts, -_COUNTED - 1)[-_COUNTED - 1]
            kept = self.counts > cut
            self.ids, self.counts, self.exact = self.ids[kept], self.counts[kept] - cut, False


def _most(edge: ForeignKey, largest: dict[TableId, _Largest], min_count: int, source: Walker) -> KeySet:
    """Give the largest families; where their sizes are not known exactly, those of the largest are asked for."""
    if not all(each.exact for each in largest.values()):
        largest = _verified(edge, largest, max(_VERIFIED, 2 * min_count), source)
    sizes = np.concatenate([np.empty(0, dtype=np.int64), *(each.counts for each in largest.values())])
    if not len(sizes):
        return KeySet()
    at_least = max(2, np.partition(sizes, -min(min_count, len(sizes)))[-min(min_count, len(sizes))])
    found = KeySet()
    for leaf, each in largest.items():
        found |= KeySet.of(leaf, each.ids[each.counts >= at_least])
    return found


def _verified(edge: ForeignKey, largest: dict[TableId, _Largest], many: int, source: Walker) -> dict[TableId, _Largest]:
    candidates = KeySet()
    for leaf, each in largest.items():
        candidates |= KeySet.of(leaf, each.ids[np.argsort(each.counts)[-many:]])
    found: dict[TableId, _Largest] = {}
    for leaf, parents in _gathered(source.links(edge, candidates, End.PARENT)):
        found.setdefault(leaf, _Largest()).add(*np.unique(parents, return_counts=True))
    return found


def _gathered(stream: Iterable[Links]) -> Iterator[tuple[TableId, RowIds]]:
    """Give the parents of links, once for each, of one leaf at a time and many at once."""
    waiting: dict[TableId, list[RowIds]] = {}
    held = 0
    for links in stream:
        waiting.setdefault(links.parent_leaf, []).append(links.parents)
        held += len(links.parents)
        if held >= _LINKS_AT_ONCE:
            yield from ((leaf, np.concatenate(parts)) for leaf, parts in waiting.items())
            waiting, held = {}, 0
    yield from ((leaf, np.concatenate(parts)) for leaf, parts in waiting.items())

"""
Tuples: the classes of single columns and the pairs of two columns' classes, how many rows hold each, and a small set
of rows that holds all that are wanted.

Every tuple has a number. A row's tuples follow from its codes, so of a row nothing but its codes is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from dbmimic.model.keys import KeySet, RowIds
from dbmimic.model.names import TableId
from dbmimic.subset.features import Feature

Codes = npt.NDArray[np.int32]  # features x rows
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

_NOTHING = np.uint64(0)
_FINE = 20  # bits of a weight


@dataclass(frozen=True, slots=True)
class _Group:
    """The tuples of one feature, or of two: numbers from `start` on."""

    one: int
    other: int | None
    start: int
    size: int


class TupleSpace:
    """The tuples that there may be."""

    def __init__(self, features: Sequence[Feature], origins: Sequence[int]) -> None:
        """Take features and, for each, the number of the column that it comes of: a column is no pair with itself."""
        self._features = tuple(features)
        groups: list[_Group] = []
        size = 0
        for number, feature in enumerate(features):
            if feature.alone:
                groups.append(_Group(number, None, size, feature.size))
                size += feature.size
        paired = [number for number, feature in enumerate(features) if feature.paired]
        for one, other in combinations(paired, 2):
            if origins[one] != origins[other]:
                cells = features[one].size * features[other].size
                groups.append(_Group(one, other, size, cells))
                size += cells
        self._groups = tuple(groups)
        self.size = size
        self._ones = np.array([group.one for group in groups], dtype=np.int64)
        self._others = np.array([group.one if group.other is None else group.other for group in groups], dtype=np.int64)
        self._single = np.array([group.other is None for group in groups], dtype=np.bool_)
        self._widths = np.where(self._single, 1, np.array([feature.size for feature in features])[self._others])
        self._starts = np.array([group.start for group in groups], dtype=np.int64)

    def of_rows(self, codes: Codes) -> Iterator[tuple[Numbers, Flags | None]]:
        """Give the rows' tuples, a number for each row at a time; where a row has none there, its flag is not set."""
        for group in self._groups:
            numbers = codes[group.one].astype(np.int64)
            there = codes[group.one] >= 0
            if group.other is not None:
                numbers = numbers * self._features[group.other].size + codes[group.other]
                there &= codes[group.other] >= 0
            yield numbers + group.start, None if there.all() else there

    def of_row(self, codes: Codes) -> Numbers:
        """Give all tuples of one row."""
        first, second = codes[self._ones].astype(np.int64), np.where(self._single, 0, codes[self._others])
        numbers: Numbers = first * self._widths + second + self._starts
        return numbers[(first >= 0) & (second >= 0)]

    def count(self, codes: Codes, counts: Numbers) -> None:
        """Add some rows to the counts of their tuples."""
        for group, (numbers, there) in zip(self._groups, self.of_rows(codes), strict=True):
            held = (numbers if there is None else numbers[there]) - group.start
            counts[group.start : group.start + group.size] += np.bincount(held, minlength=group.size)

    def mark(self, codes: Codes, held: Flags) -> None:
        """Mark the tuples of some rows."""
        for numbers, there in self.of_rows(codes):
            held[numbers if there is None else numbers[there]] = True

    def tags(self, tuples: Numbers) -> Words:
        """Give numbers for these tuples that are the same in the next run, in no particular order."""
        owners = np.searchsorted(self._starts, tuples, side="right") - 1
        found = np.empty(len(tuples), dtype=np.uint64)
        for owner in np.unique(owners).tolist():
            group, mine = self._groups[owner], owners == owner
            local = tuples[mine] - group.start
            place = np.uint64(group.one)
            if group.other is None:
                tag = self._features[group.one].tags[local]
            else:
                width = self._features[group.other].size
                tag = _mixed(self._features[group.one].tags[local // width])
                tag ^= self._features[group.other].tags[local % width]
                place += np.uint64(group.other + 1) << np.uint64(32)
            found[mine] = _mixed(tag ^ _mixed(np.full(len(local), place)))
        return found


def _mixed(words: Words) -> Words:
    """Spread each word's bits over all of it (the finalizer of SplitMix64)."""
    found = words + np.uint64(0x9E3779B97F4A7C15)
    found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Words = found ^ (found >> np.uint64(31))
    return mixed


class Candidates:
    """
    For each wanted tuple the best row that holds it: the one whose wanted tuples are the rarest, taken together.

    Of equal rows the smallest keyed hash decides. How rare a tuple is counts in powers of two, so that the same rows
    are best while the data hardly change. Memory: eight bytes a tuple, and the codes of about a row for each.
    """

    def __init__(self, space: TupleSpace, counts: Numbers, wanted: Flags) -> None:
        self._space, self._wanted = space, wanted
        self._rarity = np.floor(np.log2(np.maximum(counts, 1)))
        self._weights = np.where(wanted, np.round(2.0 ** (_FINE - self._rarity / 2)), 0).astype(np.int64)
        self._best = np.full(space.size, _NOTHING, dtype=np.uint64)
        self._leaves: list[TableId] = []
        self._rows: list[_Rows] = []
        self._held = self._last = 0

    def add(self, leaf: TableId, ids: RowIds, hashes: Words, codes: Codes) -> None:
        """Let some more rows compete."""
        if leaf not in self._leaves:
            self._leaves.append(leaf)
        scores = np.zeros(len(ids), dtype=np.int64)
        for numbers, there in self._space.of_rows(codes):
            scores += self._weights[numbers] if there is None else np.where(there, self._weights[numbers], 0)
        # The bits of a positive float32 are ordered as it is, so that one number compares both.
        high = scores.astype(np.float32).view(np.uint32).astype(np.uint64)
        ranks = (high << np.uint64(32)) | (~hashes >> np.uint64(32))
        rows = _Rows(ranks, np.full(len(ids), self._leaves.index(leaf)), ids, hashes, codes)
        for numbers, there in self._space.of_rows(codes):
            better = self._wanted[numbers] & (ranks > self._best[numbers])
            if there is not None:
                better &= there
            np.maximum.at(self._best, numbers[better], ranks[better])
        best = rows.only(self._is_best(rows))
        self._rows.append(best)
        self._held += len(best.ids)
        if self._held > 2 * self._last + len(ids):
            self._thin()

    def _is_best(self, rows: _Rows) -> Flags:
        """Tell which of these rows are the best of some tuple."""
        found = np.zeros(len(rows.ids), dtype=np.bool_)
        for numbers, there in self._space.of_rows(rows.codes):
            mine = self._wanted[numbers] & (self._best[numbers] == rows.ranks)
            found |= mine if there is None else mine & there
        return found

    def _thin(self) -> None:
        """Let those go that no tuple has for its best any more."""
        rows = _Rows.together(self._rows)
        self._rows = [rows.only(self._is_best(rows))] if rows is not None else []
        self._held = self._last = sum(len(each.ids) for each in self._rows)

    def fewest(self) -> KeySet:
        """
        Give rows that hold every wanted tuple: for the rarest its best row, and so on with what that row leaves; then
        those leave, the last first, whose tuples all have another row.

        Cost: about 50 microseconds a row that is given.
        """
        self._thin()
        if not self._rows:
            return KeySet()
        (rows,) = self._rows
        tuples = np.flatnonzero(self._wanted)
        owners = self._owners(rows)
        order = tuples[np.lexsort((self._space.tags(tuples), self._rarity[tuples]))]
        held = np.zeros(self._space.size, dtype=np.int64)
        chosen: dict[int, Numbers] = {}
        for each in order.tolist():
            if held[each]:
                continue
            row = int(owners[each])
            of_row = self._space.of_row(rows.codes[:, row])
            chosen[row] = of_row[self._wanted[of_row]]
            held[chosen[row]] += 1
        for row in reversed(list(chosen)):
            if (held[chosen[row]] > 1).all():
                held[chosen.pop(row)] -= 1
        kept = rows.only(np.isin(np.arange(len(rows.ids)), list(chosen)))
        found = KeySet()
        for number, leaf in enumerate(self._leaves):
            found |= KeySet.of(leaf, kept.ids[kept.leaves == number])
        return found

    def _owners(self, rows: _Rows) -> Numbers:
        """Give the place of the best row of each wanted tuple."""
        owners = np.full(self._space.size, -1, dtype=np.int64)
        order = np.lexsort((rows.ids, rows.leaves, rows.hashes))[::-1]  # the last one that is written stays
        for numbers, there in self._space.of_rows(rows.codes[:, order]):
            mine = self._wanted[numbers] & (self._best[numbers] == rows.ranks[order])
            if there is not None:
                mine &= there
            owners[numbers[mine]] = order[mine]
        return owners


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows that compete: `leaves` are numbers of leaves."""

    ranks: Words
    leaves: Numbers
    ids: RowIds
    hashes: Words
    codes: Codes

    def only(self, those: Flags) -> _Rows:
        return _Rows(self.ranks[those], self.leaves[those], self.ids[those], self.hashes[those], self.codes[:, those])

    @classmethod
    def together(cls, parts: Sequence[_Rows]) -> _Rows | None:
        if not parts:
            return None
        return cls(
            np.concatenate([part.ranks for part in parts]),
            np.concatenate([part.leaves for part in parts]),
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.hashes for part in parts]),
            np.concatenate([part.codes for part in parts], axis=1),
        )

"""Which rows of a table were chosen: compressed bitmaps of row identities, never a Python object per row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dbmimic.model.bits import Bits, BitsGathering, RowIds
from dbmimic.model.names import TableId

__all__ = ["WHOLE", "Gathering", "KeySet", "Nulled", "Portion", "RowIds", "Rows", "Span", "TableSlice", "Whole"]


class KeySet:
    """
    A set of rows of one table: per leaf, the 64-bit row identities that the engine gives.

    A row identity means something to its engine only (PostgreSQL: the packed ctid; SQLite: the rowid; InnoDB: the
    primary key or its ordinal). Sets are never changed in place; `|`, `-` and `&` give new ones.

    Cost: between a bit and two bytes a row where identities are dense, six where one row of a hundred is chosen; what
    all sets of a process take together past a limit is on disk (`Spill`), from where it comes back when it is used.
    """

    __slots__ = ("_leaves",)

    def __init__(self, leaves: Mapping[TableId, Bits] | None = None) -> None:
        self._leaves: dict[TableId, Bits] = {leaf: bits for leaf, bits in sorted((leaves or {}).items()) if bits}

    @classmethod
    def of(cls, leaf: TableId, ids: Iterable[int] | RowIds) -> KeySet:
        """Give the set of these identities in one leaf."""
        return cls({leaf: Bits.of(ids)})

    @property
    def leaves(self) -> tuple[TableId, ...]:
        """The leaves that hold at least one row of this set, in name order."""
        return tuple(self._leaves)

    def bits(self, leaf: TableId) -> Bits:
        """Give the identities of one leaf."""
        return self._leaves.get(leaf) or Bits()

    def chunks(self, leaf: TableId, size: int) -> Iterator[RowIds]:
        """Give the identities of one leaf in ascending order, `size` at a time, each an array of uint64."""
        return self.bits(leaf).arrays(size)

    def holds(self, leaf: TableId, ids: RowIds) -> npt.NDArray[np.bool_]:
        """Tell of each of these identities in a leaf whether it is in the set. Cost: memory for these alone."""
        return self.bits(leaf).holds(ids)

    def __len__(self) -> int:
        return sum(len(bits) for bits in self._leaves.values())

    def __bool__(self) -> bool:
        return bool(self._leaves)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeySet) and self._leaves == other._leaves

    __hash__ = None  # type: ignore[assignment]  # compares by content, and content may be large

    def __or__(self, other: KeySet) -> KeySet:
        joined = dict(self._leaves)
        for leaf, bits in other._leaves.items():
            joined[leaf] = joined[leaf] | bits if leaf in joined else bits
        return KeySet(joined)

    def __sub__(self, other: KeySet) -> KeySet:
        return KeySet({leaf: bits - other.bits(leaf) for leaf, bits in self._leaves.items()})

    def __and__(self, other: KeySet) -> KeySet:
        return KeySet({leaf: bits & other.bits(leaf) for leaf, bits in self._leaves.items()})

    def __repr__(self) -> str:
        return f"KeySet({len(self)} rows in {len(self._leaves)} leaves)"


class Gathering:
    """Gathers a key set piece by piece, without a copy of what is there for each piece."""

    def __init__(self) -> None:
        self._leaves: dict[TableId, BitsGathering] = {}

    def add(self, leaf: TableId, ids: Iterable[int] | RowIds) -> None:
        """Add these identities of one leaf, in any order."""
        self._leaves.setdefault(leaf, BitsGathering()).add(ids)

    def keys(self) -> KeySet:
        """Give what was gathered. What is added later is in no set that was given before."""
        return KeySet({leaf: gathered.bits() for leaf, gathered in self._leaves.items()})


@dataclass(frozen=True, slots=True)
class Whole:
    """Every row of a table, without naming any."""


WHOLE = Whole()


@dataclass(frozen=True, slots=True)
class Span:
    """
    The rows of one leaf whose identities lie from `first` up to, not including, `stop`; None is no end on that side.

    The spans that an engine cuts a leaf into share no row and leave none out.
    """

    first: int | None
    stop: int | None


Rows = KeySet | Whole


@dataclass(frozen=True, slots=True)
class Portion:
    """Some rows of one leaf, and about how many bytes they take in the source."""

    rows: Rows | Span
    byte_count: int


@dataclass(frozen=True, slots=True)
class Nulled:
    """Rows whose references in these columns are NULL in the copy, because what they reference is not there."""

    rows: KeySet
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableSlice:
    """
    The rows of one table that are in the slice, by colour.

    `own` rows are seeds, were reached downwards or are kept by `restrict`; `need` rows were reached upwards only. The
    two do not overlap. A `whole` table has all its rows, whatever the sets say, and none that is `nulled`; no row is
    nulled twice.
    """

    own: KeySet
    need: KeySet
    whole: bool = False
    nulled: tuple[Nulled, ...] = ()

    @property
    def rows(self) -> Rows:
        """The rows to read."""
        return WHOLE if self.whole else self.own | self.need

    @property
    def parts(self) -> tuple[tuple[Rows, tuple[str, ...]], ...]:
        """The rows to read, by the columns that become NULL in them; each row once."""
        rest = self.rows
        if not isinstance(rest, KeySet) or not self.nulled:
            return ((rest, ()),)
        for each in self.nulled:
            rest -= each.rows
        return ((rest, ()), *((each.rows, each.columns) for each in self.nulled))

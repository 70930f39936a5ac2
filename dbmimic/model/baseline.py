"""What a copy was made from, so that the next one can be made from what changed since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dbmimic.model.keys import WHOLE, KeySet, Rows
from dbmimic.model.names import TableId

_FEW = 1_000_000
_SAMPLES = 1_000
_NEAR = 1_000  # apart: two bytes each


@dataclass(frozen=True, slots=True)
class LeafMark:
    """
    Which relation a leaf is, and where its rows stand.

    Where `relation` is another one, no row of now is a row of then. Where only `place` is, rows are what they were
    and their identities are not.
    """

    relation: str
    place: str


@dataclass(frozen=True, slots=True)
class Position:
    """
    Where in its history a source stood when its snapshot was taken.

    `history` names the one run of one server in which nothing that was committed can be undone, `types` all that
    decides how a row's bytes are read and does not stand in the structure. All transactions with numbers below
    `settled` were over; none from `next` on had begun.
    """

    history: str
    types: str
    settled: int
    next: int
    leaves: Mapping[TableId, LeafMark]


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of some rows of a table: integers side by side in this order of the columns, the first one highest."""

    columns: tuple[str, ...]
    values: KeySet

    @property
    def compact(self) -> bool:
        """Whether the set takes some bytes a key, as of numbers from a sequence, and not 70 as of random ones."""
        if len(self.values) <= _FEW:
            return True
        bits = self.values.bits(self.values.leaves[0])
        starts = np.arange(_SAMPLES, dtype=np.int64) * (len(bits) // _SAMPLES)
        gaps = np.diff(bits.at(np.stack((starts, starts + 1), axis=1).reshape(-1).tolist()))[::2]
        return bool(np.median(gaps) <= _NEAR)


@dataclass(frozen=True, slots=True)
class Standing:
    """
    The rows of one table: how many there are, which of them are of a transaction from a certain one on, and the keys of
    all, where they were asked for and can be had.
    """

    row_count: int
    recent: KeySet
    keys: Keys | None = None


@dataclass(frozen=True, slots=True)
class TableRows:
    """
    The rows of one table that were copied: how many, which of the source's, which with columns that are NULL, and the
    keys of all where they are known: keys of integers only, and such as no rule masks.

    `parted` tells that rows had left for good since the copy before.
    """

    row_count: int
    rows: Rows = WHOLE
    nulled: KeySet = field(default_factory=KeySet)
    keys: Keys | None = None
    parted: bool = False


@dataclass(frozen=True, slots=True)
class Baseline:
    """
    What a verified copy was made from and by.

    `run` is the run in its stamp. `made_by` names by what it was made: each thing's digest. `standing` is the copy's
    own database as it stood when it was done, in its engine's words.
    """

    run: str
    made_by: Mapping[str, str]
    position: Position
    tables: Mapping[TableId, TableRows]
    standing: Mapping[str, str] = field(default_factory=dict)

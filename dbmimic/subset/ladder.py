"""The rows that percent seeds would bring, in the order in which they come while the percents grow."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from dbmimic.model.address import Secret
from dbmimic.model.bits import Bits, together
from dbmimic.model.keys import WHOLE, KeySet
from dbmimic.model.names import TableId
from dbmimic.model.request import PercentSeed
from dbmimic.model.schema import Schema
from dbmimic.ports.source import Walker
from dbmimic.subset.choice import hashed

_STEP = 1.02
_LEAST = 2.0**-64

Rungs = npt.NDArray[np.int64]


class Ladder:
    """
    Percent seeds, and which rows of theirs come when all percents are multiplied by a factor.

    Rung n stands for the factor 1.02 ** n. Only rungs at which some row comes are kept; `sizes` tells how many rows
    have come at each place, and the first place is that of no row. The factors depend on nothing else, so that the same
    one is found again while the data hardly change.

    Cost: one read of the keys of each seed's table; a bit to two bytes a row.
    """

    def __init__(self, seeds: tuple[PercentSeed, ...], schema: Schema, source: Walker, secret: Secret | None) -> None:
        self.seeds = seeds
        self._rows: list[tuple[PercentSeed, int, TableId, Bits]] = []
        counts: dict[int, int] = {}
        for seed in seeds:
            found: dict[tuple[int, TableId], Bits] = {}
            for leaf, ids, hashes in hashed(schema.table(seed.table), source, secret, WHOLE):
                rungs = _rungs(hashes, seed.percent)
                order = np.argsort(rungs, kind="stable")
                there, begins = np.unique(rungs[order], return_index=True)
                for rung, mine in zip(there.tolist(), np.split(ids[order], begins[1:]), strict=True):
                    counts[rung] = counts.get(rung, 0) + len(mine)
                    found[rung, leaf] = found.get((rung, leaf), Bits()) | Bits.of(mine)
            self._rows += [(seed, rung, leaf, bits) for (rung, leaf), bits in found.items()]
        self._rungs = np.array(sorted(counts), dtype=np.int64)
        self.sizes: Rungs = np.cumsum([0, *(counts[rung] for rung in sorted(counts))])

    @property
    def top(self) -> int:
        """The place of the rung at which every row has come."""
        return len(self._rungs)

    def factor(self, place: int) -> float:
        """Give what the percents are multiplied by at one of the places in `sizes`; 0 where no row comes."""
        return float(_STEP ** self._rungs[place - 1]) if place else 0.0

    def rows(self, place: int) -> Mapping[PercentSeed, KeySet]:
        """Give the rows of each seed that have come at one of the places in `sizes`."""
        last = self._rungs[place - 1] if place else None
        leaves: dict[PercentSeed, dict[TableId, list[Bits]]] = {seed: {} for seed in self.seeds}
        for seed, rung, leaf, bits in self._rows:
            if last is not None and rung <= last:
                leaves[seed].setdefault(leaf, []).append(bits)
        return {
            seed: KeySet({leaf: together(bits) for leaf, bits in of_seed.items()}) for seed, of_seed in leaves.items()
        }


def _rungs(hashes: npt.NDArray[np.uint64], percent: float) -> Rungs:
    """Give the rung at which each row comes: the first whose factor makes the percent larger than its hash says."""
    needed = np.maximum(hashes / 2.0**64, _LEAST) * 100 / percent
    rungs: Rungs = np.floor(np.log(needed) / np.log(_STEP)).astype(np.int64) + 1
    return rungs

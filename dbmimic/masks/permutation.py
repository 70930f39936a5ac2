"""
Keyed permutations of [0, size) without fixed points, for any size up to 2**64.

An alternating Feistel network of ten rounds over the least power of two that holds the size, walked until the result
is inside (Black, Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002). With E such a permutation,
x -> E^-1(E(x) + 1 mod size) is one long cycle: nothing stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from dbmimic.masks.keyed import KeyedFunction, Words

_ROUNDS = 10
_FEWEST_BITS = 2
_ROUND_SHIFT = np.uint64(32)


@dataclass(frozen=True)
class Permutation:
    """A permutation of [0, size), size at least 2; `keyed` must be made by `sub`."""

    keyed: KeyedFunction
    size: int

    def move(self, values: Words) -> Words:
        """Give another number for each: one to one, and never the same. Cost: about 300 ns a value."""
        ranks = self._walk(values, self._forth)
        following = np.where(ranks == np.uint64(self.size - 1), np.uint64(0), ranks + np.uint64(1))
        return self._walk(following, self._back)

    @property
    def _bits(self) -> int:
        return max((self.size - 1).bit_length(), _FEWEST_BITS)

    def _walk(self, values: Words, step: Callable[[Words], Words]) -> Words:
        result = step(values)
        if self.size == 1 << self._bits:
            return result
        limit = np.uint64(self.size)
        outside = np.flatnonzero(result >= limit)
        while len(outside):
            moved = step(result[outside])
            result[outside] = moved
            outside = outside[moved >= limit]
        return result

    def _forth(self, values: Words) -> Words:
        return self._feistel(values, range(_ROUNDS))

    def _back(self, values: Words) -> Words:
        return self._feistel(values, reversed(range(_ROUNDS)))

    def _feistel(self, values: Words, rounds: Iterable[int]) -> Words:
        """Change the low half by the high one and the high half by the low one, in turn; each round undoes itself."""
        low_bits = np.uint64(self._bits // 2)
        low_mask = np.uint64((1 << int(low_bits)) - 1)
        high_mask = np.uint64((1 << (self._bits - int(low_bits))) - 1)
        low, high = values & low_mask, values >> low_bits
        for number in rounds:
            if number % 2:
                high ^= self._round(number, low) & high_mask
            else:
                low ^= self._round(number, high) & low_mask
        return (high << low_bits) | low

    def _round(self, number: int, half: Words) -> Words:
        return self.keyed.prf_pairs(half | (np.uint64(number) << _ROUND_SHIFT), np.uint64(self.size % (1 << 64)))

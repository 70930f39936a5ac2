"""
Keyed permutations of [0, size) without fixed points, for any size up to 2**64.

An alternating Feistel network of ten rounds over a grid of two sides that is hardly larger than the size, with addition
modulo each side (Bellare, Ristenpart, Rogaway, Stegers, "Format-Preserving Encryption", SAC 2009, scheme FE2), walked
until the result is inside (Black, Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002). With E such a
permutation, x -> E^-1(E(x) + 1 mod size) is one long cycle: nothing stays where it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dbmimic.masks.keyed import KeyedFunction, Words

_ROUNDS = 10
_ROUND_SHIFT = np.uint64(32)
_HALF = np.uint64(32)


@dataclass(frozen=True)
class Permutation:
    """A permutation of [0, size), size at least 2; `keyed` must be made by `sub`."""

    keyed: KeyedFunction
    size: int

    def move(self, values: Words) -> Words:
        """Give another number for each: one to one, and never the same. Cost: about 500 ns a value."""
        ranks = self._walk(values, self._forth)
        following = np.where(ranks == np.uint64(self.size - 1), np.uint64(0), ranks + np.uint64(1))
        return self._walk(following, self._back)

    @property
    def _sides(self) -> tuple[int, int]:
        """The grid's sides: their product is the size or little more."""
        low = math.isqrt(self.size - 1) + 1
        return low, -(-self.size // low)

    def _walk(self, values: Words, step: Callable[[Words], Words]) -> Words:
        result = step(values)
        low, high = self._sides
        if self.size == low * high:
            return result
        limit = np.uint64(self.size)
        outside = np.flatnonzero(result >= limit)
        while len(outside):
            moved = step(result[outside])
            result[outside] = moved
            outside = outside[moved >= limit]
        return result

    def _forth(self, values: Words) -> Words:
        low, high = self._halves(values)
        for number in range(_ROUNDS):
            if number % 2:
                _add(high, self._round(number, low, self._sides[1]), self._sides[1])
            else:
                _add(low, self._round(number, high, self._sides[0]), self._sides[0])
        return self._joined(low, high)

    def _back(self, values: Words) -> Words:
        low, high = self._halves(values)
        for number in reversed(range(_ROUNDS)):
            if number % 2:
                _take(high, self._round(number, low, self._sides[1]), self._sides[1])
            else:
                _take(low, self._round(number, high, self._sides[0]), self._sides[0])
        return self._joined(low, high)

    def _halves(self, values: Words) -> tuple[Words, Words]:
        side = np.uint64(self._sides[0])
        high = values // side
        return values - high * side, high

    def _joined(self, low: Words, high: Words) -> Words:
        return high * np.uint64(self._sides[0]) + low

    def _round(self, number: int, half: Words, side: int) -> Words:
        """Give a number below the side for each half: the high bits of a product, which is as even as its 32 bits."""
        bits = self.keyed.prf_pairs(half | (np.uint64(number) << _ROUND_SHIFT), np.uint64(self.size % (1 << 64)))
        bits >>= _HALF
        bits *= np.uint64(side)
        bits >>= _HALF
        return bits


def _add(half: Words, amount: Words, side: int) -> None:
    half += amount
    np.subtract(half, np.uint64(side), out=half, where=half >= np.uint64(side))


def _take(half: Words, amount: Words, side: int) -> None:
    below = half < amount
    half -= amount
    np.add(half, np.uint64(side), out=half, where=below)

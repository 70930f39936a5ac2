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
_ROUND_SHIFT = 32
_HALF = np.uint64(32)
_CHUNK = 8192  # rows at once: what the rounds work on stays in the processor's second cache


@dataclass(frozen=True)
class Permutation:
    """A permutation of [0, size), size at least 2; `keyed` must be made by `sub`."""

    keyed: KeyedFunction
    size: int

    def move(self, values: Words) -> Words:
        """Give another number for each: one to one, and never the same. Cost: about 150 ns a value."""
        moved = np.empty(len(values), dtype=np.uint64)
        network = _Network(self.keyed, self.size, min(_CHUNK, len(values)))
        last, one = np.uint64(self.size - 1), np.uint64(1)
        for start in range(0, len(values), _CHUNK):
            ranks = network.forth(values[start : start + _CHUNK])
            following = np.where(ranks == last, np.uint64(0), ranks + one)
            moved[start : start + _CHUNK] = network.back(following)
        return moved


class _Network:
    """The rounds over up to `rows` numbers at once, in memory that is used again and again."""

    def __init__(self, keyed: KeyedFunction, size: int, rows: int) -> None:
        low = math.isqrt(size - 1) + 1
        self._size = size
        self._sides = low, -(-size // low)  # their product is the size or little more
        self._pairs = keyed.pairs(np.uint64(size % (1 << 64)), rows)

    def forth(self, values: Words) -> Words:
        """Give where the numbers go."""
        return self._walk(values, self._forth)

    def back(self, values: Words) -> Words:
        """Give where the numbers come from."""
        return self._walk(values, self._back)

    def _walk(self, values: Words, step: Callable[[Words], Words]) -> Words:
        result = step(values)
        if self._size == self._sides[0] * self._sides[1]:
            return result
        limit = np.uint64(self._size)
        outside = np.flatnonzero(result >= limit)
        while len(outside):
            moved = step(result[outside])
            result[outside] = moved
            outside = outside[moved >= limit]
        return result

    def _forth(self, values: Words) -> Words:
        halves = self._halves(values)
        for number in range(_ROUNDS):
            changed, side = halves[number % 2], np.uint64(self._sides[number % 2])
            changed += self._round(number, halves[1 - number % 2], side)
            np.minimum(changed, changed - side, out=changed)  # what is below the side wraps to more
        return self._joined(*halves)

    def _back(self, values: Words) -> Words:
        halves = self._halves(values)
        for number in reversed(range(_ROUNDS)):
            changed, side = halves[number % 2], np.uint64(self._sides[number % 2])
            changed -= self._round(number, halves[1 - number % 2], side)
            np.minimum(changed, changed + side, out=changed)  # what went below 0 is more than any side
        return self._joined(*halves)

    def _halves(self, values: Words) -> tuple[Words, Words]:
        side = np.uint64(self._sides[0])
        high = values // side
        return values - high * side, high

    def _joined(self, low: Words, high: Words) -> Words:
        return high * np.uint64(self._sides[0]) + low

    def _round(self, number: int, half: Words, side: np.uint64) -> Words:
        """Give a number below the side for each half: the high bits of a product, which is as even as its 32 bits."""
        bits = self._pairs(half, np.uint64(number << _ROUND_SHIFT)) >> _HALF
        bits *= side
        bits >>= _HALF
        return bits

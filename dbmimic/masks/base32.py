"""Pseudo-random bits spelt in lower-case letters and digits, so that no collation makes two of them equal."""

from __future__ import annotations

import numpy as np

from dbmimic.masks.keyed import Words
from dbmimic.masks.layout import Bytes

SAFE_WIDTH = 16  # characters: 80 bits, a chance of 10**-10 of any collision in 15 million values
MAX_WIDTH = 24
_ALPHABET = b"abcdefghijklmnopqrstuvwxyz234567"
_PAIR_BITS = 10
_PAIRS_A_WORD = 6
_PAIRS = np.array([bytes((first, second)) for first in _ALPHABET for second in _ALPHABET], dtype="S2").view("<u2")


def spell(bits: Words, width: int) -> Bytes:
    """
    Give `width` characters (at most 24) for each row of (n, 2) words, five bits a character.

    The last characters come from the low bits of the second word, the very last one from its lowest five.
    Shape: (n, width) ASCII bytes.
    """
    count = (width + 1) // 2
    pairs = np.empty((len(bits), count), dtype="<u2")
    for position in range(count):
        word = bits[:, 1 - position // _PAIRS_A_WORD]
        shift = np.uint64(_PAIR_BITS * (position % _PAIRS_A_WORD))
        index = (word >> shift) & np.uint64((1 << _PAIR_BITS) - 1)
        pairs[:, count - 1 - position] = _PAIRS.take(index.view(np.int64))
    return pairs.view(np.uint8)[:, 2 * count - width :]


def other(bits: Words) -> Words:
    """Give words that `spell` with another last character."""
    return bits ^ np.array([0, 1], dtype=np.uint64)

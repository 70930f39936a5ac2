"""Decimal text as whole numbers of its last place, and back, for whole columns: `10.25` is 1025 of 2 places."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import digits
from dbmimic.masks.layout import byte_layout

_PLAIN = r"^[+-]?[0-9]+(\.[0-9]*)?$"
_MOST_DIGITS = 18  # that 64 bits hold in any case

Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def parse(values: pa.Array, scale: int | None) -> tuple[Whole, Whole, Flags]:
    """
    Give each number in units of its last place, how many places that are, and which values are such numbers.

    With a scale all have as many places; without one, as many as are needed. What is no plain number of at most 18
    digits is 0.
    """
    plain = pc.fill_null(pc.match_substring_regex(values, _PLAIN), False)
    text = pc.if_else(plain, values, "0")
    if scale != 0 and ord(".") in byte_layout(text)[2]:
        text = pc.replace_substring_regex(text, r"(\.[0-9]*?)0+$", r"\1")
        dot = pc.find_substring(text, ".").to_numpy(zero_copy_only=False)
        places = np.where(dot < 0, 0, pc.binary_length(text).to_numpy(zero_copy_only=False) - dot - 1).astype(np.int64)
        text = pc.replace_substring(text, ".", "")
    else:
        text = pc.replace_substring_regex(text, r"\..*$", "") if ord(".") in byte_layout(text)[2] else text
        places = np.zeros(len(values), dtype=np.int64)
    text = pc.ascii_ltrim(text, characters="+")
    wanted = places if scale is None else np.full(len(values), scale, dtype=np.int64)
    fits = pc.binary_length(text).to_numpy(zero_copy_only=False) + (wanted - places) <= _MOST_DIGITS
    valid: Flags = plain.to_numpy(zero_copy_only=False) & fits & (places <= wanted)
    units = pc.cast(pc.if_else(pa.array(valid), text, "0"), pa.int64()).to_numpy()
    return units * 10 ** np.where(valid, wanted - places, 0), wanted, valid


def spell(units: Whole, places: Whole) -> pa.Array:
    """Give the text of numbers in units of so many places each."""
    made = pa.nulls(len(units), pa.string())
    for count in np.unique(places):
        rows = places == count
        text = _spelt(units, int(count))
        if bool(rows.all()):
            return text
        made = pc.if_else(pa.array(rows), text, made)
    return made


def _spelt(units: Whole, places: int) -> pa.Array:
    if places == 0:
        return digits.spell(units)
    padded = pc.utf8_lpad(digits.spell(np.abs(units)), width=places + 1, padding="0")
    whole, rest = pc.utf8_slice_codeunits(padded, 0, -places), pc.utf8_slice_codeunits(padded, -places)
    sign = pc.if_else(pa.array(units < 0), "-", "")
    return pc.binary_join_element_wise(pc.binary_join_element_wise(sign, whole, ""), rest, ".")

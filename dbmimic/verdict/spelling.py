"""
One spelling for each value of a column, whichever engine spelt it.

Text stays as it is, to the last blank, where `masks.canonical` would see one person's name in two forms of one letter.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical
from dbmimic.model.schema import Table
from dbmimic.model.types import Kind, LogicalType

_NUMBERS_AND_MOMENTS = {
    Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT, Kind.UUID, Kind.BOOLEAN,
    Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMPTZ,
}  # fmt: skip
_SPELT_ALIKE = frozenset(Kind) - _NUMBERS_AND_MOMENTS


def spelt(table: Table, name: str, values: pa.Array) -> pa.Array:
    """Give one column as bytes that are equal exactly where the values are; NULL is null."""
    column = table.column(name)
    logical = LogicalType(Kind.TEXT) if column is None else column.logical
    if logical.kind in _SPELT_ALIKE:
        return (pc.utf8_rtrim(values, characters=" ") if logical.padded else values).cast(pa.binary())
    if logical.kind is Kind.BOOLEAN:
        words = pc.replace_substring_regex(values, "^(?:t|true)$", "1")
        return pc.replace_substring_regex(words, "^(?:f|false)$", "0").cast(pa.binary())
    spell = {Kind.DECIMAL: _decimals, Kind.FLOAT: _floats}.get(logical.kind)
    if spell is not None:
        return spell(values).cast(pa.binary())
    form = canonical.by_kind(values.fill_null(""), logical).cast(pa.binary())
    return pc.if_else(pc.is_null(values), pa.scalar(None, pa.binary()), form)


def _decimals(values: pa.Array) -> pa.Array:
    """Give decimals without zeros that say nothing; in whole columns, as `canonical.numbers` does not."""
    if pc.any(pc.match_substring(values, "e", ignore_case=True)).as_py():
        encoded = values.dictionary_encode()
        values = pa.array(map(_written_out, encoded.dictionary.to_pylist()), pa.string()).take(encoded.indices)
    for pattern, kept in ((r"(\.\d*?)0+$", r"\1"), (r"\.$", ""), (r"^(-?)0+(\d)", r"\1\2"), (r"^-0$", "0")):
        values = pc.replace_substring_regex(values, pattern, kept)
    return pc.ascii_lower(values)


def _written_out(text: str) -> str:
    """Give a number without an exponent; `Infinity` has an `e`, and none."""
    try:
        return format(Decimal(text), "f")
    except InvalidOperation:
        return text


def _floats(values: pa.Array) -> pa.Array:
    """Give what `canonical.floats` gives, by whole columns where all values are numbers."""
    try:
        numbers = values.cast(pa.float64())
    except pa.ArrowInvalid:
        return canonical.floats(values)
    spelled = pa.array((numbers.fill_null(0).to_numpy(zero_copy_only=False) + 0.0).astype(np.str_), pa.string())
    return pc.if_else(pc.is_null(values), pa.scalar(None, pa.string()), spelled)

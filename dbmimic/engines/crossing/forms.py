"""
Text forms: what one engine writes for a value, and what another one reads for the same value.

Between the two stands one neutral form: truth values are `1` and `0`, bytes are lower-case hexadecimal digits, bits are
written out as `0101`, moments with a time zone are in UTC and without an offset; all else is as both sides write it.

Each step is a function over whole arrays and leaves NULL alone. A step raises `Unfit` where the target has no place
for a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.model.schema import Column
from dbmimic.model.types import Kind

Step = Callable[[pa.Array], pa.Array]

_MOMENT = r"^(\d+-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)"
_DAY = r"^\d{4}-\d\d-\d\d$"
_DAY_AND_TIME = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$"
_TIME_OF_DAY = r"^([01]\d|2[0-3]):\d\d:\d\d(\.\d+)?$"
_ZERO_DATE = r"^0000|^\d+-00|^\d+-\d+-00"
_NO_NUMBER = "[^-+.0-9eE]"
_WIDEST_DECIMAL = r"^-?\d{1,35}(\.\d{1,30})?$"
_WORD = 64


class Unfit(Exception):  # noqa: N818 -- a signal to the reader, which knows the column
    """The target's engine cannot hold a value."""


def is_single(column: Column) -> bool:
    """Whether a column holds floating-point numbers of 32 bits."""
    return column.type.lower().split(" ")[0].split("(")[0] in {"real", "float"}


def from_postgresql(column: Column) -> Step | None:
    """Give what turns PostgreSQL's text into the neutral form; None where it is that already."""
    match column.logical.kind:
        case Kind.BOOLEAN:
            return lambda values: pc.if_else(pc.equal(values, "t"), "1", "0")
        case Kind.BINARY:
            return lambda values: pc.utf8_slice_codeunits(values, 2)  # behind \x
        case Kind.TIMESTAMPTZ:
            return lambda values: pc.replace_substring_regex(values, r"\+00( BC)?$", r"\1")
        case _:
            return None


def from_mysql(column: Column) -> Step | None:
    """Give what turns MySQL's text into the neutral form; None where it is that already."""
    logical = column.logical
    if logical.kind is Kind.BIT:
        return lambda values: _bits_of(values, logical.length or 1)
    if logical.kind is Kind.FLOAT and is_single(column):
        return _shortest_single
    return None


def to_sqlite(column: Column, held: Kind) -> Step | None:
    """Give what turns the neutral form into what SQLite is given; `held` is the kind of the column in the target."""
    logical = column.logical
    if held is Kind.BINARY:
        return lambda values: pc.binary_join_element_wise("x'", values, "'", "")
    if logical.kind is Kind.TIMESTAMPTZ:
        return lambda values: pc.replace_substring_regex(values, _MOMENT, r"\1+00:00")
    return _signed if held is Kind.INTEGER and not logical.signed else None


def to_postgresql(column: Column, held: Kind) -> Step | None:
    """Give what turns the neutral form of MySQL's values into what PostgreSQL reads."""
    logical = column.logical
    if logical.kind is Kind.INTEGER:
        return _signed if held is Kind.INTEGER and not logical.signed else None
    if held is Kind.ENUM:
        return lambda values: _among(values, logical.members)
    return _TO_POSTGRESQL.get(logical.kind)


def to_mysql(column: Column, held: Kind) -> Step | None:
    """Give what turns the neutral form of PostgreSQL's values into what MySQL reads."""
    del held
    logical = column.logical
    if logical.kind is Kind.FLOAT and is_single(column):
        return _widened_single
    if logical.kind is Kind.DECIMAL and logical.precision is None:
        return lambda values: _like(values, _WIDEST_DECIMAL)
    return _TO_MYSQL.get(logical.kind)


def _refuse(wrong: pa.Array) -> None:
    if pc.any(wrong).as_py():
        raise Unfit


def _like(values: pa.Array, pattern: str) -> pa.Array:
    _refuse(pc.invert(pc.match_substring_regex(values, pattern)))
    return values


def _among(values: pa.Array, members: tuple[str, ...]) -> pa.Array:
    _refuse(pc.invert(pc.is_in(values, pa.array([*members, None], pa.string()))))
    return values


def _finite(values: pa.Array) -> pa.Array:
    _refuse(pc.match_substring_regex(values, _NO_NUMBER))
    return values


def _without_nul(values: pa.Array) -> pa.Array:
    _refuse(pc.match_substring(values, "\0"))
    return values


def _cast(values: pa.Array, kind: pa.DataType) -> pa.Array:
    try:
        return values.cast(kind)
    except pa.ArrowInvalid:
        failed = True
    if failed:
        raise Unfit
    return values


def _signed(values: pa.Array) -> pa.Array:
    _cast(values, pa.int64())
    return values


def _date(values: pa.Array) -> pa.Array:
    _refuse(pc.match_substring_regex(values, _ZERO_DATE))
    _cast(values, pa.date32())
    return values


def _moment(values: pa.Array) -> pa.Array:
    _refuse(pc.match_substring_regex(values, _ZERO_DATE))
    _cast(pc.utf8_slice_codeunits(values, 0, 10), pa.date32())
    return _like(values, _DAY_AND_TIME)


def _shortest_single(values: pa.Array) -> pa.Array:
    """Give numbers of 32 bits, written as the 64-bit numbers that they are, by the fewest digits that tell them."""
    return _written(values, values.cast(pa.float64()).cast(pa.float32(), safe=False))


def _widened_single(values: pa.Array) -> pa.Array:
    """Give numbers of 32 bits by the digits of the 64-bit numbers that they are."""
    return _written(values, _finite(values).cast(pa.float32()).cast(pa.float64()))


def _written(values: pa.Array, numbers: pa.Array) -> pa.Array:
    texts = pa.array(numbers.fill_null(0).to_numpy(zero_copy_only=False).astype(np.str_), pa.string())
    return pc.if_else(pc.is_null(values), None, texts)


def _bits_of(values: pa.Array, length: int) -> pa.Array:
    """Give numbers as so many bits, the highest first."""
    numbers = values.cast(pa.uint64()).fill_null(0).to_numpy(zero_copy_only=False)
    bits = np.unpackbits(numbers.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)[:, _WORD - length :]
    texts = np.ascontiguousarray(bits + np.uint8(ord("0"))).view(f"S{length}").reshape(-1)
    return pc.if_else(pc.is_null(values), None, pa.array(texts, pa.binary()).cast(pa.string()))


def _number_of_bits(values: pa.Array) -> pa.Array:
    """Give bits, the highest first, as the number that they write."""
    present = pc.utf8_lpad(values.fill_null(""), _WORD, "0")
    matrix = np.frombuffer(b"".join(present.cast(pa.binary()).to_pylist()), dtype=np.uint8).reshape(-1, _WORD)
    numbers = np.packbits(matrix - np.uint8(ord("0")), axis=1).view(">u8").reshape(-1).astype(np.uint64)
    return pc.if_else(pc.is_null(values), None, pa.array(numbers).cast(pa.string()))


def _truth(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(_among(values, ("0", "1")), "1"), "t", "f")


_TO_POSTGRESQL: Mapping[Kind, Step] = {
    Kind.BOOLEAN: _truth,
    Kind.BINARY: lambda values: pc.binary_join_element_wise("\\x", values, ""),
    Kind.DATE: _date,
    Kind.TIMESTAMP: _moment,
    Kind.TIMESTAMPTZ: _moment,
    Kind.TIME: lambda values: _like(values, _TIME_OF_DAY),
    Kind.TEXT: _without_nul,
    Kind.JSON: _without_nul,
    Kind.ENUM: _without_nul,  # a SET
}
_TO_MYSQL: Mapping[Kind, Step] = {
    Kind.FLOAT: _finite,
    Kind.DECIMAL: _finite,
    Kind.DATE: lambda values: _like(values, _DAY),
    Kind.TIMESTAMP: lambda values: _like(values, _DAY_AND_TIME),
    Kind.TIMESTAMPTZ: lambda values: _like(values, _DAY_AND_TIME),
    Kind.BIT: _number_of_bits,
}

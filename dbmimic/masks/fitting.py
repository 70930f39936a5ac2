"""What a column holds: whether a text that somebody wrote is a value of it, said before anything is loaded."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.model.types import Kind, LogicalType

_FLAGS = frozenset(("t", "f", "true", "false", "y", "n", "yes", "no", "on", "off", "1", "0"))
# What engines hold as dates that are none of the calendar: without an end, or not given.
_NO_DATE = re.compile(r"-?infinity|0000-00-00.*", re.DOTALL)
_FEWEST_DIGITS = 3  # of a date, however it is written
_FOUR_DIGIT_YEAR = re.compile(r"\d{4}-\d\d-\d\d.*(?<! BC)", re.DOTALL)


def unfit(text: str, column: LogicalType) -> str | None:
    """
    Give what is wrong with a text as a value of a column, as the end of a sentence; None where nothing is.

    Dates and times are looked at where they are written with four digits of a year first; other spellings are for the
    engine to read.
    """
    if column.kind is Kind.TEXT and column.length is not None and len(text) > column.length:
        return f"has {len(text)} characters, and the column holds {column.length}"
    if not column.takes(text):
        return f"has characters that the character set {column.charset} lacks"
    if column.members and not _is_member(text, column):
        return "is not one of the column's values"
    reader = _READERS.get(column.kind)
    return None if reader is None else reader(text, column)


def numbers_fit(values: pa.Array, column: LogicalType) -> bool:
    """Tell of texts whether they are numbers that a column of numbers holds; any text will do for another column."""
    if column.kind not in {Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT} or values.null_count == len(values):
        return True
    wide = column.kind is Kind.INTEGER and not column.signed
    as_number = pa.float64() if column.kind is not Kind.INTEGER else pa.uint64() if wide else pa.int64()
    try:
        ends = pc.min_max(pc.cast(values, as_number)).as_py()
    except pa.ArrowInvalid:
        return False
    return all(_number(str(end), column) is None for end in ends.values())


def _is_member(text: str, column: LogicalType) -> bool:
    if column.several:
        return not text or all(word in column.members for word in text.split(","))
    return text in column.members


def _number(text: str, column: LogicalType) -> str | None:
    try:
        number = Decimal(text if text.isascii() and "_" not in text else "")  # Python alone reads more than that
    except InvalidOperation:
        return "is not a number, and the column holds numbers"
    if not number.is_finite():
        return "is not a whole number, and the column holds whole numbers" if column.kind is Kind.INTEGER else None
    if column.kind is Kind.INTEGER:
        return _whole(number, column)
    if not column.signed and number < 0:
        return "is below 0, and the column holds nothing below"
    if column.precision is not None and abs(round(number, column.scale or 0)) >= 10 ** (
        column.precision - (column.scale or 0)
    ):
        return "is out of the column's range"
    return None


def _whole(number: Decimal, column: LogicalType) -> str | None:
    if number != number.to_integral_value():
        return "is not a whole number, and the column holds whole numbers"
    reach = column.reach
    return None if reach is None or reach[0] <= number <= reach[1] else "is out of the column's range"


def _flag(text: str, _column: LogicalType) -> str | None:
    return None if text.casefold() in _FLAGS else "is neither true nor false"


def _uuid(text: str, _column: LogicalType) -> str | None:
    try:
        UUID(text)
    except ValueError:
        return "is no UUID"
    return None


def _json(text: str, _column: LogicalType) -> str | None:
    try:
        json.loads(text, parse_constant=_no_constant)
    except ValueError:
        return "is no JSON"
    return None


def _no_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python takes for JSON."""
    raise ValueError(name)


def _moment(text: str, column: LogicalType) -> str | None:
    if _NO_DATE.fullmatch(text) or not _FOUR_DIGIT_YEAR.fullmatch(text):
        told = _NO_DATE.fullmatch(text) or sum(map(str.isdigit, text)) >= _FEWEST_DIGITS
        return None if told else f"is no {column.kind}"
    try:
        dt.date.fromisoformat(text[:10])
    except ValueError:
        return f"is no {column.kind}"
    return None


def _with(signs: str, what: str) -> Callable[[str, LogicalType], str | None]:
    """Give the reader of values that have one of these signs in them, however they are written."""
    return lambda text, _column: None if any(sign in text for sign in signs) else f"is no {what}"


_READERS: Mapping[Kind, Callable[[str, LogicalType], str | None]] = {
    Kind.INTEGER: _number,
    Kind.DECIMAL: _number,
    Kind.FLOAT: _number,
    Kind.BOOLEAN: _flag,
    Kind.UUID: _uuid,
    Kind.JSON: _json,
    Kind.NETWORK: _with(".:-", "address"),
    Kind.ARRAY: _with("{", "array"),
    Kind.TIME: _with(":", "time"),
    Kind.DATE: _moment,
    Kind.TIMESTAMP: _moment,
    Kind.TIMESTAMPTZ: _moment,
}

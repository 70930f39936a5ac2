"""
Canonical forms: what makes one value the same value on every engine, before it meets a key.

Each function works on whole arrays; the form of a value never depends on the values beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks.layout import Bytes, byte_layout, fixed_width, is_ascii, rows_of
from dbmimic.model.types import Kind, LogicalType

_BLANKS = " \t\n\r\v\f"
_MIDNIGHT_ZONE = r"(?:Z|[+-]00(?::?00)?(?::?00)?)$"
_DATE_LENGTH = 10
_UUID_LENGTH = 36
_UUID_DIGITS = 32
_UUID_DASHES = [8, 13, 18, 23]
_IDLE = (
    (r"^\+", ""),
    (r"^(-?)\.", r"\10."),
    (r"(\.\d*?)0+$", r"\1"),
    (r"\.$", ""),
    (r"^(-?)0+(\d)", r"\1\2"),
    (r"^-0$", "0"),
)
_OFFSET = re.compile(r"[+-]\d\d(?::?\d\d)?$")


def text(values: pa.Array, *, padded: bool = False) -> pa.Array:
    """Give text in Unicode's form NFC; without the blanks at the end where the column is padded with them."""
    values = unpadded(values) if padded else values
    return values if is_ascii(values) else pc.utf8_normalize(values, form="NFC")


def unpadded(values: pa.Array) -> pa.Array:
    """Give text without the blanks at its end."""
    return pc.utf8_rtrim(values, characters=" ") if _at_an_end(values, " ", first=False) else values


def folded(values: pa.Array) -> pa.Array:
    """Give text without case and without blanks around it."""
    if is_ascii(values):
        trimmed = pc.ascii_trim(values, characters=_BLANKS) if _at_an_end(values, _BLANKS) else values
        return pc.ascii_lower(trimmed)
    plain = pc.utf8_normalize(pc.utf8_trim(values, characters=_BLANKS), form="NFC")
    # By way of upper case, so that letters with two lower-case forms (final sigma) meet.
    return pc.utf8_lower(pc.utf8_upper(plain))


def _at_an_end(values: pa.Array, characters: str, *, first: bool = True) -> bool:
    """Whether some value ends (or begins) with one of the characters: looking is cheaper than taking nothing away."""
    starts, lengths, data = byte_layout(values)
    if not len(data):
        return False
    ends = data[starts + lengths - 1] if lengths.all() else data[(starts + np.maximum(lengths, 1) - 1) % len(data)]
    places = [ends, data[starts % len(data)]] if first else [ends]
    return any(bool((found == ord(character)).any()) for found in places for character in characters)


def uuid(values: pa.Array) -> pa.Array:
    """Give UUIDs as 32 lower-case hex digits."""
    matrix = rows_of(values, _UUID_LENGTH)
    if (
        matrix is not None
        and all(bool((matrix[:, place] == ord("-")).all()) for place in _UUID_DASHES)
        and is_ascii(values)
    ):
        return pc.ascii_lower(_without_dashes(matrix))
    return pc.replace_substring_regex(pc.ascii_lower(values), r"[-{}]", "")


def _without_dashes(matrix: Bytes) -> pa.Array:
    """Give the 32 digits of each row of a matrix of UUIDs."""
    data = np.ascontiguousarray(matrix)
    plain = np.empty((len(data), _UUID_DIGITS), dtype=np.uint8)
    place = 0
    for begin, size in ((0, 8), (9, 4), (14, 4), (19, 4), (24, 8), (32, 4)):
        source, target = (
            np.ndarray((len(data),), dtype=f"<u{size}", buffer=side, offset=at, strides=(width,))
            for side, at, width in ((data, begin, _UUID_LENGTH), (plain, place, _UUID_DIGITS))
        )
        target[:] = source
        place += size
    return fixed_width(plain)


def numbers(values: pa.Array) -> pa.Array:
    """
    Give whole numbers and decimals as binary: eight bytes little-endian where the value is a whole number of
    64 bits, its shortest decimal text otherwise. '1.0', '1.00' and '1' are one number.
    """
    whole = integers(values)
    if whole is not None:
        encoded = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(8), len(values), [None, pa.py_buffer(np.ascontiguousarray(whole))]
        )
        return pc.if_else(pc.is_null(values), None, encoded.cast(pa.binary()))
    return _by_distinct(values, _number, pa.binary())


def decimals(values: pa.Array) -> pa.Array:
    """
    Give whole numbers and decimals as text, without zeros that say nothing and without an exponent: '1.50' as '1.5'.

    In whole columns, as `numbers` does not; a look at each different number with an exponent.
    """
    if _are_plain(values):
        return values
    if pc.any(pc.match_substring(values, "e", ignore_case=True)).as_py():
        values = _by_distinct(values, _written_out, pa.string())
    for pattern, kept in _IDLE:
        values = pc.replace_substring_regex(values, pattern, kept)
    return pc.ascii_lower(values)


def _are_plain(values: pa.Array) -> bool:
    """Whether all are digits with a sign or none, and no zero is idle: looking is cheaper than taking nothing away."""
    starts, lengths, data = byte_layout(values)
    if not len(data) or not (((data >= ord("0")) & (data <= ord("9"))) | (data == ord("-"))).all():
        return not len(data)
    signed = data[starts % len(data)] == ord("-")
    first = data[(starts + signed) % len(data)]
    return not bool(((first == ord("0")) & (signed | (lengths > 1))).any())


def integers(values: pa.Array) -> npt.NDArray[np.int64] | None:
    """Give whole numbers as int64, 0 for nulls, or None where a value is not a whole number of 64 bits."""
    try:
        whole: npt.NDArray[np.int64] = pc.cast(values, pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    return whole


def floats(values: pa.Array) -> pa.Array:
    """Give floating-point numbers by their shortest decimal text; text that is no number stays as it is."""
    return _by_distinct(values, _float, pa.string())


def moments(values: pa.Array) -> pa.Array:
    """
    Give dates, times and timestamps as `2024-01-02 03:04:05`: a blank before the time, no zeros at the end of the
    fraction, in UTC and without an offset where the value has one.
    """
    sizes = byte_layout(values)[1]
    if ((sizes == _DATE_LENGTH) | (sizes == 0)).all():
        return values  # dates alone
    plain = pc.replace_substring_regex(values, r"^(\d{4}-\d{2}-\d{2})T", r"\1 ")
    plain = pc.replace_substring_regex(plain, _MIDNIGHT_ZONE, "")
    if pc.any(pc.match_substring_regex(plain, r":\d\d(?:\.\d+)?[+-]\d\d(?::?\d\d)?$")).as_py():
        plain = _by_distinct(plain, _in_utc, pa.string())
    plain = pc.replace_substring_regex(plain, r"(\.\d*?)0+$", r"\1")
    return pc.replace_substring_regex(plain, r"\.$", "")


def booleans(values: pa.Array) -> pa.Array:
    """Give truth values as '1' and '0'."""
    return pc.if_else(pc.is_in(pc.ascii_lower(values), pa.array(["t", "true", "1", "y", "yes", "on"])), "1", "0")


def by_kind(values: pa.Array, column: LogicalType) -> pa.Array:
    """Give the canonical form for a column's kind, as a string or binary array."""
    forms: dict[Kind, Callable[[pa.Array], pa.Array]] = {
        Kind.INTEGER: numbers,
        Kind.DECIMAL: numbers,
        Kind.FLOAT: floats,
        Kind.UUID: uuid,
        Kind.BOOLEAN: booleans,
        Kind.DATE: moments,
        Kind.TIME: moments,
        Kind.TIMESTAMP: moments,
        Kind.TIMESTAMPTZ: moments,
    }
    form = forms.get(column.kind)
    return form(values) if form else text(values, padded=column.padded)


def _by_distinct(values: pa.Array, form: Callable[[str], str | bytes], result: pa.DataType) -> pa.Array:
    encoded = values.dictionary_encode()
    forms = pa.array([form(value) for value in encoded.dictionary.to_pylist()], result)
    return forms.take(encoded.indices)


def _written_out(value: str) -> str:
    """Give a number without an exponent; `Infinity` has an `e`, and none."""
    try:
        return format(Decimal(value), "f")
    except InvalidOperation:
        return value


def _number(value: str) -> bytes:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value.encode()
    if not number.is_finite():
        return value.lower().encode()
    if number == number.to_integral_value() and -(2**63) <= number < 2**63:
        return int(number).to_bytes(8, "little", signed=True)
    shortest = format(number, "f").rstrip("0").rstrip(".") if number.as_tuple().exponent < 0 else format(number, "f")  # type: ignore[operator]
    return shortest.encode()


def _float(value: str) -> str:
    try:
        return repr(float(value) + 0.0)
    except ValueError:
        return value


def _in_utc(value: str) -> str:
    if not _OFFSET.search(value):
        return value
    try:
        moment = datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return value
    fraction = f".{moment.microsecond:06}" if moment.microsecond else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction}"

"""Days as ISO text and back, for whole columns: `2024-02-29` is day 19782 since 1970-01-01."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from dbmimic.masks.keyed import Words
from dbmimic.masks.layout import Bytes

WIDTH = 10  # YYYY-MM-DD

Days = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# Days of this range are looked up as text; others are written digit by digit.
_NEAR_FIRST = np.datetime64("1900-01-01", "D").astype(np.int64)
_NEAR_LAST = np.datetime64("2099-12-31", "D").astype(np.int64)

_FIRST_OF_2000 = np.datetime64("2000-01-01", "D").astype(np.int64)
_MOST_YEARS = 10_000
_MONTHS = 12
_DIGIT_PLACES = (0, 1, 2, 3, 5, 6, 8, 9)
_DIGIT_WEIGHTS = (1000, 100, 10, 1, 10, 1, 10, 1)
_PATTERN = int.from_bytes(b"0000-00-00", "little")
_WORD = (1 << 64) - 1
_PAIRS = np.uint64(0x00FF00FF00FF00FF)
_BYTE = np.uint64(0xFF)
_HIGH = np.uint64(0x8080808080808080)


def parse(dates: Bytes) -> tuple[Days, Flags]:
    """
    Give the days of a matrix of ten bytes a row, and which rows are dates of the years 1 to 9999; others have day 0.

    Cost: about 10 ns a value.
    """
    if not len(dates):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
    early, first_valid = _eight(dates, 0)
    late, last_valid = _eight(dates, 2)
    years = _pairs(early)
    year = ((years & _BYTE) * np.uint64(100) + ((years >> np.uint64(16)) & _BYTE)).view(np.int64)
    month = ((_pairs(early >> np.uint64(8)) >> np.uint64(32)) & _BYTE).view(np.int64)
    day = (_pairs(late) >> np.uint64(48)).view(np.int64)
    valid: Flags = first_valid & last_valid & (year > 0) & (month >= 1) & (month <= 12) & (day >= 1)  # noqa: PLR2004
    number = np.where(valid, year * 12 + month - 1, 12)
    firsts = _first_days()
    days = firsts.take(number) + day - 1
    valid &= days < firsts.take(number + 1)
    return np.where(valid, days, 0), valid


def format(days: Days) -> npt.NDArray[np.void]:  # noqa: A001  the other way round than parse
    """Give `YYYY-MM-DD` for each day of the years 1 to 9999. Shape: (n,) of ten bytes."""
    if not len(days):
        return np.zeros(0, dtype=f"V{WIDTH}")
    if days.min() >= _NEAR_FIRST and days.max() <= _NEAR_LAST:
        return _near_texts().take(days - _NEAR_FIRST)
    return _written(days)


def beginning(days: Days, unit: str) -> Days:
    """Give the first day of the year, the quarter or the month that each day is in."""
    months = days.astype("M8[D]").astype("M8[M]").astype(np.int64)
    size = {"year": 12, "quarter": 3, "month": 1}[unit]
    return (months - months % size).astype("M8[M]").astype("M8[D]").astype(np.int64)


@cache
def _first_days() -> Days:
    """Give the first day of every month, from January of the year 0 on."""
    return np.arange(-1970 * 12, (_MOST_YEARS - 1970) * 12 + 1).astype("M8[M]").astype("M8[D]").astype(np.int64)


@cache
def _near_texts() -> npt.NDArray[np.void]:
    return _written(np.arange(_NEAR_FIRST, _NEAR_LAST + 1))


def _eight(dates: Bytes, place: int) -> tuple[Words, Flags]:
    """Give eight bytes from a place on as digits (0 for a dash), and whether all stands where it should."""
    pattern = (_PATTERN >> 8 * place) & _WORD
    dashes = sum(0x09 << 8 * at for at in range(8) if (pattern >> 8 * at) & 0xFF == ord("-"))
    cells = np.ndarray((len(dates),), dtype="<u8", buffer=dates, offset=place, strides=(WIDTH,))
    digits = cells ^ np.uint64(pattern)
    excess = (
        digits + np.uint64(0x7676767676767676 + dashes)
    ) | digits  # a digit above 9 or another dash sets a high bit
    return digits, (excess & _HIGH) == 0


def _pairs(digits: Words) -> Words:
    """Give the number of each two digits, in every other byte."""
    return (digits * np.uint64(10) + (digits >> np.uint64(8))) & _PAIRS


def _written(days: Days) -> npt.NDArray[np.void]:
    dates = days.astype("M8[D]")
    months = dates.astype("M8[M]")
    number = months.astype(np.int64) + 1970 * 12
    parts = (number // 12, number % 12 + 1, (dates - months.astype("M8[D]")).astype(np.int64) + 1)
    text = np.full((len(days), WIDTH), ord("-"), dtype=np.uint8)
    for place, weight, part in zip(
        _DIGIT_PLACES, _DIGIT_WEIGHTS, (parts[0],) * 4 + (parts[1],) * 2 + (parts[2],) * 2, strict=True
    ):
        text[:, place] = part // weight % 10 + ord("0")
    return text.view(f"V{WIDTH}").reshape(-1)


def day_number(year: Days, month: Days, day: Days) -> tuple[Words, Flags]:
    """Give the day of the hundred years from 2000 on for two-digit years, and which of them are dates."""
    valid: Flags = (month >= 1) & (month <= _MONTHS) & (day >= 1) & (year >= 0) & (year < 100)  # noqa: PLR2004  two digits
    number = np.where(valid, (year + 2000) * 12 + month - 1, 2000 * 12)
    firsts = _first_days()
    days = firsts.take(number) + day - 1
    valid &= days < firsts.take(number + 1)
    return np.where(valid, days - _FIRST_OF_2000, 0).view(np.uint64), valid


def month_and_day(number: Days) -> tuple[Days, Days, Days]:
    """Give the two-digit year, the month and the day of a day of the hundred years from 2000 on."""
    dates = (number + _FIRST_OF_2000).astype("M8[D]")
    months = dates.astype("M8[M]")
    since = months.astype(np.int64) - 30 * 12
    return since // 12, since % 12 + 1, (dates - months.astype("M8[D]")).astype(np.int64) + 1

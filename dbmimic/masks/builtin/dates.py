"""`date_shift`: another day, the same time of day, and one shift for everything that belongs to one entity."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical
from dbmimic.masks.definition import ColumnContext, MaskDefinition, MaskError, MaskFunction, Options, Parameter, Promise
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import Bytes, byte_layout, windows
from dbmimic.model.types import Kind

_DAYS = 30
_MOST_DAYS = 36_500
_DATE_WIDTH = 10  # YYYY-MM-DD
_DIGIT_PLACES = np.array([0, 1, 2, 3, 5, 6, 8, 9])
_DASH_PLACES = np.array([4, 7])
_DIGIT_WEIGHTS = (1000, 100, 10, 1, 10, 1, 10, 1)

# Dates that name no day of anybody's life: without an end, not given, before our era or after the year 9999.
_LEFT_ALONE = r"-?infinity|0000-00-00(?:[ T][0:.]*)?|\d{4,}-\d\d-\d\d[0-9 T:.+-]* BC|\d{5,}-\d\d-\d\d[0-9 TZ:.+-]*"
_MOMENT = r"^\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?(?:Z|UTC|[+-]\d\d(?::?\d\d){0,2}))?)?$"

_FIRST_DAY = np.datetime64("0001-01-01", "D").astype(np.int64)
_LAST_DAY = np.datetime64("9999-12-31", "D").astype(np.int64)
# MySQL's TIMESTAMP holds 1970-01-01 00:00:01 to 2038-01-19 03:14:07 UTC. A masked one keeps a day away from both, for
# zones and because not every time of those two days is held.
_FIRST_STAMP = np.datetime64("1970-01-01", "D").astype(np.int64)
_LAST_STAMP = np.datetime64("2038-01-19", "D").astype(np.int64)

Days = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def _build(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    most = int(str(options["days"]))
    bounded = context.type.kind is Kind.TIMESTAMPTZ
    free_text = context.type.kind is Kind.TEXT
    by_value, by_entity = keyed.sub("value"), keyed.sub("entity")

    def mask(values: pa.Array, entity: pa.Array | None) -> pa.Array:
        starts, lengths, data = byte_layout(values)
        dates = windows(data, _DATE_WIDTH)[starts].view(np.uint8).reshape(-1, _DATE_WIDTH)
        days, parsed = _parse(dates)
        parsed &= _nothing_else(values, starts, lengths, data, free_text=free_text)
        bits = by_value.prf_integers(days)[:, 0]
        if entity is not None:
            known = pc.is_valid(entity).to_numpy(zero_copy_only=False)
            bits = np.where(known, by_entity.uniform(canonical.text(entity, padded=True)), bits)
        shifted = _format(_inside(days, _shift(bits, most), bounded=bounded))
        text = _written(starts, lengths, data, shifted, np.flatnonzero(parsed))
        return _with_the_rest(values, text, parsed, context)

    return mask


def _parse(dates: Bytes) -> tuple[Days, Flags]:
    """Give days since 1970-01-01 of `YYYY-MM-DD`, and which rows are such dates; the days of others are 0."""
    digits = dates[:, _DIGIT_PLACES] - np.uint8(ord("0"))
    valid: Flags = (digits <= 9).all(axis=1) & (dates[:, _DASH_PLACES] == ord("-")).all(axis=1)  # noqa: PLR2004  digits
    weighted = [digits[:, place].astype(np.int64) * weight for place, weight in enumerate(_DIGIT_WEIGHTS)]
    year, month, day = sum(weighted[:4]), sum(weighted[4:6]), sum(weighted[6:])
    valid &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)  # noqa: PLR2004  months
    months = np.where(valid, (year - 1970) * 12 + month - 1, 0).astype("M8[M]")
    first = months.astype("M8[D]").astype(np.int64)
    following = (months + 1).astype("M8[D]").astype(np.int64)
    days = first + day - 1
    valid &= days < following
    return np.where(valid, days, 0), valid


def _nothing_else(values: pa.Array, starts: Days, lengths: Days, data: Bytes, *, free_text: bool) -> Flags:
    """Whether a date ends the value or a time follows; a column of text is looked at to the last character."""
    if free_text:
        moment: Flags = pc.match_substring_regex(values, _MOMENT).fill_null(False).to_numpy(zero_copy_only=False)
        return moment
    after = np.concatenate([data, np.zeros(_DATE_WIDTH + 1, dtype=np.uint8)])[starts + _DATE_WIDTH]
    ended: Flags = (lengths == _DATE_WIDTH) | ((lengths > _DATE_WIDTH) & ((after == ord(" ")) | (after == ord("T"))))
    before_our_era: Flags = pc.ends_with(values, " BC").fill_null(False).to_numpy(zero_copy_only=False)
    return ended & ~before_our_era


def _shift(bits: Words, most: int) -> Days:
    """Give a shift of 1 to `most` days, forth or back, for each word."""
    choice = (((bits >> np.uint64(32)) * np.uint64(2 * most)) >> np.uint64(32)).astype(np.int64)
    return np.where(choice < most, choice - most, choice - most + 1)


def _inside(days: Days, shift: Days, *, bounded: bool) -> Days:
    """Give the shifted days; where that would leave what a column can hold, the shift goes the other way."""
    moved = days + shift
    outside = (moved < _FIRST_DAY) | (moved > _LAST_DAY)
    if bounded:
        outside |= (days >= _FIRST_STAMP) & (moved <= _FIRST_STAMP)
        outside |= (days <= _LAST_STAMP) & (moved >= _LAST_STAMP)
    return np.where(outside, days - shift, moved)


def _format(days: Days) -> Bytes:
    """Give `YYYY-MM-DD` for each day, as a byte matrix."""
    dates = days.astype("M8[D]")
    months = dates.astype("M8[M]")
    number = months.astype(np.int64) + 1970 * 12
    parts = (number // 12, number % 12 + 1, (dates - months.astype("M8[D]")).astype(np.int64) + 1)
    text = np.full((len(days), _DATE_WIDTH), ord("-"), dtype=np.uint8)
    for place, weight, part in zip(
        _DIGIT_PLACES, _DIGIT_WEIGHTS, (parts[0],) * 4 + (parts[1],) * 2 + (parts[2],) * 2, strict=True
    ):
        text[:, place] = part // weight % 10 + ord("0")
    return text


def _written(starts: Days, lengths: Days, data: Bytes, dates: Bytes, rows: Days) -> pa.Array:
    """Give the values with the first ten bytes of these rows replaced; only where they are is known to be text."""
    copy = np.concatenate([data, np.zeros(_DATE_WIDTH, dtype=np.uint8)])
    places = np.ndarray((len(data) + 1,), dtype=f"V{_DATE_WIDTH}", buffer=copy, strides=(1,))
    places[starts[rows]] = dates[rows].view(f"V{_DATE_WIDTH}").reshape(-1)
    offsets = np.append(starts, starts[-1:] + lengths[-1:]).astype(np.int32)
    return pa.StringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(copy))


def _with_the_rest(values: pa.Array, text: pa.Array, parsed: Flags, context: ColumnContext) -> pa.Array:
    """Give the text where a date was parsed, and what becomes of all other values."""
    if parsed.all() and values.null_count == 0:
        return text
    left = pc.or_(pc.match_substring_regex(values, f"^(?:{_LEFT_ALONE})$"), pc.equal(values, ""))
    done = pc.or_(pa.array(parsed), pc.fill_null(left, True))
    if not context.nullable and not pc.all(done, min_count=0).as_py():
        raise MaskError("a value is not a date that date_shift can read, and the column may not be NULL")
    shifted = pc.if_else(pa.array(parsed), text, values)
    return pc.if_else(pc.and_(done, pc.is_valid(values)), shifted, pa.scalar(None, pa.string()))


DEFINITIONS = (
    MaskDefinition(
        name="date_shift",
        summary="Another day, at most `days` away; the time of day stays. One shift for each entity, if one is named.",
        kinds=frozenset({Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.TEXT}),
        promises=Promise.CHANGES | Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(
            Parameter("days", "integer", default=_DAYS, minimum=1, maximum=_MOST_DAYS, summary="the furthest shift"),
            Parameter("entity", "column", summary="the column that says to whom the date belongs"),
        ),
        domain="date_shift",
        build=_build,
        leaves=_LEFT_ALONE,
    ),
)

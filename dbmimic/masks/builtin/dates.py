"""`date_shift`: another day, one shift for all that is one entity's; `date_truncate`: the first day of the month."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import calendar, canonical
from dbmimic.masks.calendar import Days, Flags
from dbmimic.masks.definition import ColumnContext, MaskDefinition, MaskError, MaskFunction, Options, Parameter, Promise
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import Bytes, byte_layout, fixed_width, rows_of, windows
from dbmimic.model.types import Kind

_DAYS = 30
_WEEK = 7
_HALF_A_YEAR = 182  # from any day of a year a day so far away, one way or the other, is of the same year
_WEEKDAY, _YEAR = "keep_weekday", "keep_year"
_MOST_DAYS = 36_500
_DATE_WIDTH = calendar.WIDTH

# Dates that name no day of anybody's life: without an end, not given, before our era or after the year 9999.
_LEFT_ALONE = r"-?infinity|0000-00-00(?:[ T][0:.]*)?|\d{4,}-\d\d-\d\d[0-9 T:.+-]* BC|\d{5,}-\d\d-\d\d[0-9 TZ:.+-]*"
_TIME = r"^(.{10}[ T])[0-9]{2}:[0-9]{2}(:[0-9]{2})?(\.[0-9]+)?"
_MIDNIGHT = r"\1" + "00:00:00"
_TIME_OF_TEXT = r"^(.{10}[ T])[0-9]{2}:[0-9]{2}"
_MIDNIGHT_OF_TEXT = r"\1" + "00:00"
_SECONDS_OF_TEXT = r"^(.{10}[ T]00:00):[0-9]{2}(\.[0-9]+)?"
_MOMENT = r"^\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?(?:Z|UTC|[+-]\d\d(?::?\d\d){0,2}))?)?$"

_FIRST_DAY = np.datetime64("0001-01-01", "D").astype(np.int64)
_LAST_DAY = np.datetime64("9999-12-31", "D").astype(np.int64)
# MySQL's TIMESTAMP holds 1970-01-01 00:00:01 to 2038-01-19 03:14:07 UTC. A masked one keeps a day away from both, for
# zones and because not every time of those two days is held.
_FIRST_STAMP = np.datetime64("1970-01-01", "D").astype(np.int64)
_LAST_STAMP = np.datetime64("2038-01-19", "D").astype(np.int64)
_LAST_NEW_YEAR = np.datetime64("2038-01-01", "D").astype(np.int64)
_NEAR_FIRST = np.datetime64("1900-01-01", "D").astype(np.int64)
_NEAR_LAST = np.datetime64("2099-12-31", "D").astype(np.int64)


def _build(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    reach = _Reach(
        int(str(options["days"])),
        same_weekday=bool(options[_WEEKDAY]),
        same_year=bool(options[_YEAR]),
        bounded=context.type.kind is Kind.TIMESTAMPTZ,
    )
    free_text = context.type.kind is Kind.TEXT
    by_value, by_entity = keyed.sub("value"), keyed.sub("entity")
    near = _Near(by_value, reach)

    def mask(values: pa.Array, entity: pa.Array | None) -> pa.Array:
        rows = rows_of(values, calendar.WIDTH)
        if rows is not None:
            days, parsed = calendar.parse(rows)
            if parsed.all():
                dates = near.written(days) if entity is None else calendar.format(moved(days, entity))
                return fixed_width(dates.view(np.uint8).reshape(-1, calendar.WIDTH))
        starts, lengths, data = byte_layout(values)
        days, parsed = calendar.parse(windows(data, calendar.WIDTH)[starts].view(np.uint8).reshape(-1, calendar.WIDTH))
        parsed &= _nothing_else(values, starts, lengths, data, free_text=free_text)
        text = _written(starts, lengths, data, calendar.format(moved(days, entity)), np.flatnonzero(parsed))
        return _with_the_rest(values, text, parsed, context, "date_shift")

    def moved(days: Days, entity: pa.Array | None) -> Days:
        """Give the day that each goes to."""
        if entity is None:
            return near.moved(days)
        bits = by_entity.uniform(canonical.text(entity, padded=True))
        if entity.null_count:
            known = pc.is_valid(entity).to_numpy(zero_copy_only=False)
            bits = np.where(known, bits, by_value.prf_integers(days)[:, 0])
        return reach.moved(days, bits)

    return mask


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far days go, and what stays of them; `bounded` ones keep to MySQL's moments."""

    most: int
    same_weekday: bool
    same_year: bool
    bounded: bool

    def moved(self, days: Days, bits: Words) -> Days:
        """Give the day that each goes to."""
        unit = _WEEK if self.same_weekday else 1
        shift = _shift(bits, self.most // unit) * unit
        made = _inside(days, shift, bounded=self.bounded, same_year=self.same_year)
        if self.bounded and self.same_year:
            last = np.flatnonzero((days >= _LAST_NEW_YEAR) & (days <= _LAST_STAMP))
            made[last] = _in_the_last_year(days[last], bits[last], self.most // unit, unit)
        return made


class _Near:
    """Where days go that belong to nobody: looked up for those of our time, once there were enough to be worth it."""

    def __init__(self, keyed: KeyedFunction, reach: _Reach) -> None:
        self._keyed = keyed
        self._reach = reach
        self._seen = 0
        self._table: tuple[Days, npt.NDArray[np.void]] | None = None

    def moved(self, days: Days) -> Days:
        """Give the day that each goes to."""
        table = self._of_our_time(days)
        return self._worked_out(days) if table is None else table[0].take(days - _NEAR_FIRST)

    def written(self, days: Days) -> npt.NDArray[np.void]:
        """Give the day that each goes to as text. Shape: (n,) of ten bytes."""
        table = self._of_our_time(days)
        if table is None:
            return calendar.format(self._worked_out(days))
        return table[1].take(days - _NEAR_FIRST)

    def _of_our_time(self, days: Days) -> tuple[Days, npt.NDArray[np.void]] | None:
        """Give where every day of our time goes and how that is written, if all of these are of it."""
        self._seen += len(days)
        if not len(days) or days.min() < _NEAR_FIRST or days.max() > _NEAR_LAST:
            return None
        if self._table is None and self._seen >= _NEAR_LAST - _NEAR_FIRST:
            every = self._worked_out(np.arange(_NEAR_FIRST, _NEAR_LAST + 1))
            self._table = every, calendar.format(every)
        return self._table

    def _worked_out(self, days: Days) -> Days:
        return self._reach.moved(days, self._keyed.prf_integers(days)[:, 0])


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


def _inside(days: Days, shift: Days, *, bounded: bool, same_year: bool) -> Days:
    """Give the shifted days; where that would leave what a column can hold, or the year, it goes the other way."""
    moved = days + shift
    outside = (moved < _FIRST_DAY) | (moved > _LAST_DAY)
    if bounded:
        outside |= (days >= _FIRST_STAMP) & (moved <= _FIRST_STAMP)
        outside |= (days <= _LAST_STAMP) & (moved >= _LAST_STAMP)
    if same_year:
        outside |= _year(days) != _year(moved)
    return np.where(outside, days - shift, moved)


def _in_the_last_year(days: Days, bits: Words, most: int, unit: int) -> Days:
    """Give another day of the last year of which MySQL's TIMESTAMP holds some days: neither way may be far enough."""
    back = np.minimum((days - _LAST_NEW_YEAR) // unit, most)
    forth = np.clip((_LAST_STAMP - 1 - days) // unit, 0, most)
    choice = (((bits >> np.uint64(32)) * (back + forth).astype(np.uint64)) >> np.uint64(32)).astype(np.int64)
    other: Days = days + unit * np.where(choice < back, choice - back, choice - back + 1)
    return other


def _year(days: Days) -> Days:
    return days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)


def _shift_fits(options: Options, _context: ColumnContext) -> str | None:
    days = int(str(options["days"]))
    if options[_WEEKDAY] and days < _WEEK:
        return f"no other day with the same weekday is {days} days away: option 'days' must be at least {_WEEK}"
    if options[_YEAR] and days > _HALF_A_YEAR:
        return f"option 'days' must be at most {_HALF_A_YEAR}, or there may be no such day of the same year"
    return None


def _written(starts: Days, lengths: Days, data: Bytes, dates: npt.NDArray[np.void], rows: Days) -> pa.Array:
    """Give the values with the first ten bytes of these rows replaced; only where they are is known to be text."""
    copy = np.concatenate([data, np.zeros(_DATE_WIDTH, dtype=np.uint8)])
    places = np.ndarray((len(data) + 1,), dtype=f"V{_DATE_WIDTH}", buffer=copy, strides=(1,))
    places[starts[rows]] = dates[rows]
    offsets = np.append(starts, starts[-1:] + lengths[-1:]).astype(np.int32)
    return pa.StringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(copy))


def _with_the_rest(values: pa.Array, text: pa.Array, parsed: Flags, context: ColumnContext, mask: str) -> pa.Array:
    """Give the text where a date was parsed, and what becomes of all other values."""
    if parsed.all() and values.null_count == 0:
        return text
    left = pc.or_(pc.match_substring_regex(values, f"^(?:{_LEFT_ALONE})$"), pc.equal(values, ""))
    done = pc.or_(pa.array(parsed), pc.fill_null(left, True))
    if not context.nullable and not pc.all(done, min_count=0).as_py():
        raise MaskError(f"a value is not a date that {mask} can read, and the column may not be NULL")
    shifted = pc.if_else(pa.array(parsed), text, values)
    return pc.if_else(pc.and_(done, pc.is_valid(values)), shifted, pa.scalar(None, pa.string()))


def _at_midnight(moments: pa.Array, *, free_text: bool) -> pa.Array:
    """Give the moments at midnight; a column of text may be too short for seconds that were not there."""
    if not free_text:
        return pc.replace_substring_regex(moments, _TIME, _MIDNIGHT)
    midnight = pc.replace_substring_regex(moments, _TIME_OF_TEXT, _MIDNIGHT_OF_TEXT)
    return pc.replace_substring_regex(midnight, _SECONDS_OF_TEXT, r"\1:00")


def _build_truncate(_keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    unit = str(options["to"])
    free_text = context.type.kind is Kind.TEXT

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        starts, lengths, data = byte_layout(values)
        dates = windows(data, calendar.WIDTH)[starts].view(np.uint8).reshape(-1, calendar.WIDTH)
        days, parsed = calendar.parse(dates)
        parsed &= _nothing_else(values, starts, lengths, data, free_text=free_text)
        first = calendar.beginning(days, unit)
        if context.type.kind is Kind.TIMESTAMPTZ:
            first = np.where(first == _FIRST_STAMP, _FIRST_STAMP + 1, first)  # the first midnight is no moment in MySQL
        text = _written(starts, lengths, data, calendar.format(first), np.flatnonzero(parsed))
        if bool((lengths > calendar.WIDTH).any()):
            text = pc.if_else(pa.array(parsed), _at_midnight(text, free_text=free_text), text)
        return _with_the_rest(values, text, parsed, context, "date_truncate")

    return mask


DEFINITIONS = (
    MaskDefinition(
        name="date_truncate",
        summary="The first day of the year, the quarter or the month, at midnight.",
        kinds=frozenset({Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.TEXT}),
        promises=Promise.LOSSY | Promise.KEEPS_NULL | Promise.KEEPS_ORDER,
        parameters=(
            Parameter(
                "to", "text", default="month", choices=("year", "quarter", "month"), summary="what is left of it"
            ),
        ),
        domain="date_truncate",
        build=_build_truncate,
        gaps=True,
        leaves=_LEFT_ALONE,
    ),
    MaskDefinition(
        name="date_shift",
        summary="Another day, at most `days` away; the time of day stays. One shift for each entity, if one is named.",
        kinds=frozenset({Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.TEXT}),
        promises=Promise.CHANGES | Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(
            Parameter("days", "integer", default=_DAYS, minimum=1, maximum=_MOST_DAYS, summary="the furthest shift"),
            Parameter("entity", "column", summary="the column that says to whom the date belongs"),
            Parameter(_WEEKDAY, "boolean", default=False, summary="keep the day of the week"),
            Parameter(_YEAR, "boolean", default=False, summary="keep the year, and with it how old somebody is"),
        ),
        domain="date_shift",
        build=_build,
        fits=_shift_fits,
        gaps=True,
        leaves=_LEFT_ALONE,
    ),
)

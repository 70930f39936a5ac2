"""
Amounts and measures: `noise` moves a number a little, `ordered_noise` all numbers without one passing another, `bucket`
takes a number to the beginning of its band and `round` to the nearest multiple.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical, decimals, digits
from dbmimic.masks.decimals import Whole
from dbmimic.masks.definition import ColumnContext, MaskDefinition, MaskError, MaskFunction, Options, Parameter, Promise
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import keep_blank
from dbmimic.model.types import Kind, LogicalType

_RATIO = 0.1
_INT64 = 1 << 63
_MOST_AMOUNT = 10**12
_DRAW_BITS = 53  # of a draw between 0 and 1
_SPECIAL = r"^[+-]?(?i:nan|inf|infinity)$"
_NUMBERS = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT})

Change = Callable[[Whole, Whole, Words], Whole]  # of units, with their places and pseudo-random bits


RATIO = Parameter("ratio", "number", minimum=0, maximum=1, summary="the furthest, as a share of the number; 0.1")
AMOUNT = Parameter("amount", "number", minimum=0, maximum=_MOST_AMOUNT, summary="the furthest, as an amount")


def reach(options: Options, sizes: Whole, places: Whole) -> Whole:
    """Give how far numbers of these sizes may move by `ratio` and `amount`: at least by one of the last place."""
    if options["amount"] is None:
        return np.maximum((sizes * float(str(options["ratio"] or _RATIO))).astype(np.int64), 1)
    return np.maximum((float(str(options["amount"])) * 10.0**places).astype(np.int64), 1)


def _build_noise(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    by_value, by_entity = keyed.sub("value"), keyed.sub("entity")
    column = context.type
    least = least_of(column)

    def moved(units: Whole, places: Whole, bits: Words) -> Whole:
        if least == 1:
            return by_one(units, places, bits)
        return least * by_one(units // least, places + (column.scale or 0), bits)

    def by_one(units: Whole, places: Whole, bits: Words) -> Whole:
        draw = (bits >> np.uint64(64 - _DRAW_BITS)).view(np.int64) * 0.5**_DRAW_BITS
        sizes = np.abs(units)
        most = reach(options, sizes, places)
        step = np.minimum((draw * most).astype(np.int64), most - 1) + 1
        down = (bits & np.uint64(1)).view(np.int64)
        signed = (step ^ -down) + down  # -step where it goes down
        lowest, highest = bounds(column, places)
        if _has_room(units, sizes, most, lowest, highest):
            return units + signed
        room_up = np.where(units > 0, highest - np.maximum(units, 0), np.maximum(-1 - np.minimum(units, 0), 0))
        room_down = np.where(units > 0, units - np.maximum(lowest, 1), np.minimum(units, 0) - lowest)
        there = np.where(down, room_down, room_up) >= step
        back = np.where(down, room_up, room_down) >= step
        return units + np.where(units == 0, 0, np.where(there, signed, np.where(back, -signed, 0)))

    def mask(values: pa.Array, entity: pa.Array | None) -> pa.Array:
        bits = None if entity is None else by_entity.uniform(canonical.text(entity.fill_null(""), padded=True))
        return _changed(
            values, context, moved, lambda units: by_value.prf_integers(units)[:, 0] if bits is None else bits
        )

    return mask


def least_of(column: LogicalType) -> int:
    """Give what the last place that the column holds counts, if that is more than 1: 100 in numeric(5, -2)."""
    return int(10 ** max(0, -(column.scale or 0)))


def _has_room(units: Whole, sizes: Whole, most: Whole, lowest: Whole, highest: Whole) -> bool:
    """Whether every number may go as far as `most`, up and down: it keeps its sign, and the column holds it."""
    if not len(units) or not (sizes > most).all():
        return False
    least, last, far = int(units.min()), int(units.max()), int(most.max())
    floor = int(lowest.max())
    return last + far <= int(highest.min()) and (least - far >= floor or (least > 0 >= floor))


def bounds(column: LogicalType, places: Whole) -> tuple[Whole, Whole]:
    """Give the least and the highest units that the column holds, for each row's places."""
    if column.kind is Kind.INTEGER and column.reach is not None:
        lowest, highest = max(column.reach[0], -_INT64), min(column.reach[1], _INT64 - 1)
        return np.broadcast_to(np.int64(lowest), places.shape), np.broadcast_to(np.int64(highest), places.shape)
    most = np.full(len(places), _INT64 - 1, dtype=np.int64)
    if column.precision is not None:
        digits = column.precision - (column.scale or 0) + places
        most = np.where(digits < 19, 10 ** np.minimum(digits, 18) - 1, most)  # noqa: PLR2004  digits in 64 bits
    return (-most if column.signed else np.zeros_like(most)), most


def _changed(values: pa.Array, context: ColumnContext, change: Change, bits_of: Callable[[Whole], Words]) -> pa.Array:
    """Change the numbers of a column; NaN and infinities stay, and what is too long becomes NULL where it may."""
    column = context.type
    whole = canonical.integers(values) if column.kind is Kind.INTEGER else None
    if whole is not None:
        nothing = np.zeros(len(whole), dtype=np.int64)
        made = digits.spell(change(whole, nothing, bits_of(whole)))
        if values.null_count:
            made = pc.if_else(pc.is_valid(values), made, pa.scalar(None, pa.string()))
        return keep_blank(values, made)
    scale = column.scale if column.kind is Kind.DECIMAL and column.precision is not None else None
    units, places, valid = decimals.parse(values, 0 if column.kind is Kind.INTEGER or (scale or 0) < 0 else scale)
    changed = change(units, places, bits_of(units))
    if scale is not None and scale < 0:  # numeric(5, -2) holds hundreds
        changed = _nearest(changed, least_of(column), bounds(column, places)[1])
    made = decimals.spell(changed, places)
    special = pc.or_(pc.match_substring_regex(values, _SPECIAL), pc.equal(values, ""))
    other = pc.and_(pc.invert(pa.array(valid)), pc.invert(pc.fill_null(special, True)))
    if not pc.any(other).as_py():
        return pc.if_else(pa.array(valid), made, values)
    if not context.nullable:
        raise MaskError("a value is no plain number of at most 18 digits")
    return pc.if_else(other, pa.scalar(None, pa.string()), pc.if_else(pa.array(valid), made, values))


def _nearest(units: Whole, multiple: int, most: Whole) -> Whole:
    """Give the multiples that are nearest, none beyond the last one that is held."""
    sizes = np.abs(units)
    low = sizes - sizes % multiple
    up = (2 * (sizes - low) >= multiple) & (low <= most - multiple)
    made: Whole = np.sign(units) * np.where(up, low + multiple, low)
    return made


def _build_bucket(_keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    size, top, bottom = (options[name] for name in ("size", "top", "bottom"))
    column = context.type

    def banded(units: Whole, places: Whole, _bits: Words) -> Whole:
        one = 10**places
        result = units if size is None else units - units % (int(str(size)) * one)
        if bottom is not None:
            result = np.where(units < int(str(bottom)) * one, int(str(bottom)) * one, result)
        if top is not None:
            result = np.where(units >= int(str(top)) * one, int(str(top)) * one, result)
        lowest, _highest = bounds(column, places)
        return np.maximum(result, lowest)

    return lambda values, _entity: _changed(values, context, banded, lambda units: units.view(np.uint64))


def _bucket_fits(options: Options, context: ColumnContext) -> str | None:
    if all(options[name] is None for name in ("size", "top", "bottom")):
        return "mask 'bucket' needs one of the options 'size', 'top' and 'bottom'"
    places = np.zeros(1, dtype=np.int64)
    lowest, highest = (int(bound[0]) for bound in bounds(context.type, places))
    for name in ("top", "bottom"):
        if options[name] is not None and not lowest <= int(str(options[name])) <= highest:
            return f"option {name!r} is out of the column's range"
    return None


def _build_round(_keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    size = int(str(options["to"]))
    column = context.type

    def rounded(units: Whole, places: Whole, _bits: Words) -> Whole:
        multiple = size * 10**places
        lowest, highest = bounds(column, places)
        rest = np.abs(units) % multiple
        inner = units - np.sign(units) * rest  # the multiple towards 0
        outer = np.sign(units) * (multiple - rest)
        room = np.where(units > 0, highest - np.maximum(units, 0), np.minimum(units, 0) - lowest)
        away = (2 * rest >= multiple) & (multiple - rest <= room)
        return np.maximum(np.where(away, units + np.where(away, outer, 0), inner), lowest)

    return lambda values, _entity: _changed(values, context, rounded, lambda units: units.view(np.uint64))


_MOST_STEP = 1 << 31  # units between two knots, so that a place between them times their distance fits 64 bits


def _build_ordered(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    step = int(str(options["step"]))
    column = context.type
    drawn = keyed.sub("knots")

    def knots(numbers: Whole, size: Whole) -> Whole:
        """Give where each multiple of a step goes: less than half a step away, so none meets the next one."""
        share = (drawn.prf_integers(numbers)[:, 0] >> np.uint64(32)) * size.view(np.uint64) >> np.uint64(32)
        return share.view(np.int64) - size // 2

    def moved(units: Whole, places: Whole, _bits: Words) -> Whole:
        size = step * 10**places
        lowest, highest = bounds(column, places)
        inside = np.clip(units, -_INT64 // 2, _INT64 // 2)  # what is beyond half of all that 64 bits hold stays
        number = inside // size
        rest = inside - number * size
        here, following = knots(number, size), knots(number + 1, size)
        made = number * size + here + rest * (size + following - here) // size
        return np.where(inside == units, np.clip(made, lowest, highest), units)

    return lambda values, _entity: _changed(values, context, moved, lambda units: units.view(np.uint64))


def _ordered_fits(options: Options, context: ColumnContext) -> str | None:
    column = context.type
    if column.kind is Kind.DECIMAL and (column.precision is None or column.scale is None):
        return "numbers of any number of places have no order that is kept in their last place; use noise"
    if (column.scale or 0) < 0:
        return "a column of tens or hundreds has no place to tell two numbers near by apart; use noise"
    if int(str(options["step"])) * 10 ** (column.scale or 0) >= _MOST_STEP:
        return f"option 'step' must be below {_MOST_STEP} times the last place of the column"
    return None


_LOSSY = Promise.LOSSY | Promise.KEEPS_NULL

DEFINITIONS = (
    MaskDefinition(
        name="noise",
        summary="A number near by, of the same sign; the same for the same value, or for the same entity.",
        kinds=_NUMBERS,
        promises=_LOSSY,
        parameters=(
            RATIO,
            AMOUNT,
            Parameter("entity", "column", summary="the column that says to whom the number belongs"),
        ),
        domain="noise",
        build=_build_noise,
        gaps=True,
    ),
    MaskDefinition(
        name="ordered_noise",
        summary="A number near by, and all in the order in which they were: ranks stay, distances do not.",
        kinds=frozenset({Kind.INTEGER, Kind.DECIMAL}),
        promises=_LOSSY | Promise.KEEPS_ORDER,
        parameters=(
            Parameter("step", "integer", required=True, minimum=2, summary="no number moves further than this"),
        ),
        domain="ordered_noise",
        version=2,
        build=_build_ordered,
        gaps=True,
        fits=_ordered_fits,
    ),
    MaskDefinition(
        name="round",
        summary="The nearest multiple, halves away from 0.",
        kinds=_NUMBERS,
        promises=_LOSSY | Promise.KEEPS_ORDER,
        parameters=(
            Parameter("to", "integer", required=True, minimum=1, maximum=_MOST_AMOUNT, summary="a multiple of what"),
        ),
        domain="round",
        build=_build_round,
        gaps=True,
    ),
    MaskDefinition(
        name="bucket",
        summary="The beginning of the band that the number is in; a top and a bottom for what is beyond.",
        kinds=_NUMBERS,
        promises=_LOSSY | Promise.KEEPS_ORDER,
        parameters=(
            Parameter("size", "integer", minimum=1, maximum=_MOST_AMOUNT, summary="how wide each band is"),
            Parameter("top", "integer", summary="what stands for it and all that is more"),
            Parameter("bottom", "integer", summary="what stands for all that is less"),
        ),
        domain="bucket",
        build=_build_bucket,
        gaps=True,
        fits=_bucket_fits,
    ),
)

"""
Values that hang on those of other rows: `shuffle` hands them on, `balanced_noise` moves amounts between them.

Both know the whole column before its first row is masked; what they give is looked up by the row's key.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import decimals
from dbmimic.masks.builtin.numbers import AMOUNT, RATIO, bounds, least_of, reach
from dbmimic.masks.decimals import Flags, Whole
from dbmimic.masks.definition import (
    GROUP,
    ColumnContext,
    MaskDefinition,
    MaskError,
    MaskFunction,
    Options,
    Parameter,
    Promise,
)
from dbmimic.masks.hand import Hand, places_of
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.layout import keep_blank
from dbmimic.model.types import Kind

_FEWEST = 5


def _build(keyed: KeyedFunction, _options: Options, context: ColumnContext) -> MaskFunction:
    dealt = context.dealt

    def mask(values: pa.Array, keys: pa.Array | None) -> pa.Array:
        told = pc.fill_null(pc.not_equal(values, ""), False)
        if not pc.any(told, min_count=0).as_py():
            return values
        if dealt is None or keys is None:
            raise MaskError("the column's values were not read before")
        places, there = places_of(keyed, keys, dealt.rows)
        if pc.any(pc.and_not(told, pa.array(there)), min_count=0).as_py():
            raise MaskError("the row was not there when the column's values were read")
        missing = pc.invert(pc.and_(told, pa.array(there))).to_numpy(zero_copy_only=False)
        return keep_blank(values, dealt.values.take(pa.array(places, mask=missing)))

    return mask


def _shuffled(_keyed: KeyedFunction, _options: Options, _context: ColumnContext, hand: Hand) -> pa.Array:
    return hand.values.take(pa.array(hand.following))


def _balanced(keyed: KeyedFunction, options: Options, context: ColumnContext, hand: Hand) -> pa.Array:
    """Move of each number something to the next one: no sum changes, and no number moves further than it may."""
    units, places, valid = _units(hand.values, context)
    size = np.abs(units)
    lowest, highest = bounds(context.type, places)
    room = np.minimum(size - 1, np.where(units > 0, highest - np.maximum(units, 0), np.minimum(units, 0) - lowest))
    room = np.minimum(room, np.where(lowest > 0, size - lowest, room))
    room = np.where(valid, np.clip(np.minimum(reach(options, size, places), room), 0, None), 0)
    most = np.minimum((room + 1) // 2, room[hand.following] // 2)  # out of it half of what may go, into it the rest
    bits = keyed.sub("amounts").prf_integers(hand.rows.view(np.int64))[:, 0]
    draw = (bits >> np.uint64(11)).astype(np.float64) * 0.5**53
    given = np.minimum((draw * (2 * most + 1)).astype(np.int64), 2 * most) - most
    given[hand.first == hand.last] = 0
    moved = units - given + given[hand.preceding]
    made = decimals.spell(moved * least_of(context.type), np.maximum(places, 0))
    return pc.if_else(pa.array(valid), made, pa.scalar(None, pa.string()))


def _units(values: pa.Array, context: ColumnContext) -> tuple[Whole, Whole, Flags]:
    """Give the numbers in units of one last place for all of them; that of hundreds is -2."""
    column = context.type
    if (least := least_of(column)) > 1:
        units, places, valid = decimals.parse(values, 0)
        return units // least, places + (column.scale or 0), valid
    if column.kind is Kind.INTEGER:
        return decimals.parse(values, 0)
    if column.precision is not None:
        return decimals.parse(values, column.scale)
    _units, places, valid = decimals.parse(values, None)
    return decimals.parse(values, int(places[valid].max(initial=0)))


DEFINITIONS = (
    MaskDefinition(
        name="shuffle",
        summary="The value of another row, of the same group; every value stands as often as it did.",
        kinds=frozenset(Kind),
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(
            GROUP,
            Parameter(
                "min_count", "integer", default=_FEWEST, minimum=2, summary="groups of fewer rows are one together"
            ),
        ),
        domain="shuffle",
        build=_build,
        counted=True,
        deal=_shuffled,
    ),
    MaskDefinition(
        name="balanced_noise",
        summary="A number near by, of the same sign; the numbers of a group go on having the same sum.",
        kinds=frozenset({Kind.INTEGER, Kind.DECIMAL}),
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(GROUP, RATIO, AMOUNT),
        domain="balanced_noise",
        build=_build,
        counted=True,
        deal=_balanced,
        gaps=True,
    ),
)

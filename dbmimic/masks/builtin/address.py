"""Where a person lives: `street_address`, `city`, `postal_code`."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical, pools
from dbmimic.masks.builtin.person import LOCALE, build_drawn, fits_locale, pool_of
from dbmimic.masks.definition import ONE_TO_ONE, ColumnContext, MaskDefinition, MaskFunction, Options, Promise
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import concatenated, keep_blank, same_text
from dbmimic.masks.pools import Pool
from dbmimic.masks.shape import Shape, shape_mask
from dbmimic.model.types import Kind

_BITS = 32
_HOUSES = Pool(pa.array([str(number) for number in range(1, 1000)]))
_HOUSE_WIDTH = 4  # three digits and a blank
_SHORTEST_STREET = 7


def build_street_address(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    """Give the mask that makes a house number and a street of each value."""
    limit = context.type.length
    if options.get(LOCALE.name) is not None:
        return _build_local_street(keyed, options, context)
    if limit is not None and limit < _HOUSE_WIDTH + _SHORTEST_STREET:
        return build_drawn("streets")(keyed, options, context)
    streets = pools.load("streets").fitting(None if limit is None else limit - _HOUSE_WIDTH)

    houses = _HOUSES.followed_by(" ")

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        seen = canonical.folded(values)
        bits = keyed.uniform(seen)
        street = streets.cells.take(streets.index(bits, 0, _BITS))
        house = _HOUSES.index(bits, _BITS, _BITS)
        made = concatenated(houses.take(house), street)
        same = same_text(made, seen)
        if len(same):
            house[same] = _HOUSES.next(house[same])
            made = concatenated(houses.take(house), street)
        return keep_blank(values, made)

    return mask


_HOUSE_FIRST = ("en_", "fr_")  # in most other languages the number stands after the street


def _build_local_street(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    limit = context.type.length
    room = context if limit is None else replace(context, type=replace(context.type, length=limit - _HOUSE_WIDTH))
    streets = pool_of("streets", options, room)
    first = str(options[LOCALE.name]).startswith(_HOUSE_FIRST)

    def joined(house: Words, street: pa.Array) -> pa.Array:
        pair = (_HOUSES.take(house), street) if first else (street, _HOUSES.take(house))
        return pc.binary_join_element_wise(*pair, " ")

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        seen = canonical.folded(values)
        bits = keyed.uniform(seen)
        street, house = streets.take(streets.index(bits, 0, _BITS)), _HOUSES.index(bits, _BITS, _BITS)
        made = joined(house, street)
        same = pc.fill_null(pc.equal(canonical.folded(made), seen), False)
        if pc.any(same, min_count=0).as_py():
            made = pc.if_else(same, joined(_HOUSES.next(house), street), made)
        return keep_blank(values, pc.if_else(pc.is_valid(values), made, pa.scalar(None, pa.string())))

    return mask


DEFINITIONS = (
    MaskDefinition(
        name="street_address",
        summary="A house number and a street.",
        kinds=frozenset({Kind.TEXT}),
        promises=Promise.CHANGES | Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(LOCALE,),
        domain="address.street",
        build=build_street_address,
        drawn=True,
        fits=fits_locale("streets", room=_HOUSE_WIDTH),
    ),
    MaskDefinition(
        name="city",
        summary="A city that is not on any map.",
        kinds=frozenset({Kind.TEXT}),
        promises=Promise.CHANGES | Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(LOCALE,),
        domain="address.city",
        build=build_drawn("cities"),
        drawn=True,
        fits=fits_locale("cities"),
    ),
    MaskDefinition(
        name="postal_code",
        summary="Other digits and letters in the same form.",
        kinds=frozenset({Kind.TEXT}),
        promises=ONE_TO_ONE,
        parameters=(),
        domain="address.postal_code",
        build=lambda keyed, _options, context: shape_mask(keyed, context, Shape.CODE),
    ),
)

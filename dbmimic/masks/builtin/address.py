"""Where a person lives: `street_address`, `city`, `postal_code`."""

from __future__ import annotations

import pyarrow as pa

from dbmimic.masks import canonical, pools
from dbmimic.masks.builtin.person import build_drawn, has_room
from dbmimic.masks.definition import ONE_TO_ONE, ColumnContext, MaskDefinition, MaskFunction, Options, Promise
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.layout import concatenated, keep_blank, same_text
from dbmimic.masks.pools import Pool
from dbmimic.masks.shape import Shape, shape_mask
from dbmimic.model.types import Kind

_BITS = 32
_HOUSES = Pool(pa.array([str(number) for number in range(1, 1000)]))
_HOUSE_WIDTH = 4  # three digits and a blank
_SHORTEST_STREET = 7


def _build_street_address(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    limit = context.type.length
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


DEFINITIONS = (
    MaskDefinition(
        name="street_address",
        summary="A house number and a street.",
        kinds=frozenset({Kind.TEXT}),
        promises=Promise.CHANGES | Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(),
        domain="address.street",
        build=_build_street_address,
        drawn=True,
        fits=has_room,
    ),
    MaskDefinition(
        name="city",
        summary="A city that is not on any map.",
        kinds=frozenset({Kind.TEXT}),
        promises=Promise.CHANGES | Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(),
        domain="address.city",
        build=build_drawn("cities"),
        drawn=True,
        fits=has_room,
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

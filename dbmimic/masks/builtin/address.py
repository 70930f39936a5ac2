"""Where a person lives: `street_address`, `city`, `postal_code`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical, pools
from dbmimic.masks.builtin.person import build_drawn, has_room
from dbmimic.masks.definition import ColumnContext, MaskDefinition, MaskFunction, Options, Promise
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.layout import keep_blank
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

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        seen = canonical.folded(values)
        bits = keyed.uniform(seen)
        street = streets.take(streets.index(bits, 0, _BITS))
        house = _HOUSES.index(bits, _BITS, _BITS)
        made = pc.binary_join_element_wise(_HOUSES.take(house), street, " ")
        same = pc.fill_null(pc.equal(pc.ascii_lower(made), seen), False).to_numpy(zero_copy_only=False)
        if same.any():
            next_door = np.where(same, _HOUSES.next(house), house)
            made = pc.binary_join_element_wise(_HOUSES.take(next_door), street, " ")
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
        fits=has_room,
    ),
    MaskDefinition(
        name="postal_code",
        summary="Other digits and letters in the same form.",
        kinds=frozenset({Kind.TEXT}),
        promises=Promise.UNIQUE | Promise.REVERSIBLE | Promise.CHANGES | Promise.KEY_SAFE | Promise.KEEPS_NULL,
        parameters=(),
        domain="address.postal_code",
        build=lambda keyed, _options, context: shape_mask(keyed, context, Shape.CODE),
    ),
)

"""Names of persons, drawn from the frozen pools: `first_name`, `last_name`, `full_name`."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical, pools
from dbmimic.masks.definition import Build, ColumnContext, MaskDefinition, MaskFunction, Options, Promise
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.layout import keep_blank
from dbmimic.model.types import Kind

_DRAWN = Promise.CHANGES | Promise.LOSSY | Promise.KEEPS_NULL
_BITS = 32
_SHORTEST_FULL = 10  # characters for a name, a comma, a blank and another name


def build_drawn(pool_name: str) -> Build:
    """Give the builder of a mask that draws one entry of a pool for each value."""

    def build(keyed: KeyedFunction, _options: Options, context: ColumnContext) -> MaskFunction:
        pool = pools.load(pool_name).fitting(context.type.length)

        def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
            seen = canonical.folded(values)
            index = pool.index(keyed.uniform(seen), 0, _BITS)
            return keep_blank(values, pool.take(pool.beside(index, seen)))

        return mask

    return build


def _build_full_name(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    limit = context.type.length
    if limit is not None and limit < _SHORTEST_FULL:
        return build_drawn("last_names")(keyed, options, context)
    half = None if limit is None else (limit - 2) // 2
    firsts, lasts = pools.load("first_names").fitting(half), pools.load("last_names").fitting(half)

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        seen = canonical.folded(values)
        bits = keyed.uniform(seen)
        first = firsts.index(bits, 0, _BITS)
        last = lasts.index(bits, _BITS, _BITS)
        comma = pc.match_substring(values, ",")
        made = _joined(firsts.take(first), lasts.take(last), comma)
        same = pc.fill_null(pc.equal(pc.ascii_lower(made), seen), False)
        if pc.any(same).as_py():
            made = pc.if_else(same, _joined(firsts.take(first), lasts.take(lasts.next(last)), comma), made)
        return keep_blank(values, made)

    return mask


def _joined(first: pa.Array, last: pa.Array, comma: pa.Array) -> pa.Array:
    """Give `First Last`, or `Last, First` where the value has a comma."""
    plain = pc.binary_join_element_wise(first, last, " ")
    if not pc.any(comma).as_py():
        return plain
    return pc.if_else(pc.fill_null(comma, False), pc.binary_join_element_wise(last, first, ", "), plain)


def has_room(_options: Options, context: ColumnContext) -> str | None:
    """Say where a column is too narrow for a drawn text."""
    return "the column holds no characters" if context.type.length == 0 else None


DEFINITIONS = (
    MaskDefinition(
        name="first_name",
        summary="A first name.",
        kinds=frozenset({Kind.TEXT}),
        promises=_DRAWN,
        parameters=(),
        domain="person.first",
        build=build_drawn("first_names"),
        fits=has_room,
    ),
    MaskDefinition(
        name="last_name",
        summary="A last name.",
        kinds=frozenset({Kind.TEXT}),
        promises=_DRAWN,
        parameters=(),
        domain="person.last",
        build=build_drawn("last_names"),
        fits=has_room,
    ),
    MaskDefinition(
        name="full_name",
        summary="A first and a last name; 'Last, First' where the value has a comma.",
        kinds=frozenset({Kind.TEXT}),
        promises=_DRAWN,
        parameters=(),
        domain="person.full",
        build=_build_full_name,
        fits=has_room,
    ),
)

"""Names of persons, drawn from the frozen pools: `first_name`, `last_name`, `full_name`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical, pools
from dbmimic.masks.definition import Build, ColumnContext, MaskDefinition, MaskFunction, Options, Promise
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import byte_layout, concatenated, keep_blank, same_text
from dbmimic.model.types import Kind

_DRAWN = Promise.CHANGES | Promise.LOSSY | Promise.KEEPS_NULL
_BITS = 32
_SHORTEST_FULL = 10  # characters for a name, a comma, a blank and another name

Flags = npt.NDArray[np.bool_]


def build_drawn(pool_name: str) -> Build:
    """Give the builder of a mask that draws one entry of a pool for each value."""

    def build(keyed: KeyedFunction, _options: Options, context: ColumnContext) -> MaskFunction:
        pool = pools.load(pool_name).fitting(context.type.length)

        def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
            seen = canonical.folded(values)
            index = pool.index(keyed.uniform(seen), 0, _BITS)
            return keep_blank(values, pool.drawn(index, seen))

        return mask

    return build


def _build_full_name(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    limit = context.type.length
    if limit is not None and limit < _SHORTEST_FULL:
        return build_drawn("last_names")(keyed, options, context)
    half = None if limit is None else (limit - 2) // 2
    firsts, lasts = pools.load("first_names").fitting(half), pools.load("last_names").fitting(half)

    forms = (firsts.followed_by(" "), lasts.cells), (lasts.followed_by(", "), firsts.cells)

    def joined(first: Words, last: Words, comma: Flags | None) -> pa.Array:
        plain = forms[0][0].take(first), forms[0][1].take(last)
        if comma is None:
            return concatenated(*plain)
        turned = forms[1][0].take(last), forms[1][1].take(first)
        return concatenated(*(one.replaced(comma, other) for one, other in zip(plain, turned, strict=True)))

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        seen = canonical.folded(values)
        bits = keyed.uniform(seen)
        first = firsts.index(bits, 0, _BITS)
        last = lasts.index(bits, _BITS, _BITS)
        comma = _with_comma(values)
        made = joined(first, last, comma)
        same = same_text(made, seen)
        if len(same):
            last[same] = lasts.next(last[same])
            made = joined(first, last, comma)
        return keep_blank(values, made)

    return mask


def _with_comma(values: pa.Array) -> Flags | None:
    """Give which values have a comma, or None where none has: then `Last, First` stands nowhere."""
    if not (byte_layout(values)[2] == ord(",")).any():
        return None
    found: Flags = pc.fill_null(pc.match_substring(values, ","), False).to_numpy(zero_copy_only=False)
    return found


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
        drawn=True,
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
        drawn=True,
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
        drawn=True,
        fits=has_room,
    ),
)

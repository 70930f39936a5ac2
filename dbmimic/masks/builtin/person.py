"""Names of persons, drawn from the frozen pools: `first_name`, `last_name`, `full_name`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical, locales, pools
from dbmimic.masks.definition import (
    PERSONA,
    Build,
    Check,
    ColumnContext,
    MaskDefinition,
    MaskFunction,
    Options,
    Parameter,
    Promise,
)
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import byte_layout, concatenated, keep_blank, same_text
from dbmimic.masks.pools import Pool
from dbmimic.model.names import nearest
from dbmimic.model.types import Kind

LOCALE = Parameter("locale", "text", minimum=2, summary="whose, as de_DE; else of many countries, in plain letters")
_DRAWN = Promise.CHANGES | Promise.LOSSY | Promise.KEEPS_NULL
_BITS = 32
_SHORTEST_FULL = 10  # characters for a name, a comma, a blank and another name

Flags = npt.NDArray[np.bool_]


def build_drawn(pool_name: str) -> Build:
    """Give the builder of a mask that draws one entry of a pool for each value."""

    def build(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
        pool = pool_of(pool_name, options, context)

        def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
            seen = canonical.folded(values)
            index = pool.index(keyed.uniform(seen), 0, _BITS)
            return keep_blank(values, pool.drawn(index, seen))

        return mask

    return build


def pool_of(name: str, options: Options, context: ColumnContext) -> Pool:
    """Give what there is to draw of that name: the locale's, where one is told."""
    locale = options.get(LOCALE.name)
    if locale is None:
        return pools.load(name).fitting(context.type.length)
    found = locales.pool(str(locale), name, context.type)
    if found is None:
        raise ValueError(f"nothing of the locale {locale} fits the column")
    return found


def fits_locale(*names: str, room: int = 0) -> Check:
    """Give what has to say whether a column has room for a text, of these pools of a locale and so many characters."""

    def fits(options: Options, context: ColumnContext) -> str | None:
        locale = options.get(LOCALE.name)
        if locale is None or context.type.length == 0:
            return has_room(options, context)
        if options.get(PERSONA.name) is not None:
            return "a persona has names of its own, so option 'locale' has no meaning"
        missing = [name for name in names if (locale, name) not in locales.load()]
        if missing:
            known = [known for known in locales.names() if (known, missing[0]) in locales.load()]
            near = nearest(str(locale), known)
            guess = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}"
            return f"option 'locale': there are no {missing[0].replace('_', ' ')} of {locale!r}; {guess}"
        length = context.type.length
        column = context.type if length is None else replace(context.type, length=max(0, (length - room) // len(names)))
        few = [name for name in names if len(locales.pool(str(locale), name, column) or ()) < _FEWEST]
        if few:
            return f"of the {few[0].replace('_', ' ')} of {locale} fewer than {_FEWEST} fit the column"
        return None

    return fits


_FEWEST = 20

# Where the last name stands first, and what stands between.
_LAST_FIRST = {"hu_HU": " ", "ja_JP": " ", "ko_KR": "", "zh_CN": "", "zh_TW": ""}


def _build_local_name(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    locale, limit = str(options[LOCALE.name]), context.type.length
    half = context if limit is None else replace(context, type=replace(context.type, length=(limit - 2) // 2))
    firsts, lasts = pool_of("first_names", options, half), pool_of("last_names", options, half)
    between = _LAST_FIRST.get(locale)

    def joined(first: pa.Array, last: pa.Array, comma: Flags | None) -> pa.Array:
        if between is not None:
            made = pc.binary_join_element_wise(last, first, between)
        else:
            made = pc.binary_join_element_wise(first, last, " ")
        return made if comma is None else pc.if_else(comma, pc.binary_join_element_wise(last, first, ", "), made)

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        seen = canonical.folded(values)
        bits = keyed.uniform(seen)
        first, last = firsts.take(firsts.index(bits, 0, _BITS)), lasts.index(bits, _BITS, _BITS)
        comma = _with_comma(values)
        made = joined(first, lasts.take(last), comma)
        same = pc.fill_null(pc.equal(canonical.folded(made), seen), False)
        if pc.any(same, min_count=0).as_py():
            made = pc.if_else(same, joined(first, lasts.take(lasts.next(last)), comma), made)
        return keep_blank(values, pc.if_else(pc.is_valid(values), made, pa.scalar(None, pa.string())))

    return mask


def _build_full_name(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    if options.get(LOCALE.name) is not None:
        return _build_local_name(keyed, options, context)
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
        parameters=(LOCALE,),
        domain="person.first",
        build=build_drawn("first_names"),
        drawn=True,
        fits=fits_locale("first_names"),
    ),
    MaskDefinition(
        name="last_name",
        summary="A last name.",
        kinds=frozenset({Kind.TEXT}),
        promises=_DRAWN,
        parameters=(LOCALE,),
        domain="person.last",
        build=build_drawn("last_names"),
        drawn=True,
        fits=fits_locale("last_names"),
    ),
    MaskDefinition(
        name="full_name",
        summary="A first and a last name; 'Last, First' where the value has a comma.",
        kinds=frozenset({Kind.TEXT}),
        promises=_DRAWN,
        parameters=(LOCALE,),
        domain="person.full",
        build=_build_full_name,
        drawn=True,
        fits=fits_locale("first_names", "last_names", room=2),
    ),
)

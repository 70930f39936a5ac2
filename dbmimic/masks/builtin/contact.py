"""Ways to reach a person: `email` and `phone`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import base32, canonical, pools
from dbmimic.masks.definition import (
    ONE_TO_ONE,
    ColumnContext,
    MaskDefinition,
    MaskFunction,
    Options,
    Parameter,
    Promise,
)
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import Cells, concatenated, keep_blank, same_text
from dbmimic.masks.shape import Shape, shape_mask
from dbmimic.model.types import Kind

_DOMAIN = "@example.com"  # reserved for documentation: RFC 2606, section 3
_SHORT_DOMAIN = "@m.test"  # reserved for tests: RFC 2606, section 2
_NAME = 8  # characters of each name, so that the usual form fits 46 characters
_FIRST, _LAST, _NAME_BITS = 42, 20, 22  # bits of the first word that the spelt suffix leaves alone


@dataclass(frozen=True)
class _Form:
    """One form of an address, and the least number of characters that it fits."""

    first: bool
    last: bool
    suffix: int
    domain: str

    @property
    def length(self) -> int:
        return self.first * (_NAME + 1) + self.last * (_NAME + 1) + self.suffix + len(self.domain)


_FORMS = tuple(
    _Form(first, last, base32.SAFE_WIDTH, domain)
    for first, last, domain in (
        (True, True, _DOMAIN),
        (True, False, _DOMAIN),
        (False, False, _DOMAIN),
        (False, False, _SHORT_DOMAIN),
    )
)


def _form(limit: int | None) -> _Form:
    """Give the fullest form that fits; below the safe ones, as much suffix as there is room for."""
    if limit is None:
        return _FORMS[0]
    for form in _FORMS:
        if form.length <= limit:
            return form
    return _Form(first=False, last=False, suffix=limit - len(_SHORT_DOMAIN), domain=_SHORT_DOMAIN)


def _local(form: _Form, bits: Words, domain: str) -> pa.Array:
    """Give the address up to and with the domain (which may be empty)."""
    parts = [Cells.beginning(base32.spell(bits, form.suffix), domain)]
    if form.last:
        parts.insert(0, _names("last_names", bits[:, 0], _LAST))
    if form.first:
        parts.insert(0, _names("first_names", bits[:, 0], _FIRST))
    return concatenated(*parts)


@cache
def _short(pool: str) -> tuple[pools.Pool, Cells]:
    """Give a pool's short names, and those in lower case with a dot after each."""
    short = pools.load(pool).fitting(_NAME)
    return short, pools.Pool(short.lower).followed_by(".")


def _names(pool: str, bits: Words, low: int) -> Cells:
    short, cells = _short(pool)
    return cells.take(short.index(bits, low, _NAME_BITS))


def _build_email(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    form = _form(context.type.length)
    limit = context.type.length

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        folded = canonical.folded(values)
        bits = keyed.prf(folded if options["fold"] else canonical.text(values))
        made = _differing(lambda words: _local(form, words, form.domain), bits, folded)
        if options["keep_domain"]:
            made = _with_own_domain(bits, folded, made, limit)
        return keep_blank(values, made)

    return mask


def _differing(make: Callable[[Words], pa.Array], bits: Words, seen: pa.Array) -> pa.Array:
    """Give what is made of the bits, and of other bits where that is what was seen."""
    made = make(bits)
    same = np.zeros(len(bits), dtype=np.bool_)
    same[same_text(made, seen)] = True
    return pc.if_else(pa.array(same), make(base32.other(bits)), made) if same.any() else made


def _at_domain(form: _Form, domain: pa.Array, bits: Words) -> pa.Array:
    return pc.binary_join_element_wise(_local(form, bits, ""), domain, "")


def _with_own_domain(bits: Words, folded: pa.Array, made: pa.Array, limit: int | None) -> pa.Array:
    """Give the addresses at the domain that each value has, where it has one and there is room for it."""
    domain = pc.extract_regex(folded, r"(?P<domain>@[^@\s]+)$").field("domain")
    for form in reversed(_FORMS[:3]):
        own = _differing(partial(_at_domain, form, domain), bits, folded)
        fits = pc.greater(pc.utf8_length(domain), 1)
        if limit is not None:
            fits = pc.and_(fits, pc.less_equal(pc.utf8_length(own), limit))
        made = pc.if_else(pc.fill_null(fits, False), own, made)
    return made


def _email_fits(_options: Options, context: ColumnContext) -> str | None:
    limit = context.type.length
    safe, least = _FORMS[-1].length, len(_SHORT_DOMAIN) + 1
    if limit is not None and limit < least:
        return f"an e-mail address needs {least} characters, and the column holds {limit}"
    if limit is not None and context.unique and limit < safe:
        return f"e-mail addresses that cannot collide need {safe} characters, and the column holds {limit}"
    return None


DEFINITIONS = (
    MaskDefinition(
        name="email",
        summary="An address in lower case that cannot collide, at a domain reserved for examples.",
        kinds=frozenset({Kind.TEXT}),
        promises=Promise.UNIQUE | Promise.CHANGES | Promise.KEY_SAFE | Promise.KEEPS_NULL,
        parameters=(
            Parameter("keep_domain", "boolean", default=False, summary="keep what stands after the @"),
            Parameter("fold", "boolean", default=True, summary="addresses that differ in case or outer blanks are one"),
        ),
        domain="email",
        build=_build_email,
        reads=lambda values, _options: pc.match_substring(values, "@"),
        drawn=True,
        fits=_email_fits,
    ),
    MaskDefinition(
        name="phone",
        summary="Other digits in the same form; the country code stays.",
        kinds=frozenset({Kind.TEXT}),
        promises=ONE_TO_ONE,
        parameters=(
            Parameter(
                "keep_area",
                "boolean",
                default=False,
                summary="keep what follows the country code, so that a number that is given out stays such a one",
            ),
        ),
        domain="phone",
        build=lambda keyed, options, context: shape_mask(
            keyed, context, Shape.AREA if options["keep_area"] else Shape.PHONE
        ),
        reads=lambda values, _options: pc.match_substring_regex(values, "[0-9]"),
    ),
)

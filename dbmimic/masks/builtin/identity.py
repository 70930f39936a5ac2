"""What goes with a person's names: `username` and `gender`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import base32, canonical
from dbmimic.masks.definition import ColumnContext, MaskDefinition, MaskFunction, Options, Parameter, Promise
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.layout import keep_blank
from dbmimic.masks.persona import Identities, spelt
from dbmimic.model.types import Kind


def _build_username(keyed: KeyedFunction, _options: Options, context: ColumnContext) -> MaskFunction:
    limit = context.type.length

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        seen = canonical.folded(values)
        bits = keyed.prf(seen)
        made = Identities(bits).account(limit, domain=False)
        same = pc.fill_null(pc.equal(made, seen), False)
        if pc.any(same, min_count=0).as_py():
            made = pc.if_else(same, Identities(base32.other(bits)).account(limit, domain=False), made)
        return keep_blank(values, pc.if_else(pc.is_valid(values), made, pa.scalar(None, pa.string())))

    return mask


def _username_fits(_options: Options, context: ColumnContext) -> str | None:
    limit = context.type.length
    if limit == 0:
        return "the column holds no characters"
    if limit is not None and context.unique and limit < base32.SAFE_WIDTH:
        return f"user names that cannot collide need {base32.SAFE_WIDTH} characters, and the column holds {limit}"
    return None


def _build_gender(keyed: KeyedFunction, options: Options, _context: ColumnContext) -> MaskFunction:
    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        female = (keyed.uniform(canonical.folded(values)) >> np.uint64(63)).astype(np.bool_)
        return keep_blank(values, pc.if_else(pc.is_valid(values), spelt(female, options), pa.scalar(None, pa.string())))

    return mask


def _gender_fits(options: Options, context: ColumnContext) -> str | None:
    if options.get("persona") is None and options.get("scope") != "row":
        return "all that are equal would become one: say whose it is (`persona: COLUMN`), or draw anew (`scope: row`)"
    for option in ("female", "male"):
        word, column = str(options[option]), context.type
        if column.kind is Kind.TEXT and column.length is not None and len(word) > column.length:
            return f"option {option!r} has {len(word)} characters, and the column holds {column.length}"
        if not column.takes(word):
            return f"option {option!r} has characters that the character set {column.charset} lacks"
        if column.members and word not in column.members:
            return f"option {option!r} is not one of the column's values"
        if column.kind in {Kind.INTEGER, Kind.BOOLEAN} and not word.isdecimal():
            return f"option {option!r} is no number, and the column holds {column.kind}"
    return None


DEFINITIONS = (
    MaskDefinition(
        name="username",
        summary="A user name that cannot collide, in lower case; of one `persona` the beginning of its e-mail address.",
        kinds=frozenset({Kind.TEXT}),
        promises=Promise.UNIQUE | Promise.CHANGES | Promise.KEY_SAFE | Promise.KEEPS_NULL,
        parameters=(),
        domain="person.username",
        build=_build_username,
        drawn=True,
        fits=_username_fits,
    ),
    MaskDefinition(
        name="gender",
        summary="One of two words, as a `persona` has it, or anew in each row; so for titles.",
        kinds=frozenset({Kind.TEXT, Kind.ENUM, Kind.INTEGER, Kind.BOOLEAN}),
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(
            Parameter("female", "any", default="F", summary="the word for a woman"),
            Parameter("male", "any", default="M", summary="the word for a man"),
        ),
        domain="person.gender",
        build=_build_gender,
        drawn=True,
        fits=_gender_fits,
    ),
)

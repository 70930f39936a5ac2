"""What every mask is told beside its own options: of NULL, of the empty string, and of what it cannot read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical
from dbmimic.masks.definition import (
    DISTINCT,
    EMPTY,
    EXCEPT,
    GENERAL,
    INVALID,
    NULLS,
    PERSONA,
    SCOPE,
    WHEN,
    ColumnContext,
    MaskDefinition,
    MaskError,
    MaskFunction,
    Options,
    Parameter,
    Promise,
)
from dbmimic.masks.persona import FIELDS
from dbmimic.model.types import Kind

Tally = Callable[[int], None]
"""Is told of values that a mask could not read, so many at a time."""

_NOTHING = pa.scalar(None, pa.string())
_STAND_IN = "0000000000"  # what is masked for NULL or nothing: it has a form, and is nobody's
_YEAR = "2000"
_STAND_INS: Mapping[Kind, str] = {
    Kind.INTEGER: "1",
    Kind.DECIMAL: "1",
    Kind.FLOAT: "1",
    Kind.DATE: "2000-01-01",
    Kind.TIMESTAMP: "2000-01-01 00:00:00",
    Kind.TIMESTAMPTZ: "2000-01-01 00:00:00",
    Kind.UUID: "00000000-0000-4000-8000-000000000000",
    Kind.JSON: "{}",
    Kind.ARRAY: "{}",
    Kind.NETWORK: "192.0.2.1",  # of a network for documentation: RFC 5737
}
_UNKNOWN = frozenset({Kind.OTHER, Kind.GEOMETRY})  # no value is one of all such types
_DATE_TEXT = "2000-01-01"
_SEPARATOR = "\x1f"
_TRIES = 8


def ignored(_count: int) -> None:
    """Take no note."""


def refusing(_values: pa.Array, _entity: pa.Array | None) -> pa.Array:
    """Stand for nothing that could not be read."""
    raise MaskError("a value has not the form that the mask reads")


def told(mask: MaskFunction, tally: Tally) -> MaskFunction:
    """Give the mask with all that it masks, NULL aside, told to the tally."""

    def run(values: pa.Array, entity: pa.Array | None) -> pa.Array:
        tally(len(values) - values.null_count)
        return mask(values, entity)

    return run


@dataclass(frozen=True, slots=True)
class Policy:
    """The general options of one rule. An option that the mask has itself stands at its default here."""

    keeps: tuple[str, ...] = ()
    nulls: str = "keep"
    empty: str = "keep"
    invalid: str = "scramble"
    when: str | None = None
    scope: str = "stable"
    unique: str = "auto"
    persona: str | None = None

    @classmethod
    def of(cls, definition: MaskDefinition, options: Options) -> Policy:
        """Give what parsed options say."""
        own = {parameter.name for parameter in definition.parameters}

        def told(parameter: Parameter) -> str:
            return str(parameter.default if parameter.name in own else options.get(parameter.name, parameter.default))

        kept, when, persona = (options.get(parameter.name) for parameter in (EXCEPT, WHEN, PERSONA))
        return cls(
            keeps=kept if isinstance(kept, tuple) else (),
            nulls=told(NULLS),
            empty=told(EMPTY),
            invalid=told(INVALID),
            when=when if isinstance(when, str) and WHEN.name not in own else None,
            scope=told(SCOPE),
            unique=told(DISTINCT),
            persona=persona if isinstance(persona, str) and PERSONA.name not in own else None,
        )

    def seen(self, context: ColumnContext) -> ColumnContext:
        """Give the column as the mask is to see it."""
        unique = {"require": True, "off": False}.get(self.unique, context.unique)
        return replace(context, unique=unique)


def objection(definition: MaskDefinition, options: Options, context: ColumnContext) -> str | None:
    """Give the sentence that says why the general options do not fit this column, or None."""
    policy = Policy.of(definition, options)
    told = {parameter.name for parameter in GENERAL} & options.keys()
    told -= {parameter.name for parameter in definition.parameters}
    if INVALID.name in told and not definition.gaps and definition.reads is None:
        return f"mask {definition.name!r} takes every value or stops the run, so option 'invalid' has no meaning"
    for option in (EMPTY, INVALID):
        if option.name in told and options[option.name] == "null" and not context.nullable:
            return f"option {option.name!r} is null, and the column may not be NULL"
    reason = _unfit_for_nothing(definition, policy, context)
    if reason is not None:
        return reason
    if policy.persona is not None:
        return _unfit_for_a_person(definition, options, policy)
    if policy.scope == "row":
        return _unfit_for_a_row(definition, options)
    return None


def _unfit_for_nothing(definition: MaskDefinition, policy: Policy, context: ColumnContext) -> str | None:
    if definition.deal is not None and "mask" in {policy.nulls, policy.empty}:
        return f"mask {definition.name!r} takes what rows hold, so nothing is masked for NULL or the empty string"
    if context.unique and ("mask" in {policy.nulls, policy.empty} or policy.when is not None):
        which = WHEN if policy.when is not None else NULLS if policy.nulls == "mask" else EMPTY
        return f"what option {which.name!r} leaves or makes may be what another value becomes, and it must be unique"
    if policy.nulls == "mask" and context.type.kind in _UNKNOWN:
        return f"option 'nulls' is mask, and nothing can stand in for NULL in a column of kind {context.type.kind}"
    return None


def _unfit_for_a_row(definition: MaskDefinition, options: Options) -> str | None:
    entity = entity_of(definition)
    if definition.deal is not None:
        return f"mask {definition.name!r} is a matter of rows in any case, so scope `row` has no meaning"
    if entity is None and not definition.drawn:
        return f"mask {definition.name!r} hangs on its value alone, so it has no scope `row`; use `run` or `stable`"
    if entity is not None and options.get(entity) is not None:
        return f"option {entity!r} says to whom the value belongs, and scope `row` that it belongs to its row"
    return None


def _unfit_for_a_person(definition: MaskDefinition, options: Options, policy: Policy) -> str | None:
    entity = entity_of(definition)
    if entity is None and not definition.drawn and definition.name not in FIELDS:
        return f"mask {definition.name!r} hangs on its value alone, so it can be no part of a persona"
    if policy.scope == "row" or (entity is not None and options.get(entity) is not None):
        return "option 'persona' says to whom the value belongs, and another option says it otherwise"
    if options.get("keep_domain"):
        return "a persona has an address of its own, so option 'keep_domain' has no meaning"
    return None


def rowless(definition: MaskDefinition, options: Options) -> str | None:
    """Say what a mask asks of a row that a piece of a value cannot ask, or None."""
    asked = [name for name in (WHEN.name, PERSONA.name, SCOPE.name) if options.get(name) not in {None, "stable"}]
    asked += [name for name in [entity_of(definition)] if name is not None and options.get(name) is not None]
    if asked:
        return f"option {asked[0]!r} is for whole columns, and this is a piece of a value"
    whole = definition.row(options) or definition.counted
    return f"mask {definition.name!r} is for whole columns, and this is a piece of a value" if whole else None


def promises(definition: MaskDefinition, options: Options) -> Promise:
    """Give what the mask promises with these options: who a persona is hangs on no value, so it may be the same."""
    if Policy.of(definition, options).persona is not None and entity_of(definition) is None:
        return definition.promises & ~Promise.CHANGES
    return definition.promises


def entity_of(definition: MaskDefinition) -> str | None:
    """Give the option that names the column to which the value belongs, or None where there is no such option."""
    return next((parameter.name for parameter in definition.parameters if parameter.type == "column"), None)


def governed(
    mask: MaskFunction,
    definition: MaskDefinition,
    options: Options,
    context: ColumnContext,
    scrambled: MaskFunction,
    tally: Tally,
) -> MaskFunction:
    """
    Give the mask as the general options want it.

    `scrambled` masks what a mask with gaps could not read, and `tally` is told of all that could not be read. None of
    it sees the blanks which one engine fills a column up with, and another does not.
    """
    policy = Policy.of(definition, options)
    ask = _asked(mask, definition, policy)
    stand_in = _stand_in(definition, context)

    def run(values: pa.Array, entity: pa.Array | None) -> pa.Array:
        seen = canonical.unpadded(values) if context.type.padded else values
        given = seen
        if policy.nulls == "mask":
            given = given.fill_null(stand_in)
        if policy.empty == "mask":
            given = pc.if_else(pc.fill_null(pc.equal(given, ""), False), stand_in, given)
        made = ask(given, entity)
        if policy.empty == "null":
            made = pc.if_else(pc.fill_null(pc.equal(given, ""), False), _NOTHING, made)
        stays = pc.is_in(seen, pa.array(policy.keeps, pa.string())) if policy.keeps else None
        made = unread(given if definition.gaps else seen, made, stays)  # what stands in for nothing may have no form
        return made if stays is None else pc.if_else(stays, values, made)

    def unread(values: pa.Array, made: pa.Array, stays: pa.Array | None) -> pa.Array:
        lost = _lost(definition, options, values, made)
        if lost is not None and stays is not None:
            lost = pc.and_not(lost, stays)
        count = 0 if lost is None else pc.sum(lost).as_py() or 0
        if not count:
            return made
        if policy.invalid == "fail":
            raise MaskError("a value has not the form that the mask reads")
        tally(count)
        if policy.invalid == "null":
            return pc.if_else(lost, _NOTHING, made)
        return pc.replace_with_mask(made, lost, scrambled(values.filter(lost), None)) if definition.gaps else made

    return run


def _asked(mask: MaskFunction, definition: MaskDefinition, policy: Policy) -> MaskFunction:
    """Give the mask of the value, or of what is to be masked in its place: its row's, or a person's."""
    if policy.scope == "row" and definition.drawn:
        return lambda values, key: _by_row(mask, definition, values, key)
    if policy.persona is not None and definition.drawn and definition.name not in FIELDS:
        return lambda values, person: _by_person(mask, values, person)
    return mask


def _stand_in(definition: MaskDefinition, context: ColumnContext) -> str:
    if context.type.years:
        return _YEAR
    if context.type.kind is not Kind.TEXT:
        return _STAND_INS.get(context.type.kind, "1")
    return _DATE_TEXT if definition.gaps else _STAND_IN[: context.type.length]


def _lost(definition: MaskDefinition, options: Options, values: pa.Array, made: pa.Array) -> pa.Array | None:
    """Tell which values the mask could not read, or None where there is none for certain."""
    if definition.gaps:
        if made.null_count <= values.null_count:
            return None
        return pc.and_(pc.is_null(made), pc.fill_null(pc.not_equal(values, ""), False))
    if definition.reads is None:
        return None
    read = pc.or_(definition.reads(values, options), pc.equal(values, ""))
    return pc.invert(pc.fill_null(read, True))


def _by_person(mask: MaskFunction, values: pa.Array, person: pa.Array | None) -> pa.Array:
    """Mask the person's key in the place of each value; where nobody is named, the value."""
    if person is None:
        raise MaskError("there is no key of a person to mask the value by")
    blank = pc.fill_null(pc.equal(values, ""), True)
    return mask(pc.if_else(blank, values, pc.coalesce(person, values)), None)


def _by_row(mask: MaskFunction, definition: MaskDefinition, values: pa.Array, key: pa.Array | None) -> pa.Array:
    """Mask each value as one of its row; what would be the value itself is drawn again."""
    if key is None:
        raise MaskError("the row has no key to mask the value by")
    blank = pc.fill_null(pc.equal(values, ""), True)

    def drawn(sign: str) -> pa.Array:
        joined = pc.binary_join_element_wise(key, sign, values, _SEPARATOR)
        return mask(pc.if_else(blank, values, joined), None)

    made = drawn("0")
    if Promise.CHANGES not in definition.promises:
        return made
    seen = canonical.folded(values)
    for again in range(1, _TRIES):
        same = pc.and_not(pc.fill_null(pc.equal(canonical.folded(made), seen), False), blank)
        if not pc.any(same, min_count=0).as_py():
            return made
        made = pc.if_else(same, drawn(str(again)), made)
    return pc.if_else(same, mask(values, None), made)

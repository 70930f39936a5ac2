"""The masks that a run knows: a value that is handed on, never a global."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical
from dbmimic.masks.builtin import (
    address,
    contact,
    credentials,
    dates,
    dealt,
    documents,
    fake,
    files,
    finance,
    free_text,
    geo,
    identity,
    keys,
    national,
    nested,
    network,
    numbers,
    person,
    python,
    redact,
    resample,
    sealed,
    telephone,
    template,
    text,
    work,
    xml,
)
from dbmimic.masks.definition import ColumnContext, MaskDefinition, MaskError, MaskFunction, OptionError, Options, Part
from dbmimic.masks.hand import Gathering, laid_out
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.layout import is_ascii
from dbmimic.masks.persona import FIELDS, part_of_identity
from dbmimic.masks.policy import Policy, Tally, governed, ignored, objection, refusing, rowless, told
from dbmimic.model.address import Secret
from dbmimic.model.names import nearest
from dbmimic.model.summary import Dealt
from dbmimic.model.types import Kind, LogicalType


class UnknownMaskError(LookupError):
    """No mask has this name; `nearest` is the most similar one, or None."""

    def __init__(self, name: str, near: str | None) -> None:
        super().__init__(name, near)
        self.name = name
        self.nearest = near

    def __str__(self) -> str:
        guess = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"there is no mask {self.name!r}{guess}"


def _as_it_could_not_be_read(context: ColumnContext, scramble: MaskFunction, neutral: MaskFunction) -> MaskFunction:
    """Give what stands for values that a mask could not read: other characters, or a value of the column's type."""
    limit = context.type.length

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        if context.type.kind is not Kind.TEXT:
            return neutral(values, None)
        made = scramble(values, None)
        same = pc.equal(canonical.folded(made), canonical.folded(values))
        return pc.if_else(same, neutral(values, None), made) if limit != 0 else made

    return mask


def _unpadding(mask: MaskFunction) -> MaskFunction:
    """Give the mask that does not see the blanks which one engine fills a column up with, and another does not."""

    def unpadding(values: pa.Array, entity: pa.Array | None) -> pa.Array:
        return mask(canonical.unpadded(values), entity)

    return unpadding


def _fitting(mask: MaskFunction, column: LogicalType, *, outgrows: bool) -> MaskFunction:
    """Give the mask that refuses to give more, or other, characters than a column of text holds."""
    limit, charset = column.length if outgrows else None, column.charset
    if column.kind is not Kind.TEXT or (limit is None and not charset):
        return mask

    def fitting(values: pa.Array, entity: pa.Array | None) -> pa.Array:
        made = mask(values, entity)
        if limit is not None and (pc.max(pc.utf8_length(made)).as_py() or 0) > limit:
            raise MaskError(f"what it gives for a value is longer than the {limit} characters that the column holds")
        if charset and not is_ascii(made) and not column.takes("".join(filter(None, made.to_pylist()))):
            raise MaskError(f"what it gives for a value has characters that the character set {charset} lacks")
        return made

    return fitting


def _piece(part: Part, whole: ColumnContext) -> ColumnContext:
    """Give what a part is told of the pieces that it masks: an array's elements are of a type, others are text."""
    piece = whole.type.element or LogicalType(Kind.TEXT)
    lengths = [length for length in (part.length, piece.length) if length is not None]
    return ColumnContext(replace(piece, length=min(lengths, default=None)), nullable=True, unique=False)


class MaskRegistry:
    """Masks by name. Raises ValueError where two have one name."""

    def __init__(self, definitions: Iterable[MaskDefinition]) -> None:
        by_name: dict[str, MaskDefinition] = {}
        for definition in definitions:
            if definition.name in by_name:
                raise ValueError(f"two masks are named {definition.name!r}")
            by_name[definition.name] = definition
        self._by_name = dict(sorted(by_name.items()))

    def get(self, name: str) -> MaskDefinition:
        """Give the mask of that name; raises UnknownMaskError."""
        if name not in self._by_name:
            raise UnknownMaskError(name, nearest(name, self._by_name))
        return self._by_name[name]

    def build(self, name: str, options: Options, context: ColumnContext, secret: Secret, domain: str) -> MaskFunction:
        """Give the function of a mask, and of the masks that it is made of, with these parsed options of its own."""
        made = self._made(name, options, context, secret, domain, ignored)
        return _unpadding(made) if context.type.padded else made

    def bind(
        self,
        name: str,
        options: Options,
        context: ColumnContext,
        secret: Secret,
        domain: str,
        tally: Tally = ignored,
    ) -> MaskFunction:
        """Give the function of a mask for a column: with the options, too, that every mask takes (see `policy`)."""
        definition = self.get(name)
        policy = Policy.of(definition, options)
        seen = policy.seen(context)
        with_gaps = replace(seen, nullable=True) if definition.gaps else seen
        if policy.persona is not None and name in FIELDS:
            made = part_of_identity(name, KeyedFunction.derive(secret, domain), options, seen)
        else:
            own = f"{domain}/{name}" if policy.persona is not None and definition.drawn else domain
            made = self._made(name, options, with_gaps, secret, own, tally)
        return governed(made, definition, options, seen, self._scrambling(definition, seen, secret), tally)

    def deal(
        self, name: str, options: Options, context: ColumnContext, secret: Secret, domain: str, gathering: Gathering
    ) -> Dealt:
        """
        Give what becomes of a column in the rows that were gathered under the domain's keyed function.

        Raises:
            UndealableError: too few of them take part.
        """
        definition = self.get(name)
        if definition.deal is None:
            raise TypeError(f"mask {name!r} is not dealt")
        hand, places, rows = gathering.hand(int(str(options.get("min_count", 1))))
        return laid_out(definition.deal(KeyedFunction.derive(secret, domain), options, context, hand), places, rows)

    def _scrambling(self, definition: MaskDefinition, context: ColumnContext, secret: Secret) -> MaskFunction:
        if not definition.gaps:
            return refusing
        plain = replace(context, unique=False, nullable=True)
        neutral = "redact" if self.misfit("redact", self.get("redact").parse({}), plain) is None else "null"
        made = {
            name: self._made(name, self.get(name).parse({}), plain, secret, name, ignored)
            for name in ("scramble", neutral)
        }
        return _as_it_could_not_be_read(plain, made["scramble"], made[neutral])

    def _made(
        self, name: str, options: Options, context: ColumnContext, secret: Secret, domain: str, tally: Tally
    ) -> MaskFunction:
        definition = self.get(name)
        keyed = KeyedFunction.derive(secret, domain)
        if definition.compose is None:
            made = definition.build(keyed, options, context)
            return _fitting(made, context.type, outgrows=definition.outgrows)

        def part(one: Part) -> MaskFunction:
            inner = self.get(one.mask)
            made = self.bind(
                one.mask, inner.parse(one.options), _piece(one, context), secret, one.domain or inner.domain
            )
            return told(made, tally) if one.unread else made

        composed = definition.compose(keyed, options, context, part)
        return _fitting(composed, context.type, outgrows=definition.outgrows)

    def misfit(self, name: str, options: Options, context: ColumnContext) -> str | None:
        """Give the sentence that says why a mask, or a mask that it is made of, does not fit a column, or None."""
        definition = self.get(name)
        context = Policy.of(definition, options).seen(context)
        reason = objection(definition, options, context) or definition.check(options, context)
        if reason is not None:
            return reason
        try:
            parts = definition.parts(options)
        except OptionError as error:
            return str(error)
        for where, part in parts.items():
            try:
                inner = self.get(part.mask)
                parsed = inner.parse(part.options)
                reason = rowless(inner, parsed) or self.misfit(part.mask, parsed, _piece(part, context))
            except (UnknownMaskError, OptionError) as error:
                reason = str(error)
            if reason is not None:
                return f"{where}: {reason}"
        return None

    def within(self, name: str, options: Options) -> frozenset[str]:
        """Give the name of a mask and of all that it is made of with these parsed options, which fit."""
        found = {name}
        for part in self.get(name).parts(options).values():
            found |= self.within(part.mask, self.get(part.mask).parse(part.options))
        return frozenset(found)

    def names(self) -> tuple[str, ...]:
        """Give all names, in order."""
        return tuple(self._by_name)

    def with_(self, extra: Iterable[MaskDefinition]) -> MaskRegistry:
        """Give a registry of these masks and some more."""
        return MaskRegistry([*self._by_name.values(), *extra])


def builtin() -> MaskRegistry:
    """Give the masks that come with dbmimic."""
    modules = (
        redact,
        person,
        contact,
        address,
        dates,
        dealt,
        keys,
        fake,
        finance,
        national,
        numbers,
        text,
        credentials,
        documents,
        free_text,
        files,
        geo,
        nested,
        network,
        work,
        identity,
        resample,
        sealed,
        telephone,
        template,
        xml,
        python,
    )
    return MaskRegistry(definition for module in modules for definition in module.DEFINITIONS)

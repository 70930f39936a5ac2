"""What a mask is: its options, what it promises, which columns it takes, and how its function is built."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Flag, auto

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks.hand import Hand
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.names import nearest
from dbmimic.model.summary import Dealt, Summary
from dbmimic.model.types import Kind, LogicalType

MaskFunction = Callable[[pa.Array, pa.Array | None], pa.Array]
"""Takes a column's values as `pa.string()` and the entity column's (or None); gives as many values as `pa.string()`."""

BEFORE, AFTER = "before", "after"
"""The fields of what a mask with `row_before` takes beside the values: struct arrays of the row's columns as text."""

ENTITY, GROUPED = "entity", "group"
"""The fields of what a counted mask with the option `group` takes beside the values: a struct array of text."""


class Promise(Flag):
    """
    What can be relied on wherever `MaskDefinition.check` has nothing to say against the column.

    Values that match the definition's `leaves` are outside of `CHANGES`; NULL and the empty string always are.
    """

    UNIQUE = auto()  # different values (in canonical form) never become equal, NULL aside
    REVERSIBLE = auto()  # who has the secret can compute the value back
    CHANGES = auto()  # never gives back its input, compared without case and outer blanks
    LOSSY = auto()  # different values become equal by design
    KEY_SAFE = auto()  # fit for keys: unique, total, and the same output wherever the key is referenced
    KEEPS_NULL = auto()  # NULL stays NULL
    KEEPS_LENGTH = auto()  # what the mask reads keeps its number of characters, in Unicode's composed form
    KEEPS_ORDER = auto()  # of two different numbers or days what becomes of the lower one is not the higher one


ONE_TO_ONE = Promise.UNIQUE | Promise.REVERSIBLE | Promise.CHANGES | Promise.KEY_SAFE | Promise.KEEPS_NULL
"""What a permutation of a column's values promises."""


class OptionError(ValueError):
    """An option of a mask is unknown, missing or unfit; `option` names it."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(option, message)
        self.option = option
        self.message = message

    def __str__(self) -> str:
        return self.message


class MaskError(ValueError):
    """A mask met a value that it cannot take. The message holds no value."""


_TYPES: Mapping[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "text": (str,),
    "boolean": (bool,),
    "any": (object,),
    "column": (str,),
    "columns": (str, list, tuple),
    "list": (list, tuple),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """
    One option of a mask.

    `type` is `integer`, `number`, `text`, `boolean`, `any`, `column` (a column of the same table: whose the value is),
    `columns` (one or several) or `list`; `minimum` and `maximum` bound a number, or the number of characters of a text.
    """

    name: str
    type: str
    default: object = None
    required: bool = False
    summary: str = ""
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[object, ...] = ()

    def read(self, value: object) -> object:
        """Give the value back if it fits; raises OptionError otherwise."""
        fits = isinstance(value, _TYPES[self.type])
        if isinstance(value, bool) and self.type not in {"boolean", "any"}:
            fits = False
        if not fits:
            raise OptionError(self.name, f"option {self.name!r} must be {_TYPE_WORDS[self.type]}")
        if self.choices and value not in self.choices:
            words = ", ".join(str(choice) for choice in self.choices)
            raise OptionError(self.name, f"option {self.name!r} must be one of: {words}")
        if isinstance(value, str | int | float):
            self._bound(len(value) if isinstance(value, str) else value)
        return value

    def _bound(self, size: float) -> None:
        unit = " characters" if self.type in {"text", "column"} else ""
        if self.minimum is not None and size < self.minimum:
            raise OptionError(self.name, f"option {self.name!r} must be at least {self.minimum}{unit}")
        if self.maximum is not None and size > self.maximum:
            raise OptionError(self.name, f"option {self.name!r} must be at most {self.maximum}{unit}")


_TYPE_WORDS: Mapping[str, str] = {
    "integer": "a whole number",
    "number": "a number",
    "text": "text",
    "boolean": "true or false",
    "any": "a value",
    "column": "the name of a column",
    "columns": "the name of a column, or a list of names",
    "list": "a list",
}


@dataclass(frozen=True, slots=True)
class ColumnContext:
    """
    What the masked column can hold.

    `unique` says that a key of this one column lies on it (or is referenced by it); `low_bits` is the number of bits
    that masked integer keys of its domain share (see `integer_key`), `digits` are the types among theirs that hold so
    many digits. Columns that must be masked alike (a key and its foreign keys) need the same of both and, where the
    length of the output depends on it, the same length.
    """

    type: LogicalType
    nullable: bool
    unique: bool
    low_bits: int | None = None
    digits: tuple[LogicalType, ...] = ()
    summary: Summary | None = None
    dealt: Dealt | None = None


Options = Mapping[str, object]
Build = Callable[[KeyedFunction, Options, ColumnContext], MaskFunction]
Deal = Callable[[KeyedFunction, Options, ColumnContext, Hand], pa.Array]
"""Gives for each row of a hand what becomes of its value."""


@dataclass(frozen=True, slots=True)
class Part:
    """Another mask that a mask applies to pieces of a value, in its own domain, so that columns and pieces agree."""

    mask: str
    options: Options
    domain: str | None = None
    length: int | None = None  # characters, for masks whose form depends on the column's room
    unread: bool = False  # it masks what the whole mask cannot read

    @classmethod
    def read(cls, option: str, where: str, written: object) -> Part:
        """Give the part that is written as a mask's name, or as `{mask: NAME, ...}`; raises OptionError otherwise."""
        if isinstance(written, str):
            return cls(written, {})
        if not isinstance(written, Mapping) or not isinstance(written.get("mask"), str):
            raise OptionError(option, f"option {option!r} must name a mask for {where!r}")
        rest = {str(name): value for name, value in written.items() if name not in {"mask", "domain", "length"}}
        domain, length = written.get("domain"), written.get("length")
        if not isinstance(domain, str | None) or not isinstance(length, int | None):
            raise OptionError(option, f"option {option!r}: `domain` is text and `length` a whole number")
        return cls(written["mask"], rest, domain, length)


PartBuild = Callable[[Part], MaskFunction]
Compose = Callable[[KeyedFunction, Options, ColumnContext, PartBuild], MaskFunction]
Check = Callable[[Options, ColumnContext], str | None]
Reads = Callable[[pa.Array, Options], pa.Array]
"""Tells of each value, NULL and empty ones aside, whether a mask with these options can read it."""


EXCEPT = Parameter("except", "list", summary="values to keep, as the column spells them")
NULLS = Parameter("nulls", "text", default="keep", choices=("keep", "mask"), summary="what becomes of NULL")
EMPTY = Parameter(
    "empty", "text", default="keep", choices=("keep", "mask", "null"), summary="what becomes of the empty string"
)
INVALID = Parameter(
    "invalid",
    "text",
    default="scramble",
    choices=("scramble", "null", "fail"),
    summary="what becomes of a value that the mask cannot read",
)
WHEN = Parameter("when", "text", minimum=1, summary="a condition on the row as it was; other rows are kept")
SCOPE = Parameter(
    "scope",
    "text",
    default="stable",
    choices=("stable", "run", "row"),
    summary="where equal values become equal ones: always, in one run, or in one row",
)
DISTINCT = Parameter(
    "unique",
    "text",
    default="auto",
    choices=("auto", "require", "off"),
    summary="whether different values must stay different: where a key asks for it, in any case, or not",
)
PERSONA = Parameter(
    "persona", "column", summary="the column that says whose identity the value is part of; or KEY.COLUMN"
)
GROUP = Parameter("group", "columns", summary="the columns whose rows with equal values belong together; else all do")
GENERAL = (EXCEPT, NULLS, EMPTY, INVALID, WHEN, SCOPE, DISTINCT, PERSONA)
"""The options that every mask takes, unless it has one of the same name; `masks.policy` does what they say."""


def _kept_values(values: object) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or not values:
        raise OptionError(EXCEPT.name, "option 'except' must list some values")
    if not all(isinstance(value, str | int) and not isinstance(value, bool) for value in values):
        raise OptionError(EXCEPT.name, "option 'except' takes text and whole numbers; put others in quotes")
    return tuple(map(str, values))


def left_by(definition: MaskDefinition, options: Options) -> str:
    """Give the regular expression (RE2, whole value) of what a mask with these options leaves as it is."""
    kept = options.get(EXCEPT.name)
    values = kept if isinstance(kept, tuple) else ()
    escaped = ["".join(map(_escaped, str(value))) + " *" for value in values]
    return "|".join([*filter(None, [definition.leaves]), *escaped])


def group_of(options: Options) -> tuple[str, ...]:
    """Give the columns that the option `group` names."""
    named = options.get(GROUP.name)
    return (named,) if isinstance(named, str) else tuple(map(str, named)) if isinstance(named, list | tuple) else ()


def _escaped(character: str) -> str:
    return character if character.isalnum() or not character.isascii() else f"\\x{ord(character):02x}"


def matching(pattern: str) -> Reads:
    """Give what tells of each value whether the whole of it matches a regular expression (RE2)."""
    return lambda values, _options: pc.match_substring_regex(values, f"^(?:{pattern})$")


def fits_always(_options: Options, _context: ColumnContext) -> str | None:
    """Have nothing to say: the mask fits every column of its kinds."""
    return None


def needs_parts(_keyed: KeyedFunction, _options: Options, _context: ColumnContext) -> MaskFunction:
    """Refuse to build a mask that is made of others: `MaskRegistry.build` does that."""
    raise TypeError("a mask with parts is built by its registry")


def of_no_columns(_options: Options) -> tuple[str, ...]:
    """Name no column of the row."""
    return ()


def no_parts(_options: Options) -> Mapping[str, Part]:
    """Have no parts."""
    return {}


@dataclass(frozen=True)
class MaskDefinition:
    """
    One mask of the catalogue.

    `kinds` are the types that it takes, `domain` is the key domain where a rule names none, `fits` says what else
    stands against a column, `leaves` is a regular expression (RE2, whole value) of values that the mask leaves as they
    are because they identify nobody, `advice` is the next step for a column of a kind that it does not take,
    `numbers_rows` says that its keys mean something in their own table only, so each gets a domain of its own, and a
    mask that is made of others has `parts`, by where each is named, and `compose` instead of `build`.

    A mask may meet values that it cannot read: `gaps` says that it gives NULL for them where the column may be NULL,
    `reads` tells which values are none of them where it masks those in a way of its own. `drawn` says that what it
    gives hangs on nothing but the keyed function of the value, so that it may be asked for another value as well.

    `version` is raised when the mask begins to give other values than before: lock files pin it.

    One that is `counted` draws from what the column holds in all rows of its table: it is built with their summary, and
    what it gives is a matter of its row, or of the `entity`, and not of its value. Where it is to `deal`, it is built
    instead with what that made of all rows. With the option `group` a counted mask draws for each group by itself.

    One that `outgrows` may give more characters than it was given: they are counted where the column has a limit.

    A mask that is made of the rest of the row names those columns in `row`, if its options tell any: beside the values
    it takes a struct array of them, as they are in the copy, and with `row_before` as they were, too.
    """

    name: str
    summary: str
    kinds: frozenset[Kind]
    promises: Promise
    parameters: tuple[Parameter, ...]
    domain: str
    build: Build
    fits: Check = fits_always
    leaves: str = ""
    advice: Mapping[Kind, str] | None = None
    numbers_rows: bool = False
    parts: Callable[[Options], Mapping[str, Part]] = no_parts
    compose: Compose | None = None
    gaps: bool = False
    reads: Reads | None = None
    drawn: bool = False
    row: Callable[[Options], tuple[str, ...]] = of_no_columns
    row_before: bool = False
    version: int = 1
    outgrows: bool = False
    counted: bool = False
    deal: Deal | None = None

    def parse(self, options: Options) -> Options:
        """Give all options, defaults filled in; raises OptionError for one that is unknown, unfit or missing."""
        known = {parameter.name: parameter for parameter in self.parameters}
        general = {parameter.name: parameter for parameter in GENERAL if parameter.name not in known}
        for name in options:
            if name not in known and name not in general:
                raise OptionError(name, self._unknown(name, known))
        parsed: dict[str, object] = {}
        for name, parameter in general.items():
            if options.get(name) is not None:
                parsed[name] = parameter.read(options[name])
        if EXCEPT.name in parsed:
            parsed[EXCEPT.name] = _kept_values(parsed[EXCEPT.name])
        for name, parameter in known.items():
            if options.get(name) is not None:
                parsed[name] = parameter.read(options[name])
            elif parameter.required:
                raise OptionError(name, f"mask {self.name!r} needs option {name!r}")
            else:
                parsed[name] = parameter.default
        return parsed

    def check(self, options: Options, context: ColumnContext) -> str | None:
        """Give the sentence that says why this mask does not fit this column with these options, or None."""
        kind = context.type.kind
        if kind not in self.kinds:
            taken = ", ".join(sorted(self.kinds))
            advice = (self.advice or {}).get(kind, "")
            return f"mask {self.name!r} takes columns of kind {taken}, and this one is {kind}{advice and '; ' + advice}"
        if context.unique and Promise.UNIQUE not in self.promises:
            return f"mask {self.name!r} can give equal values for different ones, and this column must be unique"
        if context.unique and options.get(EXCEPT.name):
            return "a value that option 'except' keeps may be what another one becomes, and this column must be unique"
        return self.fits(options, context)

    def _unknown(self, name: str, known: Collection[str]) -> str:
        near = nearest(name, [*known, *(parameter.name for parameter in GENERAL)])
        if not known and not near:
            return f"mask {self.name!r} takes no options of its own, so not {name!r}"
        guess = f"; did you mean {near!r}?" if near else f"; it takes: {', '.join(known)}"
        return f"mask {self.name!r} has no option {name!r}{guess}"

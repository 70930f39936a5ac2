"""Values of PostgreSQL that hold other values: `array`, `composite` and `hstore`, each value masked as in a column."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial

from dbmimic.masks.definition import (
    ColumnContext,
    Compose,
    MaskDefinition,
    MaskError,
    MaskFunction,
    Options,
    Parameter,
    Part,
    PartBuild,
    Promise,
    needs_parts,
)
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.spans import Find, Span, Spell, replaced
from dbmimic.model.types import Kind

EACH = "each"
_NULL = "null"
_QUOTED = r'"(?:[^"\\]|\\.)*"'

# What a literal looks like as a whole, and its elements. PostgreSQL manual, 8.15.2, 8.16.2 and F.18.1.
_ARRAY = re.compile(rf'(?:\[-?\d+:-?\d+\])*=?(?:[{{}},]|{_QUOTED}|[^\s{{}},"\\][^{{}},"\\]*+)++', re.DOTALL)
_ELEMENT = re.compile(rf'({_QUOTED})|([^\s{{}},"\\][^{{}},"\\]*)', re.DOTALL)
_FIELD = r'(?:"(?:[^"\\]|\\.|"")*"|[^,()"\\])*'
_COMPOSITE = re.compile(rf"\({_FIELD}(?:,{_FIELD})*\)", re.DOTALL)
_FIELDS = re.compile(rf"({_FIELD})[,)]", re.DOTALL)
_HSTORE = re.compile(rf"(?:{_QUOTED}=>(?:NULL|{_QUOTED})(?:, ?|$))*", re.DOTALL)
_ENTRY = re.compile(rf"({_QUOTED})=>({_QUOTED})", re.DOTALL)
_ESCAPED = re.compile(r'\\(.)|"(")', re.DOTALL)


def _plain(token: str) -> str:
    """Give what a quoted or bare token says."""
    if not token.startswith('"'):
        return token
    return _ESCAPED.sub(lambda found: found[1] or found[2], token[1:-1])


def _quoted(masked: str | None, null: str) -> str:
    """Give a value in quotes, which may stand around all of them."""
    if masked is None:
        return null
    return '"' + masked.replace("\\", "\\\\").replace('"', '\\"') + '"'


def elements(text: str) -> Iterator[Span]:
    """Give the elements of an array that are not NULL; raises MaskError where it is none."""
    begin = text.find("{")
    if begin < 0 or not _ARRAY.fullmatch(text):
        raise MaskError("a value is no array")
    for match in _ELEMENT.finditer(text, begin):
        if match[2] is None or match[2].casefold() != _NULL:
            yield Span(match.start(), match.end(), _plain(match[0]), EACH)


def _fields(text: str, parts: Mapping[str, MaskFunction]) -> Iterator[Span]:
    if not _COMPOSITE.fullmatch(text):
        raise MaskError("a value is no row of a composite type")
    for number, match in enumerate(_FIELDS.finditer(text, 1), start=1):
        if match[1] and str(number) in parts:
            yield Span(match.start(1), match.end(1), _plain(match[1]), str(number))


def _entries(text: str, parts: Mapping[str, MaskFunction]) -> Iterator[Span]:
    if not _HSTORE.fullmatch(text):
        raise MaskError("a value is no hstore")
    for match in _ENTRY.finditer(text):
        key = _plain(match[1]).casefold()
        part = next((name for name in parts if fnmatchcase(key, name.casefold())), None)
        if part is not None:
            yield Span(match.start(2), match.end(2), _plain(match[2]), part)


def spelt_element(masked: str | None, _before: str) -> str:
    """Give an element as it stands in an array."""
    return _quoted(masked, "NULL")


def _spelt_field(masked: str | None, _before: str) -> str:
    return _quoted(masked, "")


def _each(options: Options) -> dict[str, Part]:
    return {EACH: Part.read(EACH, "each element", options[EACH])}


def _named(option: str, options: Options) -> dict[str, Part]:
    found = options[option]
    named = found if isinstance(found, Mapping) else {}
    return {str(name): Part.read(option, str(name), written) for name, written in named.items()}


PartsOf = Callable[[Options], Mapping[str, Part]]
FindIn = Callable[[Mapping[str, MaskFunction]], Find]


def _composed(parts_of: PartsOf, find_in: FindIn, spell: Spell) -> Compose:
    def compose(_keyed: KeyedFunction, options: Options, _context: ColumnContext, build: PartBuild) -> MaskFunction:
        parts = {name: build(part) for name, part in parts_of(options).items()}
        return lambda values, _entity: replaced(values, find_in(parts), parts, spell)

    return compose


def _names_some(option: str, options: Options, _context: ColumnContext) -> str | None:
    if isinstance(options[option], Mapping) and options[option]:
        return None
    return f"option {option!r} must name a mask for each of some {option}"


def _numbers_some(options: Options, context: ColumnContext) -> str | None:
    reason = _names_some("fields", options, context)
    if reason is None and not all(name.isdecimal() and int(name) for name in _named("fields", options)):
        return "option 'fields' counts the fields from 1, as in `fields: {2: email}`"
    return reason


_LOSSY = Promise.LOSSY | Promise.KEEPS_NULL

DEFINITIONS = (
    MaskDefinition(
        name="array",
        summary="The same array with each of its elements masked.",
        kinds=frozenset({Kind.ARRAY}),
        promises=_LOSSY,
        parameters=(Parameter(EACH, "any", required=True, summary="the mask of the elements"),),
        domain="array",
        build=needs_parts,
        compose=_composed(_each, lambda _parts: elements, spelt_element),
        parts=_each,
    ),
    MaskDefinition(
        name="composite",
        summary="The same row of a composite type with some of its fields masked.",
        kinds=frozenset({Kind.OTHER}),
        promises=_LOSSY,
        parameters=(Parameter("fields", "any", required=True, summary="a mask for each field, by its number from 1"),),
        domain="composite",
        build=needs_parts,
        compose=_composed(partial(_named, "fields"), lambda parts: partial(_fields, parts=parts), _spelt_field),
        parts=partial(_named, "fields"),
        fits=_numbers_some,
    ),
    MaskDefinition(
        name="hstore",
        summary="The same keys, with the values of some of them masked.",
        kinds=frozenset({Kind.OTHER}),
        promises=_LOSSY,
        parameters=(Parameter("keys", "any", required=True, summary="a mask for each key, with * and ?"),),
        domain="hstore",
        build=needs_parts,
        compose=_composed(partial(_named, "keys"), lambda parts: partial(_entries, parts=parts), spelt_element),
        parts=partial(_named, "keys"),
        fits=partial(_names_some, "keys"),
    ),
)

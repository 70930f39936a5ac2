"""
One spelling for each value of a column, whichever engine spelt it, or however one engine does.

Text stays as it is, to the last blank, where `masks.canonical` would see one person's name in two forms of one letter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from ipaddress import ip_interface
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical
from dbmimic.masks.builtin.nested import EACH, elements, spelt_element
from dbmimic.masks.spans import replaced
from dbmimic.model.schema import Column
from dbmimic.model.types import Kind

_SQLITE, _MYSQL, _POSTGRESQL = "sqlite", "mysql", "postgresql"
_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
_WHOLE = r"^[+-]?[0-9]{1,19}(?:\.0*)?$"  # that SQLite may hold as an integer
_WIDE = Context(prec=1000)  # digits, which no engine's numbers in documents have
_SINGLE = {_MYSQL: "float", _POSTGRESQL: "real"}  # what an engine calls numbers of 32 bits

Spell = Callable[[pa.Array], pa.Array]


def spelt(column: Column, values: pa.Array, engine: str = "") -> pa.Array:
    """
    Give one column as bytes that are equal exactly where the values are; NULL is null.

    With the name of an engine they are what that one alone may spell in more than one way: it holds numbers with as
    many bits and places as their column has, and SQLite a number in a column of dates, too.

    Cost: whole columns at a time; of numbers with an exponent, or with more than 64 bits, a look at each different one.
    """
    spell = _spell_of(column, engine)
    form = values if spell is None else spell(values)
    if form is not values:
        form = pc.if_else(pc.is_null(values), pa.scalar(None, form.type), form)
    return form.cast(pa.binary())


def inside(column: Column, engine: str) -> Spell | None:
    """
    Give what spells alike, for `spelt`, the values of an engine's column that hold others; None where they do not.

    Cost: a look at each different value.
    """
    logical = column.logical
    element = logical.element
    if engine == _POSTGRESQL and element is not None and (element.padded or element.kind is Kind.DECIMAL):
        held = Column("", "", element, nullable=True)  # all else PostgreSQL spells in one way
        return lambda values: _array(values, held)
    if engine == _MYSQL and logical.kind is Kind.JSON and column.type.lower() == "json":  # a LONGTEXT in MariaDB
        return lambda values: _by_distinct(values, _document)
    if engine == _MYSQL and logical.kind is Kind.NETWORK:
        return lambda values: _by_distinct(values, _address)
    if engine == _MYSQL and logical.several:
        places = {member: place for place, member in enumerate(logical.members)}
        return lambda values: _by_distinct(values, lambda text: _set(text, places))
    return None


def _spell_of(column: Column, engine: str) -> Spell | None:
    logical = column.logical
    if logical.kind is Kind.BINARY:
        return _bytes_of(column, engine)
    if logical.kind is Kind.TEXT:
        return canonical.unpadded if logical.padded else None
    if engine == _SQLITE:
        return _dynamic
    if logical.kind is Kind.FLOAT and engine:
        return lambda values: _rounded(values, column, engine)
    if logical.kind is Kind.BIT and engine == _MYSQL:  # they travel as numbers
        return canonical.decimals
    return _SPELLS.get(logical.kind)


def _bytes_of(column: Column, engine: str) -> Spell | None:
    """Give what spells bytes: no bytes at all as nothing, and on MySQL without what a BINARY is filled up with."""
    if engine == _MYSQL:
        return (
            (lambda values: pc.replace_substring_regex(values, "(?:00)+$", ""))
            if column.type.lower().startswith("binary")
            else None
        )
    return {
        _SQLITE: lambda values: pc.replace_substring_regex(values, "^x''$", ""),
        _POSTGRESQL: lambda values: pc.replace_substring_regex(values, r"^\\x$", ""),
    }.get(engine)


def _booleans(values: pa.Array) -> pa.Array:
    words = pc.replace_substring_regex(values, "^(?i:t|true|y|yes|on)$", "1")
    return pc.replace_substring_regex(words, "^(?i:f|false|n|no|off)$", "0")


def _integers(values: pa.Array) -> pa.Array:
    return canonical.numbers(values.fill_null("0"))


def _floats(values: pa.Array) -> pa.Array:
    """Give what `canonical.floats` gives, by whole columns where all values are numbers."""
    try:
        numbers = values.cast(pa.float64())
    except pa.ArrowInvalid:
        return canonical.floats(values)
    return _shortest(numbers)


def _shortest(numbers: pa.Array) -> pa.Array:
    """Give floating-point numbers of 64 bits by the fewest digits that tell them, and -0 as 0."""
    spelled = pa.array((numbers.fill_null(0).to_numpy(zero_copy_only=False) + 0.0).astype(np.str_), pa.string())
    return pc.if_else(pc.is_null(numbers), pa.scalar(None, pa.string()), spelled)


def _rounded(values: pa.Array, column: Column, engine: str) -> pa.Array:
    """Give floating-point numbers as a column of MySQL or PostgreSQL holds them: of 32 bits, or of so many places."""
    single = column.type.lower().startswith(_SINGLE.get(engine, "\0"))
    try:
        # PostgreSQL reads 32 bits from the text, MySQL from the number of 64.
        straight = single and engine == _POSTGRESQL
        numbers = values.cast(pa.float32() if straight else pa.float64()).cast(pa.float64())
    except pa.ArrowInvalid:
        return canonical.floats(values)
    if column.logical.scale is not None:
        numbers = pa.array(np.round(numbers.to_numpy(zero_copy_only=False), column.logical.scale), from_pandas=False)
        numbers = pc.if_else(pc.is_null(values), pa.scalar(None, pa.float64()), numbers)
    if single:
        numbers = numbers.cast(pa.float32(), safe=False).cast(pa.float64())
    return _shortest(numbers)


def _dynamic(values: pa.Array) -> pa.Array:
    """Give a column of SQLite that likes numbers: what is one is whole, or a floating-point number, or stays a text."""
    if not pc.any(pc.match_substring_regex(values, _NUMBER)).as_py():
        return values
    whole = pc.match_substring_regex(values, _WHOLE)
    other = pc.and_not(pc.match_substring_regex(values, _NUMBER), whole)
    nothing = pa.scalar(None, pa.string())
    form = pc.if_else(whole, canonical.decimals(pc.if_else(whole, values, nothing)), values)
    return pc.if_else(other, _floats(pc.if_else(other, values, nothing)), form)


def _moments(kind: Kind) -> Spell:
    """Give what spells times, with a date or without one, to the last digit that says something."""
    to_midnight = (r"^(\d{4,}-\d\d-\d\d)((?: BC)?)$", r"\1 00:00:00\2")
    to_the_second = (r"^(\d\d:\d\d)$", r"\1:00")

    def spell(values: pa.Array) -> pa.Array:
        pattern, whole = to_the_second if kind is Kind.TIME else to_midnight
        form = canonical.moments(pc.replace_substring_regex(values, pattern, whole))
        # Those that are as long as dates are taken for such.
        return pc.replace_substring_regex(pc.replace_substring_regex(form, r"(\.\d*?)0+$", r"\1"), r"\.$", "")

    return spell


_SPELLS: Mapping[Kind, Spell] = {
    Kind.INTEGER: _integers,
    Kind.DECIMAL: canonical.decimals,
    Kind.FLOAT: _floats,
    Kind.UUID: canonical.uuid,
    Kind.BOOLEAN: _booleans,
    Kind.DATE: canonical.moments,
    **{kind: _moments(kind) for kind in (Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMPTZ)},
}


def _array(values: pa.Array, held: Column) -> pa.Array:
    """Give PostgreSQL's arrays with every element in quotes, and spelt as one of its type."""

    def element(those: pa.Array, _entity: pa.Array | None) -> pa.Array:
        return spelt(held, those, _POSTGRESQL).cast(pa.string())

    return replaced(values, elements, {EACH: element}, spelt_element)


def _by_distinct(values: pa.Array, form: Callable[[str], str]) -> pa.Array:
    encoded = values.dictionary_encode()
    return pa.array([form(value) for value in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)


def _document(text: str) -> str:
    """Give a document with its keys in order, the last of equal ones alone, and its numbers without idle zeros."""
    try:
        return repr(json.loads(text, parse_float=_exact, parse_int=_exact, object_pairs_hook=_in_order))
    except (ValueError, RecursionError):
        return text


def _exact(text: str) -> Decimal:
    return Decimal(text).normalize(_WIDE)


def _in_order(pairs: list[tuple[str, object]]) -> tuple[tuple[str, object], ...]:
    return tuple(sorted(dict(pairs).items(), key=itemgetter(0)))


def _address(text: str) -> str:
    try:
        return str(ip_interface(text))
    except ValueError:
        return text


def _set(text: str, places: Mapping[str, int]) -> str:
    """Give the members of a SET in the order of its type, each of them once."""
    return ",".join(sorted(dict.fromkeys(text.split(",")), key=lambda member: places.get(member, -1)))

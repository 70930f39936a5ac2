"""Columns that a mask takes, values that they hold, and options that the mask has: drawn for every mask there is."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import re
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

from dbmimic.masks import locales
from dbmimic.masks.definition import MaskDefinition, Parameter
from dbmimic.masks.registry import builtin
from dbmimic.model.types import Kind, LogicalType

REGISTRY = builtin()
OPTIONS: Mapping[str, Mapping[str, object]] = {
    "constant": {"value": "1"},
    "gender": {"scope": "row", "female": "1", "male": "0"},
    "faker": {"provider": "company"},
    "fictitious_phone": {"country": "GB"},
    "national_id": {"country": "ES"},
    "array": {"each": "scramble"},
    "place": {"part": "latitude", "entity": "id"},
    "composite": {"fields": {1: "email", 3: "scramble"}},
    "hstore": {"keys": {"a*": "email", "b": "phone"}},
    "xml": {"elements": {"a*": "email"}, "attributes": {"b": "phone"}, "rest": "scramble"},
    "bucket": {"size": 10},
    "ordered_noise": {"step": 10},
    "round": {"to": 10},
    "json": {"keys": {"a*": "email", "b": "phone"}, "rest": "scramble"},
    "python": {"function": "tests.python_masks:backwards"},
    "template": {"template": "{a|lower}-{#}"},
    "pattern": {"pattern": r"\w{16}"},
}
KINDS: Mapping[str, frozenset[Kind]] = {
    "faker": frozenset({Kind.TEXT, Kind.JSON}),  # what `company` gives
    "constant": frozenset(Kind) - {Kind.BINARY},  # whose bytes each engine spells in its own way
    "python": frozenset({Kind.TEXT, Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT}),  # `backwards` makes no date of a date
}

words = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=40)
numbers = st.from_regex(r"[0-9]{8}[0-9A-Z]|[XYZ][0-9]{7}[A-Z]|[0-9]{12,16}|[A-Z]{2}[0-9]{20}", fullmatch=True)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text('ab\\"é@.1', max_size=8)
)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "ab", "b", "c"]), inner, max_size=3)
    ),
).map(json.dumps)
plain_words = st.text("abcXYZ019 +-().@é", max_size=24)
naive = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59))  # noqa: DTZ001  engines' text has no zone


@cache
def types_of(kind: Kind) -> st.SearchStrategy[LogicalType]:
    """Give columns of a kind, narrow ones too."""
    if kind is Kind.TEXT:
        charsets = st.sampled_from(["", "", "ascii", "cp1252"])
        return st.builds(
            LogicalType, st.just(kind), length=st.none() | st.integers(1, 60), padded=st.booleans(), charset=charsets
        )
    if kind is Kind.INTEGER:
        bits = st.sampled_from([7, 8, 15, 16, 31, 32, 63])
        return st.builds(LogicalType, st.just(kind), bits=bits, signed=st.booleans())
    if kind is Kind.DECIMAL:
        return st.integers(2, 19).flatmap(
            lambda precision: st.builds(
                LogicalType,
                st.just(kind),
                precision=st.just(precision),
                scale=st.just(0) | st.integers(0, min(precision, 4)),
                signed=st.booleans(),
            )
        )
    if kind is Kind.FLOAT:
        return st.builds(LogicalType, st.just(kind), signed=st.booleans())
    return st.just(LogicalType(kind, members=("1", "b") if kind is Kind.ENUM else ()))


def _keys(length: int) -> st.SearchStrategy[str]:
    lowest, highest = -(10 ** (length - 1)) + 1, 10**length - 1
    return st.integers(max(lowest, -(2**63)), min(highest, 2**64 - 1)).map(str)


def _numbers(column: LogicalType) -> st.SearchStrategy[str]:
    if column.kind is Kind.FLOAT:
        return st.floats(-(10**9) if column.signed else 0, 10**9).map(lambda number: f"{number:.4f}")
    if column.kind is Kind.DECIMAL:
        top, scale = 10 ** (column.precision or 1) - 1, column.scale or 0
        units = st.integers(-top if column.signed else 0, top)
        return units.map(lambda number: str(number) if not scale else f"{Decimal(number).scaleb(-scale):.{scale}f}")
    top = (1 << (column.bits or 63)) - 1
    return st.integers(-top - 1 if column.signed else 0, top).map(str)


def quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


cells = plain_words.map(quoted)
NESTED = {
    "array": st.lists(cells | st.just("NULL") | st.sampled_from(["{1,b}", "c d"]), max_size=4).map(
        lambda those: "{" + ",".join(those) + "}"
    ),
    "composite": st.lists(cells | st.sampled_from(["", "17", "a b"]), min_size=1, max_size=4).map(
        lambda those: "(" + ",".join(those) + ")"
    ),
    "hstore": st.lists(st.tuples(cells, cells | st.just("NULL")), max_size=4).map(
        lambda those: ", ".join("=>".join(pair) for pair in those)
    ),
}
elements = st.recursive(
    plain_words.map(escape),
    lambda inner: st.builds(
        lambda name, word, those: f"<{name} b={quoteattr(word)}>{''.join(those)}</{name}>",
        st.sampled_from(["a", "ab", "x:c"]),
        plain_words,
        st.lists(inner, max_size=3),
    ),
    max_leaves=6,
)


texts = words | plain_words | numbers | naive.map(str) | st.integers(-(2**63), 2**63 - 1).map(str)
OF_KIND: Mapping[Kind, st.SearchStrategy[str]] = {
    Kind.BOOLEAN: st.sampled_from(["t", "f", "1", "0"]),
    Kind.BINARY: st.binary(max_size=12).map(lambda raw: "\\x" + raw.hex())
    | st.sampled_from(["ffd8ffe0", "255044462d31", "00ff", ""]),
    Kind.DATE: naive.map(lambda moment: moment.date().isoformat()) | st.sampled_from(["infinity", "0000-00-00"]),
    Kind.TIMESTAMP: naive.map(lambda moment: moment.isoformat(sep=" ")) | st.just("-infinity"),
    Kind.TIMESTAMPTZ: naive.map(lambda moment: moment.isoformat(sep=" ") + "+02"),
    Kind.JSON: documents,
    Kind.NETWORK: st.ip_addresses().map(str) | st.from_regex(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", fullmatch=True),
    Kind.UUID: st.uuids().map(str),
}


@cache  # to make a strategy takes longer than to draw from it
def values_of(column: LogicalType, mask: str) -> st.SearchStrategy[str]:
    if mask in NESTED:
        return NESTED[mask]
    if mask == "xml" and column.kind is Kind.OTHER:
        return elements
    if column.kind in {Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT}:
        return _numbers(column)
    if column.kind is Kind.TEXT and mask == "integer_key":
        return _keys(column.length or 20)
    if column.kind is Kind.ENUM:
        return st.sampled_from(column.members or ("1",))
    return OF_KIND.get(column.kind, texts.map(lambda value: held_by(column, value)))


def held_by(column: LogicalType, value: str) -> str:
    """Give what a column of text holds of a value: no more than its characters, and none that its set lacks."""
    value = value[: column.length]
    return value if column.takes(value) else value.encode(column.charset, "replace").decode(column.charset)


def options_of(definition: MaskDefinition) -> st.SearchStrategy[dict[str, object]]:
    """Give what a rule may say of a mask: some of its own options, and some of those that every mask has."""
    own = {one.name: drawn for one in definition.parameters if (drawn := _option(one)) is not None}
    every: dict[str, st.SearchStrategy[object]] = {
        "nulls": st.sampled_from(["keep", "mask"]),
        "empty": st.sampled_from(["keep", "mask", "null"]),
        "invalid": st.sampled_from(["scramble", "null"]),
        "unique": st.sampled_from(["auto", "require", "off"]),
        "except": st.just(["1", "b"]),
        "scope": st.sampled_from(["stable", "row"]),
        "persona": st.just("id"),
    }
    every = {name: drawn for name, drawn in every.items() if name not in {one.name for one in definition.parameters}}
    base = OPTIONS.get(definition.name, {})
    return st.tuples(
        st.fixed_dictionaries({}, optional=own),
        st.just({}) | st.sampled_from(sorted(every)).flatmap(lambda name: st.fixed_dictionaries({name: every[name]})),
    ).map(lambda drawn: {**base, **drawn[0], **drawn[1]})


def _option(parameter: Parameter) -> st.SearchStrategy[object] | None:
    """Give values of an option, or None where it is not for chance to say."""
    if parameter.choices:
        return st.sampled_from(parameter.choices)
    if parameter.name == "locale" and not parameter.default:
        return st.sampled_from(locales.names())
    match parameter.type:
        case "boolean":
            return st.booleans()
        case "column":
            return st.just("id")
        case "integer" | "number":
            least = 0 if parameter.minimum is None else parameter.minimum
            most = least + 200 if parameter.maximum is None else parameter.maximum
            return st.integers(least, most) | st.integers(least, min(most, least + 20))
    return None


def holds(column: LogicalType, value: str) -> bool:
    """Tell whether a column can hold a value, by the rules that all engines have in common."""
    reader: Callable[[LogicalType, str], bool] = _READERS.get(column.kind, lambda column, text: bool(column or text))
    try:
        return reader(column, value)
    except (ValueError, InvalidOperation):
        return False


def _is_text(column: LogicalType, text: str) -> bool:
    return (column.length is None or len(text) <= column.length) and column.takes(text)


def _is_whole(column: LogicalType, text: str) -> bool:
    least = -(1 << (column.bits or 63)) if column.signed else 0
    return bool(re.fullmatch(r"-?[0-9]+", text)) and least <= int(text) < 1 << (column.bits or 63)


def _is_decimal(column: LogicalType, text: str) -> bool:
    units = Decimal(text).scaleb(column.scale or 0)
    fits = units == units.to_integral_value() and abs(units) < 10 ** (column.precision or 38)
    return fits and (column.signed or units >= 0)


_READERS: Mapping[Kind, Callable[[LogicalType, str], bool]] = {
    Kind.TEXT: _is_text,
    Kind.ENUM: lambda column, text: text in column.members,
    Kind.BOOLEAN: lambda _, text: text in {"t", "f", "true", "false", "1", "0"},
    Kind.INTEGER: _is_whole,
    Kind.DECIMAL: _is_decimal,
    Kind.FLOAT: lambda column, text: column.signed or float(text) >= 0,
    Kind.DATE: lambda _, text: bool(dt.date.fromisoformat(text)),
    Kind.TIME: lambda _, text: dt.time.fromisoformat(text) is not None,
    Kind.TIMESTAMP: lambda _, text: bool(dt.datetime.fromisoformat(text)),
    Kind.TIMESTAMPTZ: lambda _, text: bool(dt.datetime.fromisoformat(re.sub(r"([+-]\d\d)$", r"\1:00", text))),
    Kind.UUID: lambda _, text: bool(uuid.UUID(text)),
    Kind.JSON: lambda _, text: json.loads(text) is not _READERS,
    Kind.BINARY: lambda _, text: bytes.fromhex(text.removeprefix("\\x")) is not None,
    Kind.NETWORK: lambda _, text: bool(re.fullmatch("..(:..){5}", text) or ipaddress.ip_interface(text)),
}

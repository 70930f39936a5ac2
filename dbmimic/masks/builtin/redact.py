"""Masks that say nothing about the value: `null`, `constant`, `redact`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pyarrow as pa

from dbmimic.masks.definition import ColumnContext, MaskDefinition, MaskFunction, Options, Parameter, Promise
from dbmimic.masks.fitting import unfit
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.layout import keep_blank
from dbmimic.model.types import Kind

_REDACTED: Mapping[Kind, str] = {
    Kind.BOOLEAN: "0",
    Kind.INTEGER: "0",
    Kind.DECIMAL: "0",
    Kind.FLOAT: "0",
    Kind.BINARY: "",
    Kind.DATE: "2000-01-01",
    Kind.TIME: "00:00:00",
    Kind.TIMESTAMP: "2000-01-01 00:00:00",
    Kind.TIMESTAMPTZ: "2000-01-01 00:00:00",
    Kind.INTERVAL: "00:00:00",
    Kind.UUID: "00000000-0000-0000-0000-000000000000",
    Kind.JSON: "{}",
    Kind.ARRAY: "{}",
}
_TEXT = "redacted"
_ENGINE_FORM = "its neutral value depends on the engine, so use null or constant"


def _repeat(text: str | None, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), count)


def _build_null(_keyed: KeyedFunction, _options: Options, _context: ColumnContext) -> MaskFunction:
    return lambda values, _entity: _repeat(None, len(values))


def _nullable(_options: Options, context: ColumnContext) -> str | None:
    return None if context.nullable else "mask 'null' needs a column that may be NULL, and this one may not"


def _build_constant(_keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    text = _spelt(options["value"], context.type.kind)
    if options["nulls"]:
        return lambda values, _entity: _repeat(text, len(values))
    return lambda values, _entity: keep_blank(values, _repeat(text, len(values)))


def _spelt(value: object, kind: Kind) -> str:
    """Give the value as every engine reads it."""
    if isinstance(value, bool):
        return str(int(value)) if kind in {Kind.BOOLEAN, Kind.INTEGER} else str(value).lower()
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    return str(value)


def _constant_fits(options: Options, context: ColumnContext) -> str | None:
    text = _spelt(options["value"], context.type.kind)
    if isinstance(options["value"], dict | list | tuple):
        return "option 'value' must be a single value; write JSON and arrays as text"
    reason = unfit(text, context.type)
    return None if reason is None or (context.type.years and text == "0") else f"option 'value' {reason}"


def _build_redact(_keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    column = context.type
    if column.kind is Kind.ENUM or (column.members and options["text"] is None):
        text = column.members[0]
    elif column.kind is Kind.TEXT:
        text = str(options["text"] or _TEXT)[: column.length]
    else:
        text = _REDACTED[column.kind]
    return lambda values, _entity: keep_blank(values, _repeat(text, len(values)))


def _redact_fits(options: Options, context: ColumnContext) -> str | None:
    column = context.type
    if options["text"] is not None and (column.kind is not Kind.TEXT or column.members):
        return "option 'text' is for text columns; use constant"
    if not column.takes(str(options["text"] or "")):
        return f"option 'text' has characters that the character set {column.charset} lacks"
    if column.kind is Kind.ENUM and not column.members:
        return "the column's values are not known; use constant"
    return None


DEFINITIONS = (
    MaskDefinition(
        name="null",
        summary="NULL in every row.",
        kinds=frozenset(Kind),
        promises=Promise.UNIQUE | Promise.CHANGES | Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(),
        domain="null",
        build=_build_null,
        fits=_nullable,
    ),
    MaskDefinition(
        name="constant",
        summary="One given value in every row that has a value.",
        kinds=frozenset(Kind),
        promises=Promise.LOSSY,
        parameters=(
            Parameter("value", "any", required=True, summary="the value"),
            Parameter("nulls", "boolean", default=False, summary="also where the value is NULL or empty"),
        ),
        domain="constant",
        build=_build_constant,
        fits=_constant_fits,
    ),
    MaskDefinition(
        name="redact",
        summary="A neutral value of the column's type: 'redacted', 0, 2000-01-01, {}.",
        kinds=frozenset({Kind.TEXT, Kind.ENUM, *_REDACTED}),
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(Parameter("text", "text", minimum=1, summary="what stands in text columns"),),
        domain="redact",
        build=_build_redact,
        leaves=r"\\x|x''",  # no bytes at all, as PostgreSQL and SQLite write them
        fits=_redact_fits,
        advice=dict.fromkeys((Kind.NETWORK, Kind.BIT, Kind.GEOMETRY, Kind.OTHER), _ENGINE_FORM),
    ),
)

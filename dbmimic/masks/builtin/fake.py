"""
`faker`: any provider of the Faker library in any of its locales, seeded with each value's keyed bits.

Slow beside the other masks (50 to 200 microseconds for each distinct value of a batch), and only as stable as the
installed release of Faker.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow as pa

from dbmimic.masks import canonical
from dbmimic.masks.definition import (
    ColumnContext,
    MaskDefinition,
    MaskError,
    MaskFunction,
    Options,
    Parameter,
    Promise,
)
from dbmimic.masks.fitting import unfit
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.layout import keep_blank
from dbmimic.masks.stopped_clock import stopped
from dbmimic.model.names import nearest
from dbmimic.model.types import Kind, LogicalType

_WORD_BITS = 64
_TRIES = 20  # draws, where the provider gives back the value itself
_TYPES: Mapping[Kind, tuple[type, ...]] = {
    Kind.TEXT: (object,),
    Kind.JSON: (object,),
    Kind.INTEGER: (int,),
    Kind.DECIMAL: (int, Decimal),
    Kind.FLOAT: (int, float, Decimal),
    Kind.BOOLEAN: (bool,),
    Kind.DATE: (dt.date,),
    Kind.TIME: (dt.time,),
    Kind.TIMESTAMP: (dt.datetime,),
    Kind.TIMESTAMPTZ: (dt.datetime,),
    Kind.UUID: (str, uuid.UUID),
    Kind.NETWORK: (str,),
}


@cache
def _generator(locale: str) -> Any:
    """Give a generator of a locale; Faker is only imported here, because that takes a while."""
    from faker import Faker  # noqa: PLC0415  see above

    return Faker(locale).factories[0]


@cache
def _locales() -> frozenset[str]:
    from faker.config import AVAILABLE_LOCALES  # noqa: PLC0415  see above

    return frozenset(AVAILABLE_LOCALES)


def _providers(generator: Any) -> dict[str, Callable[..., object]]:
    return {name: made for name, made in vars(generator).items() if callable(made) and not name.startswith("_")}


def _build(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    generator = _generator(str(options["locale"]))
    provide = _providers(generator)[str(options["provider"])]
    arguments = _arguments(options)
    column = context.type

    def draw(value: str, bits: int) -> str:
        generator.seed_instance(bits)
        for _ in range(_TRIES):
            drawn = _spell(provide(**arguments), column)
            if drawn.strip().casefold() != value.strip().casefold():
                break
        return drawn

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        encoded = values.dictionary_encode()
        distinct = encoded.dictionary
        words = keyed.prf(canonical.by_kind(distinct, column)).tolist()
        with stopped(generator.providers):
            drawn = [
                draw(value, first << _WORD_BITS | second)
                for value, (first, second) in zip(distinct.to_pylist(), words, strict=True)
            ]
        return keep_blank(values, pa.array(drawn, pa.string()).take(encoded.indices))

    return mask


def _arguments(options: Options) -> dict[str, object]:
    arguments = options["args"]
    return dict(arguments) if isinstance(arguments, Mapping) else {}


def _spell(drawn: object, column: LogicalType) -> str:
    """Give what was drawn as every engine reads it, cut to the column's length; raises MaskError where it cannot be."""
    is_flag = isinstance(drawn, bool)
    if not isinstance(drawn, _TYPES[column.kind]) or (is_flag and column.kind in {Kind.INTEGER, Kind.DECIMAL}):
        raise MaskError(f"the faker provider gives a {type(drawn).__name__}, and the column holds {column.kind}")
    if column.kind is Kind.JSON or isinstance(drawn, dict | list | tuple):
        return json.dumps(drawn, default=str)
    if is_flag:
        return str(int(bool(drawn)))
    if column.kind is Kind.DATE and isinstance(drawn, dt.datetime):
        return drawn.date().isoformat()
    text = drawn.isoformat(sep=" ") if isinstance(drawn, dt.datetime) else str(drawn)
    if column.kind is Kind.TEXT:
        return text[: column.length].rstrip()
    reason = unfit(text, column)
    if reason is not None:
        raise MaskError(f"what the faker provider gives {reason}")
    return text


def _fits(options: Options, context: ColumnContext) -> str | None:
    locale, provider = str(options["locale"]), str(options["provider"])
    if locale not in _locales():
        return f"faker has no locale {locale!r}{_guess(locale, _locales())}"
    if options["args"] is not None and not isinstance(options["args"], Mapping):
        return "option 'args' must be a mapping of the provider's arguments"
    generator = _generator(locale)
    providers = _providers(generator)
    if provider not in providers:
        return f"faker has no provider {provider!r} in locale {locale}{_guess(provider, providers.keys())}"
    generator.seed_instance(0)
    try:
        with stopped(generator.providers):
            _spell(providers[provider](**_arguments(options)), context.type)
    except MaskError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  a provider may raise anything over arguments that do not fit
        return f"faker's provider {provider!r} does not take these arguments ({type(error).__name__})"
    return None


def _guess(word: str, known: Any) -> str:
    near = nearest(word, known)
    return f"; did you mean {near!r}?" if near else ""


DEFINITIONS = (
    MaskDefinition(
        name="faker",
        summary="What a provider of the Faker library gives, the same for the same value.",
        kinds=frozenset(_TYPES),
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(
            Parameter("provider", "text", required=True, summary="the provider, as `company` or `iban`"),
            Parameter("locale", "text", default="en_US", summary="the locale, as `de_DE`"),
            Parameter("args", "any", summary="the provider's arguments, by name"),
        ),
        domain="faker",
        build=_build,
        drawn=True,
        fits=_fits,
    ),
)

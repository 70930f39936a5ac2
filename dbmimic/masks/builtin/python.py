"""`python`: a function of your own over a column."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks.definition import ColumnContext, MaskDefinition, MaskError, MaskFunction, Options, Parameter, Promise
from dbmimic.masks.fitting import numbers_fit
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.layout import keep_blank
from dbmimic.model.types import Kind, LogicalType


@dataclass(frozen=True, slots=True)
class FunctionContext:
    """
    What a function of yours is told beside the values.

    `keyed.prf(values)` gives 128 pseudo-random bits for each value, by the secret and the rule's domain: what is made
    of them alone is the same in every batch, run and process. `type` is the column's type, `arguments` are what the
    rule says under `args`.
    """

    keyed: KeyedFunction
    type: LogicalType
    arguments: Mapping[str, object]


ColumnFunction = Callable[[pa.Array, FunctionContext], pa.Array]
"""Takes a `pa.string()` array of values as the source spells them; gives as many, each made of its own value alone."""


def _function(written: str) -> ColumnFunction | str:
    """Give the function that `module:name` names, or the sentence that says why there is none."""
    module, separator, name = written.partition(":")
    if not separator or not module or not name.isidentifier():
        return "option 'function' names a function as `module:function`"
    try:
        found = getattr(importlib.import_module(module), name, None)
    except Exception as error:  # noqa: BLE001  a module may raise anything while it is imported
        return f"module {module} cannot be imported ({type(error).__name__}); is it installed, or on PYTHONPATH?"
    if not callable(found):
        return f"module {module} has no function {name}"
    function: ColumnFunction = found
    return function


def _build(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    function = _function(str(options["function"]))
    if isinstance(function, str):
        raise MaskError(function)
    arguments = options["args"] if isinstance(options["args"], Mapping) else {}
    told = FunctionContext(keyed, context.type, dict(arguments))

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        try:
            made = function(values, told)
        except Exception as error:  # noqa: BLE001  what it says may hold a value
            kind = type(error).__name__
        else:
            return keep_blank(values, _checked(values, made, context))
        raise MaskError(f"the function raised {kind}")

    return mask


def _checked(values: pa.Array, made: object, context: ColumnContext) -> pa.Array:
    """Give what a function gave, if it is as many texts as there are values, and fits the column."""
    if isinstance(made, pa.ChunkedArray):
        made = made.combine_chunks()
    if not isinstance(made, pa.Array) or len(made) != len(values):
        raise MaskError("the function must give an Arrow array of as many values as it takes")
    try:
        texts = made.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise MaskError("the function must give an array of text") from None
    made_null = pc.and_(pc.is_null(texts), pc.is_valid(values))
    if not context.nullable and pc.any(made_null, min_count=0).as_py():
        raise MaskError("the function gives NULL, and the column may not be NULL")
    if not numbers_fit(texts, context.type):
        raise MaskError("the function gives what is no number that the column holds")
    limit = context.type.length
    if context.type.kind is Kind.TEXT and limit is not None and (pc.max(pc.utf8_length(texts)).as_py() or 0) > limit:
        raise MaskError(f"the function gives more than the {limit} characters that the column holds")
    return pc.if_else(pc.is_valid(values), texts, pa.scalar(None, pa.string()))


def _fits(options: Options, _context: ColumnContext) -> str | None:
    if options["args"] is not None and not isinstance(options["args"], Mapping):
        return "option 'args' must be a mapping of what the function is told"
    found = _function(str(options["function"]))
    return found if isinstance(found, str) else None


DEFINITIONS = (
    MaskDefinition(
        name="python",
        summary="What a function of your own gives for the column.",
        kinds=frozenset(Kind),
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(
            Parameter("function", "text", required=True, summary="the function, as `module:function`"),
            Parameter("args", "any", summary="what it is told, by name"),
        ),
        domain="python",
        outgrows=True,
        build=_build,
        fits=_fits,
    ),
)

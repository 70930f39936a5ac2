"""Functions over a column, as a user writes them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks.builtin.python import FunctionContext


def backwards(values: pa.Array, _context: FunctionContext) -> pa.Array:
    """Turn each text round."""
    return pc.utf8_reverse(values)


def tagged(values: pa.Array, context: FunctionContext) -> pa.Array:
    """Give a keyed number for each value, behind the tag that the rule gives."""
    numbers = pa.array(context.keyed.uniform(values) >> 40).cast(pa.string())
    return pc.binary_join_element_wise(str(context.arguments["tag"]), numbers, "-")


def first_only(values: pa.Array, _context: FunctionContext) -> pa.Array:
    return values.slice(0, 1)


def failing(values: pa.Array, _context: FunctionContext) -> pa.Array:
    raise RuntimeError(str(values[0]))


def nothing(values: pa.Array, _context: FunctionContext) -> pa.Array:
    return pa.nulls(len(values), pa.string())


NOT_A_FUNCTION = 3

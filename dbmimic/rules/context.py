"""What a mask is told of the column that it masks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dbmimic.masks.condition import Condition
from dbmimic.masks.definition import WHEN, ColumnContext, Options
from dbmimic.model.masking import Masked
from dbmimic.model.schema import Column, Table
from dbmimic.model.types import Kind

# Below this many bits a masked id stays below 2**30, so that the ids which a sequence gives next still fit an int.
_LOW_BITS = 30


def context_of(table: Table, column: Column, length: int | None, low_bits: int | None) -> ColumnContext:
    """Give the context of one column, narrowed to what the narrowest column of its group can hold."""
    own = column.logical
    return ColumnContext(
        type=replace(own, length=length) if own.kind is Kind.TEXT else own,
        nullable=column.nullable,
        unique=in_key(table, column),
        low_bits=low_bits,
    )


def masked_context(table: Table, column: Column, decision: Masked) -> ColumnContext:
    """Give the context that a decision was made for."""
    return context_of(table, column, decision.length, decision.low_bits)


def condition_of(table: Table, options: Options) -> Condition | None:
    """
    Give the condition for which a rule masks, or None where it masks every row.

    Raises:
        ConditionError: it is none that can be asked of a row of this table.
    """
    written = options.get(WHEN.name)
    if not isinstance(written, str):
        return None
    from dbmimic.masks.sql_condition import condition  # noqa: PLC0415 -- slow to load, and few rules need it

    return condition(written, {column.name: column.logical for column in table.loadable})


def in_key(table: Table, column: Column) -> bool:
    """Tell whether the column is part of a primary or unique key."""
    return any(column.name in key.columns for key in table.keys)


def narrowest(columns: Iterable[Column]) -> tuple[int | None, int | None]:
    """Give the length in characters and the bits of an integer key that fit all of the columns."""
    types = [column.logical for column in columns]
    lengths = [logical.length for logical in types if logical.kind is Kind.TEXT and logical.length is not None]
    bits = [min(_LOW_BITS, logical.bits - 1) for logical in types if logical.bits is not None]
    return min(lengths, default=None), min(bits, default=None)

"""What a mask is told of the column that it masks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical
from dbmimic.masks.builtin import keys
from dbmimic.masks.condition import Condition
from dbmimic.masks.definition import WHEN, ColumnContext, Options
from dbmimic.model.masking import Masked
from dbmimic.model.schema import Column, Generated, Table
from dbmimic.model.types import Kind, LogicalType

# Below this many bits a masked id stays below 2**30, so that the ids which a sequence gives next still fit an int.
_LOW_BITS = 30
_SEPARATOR = "\x1f"
_NOTHING = "\x1e"  # stands for NULL in what tells groups apart


@dataclass(frozen=True, slots=True)
class Narrowed:
    """
    What fits all columns that are masked alike: the length of texts in characters, and the bits of integer keys.

    `digits` are the types among theirs that end at a power of ten: where one of them ends, the others' integer keys are
    cut as well.
    """

    length: int | None = None
    low_bits: int | None = None
    digits: tuple[LogicalType, ...] = ()


def context_of(table: Table, column: Column, narrowed: Narrowed) -> ColumnContext:
    """Give the context of one column, narrowed to what the narrowest column of its group can hold."""
    own = column.logical
    if own.kind is Kind.TEXT:
        own = replace(own, length=narrowed.length, members=words(table, column)[0])
    return ColumnContext(
        type=own,
        nullable=column.nullable and not any(key.equal_nulls and column.name in key.columns for key in table.keys),
        unique=in_key(table, column),
        low_bits=narrowed.low_bits,
        digits=narrowed.digits,
    )


def masked_context(table: Table, column: Column, decision: Masked) -> ColumnContext:
    """Give the context that a decision was made for."""
    context = context_of(table, column, Narrowed(decision.length, decision.low_bits, decision.digits))
    return replace(context, summary=decision.summary, dealt=decision.dealt)


def joined(table: Table, head: Mapping[str, pa.Array], names: Sequence[str]) -> pa.Array | None:
    """
    Give the values of some columns as one text for each row; None where there are none.

    Values that are equal in columns of other types are so here: `1` and `1.00`, and `Ann` and `ann` where those are.
    """
    return _together([_as_key(table.column(name), head[name]) for name in names])


def _as_key(column: Column | None, values: pa.Array) -> pa.Array:
    if column is not None and column.logical.kind in {Kind.INTEGER, Kind.DECIMAL}:
        return canonical.decimals(values)
    plain = canonical.text(values, padded=True)
    return pc.utf8_lower(plain) if column is not None and column.logical.caseless else plain


def _together(plain: Sequence[pa.Array]) -> pa.Array | None:
    if len(plain) <= 1:
        return plain[0] if plain else None
    return pc.binary_join_element_wise(*plain, _SEPARATOR)


def grouped(head: Mapping[str, pa.Array], names: Sequence[str]) -> pa.Array | None:
    """Give as one text what tells the groups of rows apart, NULL as a value like any other; None without columns."""
    return _together([canonical.text(head[name].fill_null(_NOTHING), padded=True) for name in names])


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
    """Tell whether the column tells rows apart: as part of a key, or of a unique index that is not quite one."""
    if any(column.name in key.columns for key in table.keys):
        return True
    if not _tells_more(table):
        return False
    from dbmimic.rules.sql_constraints import told_apart  # noqa: PLC0415 -- slow to load, and few tables need it

    return told_apart(table, column)


def in_index(table: Table, column: Column) -> tuple[str, ...]:
    """Give the names of the unique indexes over something that is made of the column."""
    if not _tells_more(table):
        return ()
    from dbmimic.rules.sql_constraints import told_apart_by_more  # noqa: PLC0415 -- slow to load, and few tables need it

    return told_apart_by_more(table, column)


def _tells_more(table: Table) -> bool:
    """Whether there may be more than plain keys that tells rows apart."""
    made = {column.name for column in table.columns if column.generated is not Generated.NO}
    return bool(table.distinct) or any(not made.isdisjoint(key.columns) for key in table.keys)


def held(table: Table, column: Column) -> Column:
    """Give the column with no more room than its table's checks leave it."""
    length = _asked(table, column)[0]
    if length is None or column.logical.kind is not Kind.TEXT:
        return column
    own = column.logical.length
    return replace(column, logical=replace(column.logical, length=length if own is None else min(own, length)))


def words(table: Table, column: Column) -> tuple[tuple[str, ...], str]:
    """Give the texts of which a check lets the column hold one, and the name of the check; none where any will do."""
    return _asked(table, column)[1:]


def longest(table: Table, column: Column) -> int | None:
    """Give the most characters of the column's texts, by its type, its checks, or the words that they list; or None."""
    length, members, _ = _asked(table, column)
    limits = [limit for limit in (column.logical.length, length) if limit is not None]
    limits += [max(map(len, members))] if members else []
    return min(limits, default=None)


def _asked(table: Table, column: Column) -> tuple[int | None, tuple[str, ...], str]:
    if not any(check.columns == (column.name,) for check in table.checks):
        return None, (), ""
    from dbmimic.rules.sql_constraints import asked  # noqa: PLC0415 -- slow to load, and few tables need it

    found = asked(table, column)
    return found.length, found.members, found.by


def narrowest(columns: Iterable[Column]) -> Narrowed:
    """Give what fits all of the columns."""
    types = [column.logical for column in columns]
    lengths = [logical.length for logical in types if logical.kind is Kind.TEXT and logical.length is not None]
    length = min(lengths, default=None)
    decimals = {
        LogicalType(Kind.DECIMAL, precision=logical.precision, scale=logical.scale, signed=logical.signed)
        for logical in types
        if logical.kind is Kind.DECIMAL
    }
    texts = {LogicalType(Kind.TEXT, length=length)} if length is not None else set()
    bits = [min(_LOW_BITS, logical.bits - 1) for logical in types if logical.bits is not None]
    bits += [min(_LOW_BITS, keys.ceiling(logical).bit_length() - 2) for logical in decimals]
    return Narrowed(length, min(bits, default=None), tuple(sorted({*decimals, *texts}, key=repr)))

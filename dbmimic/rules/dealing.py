"""A column's rows read, and what becomes of each, before the first of them is masked."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical
from dbmimic.masks.hand import MOST_BYTES, Gathering
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.policy import Policy
from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.address import Secret
from dbmimic.model.batch import RawBatch
from dbmimic.model.masking import Masked
from dbmimic.model.schema import Table
from dbmimic.model.summary import Dealt
from dbmimic.rules.context import condition_of, grouped, joined, masked_context


def columns_dealt(table: Table, name: str, decision: Masked) -> tuple[str, ...]:
    """Give the columns that `deal` reads of each row, in the table's order."""
    when = condition_of(table, decision.options)
    wanted = {name, *decision.entity, *decision.group, *(when.columns if when is not None else ())}
    return tuple(column.name for column in table.columns if column.name in wanted)


def deal(
    table: Table,
    name: str,
    decision: Masked,
    registry: MaskRegistry,
    secret: Secret,
    batches: Iterable[RawBatch],
    most_bytes: int = MOST_BYTES,
) -> Dealt:
    """
    Give what becomes of a column in every row of its table.

    Rows that the rule's condition keeps take no part, nor do those with a value that it excepts, NULL or nothing.

    Raises:
        UndealableError: they are too many, or too few.
    """
    column = table.column(name)
    assert column is not None, "decisions are about the schema's own columns"  # noqa: S101 - narrows the type
    gathering = Gathering(KeyedFunction.derive(secret, decision.domain), most_bytes)
    keeps = pa.array(Policy.of(registry.get(decision.mask), decision.options).keeps, pa.string())
    when = condition_of(table, decision.options)
    for batch in batches:
        values = batch.head[name]
        values = canonical.unpadded(values) if column.logical.padded else values
        chosen = pc.fill_null(pc.not_equal(values, ""), False)
        if when is not None:
            chosen = pc.and_not(chosen, when.refused(batch.head))
        head = {each: batch.head[each].filter(chosen) for each in {*decision.entity, *decision.group}}
        values, keys = values.filter(chosen), joined(table, head, decision.entity)
        if keys is None:
            raise TypeError("rows without a key cannot be dealt")
        taking = np.asarray(pc.invert(pc.is_in(values, keeps)).to_numpy(zero_copy_only=False))
        gathering.add(values, keys, grouped(head, decision.group), taking)
    context = masked_context(table, column, decision)
    return registry.deal(decision.mask, decision.options, context, secret, decision.domain, gathering)

"""Raw batches become masked ones: the only place where a MaskedBatch is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from dbmimic.errors import InternalError, RefusedError, TargetError
from dbmimic.masks.definition import MaskError, MaskFunction
from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.address import Secret
from dbmimic.model.batch import Layout, MaskedBatch, RawBatch
from dbmimic.model.masking import Masked, MaskPlan
from dbmimic.model.names import TableId
from dbmimic.model.schema import Table
from dbmimic.rules.context import masked_context


@dataclass(frozen=True, slots=True)
class _Bound:
    """One column's mask, ready to run."""

    apply: MaskFunction
    entity: str | None


class Masker:
    """
    Masks the batches of one table under a plan.

    Cost: one pass per masked column over whole arrays; nothing per row.
    """

    def __init__(self, table: Table, plan: MaskPlan, registry: MaskRegistry, secret: Secret) -> None:
        self.table = table
        self._masked = plan.masked(table.id)
        self._bound = {name: _bind(table, name, decision, registry, secret) for name, decision in self._masked.items()}

    def layout(self, leaf: TableId, nulled: tuple[str, ...] = ()) -> Layout:
        """
        Give how this table's batches travel: what a mask reads or writes first, the rest untouched; `nulled` columns
        go with the first, and into another engine nothing goes untouched.

        A row whose partition key is masked may belong elsewhere, so such rows are loaded through the whole table.
        """
        read = {bound.entity for bound in self._bound.values()} | set(self._bound) | set(nulled)
        names = [column.name for column in self.table.loadable]
        return Layout(
            table=self.table.id,
            leaf=leaf,
            head=tuple(name for name in names if name in read or self.table.as_text),
            tail=tuple(name for name in names if not (name in read or self.table.as_text)),
            nulled=nulled,
        )

    @property
    def moves_rows(self) -> bool:
        """Whether masking may move a row to another partition."""
        return not set(self.table.partition_columns).isdisjoint(self._bound)

    def masked(self, batches: Iterable[RawBatch]) -> Iterator[MaskedBatch]:
        """Give each batch masked, in the order they come."""
        return map(self.mask, batches)

    def mask(self, batch: RawBatch) -> MaskedBatch:
        """
        Give the batch with every masked column changed, and NULL where its layout says so.

        Raises:
            RefusedError: DM304, a value that the column's mask cannot take; the value is not told.
            TargetError: DM504, a value that the target's engine cannot hold, in a column that is not made NULL.
        """
        missing = self._bound.keys() - batch.head.keys()
        if missing or batch.layout.table != self.table.id:
            raise InternalError("DM901", "a batch came without a column that is masked", place=str(self.table.id))
        for name, reason in batch.unfit.items():
            if name not in self._masked or self._masked[name].mask != "null":
                hint = "mask the column by `null`, mend the value in the source, or leave its row out"
                raise TargetError("DM504", reason, place=str(self.table.id.column(name)), hint=hint)
        head = {name: self.column(name, batch.head) for name in batch.layout.head}
        head.update({name: pa.nulls(batch.row_count, pa.string()) for name in batch.layout.nulled})
        return MaskedBatch(layout=batch.layout, row_count=batch.row_count, head=head, tail=batch.tail)

    def column(self, name: str, head: Mapping[str, pa.Array]) -> pa.Array:
        """Give one column as it will be in the copy: masked if a mask is on it, else as it came."""
        bound = self._bound.get(name)
        if bound is None:
            return head[name]
        entity = head[bound.entity] if bound.entity is not None else None
        try:
            masked = bound.apply(head[name], entity)
        except MaskError as error:
            raise RefusedError(
                "DM304",
                f"mask {self._masked[name].mask} cannot take a value of the column: {error}",
                place=str(self.table.id.column(name)),
                hint="choose a mask that takes any value, such as redact or null",
            ) from None
        if len(masked) != len(head[name]):
            raise InternalError("DM901", "a mask gave another number of values", place=str(self.table.id.column(name)))
        return masked


def _bind(table: Table, name: str, decision: Masked, registry: MaskRegistry, secret: Secret) -> _Bound:
    column = table.column(name)
    if column is None:
        raise InternalError("DM901", "the mask plan names a column that is not there", place=str(table.id.column(name)))
    context = masked_context(table, column, decision)
    function = registry.build(decision.mask, decision.options, context, secret, decision.domain)
    return _Bound(function, decision.entity)

"""Raw batches become masked ones: the only place where a MaskedBatch is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.errors import InternalError, RefusedError, TargetError
from dbmimic.masks import canonical
from dbmimic.masks.condition import Condition
from dbmimic.masks.definition import AFTER, BEFORE, ENTITY, GROUPED, MaskError, MaskFunction
from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.address import Secret
from dbmimic.model.batch import Layout, MaskedBatch, RawBatch
from dbmimic.model.masking import Masked, MaskPlan
from dbmimic.model.names import TableId
from dbmimic.model.schema import Table
from dbmimic.rules.context import condition_of, grouped, joined, masked_context
from dbmimic.rules.reaching import owners


class _Count:
    """Adds up what it is told."""

    def __init__(self) -> None:
        self.total = 0

    def __call__(self, count: int) -> None:
        self.total += count

    def taken(self) -> int:
        """Give the sum, and begin again."""
        total, self.total = self.total, 0
        return total


@dataclass(frozen=True, slots=True)
class _Bound:
    """One column's mask, ready to run, with what it reads beside the column and which rows it is for."""

    apply: MaskFunction
    entity: tuple[str, ...]
    owners: Callable[[pa.Array], pa.Array] | None  # says whose the rows are that the entity leads to
    group: tuple[str, ...]  # read beside the entity
    when: Condition | None
    unread: _Count
    may_miss: bool
    made_of: tuple[str, ...]  # columns of the row as they are in the copy
    row_before: bool  # it takes them as they were, too

    @property
    def beside(self) -> tuple[str, ...]:
        return (*self.entity, *self.group, *self.made_of, *(self.when.columns if self.when is not None else ()))


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
        read = {name for bound in self._bound.values() for name in bound.beside} | set(self._bound) | set(nulled)
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

    @property
    def may_miss(self) -> bool:
        """Whether there are values that one of the masks could not read."""
        return any(bound.may_miss for bound in self._bound.values())

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
        kept = {name: bound.when.refused(batch.head) for name, bound in self._bound.items() if bound.when is not None}
        last = [name for name in batch.layout.head if name in self._bound and self._bound[name].made_of]
        head = {name: self._column(name, batch.head, kept.get(name)) for name in batch.layout.head if name not in last}
        head.update({name: pa.nulls(batch.row_count, pa.string()) for name in batch.layout.nulled})
        copied = {**batch.head, **head}
        made = {name: self._column(name, batch.head, kept.get(name), copied) for name in last}
        head = {**dict.fromkeys(batch.layout.head), **head, **made}  # in the layout's order
        unread = {name: count for name, bound in self._bound.items() if (count := bound.unread.taken())}
        return MaskedBatch(
            layout=batch.layout, row_count=batch.row_count, head=head, tail=batch.tail, kept=kept, unread=unread
        )

    def _column(
        self,
        name: str,
        head: Mapping[str, pa.Array],
        kept: pa.Array | None,
        copied: Mapping[str, pa.Array] | None = None,
    ) -> pa.Array:
        """Give one column as it will be in the copy: masked if a mask is on it, else as it came."""
        bound = self._bound.get(name)
        if bound is None:
            return head[name]
        beside = _beside(self.table, bound, head) if copied is None else self._row(bound.made_of, copied)
        if copied is not None and bound.row_before:
            both = [self._row(bound.made_of, head), beside]
            beside = pa.StructArray.from_arrays(both, names=[BEFORE, AFTER])
        if kept is None:
            return self._masked_column(name, head[name], beside)
        chosen = pc.invert(kept)
        few = None if beside is None else beside.filter(chosen)
        return pc.replace_with_mask(head[name], chosen, self._masked_column(name, head[name].filter(chosen), few))

    def _row(self, names: tuple[str, ...], head: Mapping[str, pa.Array]) -> pa.Array:
        """Give the columns that a mask is made of, without what an engine pads with."""
        padded = {column.name for column in self.table.columns if column.logical.padded}
        made_of = [canonical.unpadded(head[name]) if name in padded else head[name] for name in names]
        return pa.StructArray.from_arrays(made_of, names=list(names))

    def _masked_column(self, name: str, values: pa.Array, beside: pa.Array | None) -> pa.Array:
        try:
            masked = self._bound[name].apply(values, beside)
        except MaskError as error:
            raise RefusedError(
                "DM304",
                f"mask {self._masked[name].mask} cannot take a value of the column: {error}",
                place=str(self.table.id.column(name)),
                hint="choose a mask that takes any value, such as redact or null",
            ) from None
        if len(masked) != len(values):
            raise InternalError("DM901", "a mask gave another number of values", place=str(self.table.id.column(name)))
        return masked


def _beside(table: Table, bound: _Bound, head: Mapping[str, pa.Array]) -> pa.Array | None:
    """Give what says of each row to whom it belongs, and with a group to which, as a struct."""
    entity = joined(table, head, bound.entity)
    if bound.owners is not None:
        entity = bound.owners(entity)
    if not bound.group:
        return entity
    return pa.StructArray.from_arrays([entity, grouped(head, bound.group)], names=[ENTITY, GROUPED])


def _bind(table: Table, name: str, decision: Masked, registry: MaskRegistry, secret: Secret) -> _Bound:
    column = table.column(name)
    if column is None:
        raise InternalError("DM901", "the mask plan names a column that is not there", place=str(table.id.column(name)))
    context = masked_context(table, column, decision)
    unread = _Count()
    function = registry.bind(decision.mask, decision.options, context, secret, decision.domain, unread)
    definition = registry.get(decision.mask)
    may_miss = definition.gaps or definition.reads is not None or definition.compose is not None
    made_of = definition.row(decision.options)
    group = decision.group if definition.deal is None else ()
    when = condition_of(table, decision.options)
    whose = owners(decision.reached, secret) if decision.reached is not None else None
    if decision.steps and whose is None:
        raise InternalError("DM901", "nobody looked whose the rows are", place=str(table.id.column(name)))
    return _Bound(function, decision.entity, whose, group, when, unread, may_miss, made_of, definition.row_before)

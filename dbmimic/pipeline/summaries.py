"""Columns read before rows are masked, for masks that hang on what other rows of a table, or its parents, hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic import rules
from dbmimic.errors import Problem, RefusedError
from dbmimic.masks import canonical
from dbmimic.masks.hand import UndealableError
from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.address import Secret
from dbmimic.model.batch import Layout, RawBatch
from dbmimic.model.keys import WHOLE
from dbmimic.model.masking import Decision, Masked, MaskPlan, Step
from dbmimic.model.names import ColumnId
from dbmimic.model.schema import Schema, Table
from dbmimic.model.summary import Reached, Summary
from dbmimic.ports.source import Reader

NOBODYS = Secret(bytes(32))  # masks what is looked at and goes nowhere
_MOST = 100_000  # different values; what has more tells rows apart and is no distribution
_UNCOUNTABLE = f"the column has more than {_MOST:,} different values, so it has no distribution to draw from"


class _UnfitError(ValueError):
    """A column cannot be drawn from. The message says why, and holds no value."""


def counted(masks: MaskPlan, schema: Schema, registry: MaskRegistry, source: Reader, secret: Secret | None) -> MaskPlan:
    """
    Give the plan with what is to be known of each column whose mask hangs on other rows: of its table, or of parents.

    Cost: one read of each such column. Memory: its different values, or all of them; both are limited. Without a secret
    it is done with nobody's: that is enough to see whether it can be.

    Raises:
        RefusedError: DM316, a column has too many different values, too few that are frequent enough, or takes too much
            memory.
    """
    decisions: dict[ColumnId, Decision] = dict(masks.decisions)
    problems = []
    whose: dict[tuple[Step, ...], Reached] = {}  # many columns of a table ask for the same
    for column, decision in masks.decisions.items():
        if not isinstance(decision, Masked):
            continue
        hint = "choose another mask for the column, or another `min_count`"
        known = decision
        try:
            if registry.get(decision.mask).counted:
                known = _known(column, decision, schema, registry, source, secret or NOBODYS)
            hint = "let a column of the row itself say whose it is"
            if decision.steps:
                known = replace(known, reached=_reached(decision.steps, whose, schema, source, secret or NOBODYS))
        except (_UnfitError, UndealableError) as error:
            problems.append(Problem("DM316", f"mask {decision.mask}: {error}", str(column), hint))
        decisions[column] = known
    if problems:
        raise RefusedError.of(problems)
    return MaskPlan(decisions)


def _reached(
    steps: tuple[Step, ...], whose: dict[tuple[Step, ...], Reached], schema: Schema, source: Reader, secret: Secret
) -> Reached:
    if steps not in whose:
        whose[steps] = rules.reached(
            steps, schema, lambda table, columns: _read(schema.table(table), columns, source), secret
        )
    return whose[steps]


def _known(
    column: ColumnId, decision: Masked, schema: Schema, registry: MaskRegistry, source: Reader, secret: Secret
) -> Masked:
    table = schema.table(column.table)
    if registry.get(decision.mask).deal is not None:
        batches = _read(table, rules.columns_dealt(table, column.name, decision), source)
        return replace(decision, dealt=rules.deal(table, column.name, decision, registry, secret, batches))
    summary = _summary(column.name, table, decision.group, source)
    least = int(str(decision.options["min_count"]))
    frequent = [value for value, count in _totals(summary).items() if count >= least]
    if summary.counts and len(frequent) < 2:  # noqa: PLR2004 -- one value alone would be everybody's
        raise _UnfitError(f"not two of the column's values are held by {least} rows or more")
    return replace(decision, summary=summary)


def _read(table: Table, columns: tuple[str, ...], source: Reader) -> Iterator[RawBatch]:
    for leaf in table.leaves:
        yield from source.read(Layout(table.id, leaf, columns, ()), WHOLE)


def _totals(summary: Summary) -> dict[str, int]:
    """Give how many rows hold each value, whatever their group."""
    totals: dict[str, int] = {}
    for value, count in zip(summary.values, summary.counts, strict=True):
        totals[value] = totals.get(value, 0) + count
    return totals


def _summary(name: str, table: Table, group: tuple[str, ...], source: Reader) -> Summary:
    """
    Count a column's values, by group where there are such. One canonical form is one value, however it is spelt.

    Raises:
        _UnfitError: too many differ.
    """
    held = table.column(name)
    assert held is not None, "decisions are about the schema's own columns"  # noqa: S101 - narrows the type
    schema = pa.schema({"form": pa.binary(), "group": pa.string(), "value": pa.string(), "count": pa.int64()})
    total = schema.empty_table()
    columns = tuple(column.name for column in table.columns if column.name in {name, *group})
    for batch in _read(table, columns, source):
        values = canonical.unpadded(batch.head[name]) if held.logical.padded else batch.head[name]
        groups = rules.grouped(batch.head, group)
        plain = pa.table({"value": values, "group": pa.nulls(len(values), pa.string()) if groups is None else groups})
        plain = plain.filter(pc.fill_null(pc.not_equal(plain["value"], ""), False))
        found = plain.group_by(["value", "group"]).aggregate([([], "count_all")]).combine_chunks()
        spelt = found["value"].combine_chunks()
        form = canonical.by_kind(spelt, held.logical).cast(pa.binary())
        part = pa.table([form, found["group"], spelt, found["count_all"]], schema=schema)
        grown = pa.concat_tables([total, part]).group_by(["form", "group"])
        total = grown.aggregate([("value", "min"), ("count", "sum")]).rename_columns(schema.names)
        if len(total) > _MOST:
            raise _UnfitError(_UNCOUNTABLE + (" by group" if group else ""))
    spelling = total.group_by("form").aggregate([("value", "min")])
    total = total.drop_columns("value").join(spelling, "form").sort_by([("form", "ascending"), ("group", "ascending")])
    return Summary(
        tuple(total["value_min"].to_pylist()),
        tuple(total["count"].to_pylist()),
        tuple(total["group"].to_pylist()) if group else (),
    )

"""Columns counted before their rows are masked, for masks that draw from what the column holds."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.errors import Problem, RefusedError
from dbmimic.masks import canonical
from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.batch import Layout
from dbmimic.model.keys import WHOLE
from dbmimic.model.masking import Decision, Masked, MaskPlan
from dbmimic.model.names import ColumnId
from dbmimic.model.schema import Schema
from dbmimic.model.summary import Summary
from dbmimic.ports.source import Reader

_MOST = 100_000  # different values; what has more tells rows apart and is no distribution


def counted(masks: MaskPlan, schema: Schema, registry: MaskRegistry, source: Reader) -> MaskPlan:
    """
    Give the plan with a summary of each column whose mask draws from what the column holds in all rows of its table.

    Cost: one read of each such column. Memory: its different values, which are limited.

    Raises:
        RefusedError: DM316, a column has too many different values, or too few that are frequent enough.
    """
    decisions: dict[ColumnId, Decision] = dict(masks.decisions)
    problems = []
    for column, decision in masks.decisions.items():
        if not isinstance(decision, Masked) or not registry.get(decision.mask).counted:
            continue
        summary = _summary(column, schema, source)
        reason = _unfit(summary, int(str(decision.options["min_count"])))
        if summary is None or reason is not None:
            hint = "choose another mask for the column, or another `min_count`"
            problems.append(Problem("DM316", f"mask {decision.mask}: {reason}", str(column), hint))
            continue
        decisions[column] = replace(decision, summary=summary)
    if problems:
        raise RefusedError.of(problems)
    return MaskPlan(decisions)


def _unfit(summary: Summary | None, least: int) -> str | None:
    if summary is None:
        return f"the column has more than {_MOST:,} different values, so it has no distribution to draw from"
    frequent = sum(count >= least for count in summary.counts)
    if summary.counts and frequent < 2:  # noqa: PLR2004 -- one value alone would be everybody's
        return f"not two of the column's values are held by {least} rows or more"
    return None


def _summary(column: ColumnId, schema: Schema, source: Reader) -> Summary | None:
    """Count a column's values; None where too many differ. One canonical form is one value, however it is spelt."""
    table = schema.table(column.table)
    held = table.column(column.name)
    assert held is not None, "decisions are about the schema's own columns"  # noqa: S101 - narrows the type
    total = pa.table(
        {"form": pa.array([], pa.binary()), "value": pa.array([], pa.string()), "count": pa.array([], pa.int64())}
    )
    for leaf in table.leaves:
        for batch in source.read(Layout(table.id, leaf, (column.name,), ()), WHOLE):
            values = batch.head[column.name].drop_null()
            values = canonical.unpadded(values) if held.logical.padded else values
            found = pc.value_counts(values.filter(pc.not_equal(values, "")))
            plain = found.field("values")
            form = canonical.by_kind(plain, held.logical).cast(pa.binary())
            part = pa.table({"form": form, "value": plain, "count": found.field("counts")})
            grouped = pa.concat_tables([total, part]).group_by("form").aggregate([("value", "min"), ("count", "sum")])
            total = grouped.rename_columns({"value_min": "value", "count_sum": "count"})
            if len(total) > _MOST:
                return None
    ordered = total.sort_by("form")
    return Summary(tuple(ordered["value"].to_pylist()), tuple(ordered["count"].to_pylist()))

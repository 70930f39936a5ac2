"""Values that the column has in other rows, or in other rows of a group: `resample`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical
from dbmimic.masks.definition import (
    ENTITY,
    GROUP,
    GROUPED,
    ColumnContext,
    MaskDefinition,
    MaskError,
    MaskFunction,
    Options,
    Parameter,
    Promise,
)
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import keep_blank
from dbmimic.model.summary import Summary
from dbmimic.model.types import Kind

_HALF = np.uint64(32)
_FEWEST = 5


def _build(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    summary = context.summary or Summary((), ())
    urns = _Urns.of(summary, int(str(options["min_count"])))

    def mask(given: pa.Array, beside: pa.Array | None) -> pa.Array:
        if not len(urns.values):
            if pc.any(pc.not_equal(given, "")).as_py():
                raise MaskError("the column's values were not counted")
            return given
        entity, group = beside, None
        if beside is not None and pa.types.is_struct(beside.type):
            entity, group = beside.field(ENTITY), beside.field(GROUPED)
        who = given if entity is None else entity
        bits = keyed.uniform(canonical.text(who.fill_null(""), padded=True)) >> _HALF
        made = urns.drawn(bits, group)
        return keep_blank(given, pc.if_else(pc.is_valid(given), made, pa.scalar(None, pa.string())))

    return mask


@dataclass(frozen=True)
class _Urns:
    """
    What is drawn from: the values of one urn after the other's, each as often as its rows are many.

    Shape: `ends` are the running totals over all urns; `begins` and `sizes` say for each urn of `groups`, and for the
    last one, which is the whole column's, where it begins and how many rows it holds.
    """

    values: pa.Array
    ends: Words
    groups: pa.Array
    begins: Words
    sizes: Words

    @classmethod
    def of(cls, summary: Summary, least: int) -> _Urns:
        """Give an urn for each group with two values that are held by `least` rows or more, and one of all."""
        urns: dict[str, dict[str, int]] = {}
        every: dict[str, int] = {}
        for place, (value, count) in enumerate(zip(summary.values, summary.counts, strict=True)):
            every[value] = every.get(value, 0) + count
            if summary.groups and count >= least:
                urns.setdefault(summary.groups[place], {})[value] = count
        frequent = {value: count for value, count in every.items() if count >= least}
        groups = [group for group, held in urns.items() if len(held) > 1]
        drawn = [*(urns[group] for group in groups), frequent]
        counts = np.array([count for held in drawn for count in held.values()], dtype=np.uint64)
        sizes = np.array([sum(held.values()) for held in drawn], dtype=np.uint64)
        values = pa.array([value for held in drawn for value in held], pa.string())
        return cls(values, np.cumsum(counts), pa.array(groups, pa.string()), np.cumsum(sizes) - sizes, sizes)

    def drawn(self, bits: Words, group: pa.Array | None) -> pa.Array:
        """Give a value for each row, by 32 of its bits."""
        urn = np.array([len(self.groups)])
        if group is not None:
            urn = pc.index_in(group, self.groups).fill_null(len(self.groups)).to_numpy()
        ball = self.begins[urn] + ((bits * self.sizes[urn]) >> _HALF)
        return self.values.take(pa.array(np.searchsorted(self.ends, ball, side="right")))


DEFINITIONS = (
    MaskDefinition(
        name="resample",
        summary="A value that the column has in some other row, or row of a group, as often as it stands there.",
        kinds=frozenset(
            {
                *(Kind.TEXT, Kind.ENUM, Kind.BOOLEAN, Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT),
                *(Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMPTZ),
            }
        ),
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(
            Parameter("min_count", "integer", default=_FEWEST, minimum=2, summary="what fewer rows hold is not drawn"),
            GROUP,
            Parameter("entity", "column", summary="the column that says whose value it is; else it is the row's own"),
        ),
        domain="resample",
        build=_build,
        counted=True,
    ),
)

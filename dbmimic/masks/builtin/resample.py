"""Values that the column has in other rows: `resample`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical
from dbmimic.masks.definition import (
    ColumnContext,
    MaskDefinition,
    MaskError,
    MaskFunction,
    Options,
    Parameter,
    Promise,
)
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.layout import keep_blank
from dbmimic.model.summary import Summary
from dbmimic.model.types import Kind

_HALF = np.uint64(32)
_FEWEST = 5


def _build(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    summary = context.summary or Summary((), ())
    least = int(str(options["min_count"]))
    held = [(value, count) for value, count in zip(summary.values, summary.counts, strict=True) if count >= least]
    values = pa.array([value for value, _ in held], pa.string())
    ends = np.cumsum(np.array([count for _, count in held], dtype=np.uint64))

    def mask(given: pa.Array, entity: pa.Array | None) -> pa.Array:
        if not held:
            if pc.any(pc.not_equal(given, "")).as_py():
                raise MaskError("the column's values were not counted")
            return given
        who = given if entity is None else entity
        bits = keyed.uniform(canonical.text(who.fill_null(""), padded=True)) >> _HALF
        places = np.searchsorted(ends, (bits * ends[-1]) >> _HALF, side="right")
        made = values.take(pa.array(places))
        return keep_blank(given, pc.if_else(pc.is_valid(given), made, pa.scalar(None, pa.string())))

    return mask


DEFINITIONS = (
    MaskDefinition(
        name="resample",
        summary="A value that the column has in some other row, as often as it stands there.",
        kinds=frozenset(
            {
                *(Kind.TEXT, Kind.ENUM, Kind.BOOLEAN, Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT),
                *(Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMPTZ),
            }
        ),
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(
            Parameter("min_count", "integer", default=_FEWEST, minimum=2, summary="what fewer rows hold is not drawn"),
            Parameter("entity", "column", summary="the column that says whose value it is; else it is the row's own"),
        ),
        domain="resample",
        build=_build,
        counted=True,
    ),
)

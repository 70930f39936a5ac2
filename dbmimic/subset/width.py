"""How many bytes rows take, by some of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.model.batch import RawBatch
from dbmimic.model.keys import KeySet, Rows
from dbmimic.model.schema import Table
from dbmimic.ports.source import Source
from dbmimic.subset.samples import close, streams

_PROBED = 400  # rows of a table
_MOST_BYTES = 4 << 20  # where an engine cannot cut
_CERTAIN_BY_PLACES = 3.18  # the same of a mean of four
_CERTAIN = 1.96  # standard errors to each side: 95 % where a mean of 400 is normal

Widths = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Width:
    """How many bytes a row takes as text: about `mean`, and with 95 % certainty between `low` and `high`."""

    mean: float = 0.0
    low: float = 0.0
    high: float = 0.0


def width(table: Table, rows: Rows, count: int, source: Source, probed: int = _PROBED) -> Width:
    """
    Give how wide these `count` rows are, by some of them: 400, or so many as are to be `probed`, that are spread evenly
    over chosen rows, or the rows at four places of a table that comes whole. It is exact where there are no more.

    Cost: one small read for each leaf or place, some megabytes at most but where single rows are larger.
    """
    if not count:
        return Width()
    columns = tuple(column.name for column in table.loadable)
    places = [each for one in streams(table, columns, rows, source, probed) for each in _widths(one)]
    found = np.concatenate([np.empty(0, dtype=np.int64), *places])
    if not len(found):
        return Width()
    mean = float(found.mean())
    unknown = math.sqrt(max(0.0, 1 - len(found) / count))
    half = _CERTAIN * _error(found) * unknown
    if not isinstance(rows, KeySet):  # rows at one place are like each other
        half = max(half, _CERTAIN_BY_PLACES * _error(np.array([each.mean() for each in places])) * unknown)
    return Width(mean, max(0.0, mean - half), mean + half)


def _error(values: npt.NDArray[Any]) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def _widths(stream: Iterator[RawBatch]) -> Iterator[Widths]:
    """Give the widths of rows, some megabytes of them at most; nothing where there are none."""
    found: list[Widths] = []
    for batch in stream:
        total = np.full(batch.row_count, len(batch.head), dtype=np.int64)  # what separates the values
        for values in batch.head.values():
            lengths = pc.fill_null(pc.binary_length(values), 0)
            total += lengths.cast(pa.int64()).to_numpy(zero_copy_only=False)
        found.append(total)
        if sum(int(each.sum()) for each in found) > _MOST_BYTES:
            break
    close(stream)
    if found:
        yield np.concatenate(found)

"""Some rows of a table, from everywhere in it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from dbmimic.model.batch import Layout, RawBatch
from dbmimic.model.keys import WHOLE, KeySet, Rows, Span
from dbmimic.model.schema import Table
from dbmimic.ports.source import Reader

_PLACES = 4  # of a table that comes whole
_PORTION_BYTES = 1 << 20


def streams(
    table: Table, columns: tuple[str, ...], rows: Rows, source: Reader, count: int
) -> Iterator[Iterator[RawBatch]]:
    """
    Give one stream for each place that rows are taken from: `count` rows that are spread evenly over chosen ones, or
    the rows at four places of a table that comes whole, a megabyte each and all where an engine cannot cut.

    A stream that is not read to its end must be closed before the next is asked for (`close`).
    """
    layouts = [Layout(table.id, leaf, columns, ()) for leaf in table.leaves]
    if isinstance(rows, KeySet):
        step = max(1.0, len(rows) / count)
        for leaf in rows.leaves:
            bits = rows.bits(leaf)
            some = KeySet.of(leaf, bits.at(int(place * step) for place in range(math.ceil(len(bits) / step))))
            yield source.read(layouts[table.leaves.index(leaf)], some)
        return
    portions: list[tuple[Layout, Rows | Span]] = [
        (each, portion.rows) for each in layouts for portion in source.cut(each, WHOLE, _PORTION_BYTES)
    ]
    step = max(1.0, len(portions) / _PLACES)
    for number in range(math.ceil(len(portions) / step)):
        yield source.read(*portions[int(number * step)])


def close(stream: Iterator[RawBatch]) -> None:
    """End a stream of which the rest is not wanted."""
    end = getattr(stream, "close", None)
    if end is not None:
        end()

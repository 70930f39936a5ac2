"""Some rows of a table, from everywhere in it."""

from __future__ import annotations

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
        total = len(rows)
        for leaf in rows.leaves:
            bits = rows.bits(leaf)
            some = KeySet.of(leaf, bits.at(spread(len(bits), -(-count * len(bits) // total))))
            yield source.read(layouts[table.leaves.index(leaf)], some)
        return
    portions: list[tuple[Layout, Rows | Span]] = [
        (each, portion.rows) for each in layouts for portion in source.cut(each, WHOLE, _PORTION_BYTES)
    ]
    for number in spread(len(portions), _PLACES):
        yield source.read(*portions[number])


def spread(count: int, most: int) -> list[int]:
    """Give the places of so many at most out of `count`, as far from each other as they can be."""
    some = min(count, most)
    return [number * count // some for number in range(some)]


def close(stream: Iterator[RawBatch]) -> None:
    """End a stream of which the rest is not wanted."""
    end = getattr(stream, "close", None)
    if end is not None:
        end()

"""The rows of a table that is covered, with columns of the parents that they reference, in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dbmimic.model.address import Secret
from dbmimic.model.keys import WHOLE, KeySet, RowIds, Rows, Whole
from dbmimic.model.names import TableId
from dbmimic.model.request import Cover
from dbmimic.model.schema import ForeignKey, Schema
from dbmimic.ports.source import End, KeyedRows, Walker
from dbmimic.subset.choice import RowHash
from dbmimic.subset.seeds import every

_ROWS_AT_ONCE = 50_000
_BYTES_AT_ONCE = 32 << 20
_KEPT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class JoinedRows:
    """Some rows of one leaf: identities, keyed hashes, and the covered columns as text, all in the same order."""

    leaf: TableId
    ids: RowIds
    hashes: npt.NDArray[np.uint64]
    columns: tuple[pa.Array, ...]


class Joined:
    """Reads the covered columns: the table's own, then those of its parents, NULL where no parent is there."""

    def __init__(self, cover: Cover, schema: Schema, source: Walker, secret: Secret | None) -> None:
        self._cover = cover
        self._table = schema.table(cover.table)
        self._schema = schema
        self._source = source
        self._hash = RowHash.of(self._table, secret)
        self._names = tuple(dict.fromkeys((*self._hash.columns, *cover.columns)))
        self._kept: list[JoinedRows] | None = None

    def everything(self) -> Iterator[JoinedRows]:
        """Stream all rows; those of a small table are kept, and read but once."""
        if self._kept is not None:
            yield from self._kept
            return
        kept, size = [], 0
        for rows in self.batches(WHOLE):
            size += sum(values.nbytes for values in rows.columns)
            if size <= _KEPT_BYTES:
                kept.append(rows)
            yield rows
        self._kept = kept if size <= _KEPT_BYTES else None

    def batches(self, rows: Rows) -> Iterator[JoinedRows]:
        """
        Stream these rows.

        Cost: one read of the covered columns; for each edge to a parent and 50,000 rows, two questions more. Memory is
        bounded by the batch.
        """
        for batch in self._gathered(rows):
            held = dict(zip(self._names, batch.columns, strict=True))
            hashes = self._hash.of_rows([held[name] for name in self._hash.columns])
            own = [held[name] for name in self._cover.columns]
            above = [values for edge, names in self._cover.parents for values in self._above(edge, names, batch)]
            yield JoinedRows(batch.leaf, batch.ids, hashes, (*own, *above))

    def _gathered(self, rows: Rows) -> Iterator[KeyedRows]:
        if not self._cover.parents:
            yield from _gathered(self._source.keyed(self._table, self._names, rows))
            return
        # While one answer is read no other question can be asked, so the rows are asked for some at a time.
        chosen = every(self._table, self._source) if isinstance(rows, Whole) else rows
        for leaf in chosen.leaves:
            for ids in chosen.chunks(leaf, _ROWS_AT_ONCE):
                parts = list(self._source.keyed(self._table, self._names, KeySet.of(leaf, ids)))
                if any(len(part.ids) for part in parts):
                    yield _one(leaf, [part for part in parts if len(part.ids)])

    def _above(self, edge: ForeignKey, names: tuple[str, ...], batch: KeyedRows) -> list[pa.Array]:
        """Give columns of the parents that these rows reference over one edge; a row without one has NULLs."""
        linked = list(self._source.links(edge, KeySet.of(batch.leaf, batch.ids), End.CHILD))
        parents = KeySet()
        for links in linked:
            parents |= KeySet.of(links.parent_leaf, links.parents)
        if not parents:
            return [pa.nulls(len(batch.ids), pa.string()) for _ in names]
        read = list(self._source.keyed(self._schema.table(edge.parent), names, parents))
        starts = np.cumsum([0, *(len(part.ids) for part in read)])
        order = np.argsort(batch.ids)
        ids = batch.ids[order]
        at = np.full(len(ids), -1, dtype=np.int64)  # for each row, its parent's place among all that were read
        for leaf in parents.leaves:
            mine = [number for number, part in enumerate(read) if part.leaf == leaf]
            known = np.concatenate([read[number].ids for number in mine])
            places = np.concatenate([np.arange(starts[number], starts[number + 1]) for number in mine])
            sorting = np.argsort(known)
            for links in linked:
                if links.parent_leaf == leaf:
                    found = np.searchsorted(known, links.parents, sorter=sorting)
                    at[order[np.searchsorted(ids, links.children)]] = places[sorting[found]]
        take = pa.array(at, mask=at < 0)
        return [_column(read, number).take(take) for number in range(len(names))]


def _gathered(stream: Iterable[KeyedRows]) -> Iterator[KeyedRows]:
    """Give the same rows in larger batches, each of one leaf."""
    parts: list[KeyedRows] = []
    rows = size = 0
    for part in stream:
        if parts and (part.leaf != parts[0].leaf or rows >= _ROWS_AT_ONCE or size >= _BYTES_AT_ONCE):
            yield _one(parts[0].leaf, parts)
            parts, rows, size = [], 0, 0
        if len(part.ids):
            parts.append(part)
            rows += len(part.ids)
            size += sum(values.nbytes for values in part.columns)
    if parts:
        yield _one(parts[0].leaf, parts)


def _one(leaf: TableId, parts: Sequence[KeyedRows]) -> KeyedRows:
    columns = tuple(_column(parts, number) for number in range(len(parts[0].columns)))
    return KeyedRows(leaf, np.concatenate([part.ids for part in parts]), columns)


def _column(parts: Sequence[KeyedRows], number: int) -> pa.Array:
    return pa.concat_arrays([part.columns[number] for part in parts])

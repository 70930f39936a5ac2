"""The same question as in `masking`, asked of the rows on their way; and whether what arrived is what was sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.batch import Layout, MaskedBatch, RawBatch
from dbmimic.model.keys import WHOLE, Rows
from dbmimic.model.schema import Column, Table
from dbmimic.model.types import Kind, LogicalType
from dbmimic.model.work import Seen
from dbmimic.ports.source import Reader
from dbmimic.verdict.masking import MaskedColumn, TableCheck, findings_of, joined
from dbmimic.verdict.spelling import spelt

Columns = Mapping[str, MaskedColumn]

WRAP = 1 << 64  # digests are sums of so many


class StreamCheck:
    """
    Compares each masked value with its source's while both are at hand, and adds up a digest of what is sent of the
    columns that masks read or write.

    Cost: one comparison a value, and one keyed hash a row.
    """

    def __init__(self, table: Table, columns: Columns, read: tuple[str, ...], keyed: KeyedFunction) -> None:
        self._table = table
        self._columns = columns
        self._read = read
        self._keyed = keyed
        self._rows = self._checked = self._digest = 0
        self._equal = dict.fromkeys(columns, 0)

    def see(self, raw: RawBatch, masked: MaskedBatch) -> None:
        """Take note of a batch before and after."""
        self._rows += raw.row_count
        for name, column in self._columns.items():
            before, after = raw.head[name], masked.head[name]
            if name in masked.kept:
                chosen = pc.invert(masked.kept[name])
                before, after = before.filter(chosen), after.filter(chosen)
            self._checked += pc.sum(pc.greater(pc.binary_length(before), 0)).as_py() or 0
            if column.changes:
                self._equal[name] += self._unchanged(name, column, before, after)
        head = {name: masked.head[name] for name in self._read}  # what is only nulled stands in some batches' heads
        self._digest = (self._digest + digest_of(self._table, head, self._keyed)) % WRAP

    def _unchanged(self, name: str, column: MaskedColumn, before: pa.Array, after: pa.Array) -> int:
        found = self._table.column(name)
        if found is not None and found.logical.kind is not Kind.TEXT:
            filled = (pc.fill_null(values, "") for values in (before, after))
            same = pc.equal(*(canonical.by_kind(values, found.logical) for values in filled))
        else:
            same = pc.equal(before, after)
        suspects = before.filter(pc.fill_null(same, False)).drop_null()
        if not len(suspects):
            return 0
        left = pc.match_substring_regex(suspects, f"^(?:{column.leaves})?$")
        return len(suspects) - (pc.sum(left).as_py() or 0)

    @property
    def seen(self) -> Seen:
        """What was seen so far."""
        return Seen(self._rows, self._checked, self._equal, self._digest)


def digest_of(table: Table, head: Mapping[str, pa.Array], keyed: KeyedFunction) -> int:
    """
    Give a number for the rows of some columns that does not depend on their order.

    Where they come from another engine, a value has one number whichever engine spells it; else as it is spelt, but for
    the blanks that an engine fills a column up with.
    """
    spell = spelt if table.as_text else _unpadded
    return sum_of([spell(column_of(table, name), values) for name, values in head.items()], keyed)


def sum_of(columns: list[pa.Array], keyed: KeyedFunction) -> int:
    """Give the same for columns whose values are spelt alike already."""
    return int(np.sum(keyed.uniform(joined(columns)), dtype=np.uint64))


def column_of(table: Table, name: str) -> Column:
    """Give a column of the table, or one that holds any text."""
    return table.column(name) or Column(name, "", LogicalType(Kind.TEXT), nullable=True)


def _unpadded(column: Column, values: pa.Array) -> pa.Array:
    return canonical.unpadded(values) if column.logical.padded else values


def together(parts: Iterable[Seen]) -> Seen | None:
    """Give what was seen of all parts of a table."""
    total: Seen | None = None
    for part in parts:
        if total is None:
            total = part
            continue
        equal = {name: count + part.equal.get(name, 0) for name, count in total.equal.items()}
        digest = (total.digest + part.digest) % WRAP
        total = Seen(total.row_count + part.row_count, total.values_checked + part.values_checked, equal, digest)
    return total


def arrived(
    table: Table, head: tuple[str, ...], seen: Seen, copy: Reader, keyed: KeyedFunction, among: Rows = WHOLE
) -> bool:
    """
    Tell whether a table of the copy (or these rows of it) holds what was sent, by the columns that masks read or wrote.

    False may mean no more than that the engine spells a value in another way than it was sent; see `holding`.
    """
    return held(table, head, copy, keyed, among) == (seen.row_count, seen.digest)


def held(table: Table, head: tuple[str, ...], copy: Reader, keyed: KeyedFunction, among: Rows) -> tuple[int, int]:
    """Give how many rows there are of a table of the copy, or of these rows of it, and the digest of these columns."""
    rows = digest = 0
    for leaf in table.leaves:
        for batch in copy.read(Layout(table.id, leaf, head, ()), among):
            rows += batch.row_count
            digest = (digest + digest_of(table, batch.head, keyed)) % WRAP
    return rows, digest


def taken_back(table: Table, head: tuple[str, ...], copy: Reader, keyed: KeyedFunction, among: Rows) -> Seen:
    """Give what to add to what was seen of a table whose copy these rows are going to leave."""
    rows, digest = held(table, head, copy, keyed, among)
    return Seen(-rows, 0, {}, -digest)


def check_of(table: Table, seen: Seen) -> TableCheck:
    """Give what came of a table all of whose rows were seen on their way."""
    return TableCheck(seen.values_checked, sum(seen.equal.values()), tuple(findings_of(table, seen.equal)))

"""The same question as in `masking`, asked of the rows on their way; and whether what arrived is what was sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.batch import Layout, MaskedBatch, RawBatch
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.keys import WHOLE, Rows
from dbmimic.model.schema import Table
from dbmimic.model.types import Kind
from dbmimic.model.work import Seen
from dbmimic.ports.source import Reader
from dbmimic.verdict.masking import MaskedColumn, MaskedTable, TableCheck, findings_of, joined
from dbmimic.verdict.spelling import spelt

Columns = Mapping[str, MaskedColumn]

_WRAP = 1 << 64


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
        self._digest = (self._digest + digest_of(self._table, head, self._keyed)) % _WRAP

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

    Where they come from another engine, a value has one number whichever engine spells it.
    """
    columns = list(head.values())
    if table.as_text:
        columns = [spelt(table, name, values) for name, values in head.items()]
    hashes = keyed.uniform(joined(columns))
    return int(np.sum(hashes, dtype=np.uint64))


def together(parts: Iterable[Seen]) -> Seen | None:
    """Give what was seen of all parts of a table."""
    total: Seen | None = None
    for part in parts:
        if total is None:
            total = part
            continue
        equal = {name: count + part.equal[name] for name, count in total.equal.items()}
        digest = (total.digest + part.digest) % _WRAP
        total = Seen(total.row_count + part.row_count, total.values_checked + part.values_checked, equal, digest)
    return total


def arrived(
    table: Table, head: tuple[str, ...], seen: Seen, copy: Reader, keyed: KeyedFunction, among: Rows = WHOLE
) -> bool:
    """
    Tell whether a table of the copy (or these rows of it) holds what was sent, by the columns that masks read or wrote.

    False may mean no more than that the engine spells a value in another way than it was sent.
    """
    rows = digest = 0
    for leaf in table.leaves:
        for batch in copy.read(Layout(table.id, leaf, head, ()), among):
            rows += batch.row_count
            digest = (digest + digest_of(table, batch.head, keyed)) % _WRAP
    return (rows, digest) == (seen.row_count, seen.digest)


def altered(table: MaskedTable, source: Reader, copy: Reader, keyed: KeyedFunction) -> Iterator[Finding]:
    """
    Give an error for each column without a mask whose values another engine holds as other ones.

    Cost: one more read of the table on each side.
    """
    sent = _column_digests(table, _as_sent(table, source), keyed)
    layouts = (Layout(table.table.id, leaf, table.read, ()) for leaf in table.table.leaves)
    held = _column_digests(table, (batch.head for layout in layouts for batch in copy.read(layout, WHOLE)), keyed)
    for name, digest in sent.items():
        if digest != held[name]:
            place = str(table.table.id.column(name))
            reason = "the copy holds other values than were sent: its engine changed them"
            yield Finding("DM606", Severity.ERROR, place, reason, "report this; exclude the table until it is mended")


def _as_sent(table: MaskedTable, source: Reader) -> Iterator[Mapping[str, pa.Array]]:
    for rows, nulled in table.parts:
        for leaf in table.table.leaves:
            for batch in source.read(Layout(table.table.id, leaf, table.read, (), nulled), rows):
                yield table.mask(batch).head


def _column_digests(
    table: MaskedTable, heads: Iterable[Mapping[str, pa.Array]], keyed: KeyedFunction
) -> dict[str, int]:
    digests = dict.fromkeys((name for name in table.read if name not in table.columns), 0)
    for head in heads:
        for name, digest in digests.items():
            digests[name] = (digest + digest_of(table.table, {name: head[name]}, keyed)) % _WRAP
    return digests


def check_of(table: Table, seen: Seen) -> TableCheck:
    """Give what came of a table all of whose rows were seen on their way."""
    return TableCheck(seen.values_checked, sum(seen.equal.values()), tuple(findings_of(table, seen.equal)))

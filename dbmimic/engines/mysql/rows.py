"""Rows in bulk, from one session under its snapshot."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from dbmimic.engines.mysql import quoting, wire
from dbmimic.engines.mysql.keys import IntegerIdentity, RowIdentity, WholeRowIdentity, ordering
from dbmimic.engines.mysql.places import ENGINE
from dbmimic.engines.mysql.session import Session
from dbmimic.engines.mysql.types import Form
from dbmimic.errors import InternalError, SourceError
from dbmimic.model.amount import amount
from dbmimic.model.batch import Layout, Payload, RawBatch
from dbmimic.model.keys import KeySet, Portion, Rows, Span
from dbmimic.model.names import TableId


@dataclass(frozen=True)
class TableReader:
    """
    Reads one table in one layout.

    The payload is a tuple of `pa.binary()` arrays, one for each tail column, in the bytes that the server stores for
    text and in its own words for the rest.
    """

    session: Session
    layout: Layout
    forms: Mapping[str, Form]
    identity: RowIdentity

    def read(self, rows: Rows | Span) -> Iterator[RawBatch]:
        """Stream the rows in batches of about a megabyte, by ascending key; other than integers share by share."""
        name = quoting.name(self.layout.leaf.name)
        if not isinstance(rows, KeySet):
            where = f" WHERE {_integer(self.identity).within(rows, name)}" if isinstance(rows, Span) else ""
            yield from self._batches(self._select() + where + ordering(self.identity))
            return
        bits = rows.bits(self.layout.leaf)
        shares = self.identity.conditions(bits, name)
        if shares is None:
            yield from self._filtered(rows)
            return
        for condition, share in shares:
            count = 0
            for batch in self._batches(f"{self._select()} WHERE {condition}{ordering(self.identity)}"):
                count += batch.row_count
                yield batch
            if count != share:
                reason = f"{amount(share, 'row was', 'rows were')} asked for and {count:,} came"
                raise InternalError("DM901", reason, place=str(self.layout.table))

    def _expressions(self) -> list[str]:
        head = [self.forms[name].text() for name in self.layout.head]
        return head + [self.forms[name].exact() for name in self.layout.tail]

    def _select(self, *first: str) -> str:
        listed = ", ".join([*first, *self._expressions()]) or "1"
        return f"SELECT {listed} FROM {quoting.name(self.layout.leaf.name)}"  # noqa: S608 -- names are quoted

    def _batches(self, statement: str) -> Iterator[RawBatch]:
        width = len(self._expressions())
        for block in self.session.blocks(statement, str(self.layout.table)):
            yield self._batch(wire.columns(block, width), len(block))

    def _filtered(self, rows: KeySet) -> Iterator[RawBatch]:
        """Read all rows of a table without a key and keep the chosen ones."""
        bits = rows.bits(self.layout.leaf)
        if not bits:
            return
        keys = [form.exact() for form in self.identity.forms]
        number = self.identity.numbering()
        width = len(keys) + len(self._expressions())
        for block in self.session.blocks(self._select(*keys), str(self.layout.table)):
            arrays = wire.columns(block, width)
            ids = number(arrays[: len(keys)])
            chosen = bits.holds(ids)
            if chosen.any():
                mask = pa.array(chosen)
                yield self._batch([each.filter(mask) for each in arrays[len(keys) :]], int(chosen.sum()))

    def _batch(self, arrays: list[pa.Array], row_count: int) -> RawBatch:
        head = {name: self._text(name, values) for name, values in zip(self.layout.head, arrays, strict=False)}
        tail = tuple(arrays[len(head) :])
        return RawBatch(self.layout, row_count, head, Payload(ENGINE, tail, sum(each.nbytes for each in tail)))

    def _text(self, name: str, values: pa.Array) -> pa.Array:
        try:
            return wire.as_text(values)
        except pa.ArrowInvalid:
            place = str(self.layout.table.column(name))
        hint = "keep the column unmasked, or repair the text in the source"
        raise SourceError("DM404", "a value is no text in the column's own character set", place=place, hint=hint)


@dataclass(frozen=True)
class TableCutter:
    """Cuts the rows of one table, of about so many rows and bytes, into portions."""

    session: Session
    table: TableId
    identity: RowIdentity
    row_count: int
    byte_count: int

    def cut(self, rows: Rows, byte_count: int) -> list[Portion]:
        """Give chosen rows by number, all rows by ranges of an integer key; where neither is to be had, one portion."""
        chosen = len(rows.bits(self.table)) if isinstance(rows, KeySet) else None
        size = self.byte_count if chosen is None else self.byte_count * chosen // max(1, self.row_count, chosen)
        count = max(1, round(size / max(1, byte_count)))
        if count == 1 or isinstance(self.identity, WholeRowIdentity):
            return [Portion(rows, size)]
        if isinstance(rows, KeySet):
            held = len(rows.bits(self.table))
            chunks = rows.chunks(self.table, -(-held // count))
            return [Portion(KeySet.of(self.table, ids), size * len(ids) // held) for ids in chunks]
        spans = self._spans(self.identity, count) if isinstance(self.identity, IntegerIdentity) else []
        return [Portion(span, size // len(spans)) for span in spans] or [Portion(rows, size)]

    def _spans(self, identity: IntegerIdentity, count: int) -> list[Span]:
        """Give spans of one width between the smallest key and the largest; none where there is no row."""
        column = identity.forms[0].name
        question = f"SELECT MIN({column}), MAX({column}) FROM {quoting.name(self.table.name)}"  # noqa: S608 -- names are quoted
        ends = self.session.rows(question, str(self.table))[0]
        if None in ends:
            return []
        first, last = identity.numbers([int(end) for end in ends])
        width = last - first + 1
        count = min(count, width)
        inner = [first + width * number // count for number in range(1, count)]
        return [Span(start, stop) for start, stop in itertools.pairwise([None, *inner, None])]


def _integer(identity: RowIdentity) -> IntegerIdentity:
    if not isinstance(identity, IntegerIdentity):
        raise InternalError("DM901", "a span was asked for in a table without an integer key")
    return identity

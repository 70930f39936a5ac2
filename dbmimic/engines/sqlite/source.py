"""SQLite as a `Source`: one file under one read transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from dbmimic.engines.sqlite import catalogue, structure, trial
from dbmimic.engines.sqlite.catalogue import Catalogue
from dbmimic.engines.sqlite.columns import ColumnReader
from dbmimic.engines.sqlite.connection import ENGINE, OLDEST, Row, Snapshot, file_identity, name, patience, uri
from dbmimic.engines.sqlite.elsewhere import Elsewhere, is_worth_it
from dbmimic.engines.sqlite.faults import SOURCE, Side
from dbmimic.engines.sqlite.identity import ByRowid, RowIdentity
from dbmimic.engines.sqlite.rows import Relay, packed, to_text
from dbmimic.engines.sqlite.walk import Walk, these
from dbmimic.errors import InternalError
from dbmimic.model.address import Address
from dbmimic.model.batch import Layout, Payload, RawBatch
from dbmimic.model.keys import WHOLE, KeySet, Portion, Rows, Span, Whole
from dbmimic.model.names import TableId
from dbmimic.model.request import IdsSeed, WhereSeed
from dbmimic.model.schema import Check, ForeignKey, Schema, Table
from dbmimic.model.target import Identity, Structure
from dbmimic.model.types import Kind
from dbmimic.ports.source import End, KeyedRows, Links


class SqliteSource:
    """
    One file, read under one snapshot from the making to `close`.

    Never opens the file by any other way than SQLite's: closing a second handle would let go of its locks.
    """

    engine = ENGINE

    def __init__(self, path: Path, side: Side = SOURCE, patience: float = 5.0) -> None:
        self._path = path.resolve()
        self._place = str(self._path)
        _check(self._path, side)
        self._snapshot = Snapshot(self._path, side, patience)
        self._walk: Walk | None = None
        self._elsewhere: Elsewhere | None = None
        self._sought = True

    @cached_property
    def _catalogue(self) -> Catalogue:
        return catalogue.read(self._snapshot)

    @cached_property
    def _encoding(self) -> str:
        return str(self._snapshot.value("PRAGMA encoding"))

    @property
    def _walker(self) -> Walk:
        if self._walk is None:
            self._walk = Walk(self._snapshot, self._catalogue)
        return self._walk

    def identity(self) -> Identity:
        """Give the file's device and inode."""
        return file_identity(self._path)

    def schema(self) -> Schema:
        """Give the structure as the catalogue tells it; read at the first call."""
        return self._catalogue.schema

    def structure(self) -> Structure:
        """Give the statements that make this structure."""
        return structure.read(self._snapshot)

    def hold(self, token: int) -> None:
        """Do nothing: two files are the same exactly where `identity` is, and a source is not written to."""
        del token

    @property
    def abreast(self) -> int:
        """One: a connection serves one thread."""
        return 1

    def seed(self, table: Table, seed: WhereSeed | IdsSeed) -> KeySet:
        """Give the rows that a seed names."""
        if isinstance(seed, WhereSeed):
            return self._walker.where(seed)
        return self._walker.ids(table, seed)

    def check(self, condition: WhereSeed) -> None:
        """Make sure that SQLite takes a condition."""
        self._walker.where(condition, wanted=False)

    def keyed(self, table: Table, columns: tuple[str, ...], rows: Rows = WHOLE) -> Iterator[KeyedRows]:
        """Stream these rows' identities with some columns as text."""
        identity = self._walker.identity(table.id)
        width = len(identity.columns)
        listed = [f"t.{column}" for column in (*identity.columns, *map(name, columns))]
        for page in self._listed(listed, table.id, rows, identity):
            texts = tuple(to_text([row[width + place] for row in page])[0] for place in range(len(columns)))
            yield KeyedRows(table.id, identity.ids([row[:width] for row in page]), texts)

    def parents(self, edge: ForeignKey, children: Rows) -> KeySet:
        """Give the parent rows that these child rows reference."""
        return self._walker.parents(edge, children)

    def children(self, edge: ForeignKey, parents: KeySet) -> KeySet:
        """Give the child rows that reference any of these parent rows."""
        return self._walker.children(edge, parents)

    def links(self, edge: ForeignKey, rows: Rows, end: End) -> Iterator[Links]:
        """Stream which child row references which parent row."""
        return self._walker.links(edge, rows, end)

    def count(self, table: Table) -> int:
        """Give how many rows the table holds."""
        sql = f"SELECT count(*) FROM {name(table.id.name)}"  # noqa: S608 -- the name is quoted
        return int(self._snapshot.value(sql, (), str(table.id)))

    def cut(self, layout: Layout, rows: Rows, byte_count: int) -> tuple[Portion, ...]:
        """Give all rows as one portion: one file has one reader."""
        del layout, byte_count
        return (Portion(rows, 0),)

    def share(self, sessions: int) -> None:
        """Give no token: in WAL mode another connection may see a later moment."""
        del sessions

    def beat(self) -> None:
        """Do nothing: a read transaction on a file is not lost."""

    def read(self, layout: Layout, rows: Rows | Span) -> Iterator[RawBatch]:
        """Stream the chosen rows in ascending identity, about a megabyte a batch."""
        if isinstance(rows, Span):
            raise InternalError("DM901", "a span of rows was asked for that was not cut here", place=str(layout.leaf))
        identity = self._walker.identity(layout.leaf)
        if isinstance(rows, Whole) and not layout.head:
            stored = self.schema().table(layout.table).columns
            as_stored = layout.tail == tuple(column.name for column in stored)
            relay = Relay(self._snapshot, as_stored, lambda: self._pages(layout, identity, rows))
            yield RawBatch(layout, 0, {}, Payload(ENGINE, relay))
            return
        if isinstance(identity, ByRowid) and self._encoding == "UTF-8" and self._goes_as_columns(layout):
            other = self._other(self._rows_of(layout, rows))
            yield from ColumnReader(self._snapshot, layout, identity, self._integers(layout), other).read(rows)
            return
        for page in self._pages(layout, identity, rows):
            yield packed(layout, page)[0]

    def _rows_of(self, layout: Layout, rows: Rows) -> int:
        return self.schema().table(layout.table).estimated_rows if isinstance(rows, Whole) else len(rows)

    def _other(self, rows: int) -> Elsewhere | None:
        """Give a process that reads the same snapshot, or None where it is not worth it or not proven."""
        if self._elsewhere is None and self._sought and is_worth_it(rows):
            self._sought = False
            settings = ("PRAGMA busy_timeout = 0", "PRAGMA query_only = 1", "PRAGMA temp_store = MEMORY",
                        "PRAGMA trusted_schema = 0", "BEGIN", "SELECT count(*) FROM sqlite_schema")  # fmt: skip
            with suppress(sqlite3.Error, OSError):
                other = Elsewhere(uri(self._path, "ro"), settings)
                if self._snapshot.unchanged():
                    self._elsewhere = other
                else:
                    other.close()
        # One stream at a time: a second one, begun in the middle of it, is read here.
        return (
            self._elsewhere
            if self._elsewhere is not None and not self._elsewhere.under_way and is_worth_it(rows)
            else None
        )

    def _goes_as_columns(self, layout: Layout) -> bool:
        """Whether the head may be text and integers alone."""
        table = self.schema().table(layout.table)
        kinds = {column.logical.kind for column in table.columns if column.name in layout.head}
        return bool(kinds) and kinds.isdisjoint({Kind.FLOAT, Kind.DECIMAL, Kind.BINARY})

    def _integers(self, layout: Layout) -> frozenset[str]:
        columns = self.schema().table(layout.table).columns
        return frozenset(column.name for column in columns if column.logical.kind is Kind.INTEGER)

    def _pages(self, layout: Layout, identity: RowIdentity, rows: Rows) -> Iterator[list[Row]]:
        listed = [f"t.{name(column)}" for column in layout.head + layout.tail]
        yield from self._listed(listed, layout.leaf, rows, identity)

    def _listed(self, columns: list[str], table_id: TableId, rows: Rows, identity: RowIdentity) -> Iterator[list[Row]]:
        """Select columns of a table `t` for some of its rows, in ascending identity."""
        listed, table, place = ", ".join(columns), f"{name(table_id.name)} AS t", str(table_id)
        if isinstance(rows, Whole):
            order = ", ".join(f"t.{column}" for column in identity.columns)
            sql = f"SELECT {listed} FROM {table} ORDER BY {order}"  # noqa: S608 -- names are quoted
            yield from self._snapshot.pages(sql, (), place)
            return
        for ids in rows.chunks(table_id, identity.capacity):
            chosen = identity.chosen(ids)
            sql = (
                f"WITH {chosen.sql} SELECT {listed} FROM chosen "  # noqa: S608 -- names are quoted
                f"CROSS JOIN {table} WHERE {these('t', identity)}"
            )
            yield from self._snapshot.pages(sql, chosen.parameters, place)

    def refuses(self, table: Table, check: Check, columns: Mapping[str, pa.Array]) -> bool | None:
        """Tell whether a check refuses any of these rows."""
        return trial.refuses(self._snapshot, self._catalogue.by_id[table.id], check, columns)

    def orphans(self, edge: ForeignKey, children: Rows) -> int:
        """Give how many of these child rows reference a parent row that is not there."""
        return self._walker.orphans(edge, children)

    def watch(self) -> None:
        """Give none: there is no server that knows who waits for a file."""

    def close(self) -> None:
        """End the snapshot and the connection; safe to call twice."""
        if self._elsewhere is not None:
            self._elsewhere.close()
        self._snapshot.close()


def open_source(address: Address, side: Side = SOURCE) -> SqliteSource:
    """Open the file for reading. The option `timeout` is the seconds to wait for another connection's lock."""
    return SqliteSource(Path(address.database), side, patience(address))


def _check(path: Path, side: Side) -> None:
    if sqlite3.sqlite_version_info < OLDEST:
        needed = ".".join(map(str, OLDEST))
        hint = "use a Python that is built with a newer SQLite"
        raise side.error(side.unsupported, f"Python's SQLite is older than {needed}", place=str(path), hint=hint)
    if not path.is_file():
        hint = "check the path; it is taken relative to the working folder"
        raise side.error(side.unreachable, f"the {side.noun} is not there", place=str(path), hint=hint)

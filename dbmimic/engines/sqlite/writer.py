"""Rows on their way into SQLite's new copy: by whom each unit is written, and what the copy's file is opened with."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from dbmimic.engines.sqlite.catalogue import folded
from dbmimic.engines.sqlite.connection import Snapshot, connect, name, query, uri
from dbmimic.engines.sqlite.elsewhere import Elsewhere, Here
from dbmimic.engines.sqlite.faults import TARGET, told
from dbmimic.engines.sqlite.files import Places
from dbmimic.engines.sqlite.rows import Inserter, Relay, Unread
from dbmimic.engines.sqlite.splice import Splicer
from dbmimic.model.batch import Layout, MaskedBatch

# Fast rather than safe: a copy that is not whole is thrown away.
_BUILDING = (
    "PRAGMA synchronous = OFF",
    "PRAGMA journal_mode = MEMORY",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA cache_size = -32768",
)
_SOURCE = "dbmimic_source"  # what the source is called where it is attached
PATIENCE = 600.0  # seconds that one worker waits for another's transaction on the new copy


class Writer:
    """
    The one who writes to the new copy of a target.

    `indexes` are those that are still to be made, each with its table and name: a table that SQLite itself brings over
    has its own made on the way.
    """

    def __init__(self, places: Places) -> None:
        self.indexes: tuple[tuple[str, str, str], ...] = ()
        self._places = places
        self._connection: sqlite3.Connection | None = None
        self._elsewhere: Elsewhere | None = None
        self._loaded: dict[str, int] = {}

    def begin(self, indexes: Sequence[tuple[str, str, str]]) -> None:
        """Forget what was written to another file: a new one is made at the path."""
        self.close()
        self._loaded.clear()
        self.indexes = tuple(indexes)

    def connection(self) -> sqlite3.Connection:
        """Give the connection to the new copy, which is opened where it is not."""
        if self._connection is None:
            with told(TARGET, str(self._places.new)):
                connection = connect(self._places.new, "rw", PATIENCE)
                for setting in _BUILDING:
                    connection.execute(setting).fetchall()
            self._connection = connection
        return self._connection

    def close(self) -> None:
        """Let go of the new copy, here and in the process that helps; `connection` opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._elsewhere is not None:
            self._elsewhere.close()
            self._elsewhere = None

    def write(self, layout: Layout, batches: Iterable[MaskedBatch], unit: str) -> int:
        """Load the batches in one transaction and give the number of rows; each unit is loaded once."""
        if unit not in self._loaded:
            count = self._written(layout, batches)
            if not unit:
                return count
            self._loaded[unit] = count
        return self._loaded[unit]

    def _written(self, layout: Layout, batches: Iterable[MaskedBatch]) -> int:
        coming = iter(batches)
        first = next(coming, None)
        body = first.tail.body if first is not None else None
        every = itertools.chain(() if first is None else (first,), coming)
        if isinstance(body, Relay):
            count = self._relayed(layout, body, coming)
            if count is not None:
                return count
        connection: sqlite3.Connection | Elsewhere = self.connection()
        if isinstance(body, Unread):
            connection = (self._other() if body.many else None) or connection
            with self._seeing(connection, body.snapshot) as seen:
                return self._inserted(connection, layout, every, seen)
        return self._inserted(connection, layout, every, None)

    @contextmanager
    def _seeing(self, connection: sqlite3.Connection | Elsewhere, snapshot: Snapshot) -> Iterator[str | None]:
        """
        Attach the source and begin a transaction that sees the snapshot's rows; gives the name that the source has in
        statements, or None where that cannot be proven: then there is no transaction.
        """
        proven = False
        try:
            with suppress(sqlite3.Error):
                connection.execute("PRAGMA busy_timeout = 0")  # a writer may wait for us, and would not let us in
                connection.execute(f"ATTACH ? AS {_SOURCE}", (uri(snapshot.path, "ro"),))
                connection.execute("BEGIN")
                connection.execute(f"SELECT count(*) FROM {_SOURCE}.sqlite_schema")  # noqa: S608 -- ours
                proven = snapshot.unchanged()
            if not proven:
                with suppress(sqlite3.Error):  # there may be none
                    connection.execute("ROLLBACK")
            yield _SOURCE if proven else None
        finally:
            for end in ("ROLLBACK", f"DETACH {_SOURCE}", f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}"):
                with suppress(sqlite3.Error):  # what is over is over
                    connection.execute(end)

    def _other(self) -> Elsewhere | None:
        """Give a process that writes to the new copy, or None where it cannot be had."""
        if self._elsewhere is None:
            with suppress(sqlite3.Error, OSError):
                self._elsewhere = Elsewhere(uri(self._places.new, "rw"), _BUILDING)
        return self._elsewhere

    def _relayed(self, layout: Layout, relay: Relay, others: Iterator[MaskedBatch]) -> int | None:
        """
        Let SQLite itself bring all rows of a table over, or give None where it cannot be told to see the snapshot's.

        Where a row is taken as it is stored and the same indexes are there, SQLite copies records without a look into
        them, indexes included: so these are made first.
        """
        connection = self.connection()
        table = name(layout.leaf.name)
        listed = "" if relay.as_stored else f" ({', '.join(map(name, layout.tail))})"
        chosen = "*" if relay.as_stored else ", ".join(map(name, layout.tail))
        indexes = [each for each in self.indexes if folded(each[0]) == folded(layout.leaf.name)]
        with self._seeing(connection, relay.snapshot) as seen:
            if seen is None:
                return None
            try:
                for _, _, sql in indexes:
                    connection.execute(sql)
                count = connection.execute(
                    f"INSERT OR ABORT INTO main.{table}{listed} SELECT {chosen} FROM {seen}.{table}"  # noqa: S608 -- quoted
                ).rowcount
                for _ in others:  # ends the reading, which may have something against it
                    pass
                connection.execute("COMMIT")
            except sqlite3.Error:
                return None  # whose fault it is shows when the rows come one by one
        self.indexes = tuple(each for each in self.indexes if each not in indexes)
        return count

    def _inserted(
        self,
        connection: sqlite3.Connection | Elsewhere,
        layout: Layout,
        batches: Iterable[MaskedBatch],
        source: str | None,
    ) -> int:
        """Insert the batches; where `source` names the attached one, within the transaction that sees it."""
        inserter = Inserter(connection, layout, lambda: self._declared(layout.leaf.name))
        with told(TARGET, str(layout.table)):
            if source is None:
                connection.execute("BEGIN IMMEDIATE")
            try:
                if source is None:
                    count = sum(map(inserter.insert, batches))
                else:
                    link = connection if isinstance(connection, Elsewhere) else Here(connection)
                    count = Splicer(link, layout, source, inserter.insert).insert(batches)
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has ended the transaction already
                    connection.execute("ROLLBACK")
                raise
        return count

    def _declared(self, table: str) -> Mapping[str, str]:
        with told(TARGET, table):
            described = self.connection().execute(query("columns"), (table,)).fetchall()
        return {column: declared for column, declared, *_ in described}

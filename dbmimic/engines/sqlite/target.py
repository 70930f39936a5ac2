"""SQLite as a `Target`: the new copy is a file of its own until it takes the target's name."""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from dbmimic.engines.sqlite import amend, files
from dbmimic.engines.sqlite.catalogue import folded
from dbmimic.engines.sqlite.connection import ENGINE, Snapshot, connect, file_identity, name, patience, query, uri
from dbmimic.engines.sqlite.elsewhere import Elsewhere, Here
from dbmimic.engines.sqlite.faults import TARGET, told
from dbmimic.engines.sqlite.files import Places, RunLock
from dbmimic.engines.sqlite.rows import Inserter, Relay, Unread
from dbmimic.engines.sqlite.source import SqliteSource
from dbmimic.engines.sqlite.splice import Splicer
from dbmimic.engines.sqlite.structure import Blueprint
from dbmimic.errors import DbmimicError, InternalError, RefusedError, TargetError
from dbmimic.model.address import Address
from dbmimic.model.batch import Layout, MaskedBatch
from dbmimic.model.checkup import CheckResult, checked
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.names import ColumnId
from dbmimic.model.target import Amendment, Composed, Identity, KeptCopy, Stamp, Structure, TargetState

_ENCODINGS = frozenset({"UTF-8", "UTF-16le", "UTF-16be"})
# Fast rather than safe: a copy that is not whole is thrown away.
_BUILDING = (
    "PRAGMA synchronous = OFF",
    "PRAGMA journal_mode = MEMORY",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA cache_size = -32768",
)
_SOURCE = "dbmimic_source"  # what the source is called where it is attached
_BUILDER_PATIENCE = 600.0  # seconds that one worker waits for another's transaction on the new copy


class SqliteTarget:
    """
    One path that may be given a new file.

    Nothing is written before `build`, and the file at the path is not written at all: see `files` for how it is
    replaced. A symbolic link stays; what it points at is replaced.
    """

    engine = ENGINE

    def __init__(self, path: Path, wait: float = 5.0) -> None:
        self._places = Places(path.resolve())
        self._place = str(self._places.target)
        self._lock = RunLock(self._places)
        self._wait = wait
        self._connection: sqlite3.Connection | None = None
        self._elsewhere: Elsewhere | None = None
        self._loaded: dict[str, int] = {}
        self._indexes: list[tuple[str, str, str]] = []  # those that are still to be made
        if not self._places.target.parent.is_dir():
            raise TargetError("DM501", "the target's folder is not there", place=self._place, hint="check the path")
        if self._places.target.exists() and not self._places.target.is_file():
            raise TargetError("DM501", "the target is not a file", place=self._place, hint="check the path")

    def identity(self) -> Identity:
        """Give the file's device and inode, or its folder's and its path where it is not there yet."""
        return file_identity(self._places.target)

    def state(self) -> TargetState:
        """Give whether the file is there, holds any table and carries our stamp; its name is the file's name."""
        target = self._places.target
        if not target.exists() or target.stat().st_size == 0:
            return TargetState(target.name, target.exists(), empty=True, stamp=None)
        snapshot = Snapshot(target, TARGET, self._wait)
        try:
            tables = snapshot.value("SELECT count(*) FROM sqlite_schema")
        finally:
            snapshot.close()
        return TargetState(target.name, exists=True, empty=not tables, stamp=files.stamp_of(self._places, target))

    def sees(self, token: int) -> bool:
        """Tell that no lock is seen: two files are the same exactly where `identity` is (see `SqliteSource.hold`)."""
        del token
        return False

    def room(self) -> int:
        """Give what is free on the disk of the target's folder."""
        with files.filing(self._places.target.parent):
            found = os.statvfs(self._places.target.parent)
        return found.f_bavail * found.f_frsize

    def examine(self, structure: Structure | None, sessions: int) -> Iterator[CheckResult]:
        """Tell what would keep a run from building its copy or from putting it in place."""
        del structure, sessions
        folder, new = self._places.target.parent, self._places.new

        def held() -> Iterable[Finding]:
            self._lock.ask()
            return ()

        def rights() -> Iterable[Finding]:
            if not os.access(folder, os.W_OK | os.X_OK):
                hint = "check the permissions of the folder: files are made and renamed in it"
                raise TargetError("DM502", "the target's folder may not be written", place=str(folder), hint=hint)
            return ()

        def leftovers() -> Iterable[Finding]:
            if new.exists():
                message = f"a run that was cut short left the file {new.name}; the next one removes it"
                yield Finding("DM516", Severity.INFO, self._place, message)

        yield from checked("target lock", held)
        yield from checked("target rights", rights)
        yield from checked("target leftovers", leftovers)

    def now(self) -> None:
        """Give no time: a file has none."""

    def structure_of(self, composed: Composed) -> Structure:
        """Give the statements of composed tables; what numbers rows is the rowid, which needs no counter."""
        tables = tuple((table.name, sql) for table, sql in composed.tables)
        indexes = tuple(
            (table.name, title, f"CREATE INDEX {name(title)} ON {name(table.name)} ({', '.join(map(name, columns))})")
            for table, title, columns in composed.indexes
        )
        body = Blueprint((), tables, indexes, later=(), pragmas=(), sequences=(), analyzed=True)
        return Structure(ENGINE, "\n".join(sql for _, sql in tables), body)

    def hold(self) -> None:
        """Take the run lock."""
        self._lock.take()

    def build(self, structure: Structure) -> None:
        """Take the run lock, clear what a killed run left and make the new file with its tables."""
        plan = _blueprint(structure)
        self._lock.take()
        files.recover(self._places)
        self._loaded.clear()
        self._indexes = list(plan.indexes)
        self._disconnect()
        files.remove(self._places.new)
        files.create(self._places)
        connection = self._connect()
        with told(TARGET, self._place):
            for pragma, value in plan.first:
                connection.execute(f"PRAGMA {pragma} = {_setting(pragma, value)}")
            connection.execute("BEGIN")
        for title, sql in plan.tables:
            self._create(title, sql)
        with told(TARGET, self._place):
            connection.execute("COMMIT")

    def _create(self, title: str, sql: str) -> None:
        try:
            self._connect().execute(sql)
        except (sqlite3.Error, UnicodeError) as error:
            fault = _unmade(error, title)
        else:
            return
        raise fault from None

    def share(self) -> None:
        """Give no token: a file has one writer."""

    def write(
        self, layout: Layout, batches: Iterable[MaskedBatch], unit: str = "", account: Callable[[], str] = str
    ) -> int:
        """Load the batches in one transaction and give the number of rows; each unit is loaded once."""
        del account  # nobody goes on with a copy that a run left here
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
        connection: sqlite3.Connection | Elsewhere = self._connect()
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
            for end in ("ROLLBACK", f"DETACH {_SOURCE}", f"PRAGMA busy_timeout = {int(_BUILDER_PATIENCE * 1000)}"):
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
        connection = self._connect()
        table = name(layout.leaf.name)
        listed = "" if relay.as_stored else f" ({', '.join(map(name, layout.tail))})"
        chosen = "*" if relay.as_stored else ", ".join(map(name, layout.tail))
        indexes = [each for each in self._indexes if folded(each[0]) == folded(layout.leaf.name)]
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
        self._indexes = [each for each in self._indexes if each not in indexes]
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
            described = self._connect().execute(query("columns.sql"), (table,)).fetchall()
        return {column: declared for column, declared, *_ in described}

    def finish(self, structure: Structure, masked: frozenset[ColumnId]) -> tuple[Finding, ...]:
        """Make indexes, views and triggers, set the counters of AUTOINCREMENT tables and the file's own settings."""
        plan = _blueprint(structure)
        connection = self._connect()
        with told(TARGET, self._place):
            connection.execute("PRAGMA temp_store = FILE")  # what is sorted may be larger than memory, and is masked
            connection.execute("BEGIN IMMEDIATE")
        for title, sql in (*(each[1:] for each in self._indexes), *plan.later):
            self._create(title, sql)
        with told(TARGET, self._place):
            self._set_counters(connection, plan, masked)
            for pragma, value in plan.pragmas:
                connection.execute(f"PRAGMA {pragma} = {int(value)}")
            if plan.analyzed:
                connection.execute("ANALYZE")
            connection.execute("COMMIT")
        return ()

    @staticmethod
    def _set_counters(connection: sqlite3.Connection, plan: Blueprint, masked: frozenset[ColumnId]) -> None:
        if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'").fetchall():
            return
        masked_tables = {folded(column.table.name) for column in masked}
        loaded = dict(connection.execute("SELECT name, seq FROM sqlite_sequence"))
        connection.execute("DELETE FROM sqlite_sequence")
        for title, counter in plan.sequences:
            value = max(counter, loaded.get(title, 0)) if folded(title) in masked_tables else counter
            connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (title, value))

    def amend(self, amendment: Amendment) -> None:
        """Run SQL of the user's own in the new copy."""
        self._disconnect()
        amend.amend(self._places.new, amendment)

    def copy(self) -> SqliteSource:
        """Open the new copy for reading; its errors are the target's."""
        return SqliteSource(self._places.new, TARGET, _BUILDER_PATIENCE)

    def swap(self, stamp: Stamp, copies: int = 1) -> None:
        """Put the new copy in the target's place in one step; the former target is kept as the old copy."""
        self._lock.take()
        if not self._places.new.exists():
            raise InternalError("DM901", "a copy was to be swapped in that was not built", place=self._place)
        self._disconnect()
        self._settle()
        target = self._places.target
        is_blank = not target.exists() or target.stat().st_size == 0  # nothing to go back to
        files.put_stamp(self._places, stamp)
        if not is_blank:
            files.make_place(self._places, copies)
        files.exchange(self._places, self._places.new, keep=not is_blank)
        files.drop_others(self._places, copies)

    def swapped(self, run: str) -> bool:
        """Tell whether the file is the copy of that run."""
        files.recover(self._places)
        stamp = self.state().stamp
        return stamp is not None and stamp.run == run

    def _settle(self) -> None:
        """
        Bring what a crashed or running writer left beside the target into it, and see that nobody is writing.

        A journal or write-ahead log that stayed beside the path would be applied to the new file.
        """
        target = self._places.target
        if not target.exists():
            files.remove(target)  # companions of a file that is gone
            return
        if target.stat().st_size:
            with told(TARGET, self._place):
                connection = connect(target, "rw", self._wait)
                try:
                    connection.execute("BEGIN EXCLUSIVE")
                    connection.execute("COMMIT")
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                finally:
                    connection.close()
        for suffix in files.COMPANIONS:
            beside = target.with_name(target.name + suffix)
            if beside.exists():
                hint = "close the programs that use it, then run again"
                raise TargetError("DM505", "the target is in use by others", place=str(beside), hint=hint)

    def discard(self) -> None:
        """Remove the new copy and let go of the run lock; only the run that holds the lock removes anything."""
        self._disconnect()
        if self._lock.held:
            try:
                files.remove(self._places.new)
            finally:
                self._lock.release()

    def kept(self) -> tuple[KeptCopy, ...]:
        """Give the copies that are kept, by their files' names, the last one first."""
        return files.kept_copies(self._places)

    def rollback(self, name: str | None = None) -> None:
        """Put a kept copy in the target's place; what was there is the old copy then."""
        self._lock.take()
        try:
            files.recover(self._places)
            places = self._places
            chosen = [path for path in places.all_kept() if name in {None, path.name}]
            if chosen:
                files.bring_forward(places, chosen[0])
            if not chosen or not places.old.exists() or (places.target.exists() and places.target.samefile(places.old)):
                hint = "a copy is kept from the first swap on"
                raise RefusedError("DM307", "there is no old copy to roll back to", place=self._place, hint=hint)
            self._settle()
            files.exchange(places, places.old)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Discard what was not swapped in; safe to call twice."""
        self.discard()

    def _connect(self) -> sqlite3.Connection:
        """Give the connection to the new copy."""
        if self._connection is None:
            with told(TARGET, str(self._places.new)):
                connection = connect(self._places.new, "rw", _BUILDER_PATIENCE)
                for setting in _BUILDING:
                    connection.execute(setting).fetchall()
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._elsewhere is not None:
            self._elsewhere.close()
            self._elsewhere = None


def _unmade(error: Exception, title: str) -> DbmimicError:
    if isinstance(error, sqlite3.Error) and error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
        return TARGET.fault(error, title)
    hint = "virtual tables, collations and functions of extensions that Python's SQLite lacks cannot be made"
    return TargetError("DM506", "SQLite does not accept the statement that makes an object", place=title, hint=hint)


def _setting(pragma: str, value: str | int) -> str:
    """Give a setting as it stands in the statement: an encoding's name, or a number."""
    if pragma == "encoding" and value in _ENCODINGS:
        return f"'{value}'"
    return str(int(value))


def _blueprint(structure: Structure) -> Blueprint:
    if structure.engine != ENGINE or not isinstance(structure.body, Blueprint):
        raise InternalError("DM901", "the structure of another engine reached SQLite")
    return structure.body


def open_target(address: Address) -> SqliteTarget:
    """Look at a path; the option `timeout` is the seconds to wait for other connections to the target."""
    return SqliteTarget(Path(os.fspath(address.database)), patience(address))

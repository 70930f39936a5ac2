"""SQLite as a `Target`: the new copy is a file of its own until it takes the target's name."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from dbmimic.engines.sqlite import amend, files
from dbmimic.engines.sqlite.catalogue import folded
from dbmimic.engines.sqlite.connection import ENGINE, Snapshot, connect, file_identity, name, patience
from dbmimic.engines.sqlite.faults import TARGET, told
from dbmimic.engines.sqlite.files import Places, RunLock
from dbmimic.engines.sqlite.source import SqliteSource
from dbmimic.engines.sqlite.structure import Blueprint
from dbmimic.engines.sqlite.writer import PATIENCE, Writer
from dbmimic.errors import DbmimicError, InternalError, RefusedError, TargetError
from dbmimic.model.address import Address
from dbmimic.model.batch import Layout, MaskedBatch
from dbmimic.model.checkup import CheckResult, checked
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.names import ColumnId
from dbmimic.model.target import Amendment, Composed, Identity, KeptCopy, Stamp, Structure, TargetState

_ENCODINGS = frozenset({"UTF-8", "UTF-16le", "UTF-16be"})


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
        self._writer = Writer(self._places)
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
        self._writer.begin(plan.indexes)
        files.remove(self._places.new)
        files.create(self._places)
        connection = self._writer.connection()
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
            self._writer.connection().execute(sql)
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
        return self._writer.write(layout, batches, unit)

    def finish(self, structure: Structure, masked: frozenset[ColumnId]) -> tuple[Finding, ...]:
        """Make indexes, views and triggers, set the counters of AUTOINCREMENT tables and the file's own settings."""
        plan = _blueprint(structure)
        connection = self._writer.connection()
        with told(TARGET, self._place):
            connection.execute("PRAGMA temp_store = FILE")  # what is sorted may be larger than memory, and is masked
            connection.execute("BEGIN IMMEDIATE")
        for title, sql in (*(each[1:] for each in self._writer.indexes), *plan.later):
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
        self._writer.close()
        amend.amend(self._places.new, amendment)

    def copy(self) -> SqliteSource:
        """Open the new copy for reading; its errors are the target's."""
        return SqliteSource(self._places.new, TARGET, PATIENCE)

    def swap(self, stamp: Stamp, copies: int = 1) -> None:
        """Put the new copy in the target's place in one step; the former target is kept as the old copy."""
        self._lock.take()
        if not self._places.new.exists():
            raise InternalError("DM901", "a copy was to be swapped in that was not built", place=self._place)
        self._writer.close()
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
        self._writer.close()
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

"""
All rows of one database into another of the same server: as files where we can reach them, else by INSERT ... SELECT.

A tablespace that is exported, cloned and imported comes with its indexes and is about six times as fast as writing the
rows again. It needs the right to FLUSH TABLES and a process that may write where the server keeps its data: one of the
same machine and account, or root. What cannot come that way (partitions, full-text indexes, other storage engines,
tables that refuse) comes row by row, several tables at a time.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql

from dbmimic.engines.cloning import clone
from dbmimic.engines.mysql import ddl, errors, quoting
from dbmimic.engines.mysql.connect import DDL_MODE, WRITING_MODE
from dbmimic.engines.mysql.queries import query
from dbmimic.engines.mysql.session import Session
from dbmimic.engines.mysql.structure import Script, TableScript

_SESSIONS = 4
_PLAIN = re.compile(r"\w+\Z", re.ASCII)  # names that are the same as a file's
_NOT_BY_FILE = re.compile(r"^\s+FULLTEXT KEY |^\s*(?:/\*!\d+ )?PARTITION BY |\bENCRYPTED\b", re.MULTILINE)
_BASE = "BASE TABLE"

_Step = Callable[[Session, TableScript], None]
_Work = Callable[[_Step, Sequence[TableScript]], None]


@dataclass(frozen=True, slots=True)
class _Folders:
    """Where the server keeps the two databases, and who owns its files."""

    source: Path
    target: Path
    owner: os.stat_result


@dataclass(frozen=True, slots=True)
class Transfer:
    """
    From `source` to `target`, whose tables are there and empty.

    `session` is for questions and may be in any database; `opened` gives more sessions.
    """

    session: Session
    opened: Callable[[], Session]
    source: str
    target: str
    script: Script

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Let nobody write to the source's tables meanwhile; readers are not held up."""
        with self.opened() as keeper:
            if self.script.tables:
                listed = (f"{quoting.qualified(self.source, table.name)} READ" for table in self.script.tables)
                keeper.run(f"LOCK TABLES {', '.join(listed)}", self.source)
            yield

    def run(self) -> int:
        """Bring all rows, and give how many tables came as files."""
        folders = self._folders()
        files = self._by_file(folders) if folders is not None else ()
        with self._working() as work:
            came = self._files_of(files, folders, work) if folders is not None and files else frozenset()
            work(self._insert, [table for table in self.script.tables if table.name not in came])
        return len(came)

    def _folders(self) -> _Folders | None:
        """
        Give the server's folders, if they are of this machine and we may write there as it does.

        Only this server makes a folder with the target's name, so one that is here is the one.
        """
        top = Path(str(self.session.value("SELECT @@datadir")))
        here, there = top / self.source, top / self.target
        if not (_PLAIN.match(self.source) and _PLAIN.match(self.target) and here.is_dir() and there.is_dir()):
            return None
        owner = there.stat()
        ours = os.geteuid() in {0, owner.st_uid} and os.access(there, os.W_OK | os.X_OK)
        return _Folders(here, there, owner) if ours else None

    def _by_file(self, folders: _Folders) -> Sequence[TableScript]:
        """Give the tables whose files can be taken as they are."""
        self.session.run(f"USE {quoting.name(self.source)}", self.source)
        fit = {row[0] for row in self.session.rows(query("tables")) if row[1] == _BASE and row[2] == "InnoDB"}
        return [
            table
            for table in self.script.tables
            if table.name in fit
            and _PLAIN.match(table.name)
            and not _NOT_BY_FILE.search(table.create)
            and os.access(folders.source / f"{table.name}.ibd", os.R_OK)
        ]

    def _files_of(self, tables: Sequence[TableScript], folders: _Folders, work: _Work) -> frozenset[str]:
        """Clone the files of these tables and give the names of those that the server took."""
        took: list[str] = []

        def leave(session: Session, table: TableScript) -> None:
            session.run(self._alter(table, "DISCARD"), table.name)

        def again(session: Session, table: TableScript) -> None:
            self._anew(session, table, folders)

        def take(session: Session, table: TableScript) -> None:
            try:
                session.attempt(self._alter(table, "IMPORT"))
            except pymysql.MySQLError as error:
                if errors.number(error) in errors.CONNECTION_LOST:
                    raise errors.translated(error, session.side, table.name) from None
                again(session, table)
            else:
                took.append(table.name)

        work(leave, tables)
        work(take if self._cloned(tables, folders) else again, tables)
        return frozenset(took)

    def _cloned(self, tables: Sequence[TableScript], folders: _Folders) -> bool:
        """Clone the files while the server holds them still; False where it or the file system does not let us."""
        listed = ", ".join(quoting.qualified(self.source, table.name) for table in tables)
        with self.opened() as exporter:
            try:
                exporter.attempt(f"FLUSH TABLES {listed} FOR EXPORT")
            except pymysql.MySQLError as error:
                if errors.number(error) in errors.CONNECTION_LOST | errors.LOCKED:
                    raise errors.translated(error, exporter.side, self.source) from None
                return False
            try:
                for name in (f"{table.name}.{kind}" for table in tables for kind in ("ibd", "cfg")):
                    clone(folders.source / name, folders.target / name, 0o660)
                    os.chown(folders.target / name, folders.owner.st_uid, folders.owner.st_gid)
            except OSError:
                return False
        return True

    def _alter(self, table: TableScript, what: str) -> str:
        return f"ALTER TABLE {quoting.qualified(self.target, table.name)} {what} TABLESPACE"

    def _anew(self, session: Session, table: TableScript, folders: _Folders) -> None:
        """Make a table that is without its file empty again."""
        session.run(f"USE {quoting.name(self.target)}", self.target)
        session.run(f"DROP TABLE {quoting.name(table.name)}", table.name)
        for kind in ("ibd", "cfg"):
            (folders.target / f"{table.name}.{kind}").unlink(missing_ok=True)
        session.run(f"SET SESSION sql_mode = '{DDL_MODE}'")
        session.run(table.create, table.name)

    def _insert(self, session: Session, table: TableScript) -> None:
        columns = quoting.names(self._columns(session, table.name))
        here, there = quoting.qualified(self.source, table.name), quoting.qualified(self.target, table.name)
        session.run(f"SET SESSION sql_mode = '{WRITING_MODE}'")
        # With less than this the server locks every row that it reads.
        session.run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        session.run(f"INSERT INTO {there} ({columns}) SELECT {columns} FROM {here}", table.name)  # noqa: S608 -- names are quoted

    def _columns(self, session: Session, table: str) -> list[str]:
        """Give the columns that hold values of their own."""
        wanted = f"table_schema = {quoting.text(self.source)} AND table_name = {quoting.text(table)}"
        rows = session.rows(
            "SELECT column_name FROM information_schema.columns"  # noqa: S608 -- names are quoted
            f" WHERE {wanted} AND COALESCE(generation_expression, '') = '' ORDER BY ordinal_position",
            table,
        )
        return [row[0] for row in rows]

    @contextmanager
    def _working(self) -> Iterator[_Work]:
        """Give what does something to each of some tables, several at a time, each in one of a few sessions."""
        with ExitStack() as stack:
            count = min(_SESSIONS, len(self.script.tables))
            free = [stack.enter_context(self.opened()) for _ in range(count)]
            pool = stack.enter_context(ThreadPoolExecutor(max(1, count)))

            def work(what: _Step, tables: Sequence[TableScript]) -> None:
                def once(table: TableScript) -> None:
                    session = free.pop()
                    try:
                        what(session, table)
                    finally:
                        free.append(session)

                for done in [pool.submit(once, table) for table in tables]:
                    done.result()

            yield work


def built(session: Session, database: str, script: Script) -> None:
    """Make the empty tables in a database that is there."""
    session.run(f"USE {quoting.name(database)}", database)
    ddl.create_tables(session, script)

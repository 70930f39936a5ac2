"""Connections that can only read, each one read transaction long."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dbmimic.engines.sqlite.faults import Side, told
from dbmimic.errors import ConfigError
from dbmimic.model.address import Address
from dbmimic.model.target import Identity

ENGINE = "sqlite"

Row = tuple[Any, ...]

OLDEST = (3, 37, 0)  # STRICT tables and PRAGMA table_list
_PATIENCE = 5.0  # seconds to wait for somebody else's lock
FEWEST, _MOST = 16, 4096  # rows fetched at a time
PAGE_BYTES = 1 << 20
_SAMPLE = 8  # every eighth row is weighed

_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_TRANSACTION}
_PRAGMAS = frozenset(
    {
        "application_id", "auto_vacuum", "encoding", "foreign_key_list", "index_info", "index_list", "page_count",
        "page_size", "table_list", "table_xinfo", "user_version",
    }
)  # fmt: skip


def name(identifier: str) -> str:
    """Give the identifier quoted for SQLite."""
    return '"' + identifier.replace('"', '""') + '"'


def query(title: str) -> str:
    """Give the statement of `sql/<title>.sql`."""
    return resources.files(__package__).joinpath("sql", f"{title}.sql").read_text("utf-8")


def file_identity(path: Path) -> Identity:
    """
    Give which file this is.

    One that is there is told by device and inode alone, whatever names lead to it (a hard link is another path); one
    that is not there yet by its folder and path.
    """
    real = path.resolve()
    status = (real if real.exists() else real.parent).stat()
    server = f"{status.st_dev}:{status.st_ino}"
    return Identity(ENGINE, server, "" if real.exists() else str(real))


def uri(path: Path, mode: str) -> str:
    """Give the file's URI; `mode` is SQLite's: `ro` or `rw`."""
    return f"file://{quote(str(path).encode('utf-8', 'surrogateescape'))}?mode={mode}"


def patience(address: Address) -> float:
    """
    Give the seconds to wait for a lock: the address's option `timeout`, or 5.

    Raises:
        ConfigError: DM214, the option is not a number, or there is another one: a `?` in a path begins the options.
    """
    unknown = sorted(set(address.options) - {"timeout"})
    if unknown:
        hint = "known: timeout; a `?` that belongs to the path is written as %3F"
        raise ConfigError("DM214", f"unknown option {unknown[0]!r}", place=str(address), hint=hint)
    told = address.options.get("timeout", str(_PATIENCE))
    try:
        return float(told)
    except ValueError:
        fault = ConfigError(
            "DM214", "the option `timeout` is not a number", place=str(address), hint="give seconds, as `?timeout=30`"
        )
    raise fault


def connect(path: Path, mode: str, patience: float = _PATIENCE) -> sqlite3.Connection:
    """Open a connection in autocommit mode; it may be used by any one thread at a time."""
    return sqlite3.connect(uri(path, mode), uri=True, timeout=patience, isolation_level=None, check_same_thread=False)


def lenient(text: bytes) -> str:
    """Decode text; what is not UTF-8 becomes lone surrogates, which carry the bytes exactly."""
    return text.decode("utf-8", "surrogateescape")


def only_reads(action: int, first: str | None, second: str | None, _database: str | None, _inner: str | None) -> int:
    """Tell SQLite whether a statement may do this: reading and asking the catalogue, nothing else."""
    if action in _READING:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if second == "load_extension" else sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_PRAGMA:
        return sqlite3.SQLITE_OK if first in _PRAGMAS else sqlite3.SQLITE_DENY
    # SQLite declares its own table functions (json_each, pragma_*) with this; the file itself is open for reading only.
    if action == sqlite3.SQLITE_UPDATE and first == "sqlite_master":
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


class Snapshot:
    """
    One read transaction on one file, from the making to `close`.

    While it is open, writers of a file in rollback-journal mode can prepare but not commit; in WAL mode they are not
    held up. Nothing is written to the file. For a file in WAL mode SQLite itself keeps `-shm` and `-wal` beside it, as
    for every reader.
    """

    def __init__(self, path: Path, side: Side, patience: float = _PATIENCE) -> None:
        self._side = side
        self.path = path
        with told(side, str(path)):
            self._connection = connect(path, "ro", patience)
            self._watch = connect(path, "ro", 0.0)
        try:
            with told(side, str(path)):
                self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        run = self._connection.execute
        run("PRAGMA query_only = 1")
        run("PRAGMA temp_store = MEMORY")  # sorting must not leave rows in a temporary file
        run("PRAGMA trusted_schema = 0")
        self._connection.set_authorizer(only_reads)
        self._version = self._commits()
        run("BEGIN")
        run("SELECT count(*) FROM sqlite_schema").fetchone()  # the first read is what fixes the snapshot

    def _commits(self) -> int | None:
        """Give a number that another commit to the file changes, or None where it cannot be had now."""
        try:
            return int(self._watch.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            return None

    def unchanged(self) -> bool:
        """
        Tell whether nobody has committed to the file since before the snapshot was taken.

        Then a read transaction that another connection has begun by now sees the same rows.
        """
        return self._version is not None and self._commits() == self._version

    def pages(self, sql: str, parameters: Sequence[object] = (), place: str = "") -> Iterator[list[Row]]:
        """
        Stream the rows of a statement in lists of about a megabyte.

        Text that is not UTF-8 stops the driver's fast decoder. Then the statement is run again with the lenient one,
        past the rows that were already given: under the snapshot it gives the same rows in the same order.
        """
        given = 0
        for strict in (True, False):
            try:
                for page in self._pages(sql, parameters, place, skip=0 if strict else given):
                    yield page
                    given += len(page)
            except _NotUtf8:
                self._connection.text_factory = lenient
            else:
                return

    def _pages(self, sql: str, parameters: Sequence[object], place: str, skip: int) -> Iterator[list[Row]]:
        with told(self._side, place):
            cursor = self._connection.execute(sql, parameters)
            for _ in range(skip):
                cursor.fetchone()
        size = FEWEST
        while page := self._fetch(cursor, size, place):
            yield page
            size = _paced(page, size)

    def _fetch(self, cursor: sqlite3.Cursor, size: int, place: str) -> list[Row]:
        with told(self._side, place):
            try:
                return cursor.fetchmany(size)
            except sqlite3.OperationalError as error:
                # The driver's own errors carry no code of SQLite's; of these a fetch knows only the failed decoding.
                if hasattr(error, "sqlite_errorcode") or self._connection.text_factory is lenient:
                    raise
        raise _NotUtf8

    def all(self, sql: str, parameters: Sequence[object] = (), place: str = "") -> list[Row]:
        """Give all rows of a statement: for catalogue queries, whose answers are small."""
        return [row for page in self.pages(sql, parameters, place) for row in page]

    @contextmanager
    def telling(self, place: str) -> Iterator[None]:
        """Run a block whose driver errors become ours."""
        with told(self._side, place):
            yield

    def lend(self) -> sqlite3.Connection:
        """Give the connection itself, for the rest of this room; what it raises is told by `telling`."""
        return self._connection

    def value(self, sql: str, parameters: Sequence[object] = (), place: str = "") -> Any:
        """Give the single value of a statement."""
        return self.all(sql, parameters, place)[0][0]

    def close(self) -> None:
        """End the transaction and the connections; safe to call twice."""
        self._connection.close()
        self._watch.close()


class _NotUtf8(Exception):  # noqa: N818 -- a signal between two functions here, not an error of the product
    """A text value is not UTF-8."""


def weight(page: Sequence[Row]) -> int:
    """Give about how many bytes these rows hold, judged by a sample of them."""
    sample = page[::_SAMPLE]
    if not sample:
        return 0
    held = sum(len(value) for row in sample for value in row if isinstance(value, (str, bytes)))
    return (held + 8 * len(sample) * len(page[0])) * len(page) // len(sample)


def _paced(page: list[Row], size: int) -> int:
    """Give how many rows to fetch next so that a page is about a megabyte."""
    fitting = PAGE_BYTES * len(page) // max(weight(page), 1)
    return max(FEWEST, min(_MOST, fitting, size * 4))

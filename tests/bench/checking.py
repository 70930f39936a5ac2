"""
`python -m tests.bench check`: the last copy of ours against its source, by other means than its own verification.

Each column that is not masked: an order-independent checksum over all rows, and how many are not NULL. Each masked one:
how many values that are not NULL are what they were, row by row.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

from tests.bench import cases_mysql, cases_postgres, cases_sqlite, data
from tests.bench.masks import COLUMNS
from tests.bench.servers import Mariadb, Postgres, Server

Row = Sequence[Any]


@dataclass(frozen=True)
class Reader:
    """One database: its columns, a checksum of one of them as SQL, and rows in their order."""

    columns: Callable[[str], list[str]]
    checksum: str
    rows: Callable[[str], Iterator[Row]]
    quote: str = '"'

    def sums(self, table: str, columns: list[str]) -> Row:
        """Give how many rows there are, then for each column how many are not NULL and the checksum."""
        quoted = [f"{self.quote}{name}{self.quote}" for name in columns]
        asked = ", ".join(f"count({name}), {self.checksum.format(name)}" for name in quoted)
        return next(self.rows(f"SELECT count(*), {asked} FROM {table}"))

    def ordered(self, table: str, columns: list[str]) -> Iterator[Row]:
        """Give the columns of all rows by id."""
        return self.rows(f"SELECT {', '.join(columns)} FROM {table} ORDER BY id")


def check(options: argparse.Namespace, server: Server | None, source: str) -> int:
    """Compare, tell, and give 1 where a column that is kept differs or a masked value is what it was."""
    tables = (options.only,) if options.only else data.TABLES
    with contextlib.ExitStack() as stack:
        ours = _target(server, source)
        before, after = (stack.enter_context(opened(server, name)) for name in (source, ours))
        problems = compare(before, after, tables)
    print(f"{source} against {ours}: {len(problems)} problems")
    print("\n".join(problems))
    return 1 if problems else 0


def compare(before: Reader, after: Reader, tables: Sequence[str], masked: dict[str, Any] = COLUMNS) -> list[str]:
    """Give a sentence for each thing that is not as it should be, and tell of each table."""
    problems = []
    for table in tables:
        names = before.columns(table)
        if names != after.columns(table):
            problems.append(f"{table}: other columns")
            continue
        changed = [name for name in names if name in masked.get(table, {})]
        kept = [name for name in names if name not in changed]
        one, other = before.sums(table, kept), after.sums(table, kept)
        told = [f"{table}: {one[0]} rows, {len(kept)} columns kept"]
        if one[0] != other[0]:
            problems.append(f"{table}: {one[0]} rows in the source, {other[0]} in the copy")
        for place, name in enumerate(kept):
            if one[1 + 2 * place : 3 + 2 * place] != other[1 + 2 * place : 3 + 2 * place]:
                problems.append(f"{table}.{name}: is kept and differs")
        if changed:
            left, lost = _unmasked(before, after, table, changed)
            told += [f"{name}: {left[name]} unchanged" for name in changed]
            problems += [f"{table}.{name}: {left[name]} masked values are unchanged" for name in changed if left[name]]
            problems += [f"{table}.{name}: {lost[name]} are NULL on one side" for name in changed if lost[name]]
        print(", ".join(told), flush=True)
    return problems


def _unmasked(before: Reader, after: Reader, table: str, columns: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    left, lost = ([0] * len(columns) for _ in range(2))
    asked = ["id", *columns]
    for one, other in itertools.zip_longest(before.ordered(table, asked), after.ordered(table, asked)):
        if one is None or other is None or one[0] != other[0]:
            raise RuntimeError(f"{table}: the rows of the two databases have other keys")
        for place, (old, new) in enumerate(zip(one[1:], other[1:], strict=True)):
            if old is None or new is None:
                lost[place] += (old is None) != (new is None)
            elif old == new:
                left[place] += 1
    return dict(zip(columns, left, strict=True)), dict(zip(columns, lost, strict=True))


def _target(server: Server | None, source: str) -> str:
    match server:
        case Postgres():
            return cases_postgres.target_of_ours(source)
        case Mariadb():
            return cases_mysql.target_of_ours(source)
        case _:
            return str(cases_sqlite.target_of_ours(Path(source)))


def opened(server: Server | None, name: str) -> contextlib.AbstractContextManager[Reader]:
    """Give a reader of a database by name, or of an SQLite file by path."""
    match server:
        case Postgres():
            return postgres(server, name)
        case Mariadb():
            return mariadb(server, name)
        case _:
            return sqlite(Path(name))


@contextlib.contextmanager
def postgres(server: Postgres, database: str) -> Iterator[Reader]:
    """Give a reader of a database on PostgreSQL."""
    with server.connect(database) as connection:
        connection.execute("SET TimeZone = 'UTC'")

        def rows(query: str) -> Iterator[Row]:
            with connection.transaction(), connection.cursor("rows") as cursor:
                cursor.itersize = 10_000
                yield from cursor.execute(query)

        def columns(table: str) -> list[str]:
            asked = (
                "SELECT attname::text FROM pg_attribute WHERE attrelid = '{}'::regclass AND attnum > 0 ORDER BY attnum"
            )
            return [name for (name,) in rows(asked.format(table))]

        yield Reader(columns, "sum(hashtextextended({}::text, 0))", rows)


@contextlib.contextmanager
def mariadb(server: Mariadb, database: str) -> Iterator[Reader]:
    """Give a reader of a database on MariaDB."""
    with contextlib.closing(server.connect(database)) as connection:

        def rows(query: str) -> Iterator[Row]:
            with connection.cursor(pymysql.cursors.SSCursor) as cursor:
                cursor.execute(query)
                yield from cursor

        def columns(table: str) -> list[str]:
            return [row[0] for row in rows(f"SHOW COLUMNS FROM {table}")]

        pieces = "sum(cast(conv(substr(md5({0}), 1, 15), 16, 10) AS decimal(20))), sum(crc32({0}))"
        yield Reader(columns, f"concat_ws(' ', {pieces})", rows, "`")


class _Sum:
    """A sum of hashes of values with their types; the hash is the same for both files of one process."""

    def __init__(self) -> None:
        self.total = 0

    def step(self, value: Any) -> None:
        if value is not None:
            self.total += hash((type(value).__name__, repr(value)))

    def finalize(self) -> str:
        return str(self.total)


@contextlib.contextmanager
def sqlite(path: Path) -> Iterator[Reader]:
    """Give a reader of an SQLite file."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.create_aggregate("total_of_hashes", 1, _Sum)

        def columns(table: str) -> list[str]:
            return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]

        yield Reader(columns, "total_of_hashes({})", lambda query: iter(connection.execute(query)))

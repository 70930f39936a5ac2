"""
The fifty shapes that make subsetters fail, each on every engine that has it.

What a shape is and which rows of it are right stands in `tests/shapes`. All shapes of an engine stand in one database
and are sliced by one copy, so that they are fast. Some shapes are not of rows, and are tested elsewhere, or
are not tested:

| shape | test |
|---|---|
| 1, as long as 20,000 | tests/unit/subset/test_walk.py, by the number of questions |
| 27, Rails' two columns | tests/scenarios/test_virtual_keys.py |
| 28, every kind of value in a document | tests/scenarios/test_references_in_documents.py |
| 32, rows that a policy hides | tests/conformance/postgres/test_postgres_snapshot.py, `..._is_told_at_once` |
| 35, a large child without an index | `test_a_child_without_an_index...` of MySQL and SQLite; a hash join on PostgreSQL |
| 36, MySQL's widest tables | tests/conformance/mysql/test_mysql_portions.py |
| 38, periods of PostgreSQL 18 | below |
| 39, foreign tables | tests/conformance/postgres/test_postgres_catalogue.py |
| 44, pairs that are committed meanwhile | below |
| 45, DDL meanwhile | tests/conformance: `test_truncate_waits_for_us`, `test_a_truncate_by_another_session...` |
| 46, a key that is cut and needed | tests/scenarios/test_policies.py |
| 47, hundreds of tables | tests/unit/subset/test_planner.py |
| 50, a standby | tests/conformance/postgres/test_postgres_snapshot.py |
| 50, a pool that lends connections by transaction | tests/faults/test_pools.py |
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.string import TextLoader

import dbmimic
from dbmimic.model.events import Event
from dbmimic.model.report import RunReport
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests.copying import configured, copied
from tests.shapes import SHAPES
from tests.shapes.shape import ALL, MYSQL, POSTGRES, SQLITE, Shape, seed, stop, where

NUMBERS = 5000

Run = Callable[[str], list[tuple[Any, ...]]]
Place = tuple[tuple[str, str], Callable[[str], Run]]  # URLs of source and copy, and how to ask either


@dataclass(frozen=True)
class Copied:
    """One engine's shapes in a source and a copy; both can be asked."""

    engine: str
    source: Run
    copy: Run
    report: RunReport


def cases() -> Iterator[Any]:
    for engine in ALL:
        for shape in SHAPES:
            if engine in shape.engines:
                yield pytest.param(engine, shape, id=f"{engine}-{shape.title}")


@pytest.fixture(scope="module")
def shapes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Copied]]:
    """Give one engine's copy of the shapes that were asked for, made when it is first asked for."""
    stack = contextlib.ExitStack()
    made: dict[str, Copied] = {}
    tried: set[str] = set()

    def of(engine: str) -> Copied:
        if engine not in made:
            assert engine not in tried, f"the copy on {engine} has failed: choose one shape alone with -k"
            tried.add(engine)
            items = [item for item in request.session.items if isinstance(item, pytest.Function)]
            called = [item.callspec.params for item in items if item.originalname == "test_shape"]
            wanted = [each["shape"] for each in called if each["engine"] == engine]
            made[engine] = build(engine, wanted, request, tmp_path_factory.mktemp(engine), stack)
        return made[engine]

    with stack:
        yield of


def build(
    engine: str, wanted: list[Shape], request: pytest.FixtureRequest, folder: Path, stack: contextlib.ExitStack
) -> Copied:
    statements = ["CREATE TABLE numbers (n INTEGER PRIMARY KEY)"]
    statements += [f"INSERT INTO numbers VALUES {', '.join(f'({n})' for n in range(NUMBERS))}"]
    for shape in wanted:
        statements += shape.statements(engine)
    urls, ask = PLACES[engine](statements, request, folder, stack)
    slice_: dict[str, list[Any]] = {"exclude": ["numbers"]}
    columns: dict[str, str] = {}
    for shape in wanted:
        for section, entries in shape.slice.items():
            slice_.setdefault(section, []).extend(entries)
        columns |= shape.columns
    rules = {"default": "keep", "columns": columns}
    report = copied(folder, *urls, slice=slice_, rules=rules)
    return Copied(engine, ask("shapes"), ask("shapes_copy"), report)


def on_postgres(
    statements: list[str], request: pytest.FixtureRequest, folder: Path, stack: contextlib.ExitStack
) -> Place:
    server: PostgresServer = request.getfixturevalue("postgres15")
    server.create_database("shapes")
    server.execute(";\n".join(statements), database="shapes")

    def run(database: str) -> Run:
        connection = stack.enter_context(server.connection(database))
        for name in ("date", "timestamptz"):  # which may be infinite
            connection.adapters.register_loader(name, TextLoader)
        return lambda select: connection.execute(select.encode()).fetchall()

    return (server.url("shapes"), server.url("shapes_copy")), run


def on_mariadb(
    statements: list[str], request: pytest.FixtureRequest, folder: Path, stack: contextlib.ExitStack
) -> Place:
    server: MariadbServer = request.getfixturevalue("mariadb")
    server.create_database("shapes")
    server.execute("SET foreign_key_checks = 0", *statements, database="shapes")

    def run(database: str) -> Run:
        cursor = stack.enter_context(contextlib.closing(server.connect(database))).cursor()
        cursor.execute("SET sql_mode = 'ANSI_QUOTES'")

        def ask(select: str) -> list[tuple[Any, ...]]:
            cursor.execute(select)
            return list(cursor.fetchall())

        return ask

    return (server.url("shapes"), server.url("shapes_copy")), run


def on_sqlite(
    statements: list[str], request: pytest.FixtureRequest, folder: Path, stack: contextlib.ExitStack
) -> Place:
    def run(name: str) -> Run:
        connection = stack.enter_context(contextlib.closing(sqlite3.connect(folder / f"{name}.db")))
        return lambda select: connection.execute(select).fetchall()

    with contextlib.closing(sqlite3.connect(folder / "shapes.db")) as connection, connection:
        listed = ";\n".join(statements)
        connection.executescript(f"BEGIN;{listed};\nCOMMIT")
    return (f"sqlite:///{folder}/shapes.db", f"sqlite:///{folder}/shapes_copy.db"), run


PLACES = {POSTGRES: on_postgres, MYSQL: on_mariadb, SQLITE: on_sqlite}


@pytest.mark.parametrize(("engine", "shape"), list(cases()))
def test_shape(engine: str, shape: Shape, shapes: Callable[[str], Copied]) -> None:
    found = shapes(engine)
    assert found.report.verified
    assert found.report.foreign_keys.orphans == 0
    for table, wanted in shape.rows.items():
        rows = found.copy(f"SELECT * FROM {table}")
        tuples = [each if isinstance(each, tuple) else (each,) for each in wanted]
        width = len(tuples[0]) if tuples else 1
        assert Counter(map(spelled, (row[:width] for row in rows))) == Counter(map(spelled, tuples)), table
        if table not in shape.changed:
            assert not Counter(map(repr, rows)) - Counter(map(repr, found.source(f"SELECT * FROM {table}"))), table
    for select, value in shape.holds.items():
        assert found.copy(select) == [(value,)], select
    findings = {(finding.code, finding.place.replace("public.", "")) for finding in found.report.findings}
    for code, place in shape.told.items():
        assert any(told == code and place in where for told, where in findings), (code, place, sorted(findings))


PERIODS = """
    CREATE EXTENSION btree_gist;
    CREATE TABLE prices (product int, valid daterange, price int, PRIMARY KEY (product, valid WITHOUT OVERLAPS))
        PARTITION BY LIST (product);
    CREATE TABLE prices_one PARTITION OF prices FOR VALUES IN (1);
    CREATE TABLE prices_others PARTITION OF prices DEFAULT;
    CREATE TABLE offers (id int PRIMARY KEY, product int, valid daterange,
        FOREIGN KEY (product, PERIOD valid) REFERENCES prices (product, PERIOD valid));
    CREATE TABLE old_offers (id int PRIMARY KEY, product int, valid daterange);
    INSERT INTO prices VALUES (1, '[2020-01-01,2020-02-01)', 11), (1, '[2020-02-01,2020-03-01)', 12),
        (1, '[2020-03-01,)', 13), (2, '[2020-01-01,2020-02-01)', 21), (2, '[2020-02-01,)', 22), (3, '[2020-01-01,)', 31);
    INSERT INTO offers VALUES (1, 1, '[2020-01-15,2020-02-15)'), (2, 1, '[2020-03-05,2020-03-06)'),
        (3, 2, '[2020-01-31,2020-02-01)'), (4, 2, '[2020-01-31,2020-02-02)'), (5, NULL, '[2020-01-01,)'), (6, 3, NULL);
    INSERT INTO old_offers SELECT * FROM offers UNION ALL VALUES (7, 1, daterange '[2019-12-31,2020-01-02)'),
        (8, 4, daterange '[2020-01-01,)'), (9, 1, daterange 'empty');
    ALTER TABLE old_offers ADD FOREIGN KEY (product, PERIOD valid) REFERENCES prices (product, PERIOD valid) NOT VALID;
"""


def test_rows_over_periods(postgres18: PostgresServer, tmp_path: Path) -> None:
    """Shape 38: an offer needs all prices that cover its time, and a price has all offers of its time."""
    postgres18.create_database("periods")
    postgres18.execute(PERIODS, database="periods")
    urls = postgres18.url("periods"), postgres18.url("periods_copy")

    def copies(*seeds: dict[str, Any], **more: Any) -> tuple[RunReport, set[int], set[int]]:
        slice_ = {"seeds": list(seeds), **more}
        report = copied(tmp_path, *urls, slice=slice_)
        asked = "SELECT price FROM prices", "SELECT id FROM offers"
        prices, offers = ({row[0] for row in postgres18.execute(each, database="periods_copy")} for each in asked)
        return report, prices, offers

    assert copies(seed("offers", 1, 5, 6))[1:] == ({11, 12}, {1, 5, 6})
    assert copies(where("prices", "price = 22"), exclude=["old_offers"])[1:] == ({21, 22}, {4})
    edges = [{"edge": "offers(product, valid)", "parent": "null"}, *stop("old_offers(product, valid)")]
    found = copies(seed("offers", 4), where("prices", "price = 21"), edges=edges)
    assert found[1:] == ({21}, {3, 4})
    assert postgres18.execute("SELECT id FROM offers WHERE product IS NULL", database="periods_copy") == [(4,)]
    report, _, _ = copies(where("old_offers", "true"), exclude=["offers"])
    (told,) = (each for each in report.foreign_keys.details if each.foreign_key.startswith("public.old_offers"))
    assert (told.source_orphans, told.orphans) == (3, 0)
    elsewhere = copied(tmp_path, urls[0], f"sqlite:///{tmp_path}/periods.db")
    assert elsewhere.verified
    assert any("foreign keys over periods" in finding.message for finding in elsewhere.findings)


def spelled(row: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(map(str, row))


@pytest.mark.parametrize("engine", ALL)
def test_pairs_that_are_committed_meanwhile(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Shape 44: each time that the run tells something, a parent and its child are committed."""
    urls, write, copy = pairs(engine, request, tmp_path)
    told: list[int] = []

    def listener(event: Event) -> None:
        del event
        told.append(len(told) + 10)
        write(f"INSERT INTO parents VALUES ({told[-1]})", f"INSERT INTO children VALUES ({told[-1]}, {told[-1]})")

    report = dbmimic.copy(configured(tmp_path, *urls), listener=listener)
    assert report.verified
    assert len(told) > 3
    assert copy("SELECT count(*) FROM parents") == copy("SELECT count(*) FROM children")
    assert report.foreign_keys.orphans == 0


def pairs(engine: str, request: pytest.FixtureRequest, folder: Path) -> tuple[tuple[str, str], Callable[..., Any], Run]:
    """Give a database of two tables, what commits some statements there, and how to ask the copy."""
    made = [
        "CREATE TABLE parents (id INTEGER PRIMARY KEY)",
        "CREATE TABLE children (id INTEGER PRIMARY KEY, p INTEGER, FOREIGN KEY (p) REFERENCES parents (id))",
        "INSERT INTO parents VALUES (1), (2)",
        "INSERT INTO children VALUES (1, 1), (2, 1)",
    ]
    if engine == SQLITE:
        with contextlib.closing(sqlite3.connect(folder / "pairs.db")) as connection:
            connection.execute("PRAGMA journal_mode = wal")
        urls = f"sqlite:///{folder}/pairs.db", f"sqlite:///{folder}/copy.db"

        def write(*statements: str) -> None:
            with contextlib.closing(sqlite3.connect(folder / "pairs.db")) as connection, connection:
                for statement in statements:
                    connection.execute(statement)

        def ask(select: str) -> list[tuple[Any, ...]]:
            with contextlib.closing(sqlite3.connect(folder / "copy.db")) as connection:
                return connection.execute(select).fetchall()

        write(*made)
        return urls, write, ask
    server: Any = request.getfixturevalue("postgres15" if engine == POSTGRES else "mariadb")
    server.create_database("pairs")

    def commit(*statements: str) -> None:
        whole = ["BEGIN", *statements, "COMMIT"]
        server.execute(*(whole if engine == MYSQL else ["; ".join(whole)]), database="pairs")

    commit(*made)
    urls = server.url("pairs"), server.url("pairs_copy")
    return urls, commit, lambda select: server.execute(select, database="pairs_copy")

"""Real databases with every primary key masked: each foreign key still leads to the row it led to, on every engine."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dbmimic.model.report import RunReport
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests.copying import copied

Ask = Callable[[str], list[tuple[Any, ...]]]

SAKILA = {
    **{
        f"{table}.{table}_id": "integer_key"
        for table in (
            "actor", "address", "category", "city", "country", "customer", "inventory", "language", "payment", "rental",
            "staff", "store",
        )
    },
    **{key: {"mask": "integer_key", "domain": "film"} for key in ("film.film_id", "film_text.film_id")},
}  # fmt: skip
CHINOOK = dict.fromkeys(
    (
        "Album.AlbumId", "Artist.ArtistId", "Customer.CustomerId", "Employee.EmployeeId", "Genre.GenreId",
        "Invoice.InvoiceId", "InvoiceLine.InvoiceLineId", "MediaType.MediaTypeId", "Playlist.PlaylistId", "Track.TrackId",
    ),
    "integer_key",
)  # fmt: skip
NORTHWIND = {
    "customers.customer_id": "code",
    "customer_demographics.customer_type_id": "code",
    "territories.territory_id": "code",
    **dict.fromkeys(
        ("categories.category_id", "employees.employee_id", "orders.order_id", "products.product_id", "region.region_id",
         "shippers.shipper_id", "suppliers.supplier_id", "us_states.state_id"),
        "integer_key",
    ),
}  # fmt: skip
IN_SQLITE = {"region": "Regions"}
ABSENT_IN_SQLITE = "us_states"


def pascal(rules: Mapping[str, object]) -> dict[str, object]:
    """Give Northwind's rules with the names that it has in SQLite."""
    named = [(*name.split("."), mask) for name, mask in rules.items()]
    return {
        f"{IN_SQLITE.get(table, table.replace('_', ''))}.{column.replace('_', '')}": mask
        for table, column, mask in named
        if table != ABSENT_IN_SQLITE
    }


def snake(rules: Mapping[str, object]) -> dict[str, object]:
    """Give Chinook's rules with the names that it has in PostgreSQL."""
    return {
        ".".join("".join(f"_{c.lower()}" if c.isupper() else c for c in part)[1:] for part in name.split(".")): mask
        for name, mask in rules.items()
    }


@dataclass(frozen=True)
class Edge:
    """A foreign key, as the database's own catalogue tells it."""

    child: str
    columns: tuple[str, ...]
    parent: str
    referenced: tuple[str, ...]


def edges_of_postgres(ask: Ask) -> list[Edge]:
    names = "(SELECT array_agg(attname ORDER BY n) FROM unnest({0}) WITH ORDINALITY u(k, n) JOIN pg_attribute ON attrelid = {1} AND attnum = k)"
    rows = ask(
        f"SELECT c.relname, {names.format('conkey', 'conrelid')}::text[], p.relname, {names.format('confkey', 'confrelid')}::text[]"
        " FROM pg_constraint JOIN pg_class c ON c.oid = conrelid JOIN pg_class p ON p.oid = confrelid WHERE contype = 'f' ORDER BY conname"
    )
    return [Edge(child, tuple(columns), parent, tuple(referenced)) for child, columns, parent, referenced in rows]


def edges_of_mysql(ask: Ask) -> list[Edge]:
    rows = ask(
        "SELECT table_name, GROUP_CONCAT(column_name ORDER BY ordinal_position), referenced_table_name,"
        " GROUP_CONCAT(referenced_column_name ORDER BY ordinal_position) FROM information_schema.key_column_usage"
        " WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL GROUP BY constraint_name, 1, 3 ORDER BY 1, 2"
    )
    return [Edge(row[0], tuple(row[1].split(",")), row[2], tuple(row[3].split(","))) for row in rows]


def edges_of_sqlite(ask: Ask) -> list[Edge]:
    tables = [name for (name,) in ask("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
    edges = []
    for table in tables:
        found: dict[int, list[tuple[str, str, str]]] = {}
        for number, _, parent, child, referenced, *_ in ask(f"SELECT * FROM pragma_foreign_key_list('{table}')"):
            found.setdefault(number, []).append((parent, child, referenced))
        edges += [
            Edge(table, tuple(p[1] for p in pairs), pairs[0][0], tuple(p[2] for p in pairs)) for pairs in found.values()
        ]
    return edges


EDGES = {"postgresql": edges_of_postgres, "mysql": edges_of_mysql, "sqlite": edges_of_sqlite}
QUOTES = {"postgresql": '"', "mysql": "`", "sqlite": '"'}
COLUMNS = {
    "postgresql": "SELECT attname FROM pg_attribute WHERE attrelid = '\"{}\"'::regclass AND attnum > 0 ORDER BY attnum",
    "mysql": "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = '{}'",
    "sqlite": "SELECT name FROM pragma_table_info('{}')",
}


@dataclass(frozen=True)
class Side:
    """One database that is read by its own means."""

    engine: str
    ask: Ask

    def edges(self) -> list[Edge]:
        return EDGES[self.engine](self.ask)

    def rows(self, table: str, keys: set[str]) -> list[dict[str, Any]]:
        """Give the rows of a table by column, names without case: its keys, and two columns that tell rows apart."""
        quote = QUOTES[self.engine]
        every = [name for (name,) in self.ask(COLUMNS[self.engine].format(table))]
        others = [name for name in every if name.casefold() not in keys]
        columns = [name for name in every if name.casefold() in keys] + others[:2]
        listed = ", ".join(f"{quote}{name}{quote}" for name in columns)
        rows = self.ask(f"SELECT {listed} FROM {quote}{table}{quote}")
        return [dict(zip(map(str.casefold, columns), row, strict=True)) for row in rows]


def of_postgres(server: PostgresServer, database: str) -> Side:
    return Side("postgresql", lambda question: server.execute(question, database=database))


def of_mysql(server: MariadbServer, database: str) -> Side:
    return Side("mysql", lambda question: server.execute(question, database=database))


def of_sqlite(path: Path) -> Side:
    def ask(question: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return connection.execute(question).fetchall()

    return Side("sqlite", ask)


def assert_every_key_leads_where_it_led(
    report: RunReport, source: Side, target: Side, rules: Mapping[str, object]
) -> None:
    """Join each child to its parent on both sides: what is no key must stand together as it stood."""
    edges = source.edges()
    assert report.verified
    assert report.foreign_keys.checked == len(edges) == len(target.edges())
    tables = sorted({table for edge in edges for table in (edge.child, edge.parent)})
    keys: dict[str, set[str]] = {table.casefold(): set() for table in tables}
    for name in rules:
        table, column = name.casefold().split(".")
        keys.setdefault(table, set()).add(column)
    for edge in edges:
        keys[edge.child.casefold()] |= set(map(str.casefold, edge.columns))
        keys[edge.parent.casefold()] |= set(map(str.casefold, edge.referenced))
    before, after = ({table: side.rows(table, keys[table.casefold()]) for table in tables} for side in (source, target))
    for table in tables:
        for name in keys[table.casefold()]:
            old, new = ([row[name] for row in side[table] if row[name] is not None] for side in (before, after))
            assert len(old) == len(new)
            assert len(set(new)) == len(set(old)), (table, name)
            assert len(set(old)) < 4 or Counter(old) != Counter(new), (table, name)
    others = [
        {table: [kept(row, keys[table.casefold()]) for row in rows] for table, rows in side.items()}
        for side in (before, after)
    ]
    for edge in edges:
        assert joined(before, others[0], edge) == joined(after, others[1], edge), edge


def joined(
    tables: Mapping[str, list[dict[str, Any]]], others: Mapping[str, list[object]], edge: Edge
) -> Counter[object]:
    parents = dict(zip(cells(tables[edge.parent], edge.referenced), others[edge.parent], strict=True))
    pairs = zip(others[edge.child], cells(tables[edge.child], edge.columns), strict=True)
    return Counter((row, None if None in key else parents[key]) for row, key in pairs)


def cells(rows: list[dict[str, Any]], names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    folded = [name.casefold() for name in names]
    return [tuple(row[name] for name in folded) for row in rows]


def kept(row: Mapping[str, Any], keys: set[str]) -> tuple[Any, ...]:
    return tuple(value for name, value in row.items() if name not in keys)


def keep_but(columns: Mapping[str, object]) -> dict[str, object]:
    return {"default": "keep", "columns": dict(columns)}


def test_sakila(mysql: MariadbServer, tmp_path: Path) -> None:
    """Its stores and its staff reference each other, and all its keys are unsigned and of four widths."""
    urls = {"mysql": mysql.url("sakila_keys"), "sqlite": f"sqlite:///{tmp_path / 'keys.db'}"}
    reports = {e: copied(tmp_path, mysql.url("sakila"), url, rules=keep_but(SAKILA)) for e, url in urls.items()}
    source, target = (of_mysql(mysql, name) for name in ("sakila", "sakila_keys"))
    assert_every_key_leads_where_it_led(reports["mysql"], source, target, SAKILA)
    texts, films = (dict(target.ask(f"SELECT title, film_id FROM {table}")) for table in ("film_text", "film"))
    assert texts == films
    crossed = of_sqlite(tmp_path / "keys.db")
    assert reports["sqlite"].verified
    assert crossed.ask("PRAGMA foreign_key_check") == []
    for name in SAKILA:
        table, column = name.split(".")
        question = f"SELECT {column} FROM {table} ORDER BY 1"
        assert crossed.ask(question) == target.ask(question)


@pytest.mark.parametrize("engine", ["postgresql", "mysql", "sqlite"])
def test_chinook(request: pytest.FixtureRequest, tmp_path: Path, engine: str) -> None:
    rules: Mapping[str, object] = CHINOOK
    if engine == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        rules = snake(CHINOOK)
        urls = postgres.url("chinook"), postgres.url("chinook_keys")
        sides = [of_postgres(postgres, name) for name in ("chinook", "chinook_keys")]
    elif engine == "mysql":
        mysql: MariadbServer = request.getfixturevalue("mysql")
        urls = mysql.url("Chinook"), mysql.url("Chinook_keys")
        sides = [of_mysql(mysql, name) for name in ("Chinook", "Chinook_keys")]
    else:
        paths = request.getfixturevalue("chinook_file"), tmp_path / "keys.db"
        urls = f"sqlite:///{paths[0]}", f"sqlite:///{paths[1]}"
        sides = [of_sqlite(path) for path in paths]
    report = copied(tmp_path, *urls, rules=keep_but(rules))
    assert_every_key_leads_where_it_led(report, sides[0], sides[1], rules)


def test_northwind(postgres: PostgresServer, mysql: MariadbServer, tmp_path: Path) -> None:
    """Its customers and territories have keys of text."""
    report = copied(tmp_path, postgres.url("northwind"), postgres.url("northwind_keys"), rules=keep_but(NORTHWIND))
    source, target = (of_postgres(postgres, name) for name in ("northwind", "northwind_keys"))
    assert_every_key_leads_where_it_led(report, source, target, NORTHWIND)
    crossed = copied(tmp_path, postgres.url("northwind"), mysql.url("northwind_keys"), rules=keep_but(NORTHWIND))
    assert crossed.verified
    for name in NORTHWIND:
        table, column = name.split(".")
        held = [
            sorted(side.ask(f"SELECT {column} FROM {table}")) for side in (of_mysql(mysql, "northwind_keys"), target)
        ]
        assert held[0] == held[1]


def test_northwind_of_sqlite(real_data: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "northwind.db", tmp_path / "keys.db"
    with contextlib.closing(sqlite3.connect(source)) as connection:
        connection.executescript((real_data / "northwind/northwind_sqlite.sql").read_text())
    rules = pascal(NORTHWIND)
    report = copied(tmp_path, f"sqlite:///{source}", f"sqlite:///{target}", rules=keep_but(rules))
    assert_every_key_leads_where_it_led(report, of_sqlite(source), of_sqlite(target), rules)

"""Real databases copied into another engine: every value of every column, read by each database's own means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dbmimic.model.report import RunReport
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests.conformance.crossing import values
from tests.copying import copied

Columns = Mapping[str, Mapping[str, str]]

KINDS = {
    "boolean": "truth", "tinyint(1)": "truth", "real": "single", "float": "single", "double": "float",
    "double precision": "float", "bytea": "bytes", "blob": "bytes", "mediumblob": "bytes", "longblob": "bytes",
    "character": "padded", "char": "padded", "date": "moment", "time": "moment", "datetime": "moment",
    "time without time zone": "moment",
    "timestamp": "moment", "timestamp without time zone": "moment", "timestamp with time zone": "moment",
    "smallint": "number", "integer": "number", "bigint": "number", "numeric": "number", "decimal": "number",
    "tinyint": "number", "mediumint": "number", "int": "number", "year": "number",
}  # fmt: skip


def of_postgres(server: PostgresServer, database: str) -> Columns:
    """Give the kind of each column of each table; a partition is a part of its table."""
    return _grouped(
        server.execute(
            "SELECT c.relname, a.attname, regexp_replace(format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL), '\\(.*\\)', '')"
            " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT attisdropped"
            " JOIN pg_type t ON t.oid = a.atttypid"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace ORDER BY 1, attnum",
            database=database,
        )
    )


def of_mysql(server: MariadbServer, database: str) -> Columns:
    return _grouped(
        server.execute(
            "SELECT table_name, column_name, IF(column_type = 'tinyint(1)', column_type, data_type)"
            " FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)"
            f" WHERE table_schema = '{database}' AND table_type = 'BASE TABLE' ORDER BY 1, ordinal_position"
        )
    )


def _grouped(rows: list[tuple[object, ...]]) -> Columns:
    tables: dict[str, dict[str, str]] = {}
    for table, column, type_ in rows:
        tables.setdefault(str(table), {})[str(column)] = KINDS.get(str(type_), "text")
    return tables


def assert_whole(report: RunReport, source: str, target: str) -> None:
    assert report.verified
    assert report.engine == {"source": source, "target": target}
    assert report.foreign_keys.orphans == 0
    assert all(table.rows == table.source_rows for table in report.tables)


# What MySQL has no type for.
NULLED = {
    "pagila": ["public.film.special_features", "public.film.fulltext"],
    "bakery": ["*.autocomplete", "public.wagtailsearch_indexentry.title", "public.wagtailsearch_indexentry.body"],
}


@pytest.mark.parametrize("name", ["pagila", "chinook", "northwind", "bakery"])
def test_postgresql_into_sqlite(postgres: PostgresServer, tmp_path: Path, name: str) -> None:
    path = tmp_path / "target.db"
    report = copied(tmp_path, postgres.url(name), f"sqlite:///{path}")
    assert_whole(report, "postgresql", "sqlite")
    tables = of_postgres(postgres, name)
    assert len(tables) == len(report.tables)
    for table, columns in tables.items():
        held = values.table_of_sqlite(path, table, columns)
        assert held == values.of_postgresql(postgres, name, f'public."{table}"', columns), table
    assert_keys_of_sqlite(path, tables, report)


def assert_keys_of_sqlite(path: Path, tables: Columns, report: RunReport) -> None:
    edges = sum(len(values.of_sqlite(path, f'SELECT DISTINCT id FROM pragma_foreign_key_list("{t}")')) for t in tables)
    assert edges == report.foreign_keys.checked
    assert values.of_sqlite(path, "PRAGMA foreign_key_check") == []


@pytest.mark.parametrize("name", ["sakila", "Chinook"])
def test_mysql_into_sqlite(mysql: MariadbServer, tmp_path: Path, name: str) -> None:
    path = tmp_path / "target.db"
    report = copied(tmp_path, mysql.url(name), f"sqlite:///{path}")
    assert_whole(report, "mysql", "sqlite")
    tables = of_mysql(mysql, name)
    assert len(tables) == len(report.tables)
    for table, columns in tables.items():
        assert values.table_of_sqlite(path, table, columns) == values.of_mysql(mysql, name, table, columns), table
    assert_keys_of_sqlite(path, tables, report)


@pytest.mark.parametrize("name", ["sakila", "Chinook"])
def test_mysql_into_postgresql(mysql: MariadbServer, postgres: PostgresServer, tmp_path: Path, name: str) -> None:
    target = f"{name.lower()}_crossed"
    report = copied(tmp_path, mysql.url(name), postgres.url(target))
    assert_whole(report, "mysql", "postgresql")
    tables = of_mysql(mysql, name)
    for table, columns in tables.items():
        held = values.of_postgresql(postgres, target, f'"{table}"', columns)
        assert held == values.of_mysql(mysql, name, table, columns), table
    edges = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated"
    assert postgres.execute(edges, database=target) == [(report.foreign_keys.checked,)]
    if name == "sakila":
        postgres.execute("INSERT INTO category (name) VALUES ('new')", database=target)
        assert postgres.execute("SELECT max(category_id) FROM category", database=target) == [(17,)]


@pytest.mark.parametrize("name", ["pagila", "chinook", "northwind", "bakery"])
def test_postgresql_into_mysql(postgres: PostgresServer, mysql: MariadbServer, tmp_path: Path, name: str) -> None:
    target, nulled = f"{name}_crossed", NULLED.get(name, [])
    rules = {"default": "keep", "columns": dict.fromkeys(nulled, "null")}
    report = copied(tmp_path, postgres.url(name), mysql.url(target), rules=rules)
    assert_whole(report, "postgresql", "mysql")
    for table, columns in of_postgres(postgres, name).items():
        absent = {each.rpartition(".")[2] for each in nulled if each.split(".")[-2] in {table, "*"}}
        carried = {column: kind for column, kind in columns.items() if column not in absent}
        held = values.of_mysql(mysql, target, table, carried)
        assert held == values.of_postgresql(postgres, name, f'public."{table}"', carried), table
    edges = f"SELECT count(*) FROM information_schema.referential_constraints WHERE constraint_schema = '{target}'"
    assert mysql.execute(edges) == [(report.foreign_keys.checked,)]

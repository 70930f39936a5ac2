"""Every value of every shared type arrives as the same value, and what does not fit is told by column alone."""

from __future__ import annotations

from pathlib import Path

from dbmimic.testing.postgres_server import PostgresServer
from tests.conformance.crossing import values
from tests.conformance.crossing.values import COLUMNS, EVERY_BYTE, ROWS
from tests.copying import copied

KINDS = [kind for kind, _ in COLUMNS.values()]
WANTED = values.plains(KINDS, list(ROWS))


def postgresql(server: PostgresServer, name: str, *more: str) -> str:
    """Build the table of every type and give the database's URL."""
    server.create_database(name)
    with server.connection(name) as connection:
        for statement in (*values.POSTGRESQL, *more):
            connection.execute(statement)
        marks = ", ".join(["%s"] * len(COLUMNS))
        connection.cursor().executemany(f"INSERT INTO every VALUES ({marks})", ROWS)
        connection.commit()
    return server.url(name)


def test_postgresql_into_sqlite(postgres15: PostgresServer, tmp_path: Path) -> None:
    target = tmp_path / "every.db"
    report = copied(tmp_path, postgresql(postgres15, "every_lite"), f"sqlite:///{target}")
    assert report.verified
    assert report.engine == {"source": "postgresql", "target": "sqlite"}
    held = values.of_sqlite(target, f"SELECT {', '.join(COLUMNS)} FROM every ORDER BY id")
    assert values.plains(KINDS, held) == WANTED
    assert values.of_sqlite(target, "SELECT count(*) FROM empty") == [(0,)]
    classes = "SELECT typeof(truth), typeof(big), typeof(exact), typeof(long_exact), typeof(twice), typeof(bytes) FROM every WHERE id = 1"
    assert values.of_sqlite(target, classes) == [("integer", "integer", "real", "text", "real", "blob")]
    assert values.of_sqlite(target, "SELECT bytes FROM every WHERE id = 2") == [(EVERY_BYTE,)]


def test_what_only_postgresql_has_is_kept_as_its_text_in_sqlite(postgres15: PostgresServer, tmp_path: Path) -> None:
    name, target = "odd_lite", tmp_path / "odd.db"
    postgres15.create_database(name)
    postgres15.execute(
        "CREATE TABLE odd (id int PRIMARY KEY, d date, t timestamptz, f float8, s real, n numeric, m numeric(5, 2), i interval, a text[],"
        " r int4range, v varbit, x xml, net inet, tz timetz, p point);"
        "INSERT INTO odd VALUES (1, 'infinity', '-infinity', 'NaN', '-Infinity', 'NaN', 'NaN', '1 mon -1 day', '{a,NULL,\"b c\"}',"
        " '[1,5)', '0101', '<a/>', '10.0.0.0/8', '12:00+02', '(1,2)'),"
        " (2, '0044-03-15 BC', '0044-03-15 12:00 BC', 'Infinity', '1e-45', '12345678901234567890.10', 5, '178000000 years',"
        " '{}', 'empty', '', 'text', '::1', '24:00', NULL);",
        database=name,
    )
    assert copied(tmp_path, postgres15.url(name), f"sqlite:///{target}").verified
    assert values.of_sqlite(target, "SELECT * FROM odd ORDER BY id") == [
        (1, "infinity", "-infinity", "NaN", float("-inf"), "NaN", "NaN", "1 mon -1 days", '{a,NULL,"b c"}',
         "[1,5)", "0101", "<a/>", "10.0.0.0/8", "12:00:00+02", "(1,2)"),
        (2, "0044-03-15 BC", "0044-03-15 12:00:00+00:00 BC", float("inf"), 1e-45, "12345678901234567890.10", 5,
         "178000000 years", "{}", "empty", "", "text", "::1", "24:00:00+00", None),
    ]  # fmt: skip

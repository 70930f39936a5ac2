"""Every value of every shared type arrives as the same value, and what does not fit is told by column alone."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

import dbmimic
from dbmimic.errors import DbmimicError, RefusedError, TargetError
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests.conformance.crossing import values
from tests.conformance.crossing.values import COLUMNS, EVERY_BYTE, MYSQL_ROWS, ROWS
from tests.copying import configured, copied

KINDS = {name: kind for name, (kind, _) in COLUMNS.items()}
WANTED = values.in_order(list(KINDS.values()), list(ROWS))
WANTED_OF_MYSQL = values.in_order(list(KINDS.values()), list(MYSQL_ROWS))


def postgresql(server: PostgresServer, name: str) -> str:
    """Build the table of every type and give the database's URL."""
    server.create_database(name)
    with server.connection(name) as connection:
        for statement in values.POSTGRESQL:
            connection.execute(statement)
        marks = ", ".join(["%s"] * len(COLUMNS))
        connection.cursor().executemany(f"INSERT INTO every VALUES ({marks})", ROWS)
        connection.commit()
    return server.url(name)


def mysql(server: MariadbServer, name: str) -> str:
    """Build the table of every type and give the database's URL."""
    server.create_database(name)
    with contextlib.closing(server.connect(name)) as connection, connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES'")
        for statement in values.MYSQL:
            cursor.execute(statement)
        bit = "CONV(%s, 2, 10) + 0"
        marks = ", ".join(bit if kind == "bits" else "%s" for kind in KINDS.values())
        for row in MYSQL_ROWS:
            cursor.execute(f"INSERT INTO every VALUES ({marks})", row)
        connection.commit()
    return server.url(name)


def test_postgresql_into_sqlite(postgres15: PostgresServer, tmp_path: Path) -> None:
    target = tmp_path / "every.db"
    report = copied(tmp_path, postgresql(postgres15, "every_lite"), f"sqlite:///{target}")
    assert report.verified
    assert report.engine == {"source": "postgresql", "target": "sqlite"}
    assert values.table_of_sqlite(target, "every", KINDS) == WANTED
    assert values.of_sqlite(target, "SELECT count(*) FROM empty") == [(0,)]
    classes = "SELECT typeof(truth), typeof(big), typeof(exact), typeof(long_exact), typeof(twice), typeof(bytes) FROM every WHERE id = 1"
    assert values.of_sqlite(target, classes) == [("integer", "integer", "real", "text", "real", "blob")]
    assert values.of_sqlite(target, "SELECT bytes FROM every WHERE id = 2") == [(EVERY_BYTE,)]


def test_mysql_into_sqlite(mariadb: MariadbServer, tmp_path: Path) -> None:
    target = tmp_path / "every.db"
    assert copied(tmp_path, mysql(mariadb, "every_lite"), f"sqlite:///{target}").verified
    assert values.table_of_sqlite(target, "every", KINDS) == WANTED_OF_MYSQL


def test_postgresql_into_mysql(postgres15: PostgresServer, mariadb: MariadbServer, tmp_path: Path) -> None:
    assert copied(tmp_path, postgresql(postgres15, "every_pm"), mariadb.url("every_pm")).verified
    assert values.of_mysql(mariadb, "every_pm", "every", KINDS) == WANTED
    mariadb.execute("INSERT INTO empty (note) VALUES ('next')", database="every_pm")
    assert mariadb.execute("SELECT id FROM empty", database="every_pm") == [(1,)]


def test_mysql_into_postgresql(postgres15: PostgresServer, mariadb: MariadbServer, tmp_path: Path) -> None:
    source = mysql(mariadb, "every_mp")
    mariadb.execute("INSERT INTO empty VALUES (41, 1, NULL)", database="every_mp")
    assert copied(tmp_path, source, postgres15.url("every_mp")).verified
    assert values.of_postgresql(postgres15, "every_mp", "every", KINDS) == WANTED_OF_MYSQL
    postgres15.execute("INSERT INTO empty (note) VALUES ('next')", database="every_mp")
    assert postgres15.execute("SELECT id FROM empty ORDER BY id", database="every_mp") == [(41,), (42,)]


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


ODD_MYSQL = """
    CREATE TABLE odd (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, u bigint unsigned, d date, t datetime, y year,
        s set('a', 'b'), e enum('x'), w bit(64), z int(6) zerofill, h time, b binary(4), p point,
        r varchar(20) CHARACTER SET latin1, tiny boolean);
    INSERT INTO odd VALUES
        (1, 18446744073709551615, '0000-00-00', '2024-00-00 00:00:00', 0, 'a,b', '', b'1', 42, '-838:59:59', x'00',
         ST_GeomFromText('POINT(1 2)'), 'é', 7),
        (9223372036854775807, 0, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, NULL, NULL, '', 0)
"""


def odd_mysql(server: MariadbServer, name: str) -> str:
    server.create_database(name)
    server.execute("SET sql_mode = ''", *ODD_MYSQL.split(";"), database=name)
    return server.url(name)


def test_what_only_mysql_has_is_kept_exactly_in_sqlite(mariadb: MariadbServer, tmp_path: Path) -> None:
    source, target = odd_mysql(mariadb, "odd_lite"), tmp_path / "odd.db"
    point = mariadb.execute("SELECT p FROM odd WHERE id = 1", database="odd_lite")[0][0]
    assert copied(tmp_path, source, f"sqlite:///{target}").verified
    assert values.of_sqlite(target, "SELECT * FROM odd ORDER BY id") == [
        (1, "18446744073709551615", "0000-00-00", "2024-00-00 00:00:00", 0, "a,b", "", "0" * 63 + "1", 42,
         "-838:59:59", b"\0\0\0\0", point, "é", 7),
        (2**63 - 1, "0", None, None, None, "", None, None, None, None, None, None, "", 0),
    ]  # fmt: skip


def test_unsigned_integers_of_64_bits_reach_postgresql(
    mariadb: MariadbServer, postgres15: PostgresServer, tmp_path: Path
) -> None:
    source = odd_mysql(mariadb, "odd_pg")
    mariadb.execute(
        "DELETE FROM odd WHERE id <> 1",
        "ALTER TABLE odd DROP p, DROP d, DROP t, DROP e, DROP h, DROP tiny",
        database="odd_pg",
    )
    assert copied(tmp_path, source, postgres15.url("odd_pg")).verified
    assert postgres15.execute("SELECT id, u::text, y, s, w::text, z, b, r FROM odd", database="odd_pg") == [
        (1, "18446744073709551615", 0, "a,b", "0" * 63 + "1", 42, b"\0\0\0\0", "é")
    ]  # fmt: skip


UNFIT_FOR_MYSQL = {
    "date": "infinity", "timestamp": "-infinity", "timestamptz": "0044-03-15 12:00 BC", "float8": "NaN", "real": "Infinity",
    "numeric": "1e40", "numeric(5, 2)": "NaN",
}  # fmt: skip


@pytest.mark.parametrize("type_", UNFIT_FOR_MYSQL)
def test_a_value_that_mysql_lacks_is_told_by_its_column(
    postgres15: PostgresServer, mariadb: MariadbServer, tmp_path: Path, type_: str
) -> None:
    value = UNFIT_FOR_MYSQL[type_]
    name = f"unfit_{list(UNFIT_FOR_MYSQL).index(type_)}"
    postgres15.create_database(name)
    postgres15.execute(
        f"CREATE TABLE t (id int PRIMARY KEY, c {type_}); INSERT INTO t VALUES (1, '{value}')", database=name
    )
    assert_refused(tmp_path, postgres15.url(name), mariadb.url(name), "public.t.c", value)
    assert mariadb.execute(f"SHOW DATABASES LIKE '{name}%'") == []
    rules = {"default": "keep", "columns": {"t.c": "null"}}
    assert copied(tmp_path, postgres15.url(name), mariadb.url(name), rules=rules).verified
    assert mariadb.execute("SELECT * FROM t", database=name) == [(1, None)]


UNFIT_FOR_POSTGRESQL = {
    "date": "'0000-00-00'", "datetime": "'2024-02-31 00:00:00'", "timestamp NULL": "'0000-00-00 00:00:00'", "time": "'-10:00:00'",
    "time(3)": "'24:30:00'", "text": "x'610062'", "tinyint(1)": "2", "enum('x')": "'nonsense'", "bigint unsigned UNIQUE": "18446744073709551615",
}  # fmt: skip


@pytest.mark.parametrize("type_", UNFIT_FOR_POSTGRESQL)
def test_a_value_that_postgresql_lacks_is_told_by_its_column(
    postgres15: PostgresServer, mariadb: MariadbServer, tmp_path: Path, type_: str
) -> None:
    value = UNFIT_FOR_POSTGRESQL[type_]
    name = f"unfit_{list(UNFIT_FOR_POSTGRESQL).index(type_)}_pg"
    mariadb.create_database(name)
    mariadb.execute(
        "SET sql_mode = 'ALLOW_INVALID_DATES'", f"CREATE TABLE t (id int PRIMARY KEY, c {type_})",
        f"INSERT INTO t VALUES (1, {value})", database=name,
    )  # fmt: skip
    assert_refused(tmp_path, mariadb.url(name), postgres15.url(name), "t.c", value.strip("'"))
    assert postgres15.execute(f"SELECT datname FROM pg_database WHERE datname LIKE '{name}%'") == []


def assert_refused(folder: Path, source: str, target: str, place: str, value: str) -> None:
    with pytest.raises(TargetError) as caught:
        copied(folder, source, target)
    assert (caught.value.code, caught.value.place) == ("DM504", place)
    assert value not in str(caught.value)


def test_a_type_that_mysql_lacks_is_refused_unless_it_is_nulled(
    postgres15: PostgresServer, mariadb: MariadbServer, tmp_path: Path
) -> None:
    name = "barred"
    postgres15.create_database(name)
    postgres15.execute(
        "CREATE TABLE t (id int PRIMARY KEY, a int[], i interval); INSERT INTO t VALUES (1, '{1}', '1 day')",
        database=name,
    )
    with pytest.raises(RefusedError) as caught:
        copied(tmp_path, postgres15.url(name), mariadb.url(name))
    assert [(problem.code, problem.place) for problem in caught.value.problems] == [
        ("DM309", "public.t.a"),
        ("DM309", "public.t.i"),
    ]
    planned = dbmimic.plan(configured(tmp_path, postgres15.url(name), mariadb.url(name)))
    assert [(each.code, each.place) for each in planned.errors] == [("DM309", "public.t.a"), ("DM309", "public.t.i")]
    assert planned.exit == 4
    rules = {"default": "keep", "columns": {"t.a": "null", "t.i": "null"}}
    assert copied(tmp_path, postgres15.url(name), mariadb.url(name), rules=rules).verified
    assert mariadb.execute("SELECT * FROM t", database=name) == [(1, None, None)]
    excluding = {"exclude": ["public.t"]}
    assert copied(tmp_path, postgres15.url(name), mariadb.url(name), slice=excluding).verified


@pytest.mark.parametrize(
    ("statements", "places"),
    [
        ('CREATE TABLE t (a int, "A" int)', ["public.t.A"]),
        ("CREATE TABLE a_b (x int); CREATE SCHEMA a; CREATE TABLE a.b (x int)", ["public.a_b"]),
        ("CREATE TABLE sqlite_own (x int)", ["public.sqlite_own"]),
    ],
)
def test_names_that_sqlite_lacks_are_refused_before_a_row_is_read(
    postgres15: PostgresServer, tmp_path: Path, statements: str, places: list[str]
) -> None:
    name = f"names_{places[0].rpartition('.')[2]}"
    postgres15.create_database(name)
    postgres15.execute(statements, database=name)
    with pytest.raises(DbmimicError) as caught:
        copied(tmp_path, postgres15.url(name), f"sqlite:///{tmp_path}/x.db")
    assert {problem.code for problem in caught.value.problems} == {"DM309"}
    assert [problem.place for problem in caught.value.problems] == places
    assert not (tmp_path / "x.db").exists()

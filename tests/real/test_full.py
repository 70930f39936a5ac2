"""Full copies of real databases: every value, every object, judged by the databases' own tools and not by ours."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from dbmimic.engines.postgres import reader
from dbmimic.model.report import RunReport
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests.copying import copied

POSTGRES = (
    "pagila", "chinook", "northwind", "bakery", "alltypes", "edgecases", "subsetting", "uuids",
)  # fmt: skip
MARIADB = ("sakila", "Chinook", "composite-keys", "edgecases")


def dumped(server: PostgresServer, database: str, *options: str) -> list[str]:
    """Give what the server's own pg_dump says, without what differs from run to run."""
    command = [shutil.which("pg_dump") or "pg_dump", *options, "-d", server.url(database)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line for line in text.splitlines() if line and not line.startswith(("--", r"\restrict", r"\unrestrict"))]


def rows(server: PostgresServer, database: str) -> dict[str, list[str]]:
    """Give every table's rows in the engine's own text form, leaf by leaf."""
    lines, found = iter(dumped(server, database, "--data-only")), {}
    for line in lines:
        if line.startswith("COPY "):
            block = []
            while (row := next(lines)) != r"\.":
                block.append(row)
            found[line] = sorted(block)
        elif "setval(" in line:
            found[line] = []
    return found


def assert_whole(report: RunReport) -> None:
    assert report.verified
    assert report.foreign_keys.orphans == 0
    assert all(table.rows == table.source_rows for table in report.tables)


@pytest.mark.parametrize("path", ["here", "by psql"])
@pytest.mark.parametrize("name", POSTGRES)
def test_postgresql(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, path: str
) -> None:
    if path == "by psql":  # as what is large goes
        monkeypatch.setattr(reader, "_WORTH_A_PUMP", 0)
    target = f"{name}_full"
    report = copied(tmp_path, postgres.url(name), postgres.url(target))
    assert_whole(report)
    assert dumped(postgres, target, "--schema-only") == dumped(postgres, name, "--schema-only")
    assert rows(postgres, target) == rows(postgres, name)
    for view, holds_rows in postgres.execute(
        "SELECT oid::regclass::text, relispopulated FROM pg_class WHERE relkind = 'm'", database=name
    ):
        count = f"SELECT count(*), (SELECT relispopulated FROM pg_class WHERE oid = '{view}'::regclass) FROM {view}"
        if holds_rows:
            assert postgres.execute(count, database=target) == postgres.execute(count, database=name)


def test_what_postgresql_itself_respells_is_respelled_the_same(postgres: PostgresServer, tmp_path: Path) -> None:
    """A cast of an array of texts is told in another way once it was dumped and restored, by whomever."""
    assert_whole(copied(tmp_path, postgres.url("complex"), postgres.url("complex_full")))
    script = tmp_path / "complex.sql"
    script.write_text("\n".join(dumped(postgres, "complex", "--schema-only")))
    postgres.create_database("complex_restored")
    postgres.load_sql_file(script, "complex_restored")
    assert dumped(postgres, "complex_full", "--schema-only") == dumped(postgres, "complex_restored", "--schema-only")
    assert rows(postgres, "complex_full") == rows(postgres, "complex")


def test_rows_that_dangle_in_the_source_are_told_apart(postgres: PostgresServer, tmp_path: Path) -> None:
    """Its triggers were off when some rows came, so the source breaks two of its own keys."""
    name, target = "foreignkey-violations", "violations_full"
    report = copied(tmp_path, postgres.url(name), postgres.url(target))
    assert_whole(report)
    assert report.foreign_keys.source_orphans > 0
    assert {finding.severity.value for finding in report.findings} == {"warning"}
    held, source = dumped(postgres, target, "--schema-only"), dumped(postgres, name, "--schema-only")
    assert [line.replace(" NOT VALID;", ";") for line in held] == source
    assert sum("NOT VALID" in line for line in held) == len(report.foreign_keys.details)
    assert rows(postgres, target) == rows(postgres, name)


def dumped_mariadb(server: MariadbServer, database: str) -> list[str]:
    """Give what the server's own dump says of structure and rows, without names and counters that must differ."""
    command = [
        shutil.which("mariadb-dump") or "mysqldump", "--no-defaults", f"--socket={server.socket}", "--user=root",
        "--routines", "--triggers", "--events", "--skip-extended-insert", "--order-by-primary", "--hex-blob",
        "--skip-dump-date", "--skip-comments", "--default-character-set=utf8mb4", database,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, errors="surrogateescape")
    assert done.returncode == 0, done.stderr
    text = done.stdout
    text = re.sub(r"DEFINER=`[^`]*`@`[^`]*`", "", text).replace(f"`{database}`.", "")
    return text.splitlines()


@pytest.mark.parametrize("name", MARIADB)
def test_mariadb(mysql: MariadbServer, tmp_path: Path, name: str) -> None:
    target = f"{name}_full"
    report = copied(tmp_path, mysql.url(name), mysql.url(target))
    assert_whole(report)
    assert dumped_mariadb(mysql, target) == dumped_mariadb(mysql, name)


def test_no_trigger_fires_while_sakila_is_loaded(mysql: MariadbServer, tmp_path: Path) -> None:
    """The triggers of `film` fill `film_text`, which is copied too."""
    copied(tmp_path, mysql.url("sakila"), mysql.url("sakila_again"))
    count = mysql.execute("SELECT count(*), count(DISTINCT film_id) FROM film_text", database="sakila_again")
    assert count == [(1000, 1000)]
    mysql.execute("INSERT INTO film (title, language_id) VALUES ('THE TRIGGERS', 1)", database="sakila_again")
    assert mysql.execute("SELECT count(*) FROM film_text", database="sakila_again") == [(1001,)]


def dumped_sqlite(path: Path) -> list[str]:
    """Give the whole database as SQL."""
    with sqlite3.connect(path) as connection:
        lines = sorted(connection.iterdump())
    connection.close()
    return lines


def test_sqlite_chinook(chinook_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.db"
    assert_whole(copied(tmp_path, f"sqlite:///{chinook_file}", f"sqlite:///{target}"))
    assert dumped_sqlite(target) == dumped_sqlite(chinook_file)


def test_sqlite_northwind(real_data: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "source.db", tmp_path / "target.db"
    connection = sqlite3.connect(source)
    connection.execute("PRAGMA synchronous = OFF")
    connection.executescript((real_data / "northwind/northwind_sqlite.sql").read_text())
    connection.close()
    assert_whole(copied(tmp_path, f"sqlite:///{source}", f"sqlite:///{target}"))
    assert dumped_sqlite(target) == dumped_sqlite(source)

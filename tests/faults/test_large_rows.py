"""Rows as wide and as long as PostgreSQL has them: they pass, and this process does not hold them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import dbmimic
from dbmimic.testing.postgres_server import PostgresServer
from tests.command_line import ROOT, environment
from tests.copying import configured, write_config

LONG = 260_000_000  # more than this process may take; a gigabyte, the most that COPY carries, passes as well
COLUMNS = 1600
BROAD_ROWS = 1000  # more than a block of them
PEAK_MEGABYTES = 250
PEAK = """
import pathlib, sys
import dbmimic
report = dbmimic.copy(dbmimic.load_config(sys.argv[1]))
assert report.verified
told = pathlib.Path("/proc/self/status").read_text()
print(int(told.partition("VmHWM:")[2].split()[0]) // 1024)
"""


@pytest.mark.slow
def test_a_text_that_is_longer_than_memory(postgres15: PostgresServer, tmp_path: Path) -> None:
    name = "giant"
    postgres15.create_database(name)
    with postgres15.connection(name) as connection:
        connection.execute("CREATE TABLE giant (id int PRIMARY KEY, owner text, fill text)")
        connection.execute("ALTER TABLE giant ALTER COLUMN fill SET STORAGE EXTERNAL")
        connection.execute("INSERT INTO giant VALUES (1, 'Ann', 'short'), (3, 'Cy', 'short too')")
        connection.execute(f"INSERT INTO giant VALUES (2, 'Ben', repeat('0123456789', {LONG // 10}))".encode())
    rules = {"default": "keep", "columns": {"public.giant.owner": "full_name"}}
    config = write_config(tmp_path, postgres15.url(name), postgres15.url(f"{name}_stage"), rules=rules)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(config)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(PYTHONPATH=str(ROOT)),
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < PEAK_MEGABYTES
    question = "SELECT id, length(fill), md5(left(fill, 1000000)) FROM giant ORDER BY id"
    with postgres15.connection(name) as source, postgres15.connection(f"{name}_stage") as copy:
        assert source.execute(question).fetchall() == copy.execute(question).fetchall()
    for database in (name, f"{name}_stage"):
        with postgres15.connection("postgres") as connection:
            connection.execute(f"DROP DATABASE {database}".encode())


def test_a_table_of_sixteen_hundred_columns(postgres15: PostgresServer, tmp_path: Path) -> None:
    postgres15.create_database("broad")
    names = [f"c{n}" for n in range(1, COLUMNS)]
    with postgres15.connection("broad") as connection:
        columns = ", ".join(f"{name} text" for name in names)
        connection.execute(f"CREATE TABLE broad (id int PRIMARY KEY, {columns})".encode())
        values = ", ".join(f"{n} + i" if n % 3 else "NULL" for n in range(1, COLUMNS))
        connection.execute(f"INSERT INTO broad SELECT i, {values} FROM generate_series(1, {BROAD_ROWS}) i".encode())
    masked = {f"public.broad.{name}": "code" for name in names[::100]}
    rules = {"default": "keep", "columns": masked}
    report = dbmimic.copy(configured(tmp_path, postgres15.url("broad"), postgres15.url("broad_stage"), rules=rules))
    assert report.verified
    kept = ", ".join(name for position, name in enumerate(names) if position % 100)
    question = f"SELECT count(*), sum(hashtextextended(row(id, {kept})::text, 0)) FROM broad".encode()
    with postgres15.connection("broad") as source, postgres15.connection("broad_stage") as copy:
        assert source.execute(question).fetchone() == copy.execute(question).fetchone()

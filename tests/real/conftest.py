"""The real databases, each loaded once into a server and copied from there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer

NEOSYNC = ("alltypes", "edgecases", "subsetting", "uuids", "foreignkey-violations")


@pytest.fixture(scope="session")
def postgres(postgres15: PostgresServer, real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> PostgresServer:
    """PostgreSQL with every real database that is made for it."""
    files = {
        "pagila": real_data / "pagila/pagila.sql",
        "northwind": real_data / "northwind/northwind_postgres.sql",
        "bakery": real_data / "wagtail_bakery/wagtail_bakery.sql",
        **{name: real_data / f"neosync_edgecases/pg_{name}.sql" for name in NEOSYNC},
    }
    chinook = tmp_path_factory.mktemp("chinook") / "chinook.sql"
    text = (real_data / "chinook/Chinook_PostgreSql.sql").read_text()
    chinook.write_text(re.sub(r"(?m)^(DROP DATABASE|CREATE DATABASE|\\c ).*$", "", text))
    for name, path in {**files, "chinook": chinook}.items():
        postgres15.create_database(name)
        postgres15.load_sql_file(path, name)
    postgres15.create_database("complex")
    for part in ("create-tables", "inserts"):
        postgres15.load_sql_file(real_data / f"neosync_edgecases/pg_complex_{part}.sql", "complex")
    return postgres15


@pytest.fixture(scope="session")
def mysql(mariadb: MariadbServer, real_data: Path) -> MariadbServer:
    """MariaDB with every real database that is made for it."""
    for part in ("schema", "data"):
        mariadb.load_sql_file(real_data / f"sakila/sakila-mv-{part}.sql")
    mariadb.load_sql_file(real_data / "chinook/Chinook_MySql.sql")
    for name in ("composite-keys", "edgecases"):
        mariadb.create_database(name)
        mariadb.load_sql_file(real_data / f"neosync_edgecases/mysql_{name}.sql", name, force=True)
    return mariadb


@pytest.fixture
def chinook_file(real_data: Path, tmp_path: Path) -> Path:
    """A copy of the SQLite database, because the original is shared."""
    path = tmp_path / "chinook.db"
    shutil.copyfile(real_data / "chinook/Chinook_Sqlite.sqlite", path)
    return path

"""One MariaDB server for all tests of this folder, and a database of its own for each test."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbmimic.testing.mariadb_server import MariadbServer, MissingServerError
from tests.conformance.mysql.shapes import Bench


@pytest.fixture(scope="session")
def server() -> Iterator[MariadbServer]:
    try:
        running = MariadbServer()
        running.start()
    except MissingServerError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(f"NO MARIADB: {error}")
    yield running
    running.stop()


@pytest.fixture
def bench(server: MariadbServer) -> Iterator[Bench]:
    made = Bench(server, "src", "tgt")
    server.create_database(made.source_name)
    for name in ("tgt", "tgt_dbmimic", "tgt_dbmimic_new", "tgt_dbmimic_old", "tgt_dbmimic_old2"):
        server.execute(f"DROP DATABASE IF EXISTS {name}")
    yield made
    made.close()


@pytest.fixture(scope="session")
def sakila(server: MariadbServer) -> str:
    data = os.environ.get("DBMIMIC_REAL_DATA")
    folder = Path(data) if data else Path(__file__).parents[4] / "shared" / "data"
    if not (folder / "sakila").is_dir():
        warnings.warn("NO REAL DATA: set DBMIMIC_REAL_DATA", stacklevel=1)
        pytest.skip("NO REAL DATA: set DBMIMIC_REAL_DATA to the folder that holds sakila/")
    for name in ("sakila-mv-schema.sql", "sakila-mv-data.sql"):
        server.load_sql_file(folder / "sakila" / name)
    return "sakila"

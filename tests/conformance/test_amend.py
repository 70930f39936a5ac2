"""SQL of the user's own has its time and no more, and a signal ends it at once: nothing of it is left to hold a table."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest
from sqlalchemy.engine import make_url

from dbmimic.engines.mysql.amend import amend as amend_mysql
from dbmimic.engines.postgres.amend import amend as amend_postgres
from dbmimic.engines.sqlite.amend import amend as amend_sqlite
from dbmimic.errors import TargetError
from dbmimic.model.address import Address
from dbmimic.model.target import Amendment
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer

PATIENCE = 30.0  # seconds until nothing of a statement may be left; by itself one takes 60, or has no end


def address_of(url: str) -> Address:
    parts = make_url(url)
    return Address(parts.drivername, parts.database or "", parts.host or "", parts.port, parts.username or "")


class Ground:
    """Where SQL can be run, and whether any of it still runs."""

    def __init__(self, run: Callable[[Amendment], None], slow: str, runs: Callable[[], bool]) -> None:
        self.run = run
        self.slow = slow
        self.runs = runs


@pytest.fixture(params=["postgresql", "mysql", "sqlite"])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Ground:
    if request.param == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres15")
        address = address_of(postgres.url("postgres"))
        asked = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
        return Ground(
            lambda amendment: amend_postgres(address, "postgres", amendment),
            "SELECT pg_sleep(60)",
            lambda: postgres.execute(asked)[0][0] != 0,
        )
    if request.param == "mysql":
        mariadb: MariadbServer = request.getfixturevalue("mariadb")
        address = address_of(mariadb.url("mysql"))
        asked = "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'SELECT sleep%'"
        return Ground(
            lambda amendment: amend_mysql(address, "mysql", amendment),
            "SELECT sleep(60)",
            lambda: int(str(mariadb.execute(asked)[0][0])) != 0,
        )
    path = tmp_path / "x.db"
    sqlite3.connect(path).close()
    return Ground(
        lambda amendment: amend_sqlite(path, amendment),
        "CREATE TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
        lambda: threading.active_count() > 1 and any(each.name.startswith("amend") for each in threading.enumerate()),
    )


@pytest.fixture
def _struck() -> Iterator[None]:
    """Send this process a signal in a moment, and have it raise as the command line's does."""

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        raise KeyboardInterrupt(number)

    before = signal.signal(signal.SIGUSR1, stop)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    yield
    timer.join()
    signal.signal(signal.SIGUSR1, before)


def over(ground: Ground, began: float) -> bool:
    """Wait until nothing runs any more, and tell whether that was soon enough."""
    while ground.runs() and time.monotonic() - began < PATIENCE:
        time.sleep(0.05)
    return time.monotonic() - began < PATIENCE


def test_what_takes_too_long_is_stopped(ground: Ground) -> None:
    began = time.monotonic()
    with pytest.raises(TargetError) as caught:
        ground.run(Amendment(f"SELECT 1; {ground.slow}", "dbmimic.yaml:1:1", 0.3))
    assert (caught.value.code, caught.value.place) == ("DM504", "dbmimic.yaml:1:1")
    assert "within 0.3 seconds" in caught.value.message
    assert over(ground, began)


@pytest.mark.usefixtures("_struck")
def test_a_signal_stops_it(ground: Ground) -> None:
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        ground.run(Amendment(ground.slow, "dbmimic.yaml:1:1", 60))
    assert over(ground, began)

"""What all tests share: throwaway servers, the real databases, and a secret."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests.command_line import Forks
from tests.turns import LongestFirst

ROOT = Path(__file__).parents[1]
MEMORY = Path("/dev/shm")
ROOM = 12 << 30  # bytes; a run of all tests has less than four there at a time
SECRET = "6f1d3c5a9b7e2048d1c3f5a7092b4d6e8f0a1c3e5d7b9f2846a8c0e2d4f6b813"


# A machine that is busy with other things makes an example slow, and drawing one, and neither is a fault of the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def missing(what: str) -> None:
    """Fail where CI runs, skip loudly elsewhere."""
    if os.environ.get("CI"):
        pytest.fail(what)
    warnings.warn(what, pytest.PytestWarning, stacklevel=2)
    pytest.skip(what)


def pytest_configure() -> None:
    """
    Let servers and files of the tests stand in memory, where there is plenty of it and nobody wants them elsewhere.

    To make a database, which nearly every test of a server does, costs a tenth there of what it costs on a disk.
    """
    if "TMPDIR" not in os.environ and _roomy(MEMORY):
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


def _roomy(folder: Path) -> bool:
    """Tell whether a folder in memory takes all that the tests may have there at a time, and lets programs run."""
    if not folder.is_dir():
        return False
    about = os.statvfs(folder)
    free = int(Path("/proc/meminfo").read_text().partition("MemAvailable:")[2].split()[0]) << 10
    return not about.f_flag & os.ST_NOEXEC and min(free, about.f_bavail * about.f_frsize) > ROOM


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--databases", type=int, default=200, help="random databases on SQLite; a tenth on PostgreSQL")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LongestFirst:
    config.option.loadscopereorder = False
    return LongestFirst(config, log)


@pytest.fixture(scope="session")
def postgres18() -> Iterator[PostgresServer]:
    """A PostgreSQL 18 from the wheel, that logs the statements which reach it."""
    with _postgres("wheel") as server:
        yield server


@pytest.fixture(scope="session")
def postgres15() -> Iterator[PostgresServer]:
    """A PostgreSQL 15 from the system's packages, that logs the statements which reach it."""
    with _postgres("15") as server:
        yield server


@pytest.fixture
def bare_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL 15 of the test's own, for standbys: one begins with a copy of all that stands on its primary."""
    with _postgres("15") as server:
        yield server


def _postgres(version: str) -> PostgresServer:
    try:
        return PostgresServer(version, log_statements=True)
    except Exception as error:
        missing(f"no PostgreSQL {version}: {error}")
        raise


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariadbServer]:
    """A MariaDB from the system's packages, that logs the statements which reach it."""
    try:
        server = MariadbServer()
        server.start()
    except Exception as error:
        missing(f"no MariaDB: {error}")
        raise
    try:
        server.log_statements()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def dbmimic_command() -> Iterator[Forks]:
    """The command line, each command in a process of its own."""
    forks = Forks()
    yield forks
    forks.close()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real databases."""
    folder = Path(os.environ.get("DBMIMIC_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "pagila").is_dir():
        text = "the real databases are not here; set DBMIMIC_REAL_DATA"
        warnings.warn(text, pytest.PytestWarning, stacklevel=2)
        pytest.skip(text)
    return folder


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DBMIMIC_SOURCE", "DBMIMIC_TARGET", "DBMIMIC_SECRET", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)

"""Servers of both versions for the whole session, and a bench for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dbmimic.testing.postgres_server import PostgresServer, available
from tests.conformance.postgres.shapes import Bench


@pytest.fixture(scope="session", params=["15", "wheel"], ids=["pg15", "pg18"])
def server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A server of each version, with the statements that reach it in its log."""
    if available(request.param) is None:
        message = f"PostgreSQL {request.param} is not installed, so this version is NOT tested"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with PostgresServer(request.param, log_statements=True, settings={"max_prepared_transactions": "4"}) as running:
        running.execute("CREATE ROLE reader LOGIN; CREATE ROLE builder LOGIN CREATEDB")
        yield running


@pytest.fixture
def bench(server: PostgresServer) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(server, stack)


@pytest.fixture
def real_data() -> Callable[[str], Path]:
    """Give the path of a shared real database's file, or skip."""
    folder = Path(os.environ.get("DBMIMIC_REAL_DATA") or Path(__file__).parents[4] / "shared" / "data")

    def find(name: str) -> Path:
        path = folder / name
        if not path.exists():
            pytest.skip(f"the real database {name} is not there, so it is NOT tested (set DBMIMIC_REAL_DATA)")
        return path

    return find

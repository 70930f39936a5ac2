"""A developer's day beside a real application's database: the branch's migration and tests, twice, in a sandbox."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from dbmimic.testing.postgres_server import PostgresServer
from tests.command_line import ROOT, Ended, Forks
from tests.copying import copied
from tests.real.test_masked_documents import RULES

BRANCH = "feature/allergens"
PROGRAM = [sys.executable, "-m", "tests.real.bakery_application"]


@pytest.mark.parametrize("engine", ["postgresql", "sqlite"])
def test_a_branch_is_migrated_and_tested_twice(
    engine: str, postgres: PostgresServer, tmp_path: Path, dbmimic_command: Forks
) -> None:
    """What a sandbox holds is the masked copy, whole enough for an ORM to map, and nothing stays of the first time."""
    stage = postgres.url("bakery_stage") if engine == "postgresql" else f"sqlite:///{tmp_path}/bakery.db"
    assert copied(tmp_path, postgres.url("bakery"), stage, rules=RULES).verified
    driver = ["--driver", "psycopg"] if engine == "postgresql" else []

    def order(*arguments: str, status: int = 0) -> Ended:
        ended = dbmimic_command.run("sandbox", *arguments, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)})
        assert ended.status == status, ended
        return ended

    url = make_url(order("create", BRANCH, "--ttl", "1h").out.strip())
    assert url.username != "postgres"
    assert url.database not in stage
    order("exec", BRANCH, *driver, "--", *PROGRAM)
    order("reset", BRANCH)
    order("exec", BRANCH, *driver, "--", *PROGRAM)  # which fails where somebody migrated the database before
    order("drop", BRANCH)
    assert order("list", "--json").document["sandboxes"] == []

"""A pool in front of a server: one that keeps sessions is as good as none, one that lends them is refused at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbmimic.errors import DbmimicError
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.copying import copied
from tests.faults.pooled import pooled


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pool_that_lends_sessions_is_refused_before_anything_is_set(
    postgres15: PostgresServer, tmp_path: Path, mode: str
) -> None:
    """Shape 50: what we set would be in force for the application that gets the session next."""
    shop = small_shop.on_postgres(postgres15)
    source = shop.build("lent")
    postgres15.create_database("lent_stage")
    with pooled(postgres15, mode) as through:
        cases = (through("lent"), shop.url("lent_stage"), "DM408"), (source, through("lent_stage"), "DM508")
        for source_url, target_url, code in cases:
            before = len(asked_by_lender(postgres15))
            with pytest.raises(DbmimicError) as caught:
                copied(tmp_path, source_url, target_url)
            assert caught.value.code == code
            assert "by session" in caught.value.hint
            assert "127.0.0.1" in caught.value.place
            asked = asked_by_lender(postgres15)[before:]
            assert asked
            assert all("pg_backend_pid" in each or "SET application_name=" in each for each in asked), asked


def asked_by_lender(server: PostgresServer) -> list[str]:
    """Give the statements that came through a pool; application names are set by the pool itself."""
    lines = server.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if "|lender|" in line and "LOG:  " in line]


def test_a_pool_that_keeps_sessions_is_as_good_as_none(postgres15: PostgresServer, tmp_path: Path) -> None:
    shop = small_shop.on_postgres(postgres15)
    shop.build("kept")
    with pooled(postgres15, "session") as through:
        for _ in range(2):
            assert copied(tmp_path, through("kept"), through("kept_stage")).verified
    assert shop.state("kept_stage")

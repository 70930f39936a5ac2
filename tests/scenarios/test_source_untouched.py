"""Production is never harmed: reading is enough, nothing but reads arrives, and nothing is changed."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from pathlib import Path

import psycopg
import pytest

import dbmimic
from dbmimic import wiring
from dbmimic.errors import SourceError
from dbmimic.model.events import Event, Stage, StageStarted
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.copying import configured, copied
from tests.small_shop import RULES

SLICE = {"seeds": [{"table": "customers", "percent": 30}, {"table": "orders", "ids": [7, 8]}]}
READS = re.compile(
    r"\s*(--[^\n]*\n\s*)*(SELECT|WITH|COPY \(SELECT|COPY\s*\(|SHOW|SET|BEGIN|START TRANSACTION|LOCK TABLE .* IN ACCESS SHARE MODE|COMMIT|ROLLBACK|DECLARE|FETCH|CLOSE|DEALLOCATE|PREPARE|EXECUTE|USE|SAVEPOINT|RELEASE)\b",
    re.IGNORECASE | re.DOTALL,
)
WRITES = re.compile(
    r"\b(INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s|DROP\s|ALTER\s|TRUNCATE\s|GRANT\s)", re.IGNORECASE
)


def reader_on_postgres(server: PostgresServer, database: str) -> str:
    """Make a role that may read and nothing else, and give the URL with it."""
    server.execute("DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    server.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC; GRANT CONNECT ON DATABASE "{database}" TO reader')
    server.execute(
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
        database=database,
    )
    return server.url(database, "reader")


def only_reads(statements: list[str]) -> None:
    assert statements
    for statement in statements:
        assert READS.match(statement), statement[:200]
        if statement.startswith("SHOW "):
            continue
        # quoted words are what is asked for, not what is done
        assert not WRITES.search(re.sub(r"'[^']*'", "''", statement)), statement[:200]


def test_postgresql_needs_select_only_and_is_only_read(postgres15: PostgresServer, tmp_path: Path) -> None:
    shop = small_shop.on_postgres(postgres15)
    shop.build("guarded")
    source = reader_on_postgres(postgres15, "guarded")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres15.execute("CREATE TEMP TABLE t (a int)", database="guarded", user="reader")
    before, seen = shop.state("guarded"), len(postgres15.statements(database="guarded"))
    assert copied(tmp_path, source, shop.url("guarded_stage"), slice=SLICE, rules=RULES).verified
    only_reads(postgres15.statements(database="guarded")[seen:])
    assert shop.state("guarded") == before


def test_mariadb_needs_select_only_and_is_only_read(mariadb: MariadbServer, tmp_path: Path) -> None:
    shop = small_shop.on_mariadb(mariadb)
    shop.build("guarded")
    mariadb.execute(
        "CREATE OR REPLACE USER reader@'%' IDENTIFIED BY 'pw'",
        "GRANT SELECT, SHOW VIEW, TRIGGER ON guarded.* TO reader@'%'",
    )
    source = mariadb.url("guarded", "reader", "pw")
    before = shop.state("guarded")
    mariadb.log_statements()
    try:
        assert copied(tmp_path, source, shop.url("guarded_stage"), slice=SLICE, rules=RULES).verified
    finally:
        lines = mariadb.statements()
    reader = mariadb_sessions_of(lines, "reader")
    only_reads(reader)
    assert shop.state("guarded") == before


def mariadb_sessions_of(lines: list[str], user: str) -> list[str]:
    """Give the statements of a user's sessions from the general log."""
    sessions: set[str] = set()
    found: list[str] = []
    ours = False
    for line in lines:
        match = re.match(
            r"(?:\d{6}\s+\d+:\d+:\d+)?\s*(\d+) (Connect|Query|Quit|Init DB|Statistics|Field List|Prepare|Execute|Close stmt)\s*(.*)",
            line,
        )
        if match and match[2] == "Connect" and match[3].startswith(f"{user}@"):
            sessions.add(match[1])
            ours = False
        elif match:
            ours = match[2] == "Query" and match[1] in sessions
            if ours:
                found.append(match[3])
        elif ours:
            found[-1] += f"\n{line}"
    return found


def test_sqlite_is_only_read(tmp_path: Path) -> None:
    shop = small_shop.on_sqlite(tmp_path)
    source = shop.build("prod.db")
    path = tmp_path / "prod.db"
    before = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns
    path.chmod(0o444)
    assert copied(tmp_path, source, shop.url("stage.db"), slice=SLICE, rules=RULES).verified
    assert (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) == before
    assert {entry.name for entry in tmp_path.iterdir() if entry.name.startswith("prod")} == {"prod.db"}


def test_a_hot_standby_serves(bare_postgres: PostgresServer, tmp_path: Path) -> None:
    shop = small_shop.on_postgres(bare_postgres)
    shop.build("replicated")
    with bare_postgres.standby() as standby:
        deadline = time.monotonic() + 30
        while (
            not standby.execute("SELECT 1 FROM pg_database WHERE datname = 'replicated'")
            and time.monotonic() < deadline
        ):
            time.sleep(0.1)
        report = copied(tmp_path, standby.url("replicated"), shop.url("replicated_stage"), slice=SLICE, rules=RULES)
        found = wiring.doctor(dbmimic.load_config(tmp_path / "dbmimic.yaml"))
    assert report.verified
    [cancelled] = [check for check in found.checks if check.code == "DM415"]
    assert (found.exit, cancelled.outcome) == (0, "warning")
    assert "30 s (max_standby_streaming_delay); and hot_standby_feedback is off" in cancelled.message


def test_a_table_that_may_not_be_read_is_told_and_never_empty(postgres15: PostgresServer, tmp_path: Path) -> None:
    shop = small_shop.on_postgres(postgres15)
    shop.build("half")
    source = reader_on_postgres(postgres15, "half")
    postgres15.execute("REVOKE SELECT ON orders, audit FROM reader", database="half")
    with pytest.raises(SourceError) as caught:
        copied(tmp_path, source, shop.url("half_stage"), rules=RULES)
    assert caught.value.code == "DM402"
    told = str(caught.value)
    assert "orders" in told
    assert "audit" in told
    assert "GRANT SELECT" in told
    assert not postgres15.execute("SELECT 1 FROM pg_database WHERE datname LIKE 'half_stage%'")


@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
def test_a_truncate_during_the_copy_cannot_empty_a_table(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Another session truncates as soon as the walk begins: it waits, or the copy is refused; the table is never empty."""
    server = request.getfixturevalue("postgres15" if engine == "postgresql" else "mariadb")
    shop = small_shop.on_postgres(server) if engine == "postgresql" else small_shop.on_mariadb(server)
    settings = configured(tmp_path, shop.build("shrinking"), shop.url("shrinking_stage"), rules=RULES)
    truncating: list[threading.Thread] = []

    def truncate(event: Event) -> None:
        if isinstance(event, StageStarted) and event.stage is Stage.WALK:
            truncating.append(
                threading.Thread(
                    target=shop.run, args=("shrinking", ["TRUNCATE TABLE audit", "TRUNCATE TABLE orders"]), daemon=True
                )
            )
            truncating[0].start()
            time.sleep(0.3)

    report = dbmimic.copy(settings, listener=truncate)
    truncating[0].join(timeout=30)
    assert not truncating[0].is_alive()
    assert {table.table.rpartition(".")[2]: table.rows for table in report.tables}["orders"] == small_shop.ORDERS
    assert shop.run("shrinking_stage", ["SELECT count(*) FROM orders"]) == [(small_shop.ORDERS,)]
    assert shop.run("shrinking", ["SELECT count(*) FROM orders"]) == [(0,)]

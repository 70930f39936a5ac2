"""Sandboxes on PostgreSQL: who may go where, who owns what, and what the server's log holds."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

import dbmimic
from dbmimic.errors import RefusedError, TargetError, TryAgainError
from dbmimic.model.address import Address
from dbmimic.model.sandbox import Lifetime
from dbmimic.sandboxes import Sandboxes
from dbmimic.testing.postgres_server import PostgresServer
from tests.copying import copied

OBJECTS = """
CREATE SCHEMA "Od d";
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE "Od d".pair AS (a int, b text);
CREATE DOMAIN short AS varchar(10) CHECK (value <> '');
CREATE TABLE parents (id serial PRIMARY KEY, m mood, s short, "select" int GENERATED ALWAYS AS IDENTITY);
CREATE TABLE "Od d"."chi""ld" (id int PRIMARY KEY, parent_id int REFERENCES parents (id), p "Od d".pair, tags text[]);
CREATE TABLE parts (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE SEQUENCE numbers;
CREATE VIEW seen AS SELECT id FROM parents;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM parents;
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2';
CREATE PROCEDURE nothing() LANGUAGE sql AS '';
CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int);
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
CREATE COLLATION plain FROM "C";
CREATE TEXT SEARCH CONFIGURATION words (COPY = simple);
CREATE STATISTICS related ON id, m FROM parents;
CREATE EXTENSION citext;
INSERT INTO parents (m, s) VALUES ('ok', 'x');
INSERT INTO "Od d"."chi""ld" VALUES (1, 1, (1, 'a'), '{a,b}');
INSERT INTO parts VALUES (1, '2026-05-05');
"""
OWNERS = """
SELECT DISTINCT o.what, o.name, pg_get_userbyid(o.owner) FROM (
    SELECT 'relation' AS what, oid, 'pg_class'::regclass AS class, relname::text AS name, relowner AS owner FROM pg_class
    UNION ALL SELECT 'type', oid, 'pg_type'::regclass, typname, typowner FROM pg_type WHERE typelem = 0 OR typlen <> -1
    UNION ALL SELECT 'function', oid, 'pg_proc'::regclass, proname, proowner FROM pg_proc
    UNION ALL SELECT 'schema', oid, 'pg_namespace'::regclass, nspname, nspowner FROM pg_namespace WHERE nspname = 'public' OR oid >= 16384
    UNION ALL SELECT 'operator', oid, 'pg_operator'::regclass, oprname, oprowner FROM pg_operator
    UNION ALL SELECT 'collation', oid, 'pg_collation'::regclass, collname, collowner FROM pg_collation
    UNION ALL SELECT 'configuration', oid, 'pg_ts_config'::regclass, cfgname, cfgowner FROM pg_ts_config
    UNION ALL SELECT 'statistics', oid, 'pg_statistic_ext'::regclass, stxname, stxowner FROM pg_statistic_ext) o
 WHERE (o.oid >= 16384 OR o.name = 'public')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e')
   AND o.name NOT LIKE 'pg_toast%'
"""


@pytest.fixture
def admin(server: PostgresServer) -> Iterator[str]:
    """A role that is no superuser and owns the golden copy `garden`; `garden_guest` may come in as anybody may."""
    server.execute("CREATE ROLE gardener LOGIN CREATEDB CREATEROLE; CREATE ROLE garden_guest LOGIN")
    yield server.url("garden", user="gardener")
    for (name,) in server.execute("SELECT datname FROM pg_database WHERE datname LIKE 'garden%'"):
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    for (name,) in server.execute("SELECT rolname FROM pg_roles WHERE rolname ~ '^(sandbox_|garden)' ORDER BY 1 DESC"):
        server.execute(f'DROP ROLE "{name}"')


@contextlib.contextmanager
def sandboxes_of(folder: Path) -> Iterator[Sandboxes]:
    with dbmimic.sandbox(dbmimic.load_config(folder / "dbmimic.yaml")) as found:
        yield found


def connect(address: Address, database: str | None = None) -> psycopg.Connection:
    return psycopg.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        dbname=database or address.database,
        autocommit=True,
    )


def test_a_sandboxs_role_owns_its_own_and_reaches_nothing_else(
    server: PostgresServer, admin: str, tmp_path: Path
) -> None:
    server.create_database("garden_prod")
    server.execute(OBJECTS, database="garden_prod")
    for _ in range(2):  # so that there is an old copy, too
        assert copied(tmp_path, server.url("garden_prod"), admin).verified
    server.execute("ALTER DATABASE garden SET search_path = 'Od d', public")
    server.execute("ALTER DATABASE garden SET statement_timeout = '5min'")
    with sandboxes_of(tmp_path) as sandboxes:
        first, other = sandboxes.create("first"), sandboxes.create("other")
        address = sandboxes.address("first")
    with connect(address) as connection:
        owners = {row[2] for row in connection.execute(OWNERS)}
        assert owners == {first.account}
        assert connection.execute("SHOW statement_timeout").fetchone() == ("5min",)
        assert connection.execute('SELECT tags FROM "chi""ld"').fetchone() == (["a", "b"],)
        for statement in (
            'ALTER TABLE "Od d"."chi""ld" ADD COLUMN more int',
            "DROP TYPE mood CASCADE",
            "CREATE SCHEMA mine",
            "REFRESH MATERIALIZED VIEW public.counted",
            "DROP EXTENSION IF EXISTS hstore",
            "ANALYZE parents",
        ):
            connection.execute(statement)
        may = "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        assert connection.execute(may).fetchone() == (False,)
        for statement in (
            "SET ROLE gardener",
            "SET ROLE postgres",
            f"COMMENT ON DATABASE {first.database} IS NULL",
            f"DROP DATABASE {other.database}",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    for closed in ("garden", "garden_dbmimic_old", "garden_dbmimic", other.database):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            connect(address, closed)
    # Who could come into the golden copy before still can.
    with psycopg.connect(server.url("garden", user="garden_guest")) as guest:
        assert guest.execute("SELECT current_database()").fetchone() == ("garden",)


def test_the_golden_copy_in_use_is_waited_for_or_told(server: PostgresServer, admin: str, tmp_path: Path) -> None:
    server.create_database("garden_prod")
    server.execute("CREATE TABLE plants (id int PRIMARY KEY); INSERT INTO plants VALUES (1)", database="garden_prod")
    assert copied(tmp_path, server.url("garden_prod"), admin).verified
    with sandboxes_of(tmp_path) as sandboxes:
        before = sandboxes.create("kept")
        guest = psycopg.connect(server.url("garden"))
        for refuse in (lambda: sandboxes.create("late"), lambda: sandboxes.reset("kept")):
            with pytest.raises(TryAgainError) as caught:
                refuse()
            assert caught.value.code == "DM705"
        assert sandboxes.listed() == (before,)
        with connect(sandboxes.address("kept")) as connection:
            assert connection.execute("SELECT count(*) FROM plants").fetchone() == (1,)
        threading.Timer(0.5, guest.close).start()
        assert sandboxes.create("late", wait=True).ready


@pytest.mark.parametrize("server", ["15"], ids=["pg15"], indirect=True)  # what one does, all do
def test_autovacuum_in_the_golden_copy_is_nobody(server: PostgresServer, admin: str, tmp_path: Path) -> None:
    """A copy that was just made is vacuumed as soon as the server finds it."""
    server.create_database("garden_prod")
    server.execute("CREATE TABLE t AS SELECT n FROM generate_series(1, 20000) n", database="garden_prod")
    assert copied(tmp_path, server.url("garden_prod"), admin).verified
    for setting in (
        "autovacuum_naptime = '1s'",
        "autovacuum_vacuum_cost_limit = 1",
        "autovacuum_vacuum_cost_delay = 100",
    ):
        server.execute(f"ALTER SYSTEM SET {setting}")
    server.execute("UPDATE t SET n = n + 1", database="garden")
    try:
        server.execute("SELECT pg_reload_conf()")
        working = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = 'garden' AND backend_type = 'autovacuum worker'"
        )
        deadline = time.monotonic() + 30
        while server.execute(working) == [(0,)] and time.monotonic() < deadline:
            time.sleep(0.1)
        with sandboxes_of(tmp_path) as sandboxes:
            assert server.execute(working) > [(0,)]
            assert sandboxes.create("early").ready
    finally:
        server.execute("ALTER SYSTEM RESET ALL")
        server.execute("SELECT pg_reload_conf()")


@pytest.mark.parametrize("server", ["15"], ids=["pg15"], indirect=True)
def test_the_password_is_the_one_that_lets_in(server: PostgresServer, admin: str, tmp_path: Path) -> None:
    """Elsewhere the tests' servers trust everybody; here one asks."""
    server.create_database("garden_prod")
    assert copied(tmp_path, server.url("garden_prod"), admin).verified
    rules = server.data / "pg_hba.conf"
    before = rules.read_text()
    with sandboxes_of(tmp_path) as sandboxes:
        made = sandboxes.create("asked")
        address = sandboxes.address("asked")
        try:
            rules.write_text(f"host {made.database} {made.account} 127.0.0.1/32 scram-sha-256\n{before}")
            server.execute("SELECT pg_reload_conf()")
            wrong, deadline = replace(address, password="wrong"), time.monotonic() + 10
            while time.monotonic() < deadline:
                with contextlib.suppress(psycopg.OperationalError):
                    connect(wrong).close()
                    time.sleep(0.05)
                    continue
                break
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                connect(wrong)
            connect(address).close()
            sandboxes.reset("asked")
            connect(address).close()
        finally:
            rules.write_text(before)
            server.execute("SELECT pg_reload_conf()")


@pytest.mark.parametrize("server", ["15"], ids=["pg15"], indirect=True)
def test_what_is_not_ours_is_left_alone(server: PostgresServer, admin: str, tmp_path: Path) -> None:
    server.create_database("garden_prod")
    assert copied(tmp_path, server.url("garden_prod"), admin).verified
    with sandboxes_of(tmp_path) as sandboxes:
        account = sandboxes.create("role").account
        sandboxes.drop("role")
        server.execute(f"CREATE ROLE {account} LOGIN PASSWORD 'mine'")
        with pytest.raises(RefusedError) as caught:
            sandboxes.create("role")
        assert caught.value.code == "DM324"
        assert server.execute(f"SELECT rolcanlogin FROM pg_roles WHERE rolname = '{account}'") == [(True,)]
        assert sandboxes.listed() == ()


@pytest.mark.parametrize("server", ["15"], ids=["pg15"], indirect=True)
def test_one_that_cannot_be_dropped_keeps_no_other(server: PostgresServer, admin: str, tmp_path: Path) -> None:
    server.create_database("garden_prod")
    assert copied(tmp_path, server.url("garden_prod"), admin).verified
    with sandboxes_of(tmp_path) as sandboxes:
        names = ("bound", "free")
        bound, free = (sandboxes.create(name, ttl=Lifetime(timedelta(milliseconds=1))) for name in names)
        server.execute(f"GRANT CREATE ON DATABASE garden_prod TO {bound.account}")
        with pytest.raises(TargetError, match="2BP01") as caught:
            sandboxes.collect()
        assert caught.value.place == bound.account
        assert [each.name for each in sandboxes.listed()] == ["bound"]
        server.execute(f"REVOKE CREATE ON DATABASE garden_prod FROM {bound.account}")
        assert [each.name for each in sandboxes.collect()] == ["bound"]
        assert server.execute("SELECT FROM pg_roles WHERE rolname = %s", (free.account,)) == []


@pytest.mark.parametrize("server", ["15"], ids=["pg15"], indirect=True)
def test_no_password_reaches_the_servers_log_or_its_catalogues(
    server: PostgresServer, admin: str, tmp_path: Path
) -> None:
    server.create_database("garden_prod")
    assert copied(tmp_path, server.url("garden_prod"), admin).verified
    with sandboxes_of(tmp_path) as sandboxes:
        sandboxes.create("quiet")
        sandboxes.reset("quiet")
        password = sandboxes.address("quiet").password
        sandboxes.extend("quiet")
    assert len(password) >= 32
    log = server.log.read_text(errors="replace")
    assert "sandbox_quiet" in log
    assert password not in log

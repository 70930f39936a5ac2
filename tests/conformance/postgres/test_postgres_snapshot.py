"""One snapshot, taken with nothing but SELECT, that nobody can empty under us."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time

import psycopg
import pytest

from dbmimic.errors import SourceError, TryAgainError
from dbmimic.model.address import Address
from dbmimic.model.keys import WHOLE
from dbmimic.model.names import TableId
from dbmimic.model.request import WhereSeed
from tests.conformance.postgres.shapes import PARTITIONS, edge, layout_of

pytestmark = pytest.mark.postgres


def restricted(bench, statements: str) -> str:
    """A database in which the role `reader` may do nothing but SELECT."""
    return bench.database(
        statements
        + """;
        REVOKE ALL ON SCHEMA public FROM PUBLIC;
        GRANT USAGE ON SCHEMA public TO reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
        GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO reader;
        """
    )


def everything(source) -> int:
    """Ask every kind of question once."""
    schema = source.schema()
    total = 0
    for table in schema.tables:
        total += source.count(table)
        source.seed(table, WhereSeed(table.id, "true"))
        for leaf in range(len(table.leaves)):
            list(source.read(layout_of(table, head=1, leaf=leaf), WHOLE))
        list(source.keyed(table, ()))
    for one in schema.foreign_keys:
        source.children(one, source.parents(one, WHOLE))
        source.orphans(one, WHOLE)
    assert "CREATE TABLE" in source.structure().text
    return total


def test_select_is_enough(bench):
    name = restricted(bench, PARTITIONS + "CREATE TABLE s (id serial PRIMARY KEY)")
    bench.server.execute(
        f"REVOKE TEMP, CREATE ON DATABASE {name} FROM PUBLIC; GRANT CONNECT ON DATABASE {name} TO reader"
    )
    before = len(bench.server.statements())
    assert everything(bench.source(name, "reader")) > 0
    ours = bench.server.statements(application="dbmimic")[-(len(bench.server.statements()) - before) :]
    assert ours
    allowed = ("SET", "SELECT", "COPY (SELECT", "BEGIN", "LOCK TABLE", "SHOW", "WITH RECURSIVE", "--", "SAVEPOINT")
    allowed += ("RELEASE", "ROLLBACK", "START TRANSACTION", "COMMIT", "PREPARE dump", "EXECUTE dump")
    assert [text for text in ours if not text.startswith(allowed)] == []


def test_a_standby_is_enough(bench):
    name = bench.database(PARTITIONS + "; CREATE UNLOGGED TABLE u (id int)")
    with bench.server.standby() as standby:
        deadline = time.monotonic() + 30
        while not standby.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(0.5)
        address = bench.address(name)
        source = bench.engine.open_source(dataclasses.replace(address, port=standby.port))
        try:
            schema = source.schema()
            one = edge(schema, "r", "p")
            assert len(source.parents(one, WHOLE)) == 4
            source.hold(5)
            assert "CREATE TABLE" in source.structure().text
            assert source.identity().server == bench.source(name).identity().server
            unlogged = schema.table(TableId("public", "u"))
            with pytest.raises(SourceError) as caught:
                list(source.read(layout_of(unlogged), WHOLE))
            assert caught.value.code == "DM405"
            assert source.count(schema.table(TableId("public", "p"))) == 9
            falls_behind_and_is_seen(bench, name, standby, source)
        finally:
            source.close()


def falls_behind_and_is_seen(bench, name, standby, source):
    with contextlib.closing(bench.source(name).watch()) as primary, contextlib.closing(source.watch()) as watch:
        assert primary.look().lag is None
        bench.server.execute("CREATE TABLE sooner (a int)", database=name)
        deadline = time.monotonic() + 30
        while not standby.execute("SELECT 1 WHERE pg_last_xact_replay_timestamp() IS NOT NULL"):
            assert time.monotonic() < deadline  # none was replayed yet, so nobody knows when
            time.sleep(0.1)
        standby.execute("SELECT pg_wal_replay_pause()")
        bench.server.execute("INSERT INTO u VALUES (1); CREATE TABLE later (a int)", database=name)
        deadline = time.monotonic() + 30
        while not watch.look().lag:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        standby.execute("SELECT pg_wal_replay_resume()")
        while watch.look().lag:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_truncate_waits_for_us(bench):
    name = bench.database("CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 1000)")
    source = bench.source(name)
    done = threading.Event()

    def truncate() -> None:
        with psycopg.connect(bench.server.url(name)) as other:
            other.execute("TRUNCATE t")
        done.set()

    thread = threading.Thread(target=truncate)
    thread.start()
    assert not done.wait(0.5)
    table = source.schema().tables[0]
    assert source.count(table) == 1000
    assert sum(batch.row_count for batch in source.read(layout_of(table), WHOLE)) == 1000
    source.close()
    thread.join(timeout=20)
    assert done.is_set()


def test_later_changes_are_not_seen(bench):
    name = bench.database("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    source = bench.source(name)
    bench.server.execute("INSERT INTO t VALUES (2); CREATE TABLE later (a int)", database=name)
    assert [table.id.name for table in source.schema().tables] == ["t"]
    assert source.count(source.schema().tables[0]) == 1


def test_a_table_that_somebody_locks_is_named(bench, monkeypatch):
    monkeypatch.setattr("dbmimic.engines.postgres.snapshot._LOCK_WAIT", "200ms")
    name = bench.database("CREATE TABLE free (a int); CREATE TABLE busy (a int)")
    with psycopg.connect(bench.server.url(name)) as other:
        other.execute("LOCK TABLE busy IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TryAgainError) as caught:
            bench.engine.open_source(bench.address(name))
        assert (caught.value.code, caught.value.place) == ("DM702", "public.busy")
        assert str(other.info.backend_pid) in caught.value.message


def test_all_that_may_not_be_read_is_told_at_once(bench):
    name = bench.database("""
        CREATE TABLE a (id serial); CREATE TABLE b (id int); GRANT SELECT (id) ON b TO reader; CREATE SCHEMA hidden; CREATE TABLE hidden.c (id int);
        CREATE TABLE fine (id int); GRANT SELECT ON fine TO reader;
        CREATE TABLE veiled (id int); GRANT SELECT ON veiled TO reader; ALTER TABLE veiled ENABLE ROW LEVEL SECURITY;
    """)
    with pytest.raises(SourceError) as caught:
        bench.engine.open_source(bench.address(name, "reader"))
    told = {problem.place: problem.hint for problem in caught.value.problems}
    assert told == {
        "hidden.c": 'GRANT USAGE ON SCHEMA "hidden" TO "reader";',
        "public.a": 'GRANT SELECT ON TABLE "public"."a" TO "reader";',
        "public.a_id_seq": 'GRANT SELECT ON SEQUENCE "public"."a_id_seq" TO "reader";',
        "public.b": 'GRANT SELECT ON TABLE "public"."b" TO "reader";',
        "public.veiled": 'ALTER ROLE "reader" BYPASSRLS; -- all at once: `dbmimic grants --for source`',
    }
    assert {problem.code for problem in caught.value.problems} == {"DM402"}
    words = {problem.place: problem.message for problem in caught.value.problems}
    assert "LOCK TABLE" in words["public.b"], "it may read all columns of it, so that it may not read it would puzzle"
    assert "LOCK TABLE" not in words["public.a"]


def test_connections_that_cannot_be_made(bench):
    with pytest.raises(SourceError) as missing:
        bench.engine.open_source(bench.address("no_such_database"))
    assert missing.value.code == "DM401"
    assert "no database of that name" in missing.value.message
    with pytest.raises(SourceError) as closed:
        bench.engine.open_source(Address("postgresql", "x", "127.0.0.1", 1, "postgres"))
    assert (closed.value.code, "could not be reached" in closed.value.message) == ("DM401", True)
    with pytest.raises(SourceError):
        bench.engine.open_source(Address("postgresql", "x", "127.0.0.1", bench.server.port, options={"nonsense": "1"}))


def test_a_lost_connection_is_a_lost_snapshot(bench):
    name = bench.database("CREATE TABLE t (a int)")
    source = bench.source(name)
    bench.server.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND application_name = 'dbmimic'"
    )
    time.sleep(0.2)
    with pytest.raises(SourceError) as caught:
        source.count(source.schema().tables[0])
    assert caught.value.code == "DM403"
    other = bench.source(name)
    table = other.schema().tables[0]
    bench.server.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND application_name = 'dbmimic'"
    )
    time.sleep(0.2)
    with pytest.raises(SourceError) as caught:
        list(other.read(layout_of(table), WHOLE))
    assert caught.value.code == "DM403"

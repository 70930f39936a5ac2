"""What once broke a copy: schemas that a dump tells in another order or spelling, and servers that are set otherwise."""

from __future__ import annotations

import contextlib
import socket
import struct
import tempfile
import threading
import time

import psycopg
import pytest

from dbmimic.engines.postgres import ddl, guarding, programs, pruned, watch
from dbmimic.engines.postgres.connect import connect
from dbmimic.engines.postgres.errors import Fault, Side, translated, unreachable
from dbmimic.errors import (
    RefusedError,
    SnapshotLost,
    SourceError,
    SourceUnreachable,
    TargetError,
    TargetLost,
    TryAgainError,
)
from dbmimic.load import guard
from dbmimic.model.keys import WHOLE
from dbmimic.model.names import TableId
from dbmimic.model.request import IdsSeed, WhereSeed
from tests.conformance.postgres.shapes import STAMP, as_masked, layout_of

pytestmark = pytest.mark.postgres

PAIR = """
    CREATE TABLE a (id int PRIMARY KEY);
    CREATE TABLE b (id int PRIMARY KEY, a int CONSTRAINT b_a REFERENCES a);
    INSERT INTO a VALUES (1); INSERT INTO b VALUES (1, 1);
"""
LOGGED = """
    CREATE TABLE seen (tag text);
    CREATE FUNCTION look() RETURNS event_trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO public.seen VALUES (tg_tag); END $$;
    CREATE MATERIALIZED VIEW m AS SELECT id FROM a;
    CREATE EVENT TRIGGER log_ddl ON ddl_command_end EXECUTE FUNCTION look();
    ALTER EVENT TRIGGER log_ddl ENABLE ALWAYS;
    COMMENT ON EVENT TRIGGER log_ddl IS 'who changed what';
"""
FORBIDDEN = """
    CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
    CREATE EVENT TRIGGER no_ddl ON ddl_command_start EXECUTE FUNCTION no();
"""
# where nobody may go from the copy
FAR_PARTITION = (
    "CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw;"
    "CREATE TABLE parts (k int) PARTITION BY LIST (k); CREATE TABLE near PARTITION OF parts FOR VALUES IN (1);"
    "CREATE FOREIGN TABLE away PARTITION OF parts FOR VALUES IN (2) SERVER far; INSERT INTO parts VALUES (1)"
)
NULL_IN_LIST = "CREATE TABLE c (x varchar(5) CHECK (x IN ('a', NULL)), y varchar(5) CHECK (y NOT IN ('b', 'c')))"


def finished(bench, name: str):
    """Give the source and a finished copy of it, opened for reading."""
    source, target = bench.source(name), bench.target(f"{name}_copy")
    bench.load(source, target)
    assert target.finish(source.structure(), frozenset()) == ()
    return source, bench.copy(target)


@pytest.mark.parametrize(
    "statements",
    [
        PAIR + "COMMENT ON CONSTRAINT b_a ON b IS E'why\\n\\n\\n--\\n-- not a heading'",
        PAIR + "COMMENT ON CONSTRAINT a_pkey ON a IS 'a key'; COMMENT ON INDEX b_pkey IS 'its index'",
        PAIR + LOGGED,
        PAIR + FORBIDDEN,
        PAIR + "ALTER SCHEMA public OWNER TO reader",
        NULL_IN_LIST,
        FAR_PARTITION,
    ],
    ids=[
        "comment-on-key",
        "comments",
        "event-trigger-logs",
        "event-trigger-forbids",
        "public-owned",
        "null-in-list",
        "far-partition",
    ],
)
def test_a_copy_has_the_structure_and_rows_of_its_source(bench, statements):
    source, copy = finished(bench, bench.database(statements))
    assert copy.structure().text == source.structure().text
    for table in source.schema().tables:
        assert copy.count(table) == source.count(table), table.id


def test_no_view_of_the_copy_is_filled_from_elsewhere(bench, tmp_path):
    """What a foreign table gives is nobody's copy: a file of the server here, production in earnest."""
    file = tmp_path / "people.csv"
    file.write_text("ada-canary\n")
    for folder in (tmp_path, *tmp_path.parents):  # the server's account has to get there
        if folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(0o755)
    statements = (
        "CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;"
        f"CREATE FOREIGN TABLE far (name text) SERVER files OPTIONS (filename '{file}', format 'csv');"
        "CREATE VIEW over_far AS SELECT name FROM far; CREATE MATERIALIZED VIEW held AS SELECT name FROM over_far;"
        "CREATE MATERIALIZED VIEW on_held AS SELECT count(*) FROM held;"
        "CREATE TABLE own (id int); INSERT INTO own VALUES (1);"
        "CREATE MATERIALIZED VIEW of_own AS SELECT id FROM own"
    )
    source, copy = finished(bench, bench.database(statements))
    assert copy.structure().text == source.structure().text
    filled = "SELECT relname::text, relispopulated FROM pg_class WHERE relkind = 'm' ORDER BY 1"
    assert bench.rows(f"{source.identity().database}_copy_dbmimic_new", filled) == [
        ("held", False),
        ("of_own", True),
        ("on_held", False),
    ]
    assert {finding.place for finding in source.schema().findings} == {"public.held", "public.on_held"}


def test_large_objects_and_who_is_told_of_changes_stay_in_production(bench):
    name = bench.database("SELECT lo_create(4711); COMMENT ON LARGE OBJECT 4711 IS 'of somebody'; " + PAIR)
    bench.server.execute("CREATE PUBLICATION theirs FOR ALL TABLES", database=name)
    subscribing = "CREATE SUBSCRIPTION theirs CONNECTION 'dbname=none' PUBLICATION theirs WITH (connect = false, slot_name = NONE)"
    bench.server.execute(subscribing, database=name)
    finished(bench, name)
    left = "(SELECT count(*) FROM pg_largeobject_metadata), (SELECT count(*) FROM pg_publication)"
    assert bench.rows(f"{name}_copy_dbmimic_new", f"SELECT {left}") == [(0, 0)]
    subscribed = bench.rows("postgres", "SELECT count(*) FROM pg_subscription")  # of all databases
    bench.server.execute("DROP SUBSCRIPTION theirs", database=name)
    assert subscribed == [(1,)], "a copy that subscribes takes production's changes"


def test_a_sequence_of_a_text_column_stands_where_it_stood(bench):
    name = bench.database("CREATE TABLE t (id text PRIMARY KEY); CREATE SEQUENCE s OWNED BY t.id; SELECT nextval('s')")
    bench.server.execute("INSERT INTO t VALUES ('T-1')", database=name)
    source, target = bench.source(name), bench.target(f"{name}_copy")
    bench.load(source, target)
    target.finish(source.structure(), frozenset({TableId("public", "t").column("id")}))
    query = "SELECT last_value, is_called FROM s"
    assert bench.rows(f"{name}_copy_dbmimic_new", query) == bench.rows(name, query)


def test_reading_sequences_keeps_no_lock_on_them(bench):
    name = bench.database("CREATE TABLE t (id serial)")
    bench.source(name).structure()
    held = "SELECT count(*) FROM pg_locks WHERE relation = 't_id_seq'::regclass AND pid <> pg_backend_pid()"
    assert bench.rows(name, held) == [(0,)]


def test_functions_that_shadow_the_servers_do_not_change_a_seed(bench):
    name = bench.database(PAIR)
    bench.server.execute(
        "CREATE FUNCTION tidsend(tid) RETURNS bytea LANGUAGE sql AS $$ SELECT ''::bytea $$;"
        "CREATE FUNCTION unnest(text[]) RETURNS SETOF text LANGUAGE sql AS $$ SELECT '99' $$;"
        f"ALTER DATABASE {name} SET search_path = public, pg_catalog",
        database=name,
    )
    source = bench.source(name)
    table = source.schema().table(TableId("public", "a"))
    assert len(source.seed(table, WhereSeed(table.id, "id = 1"))) == 1
    assert len(source.seed(table, IdsSeed(table.id, ((1,),)))) == 1


def test_what_a_database_sets_for_its_sessions_is_not_ours(bench):
    name = bench.database(PAIR)
    forms = {"DateStyle": "German", "TimeZone": "Asia/Tokyo", "client_encoding": "LATIN1", "array_nulls": "off"}
    patience = {"statement_timeout": "5s", "lock_timeout": "5s", "idle_session_timeout": "5s"}
    for setting, value in (forms | patience).items():
        bench.server.execute(f"ALTER DATABASE {name} SET {setting} = '{value}'")
    with contextlib.closing(connect(bench.address(name), Side.SOURCE)) as session:
        assert [session.execute(f"SHOW {setting}").fetchone() for setting in patience] == [("0",)] * len(patience)
        assert session.execute("SELECT '{a,NULL}'::text[]").fetchone() == (["a", None],)
    finished(bench, name)


def test_a_template_is_no_target(bench):
    target = bench.engine.open_target(bench.address("template1"))
    with contextlib.closing(target), pytest.raises(RefusedError, match="template") as refused:
        guard.clear(target, bench.source(bench.database(PAIR)), confirmed="template1")
    assert (refused.value.code, refused.value.place) == ("DM303", "template1")


def test_a_target_of_somebody_else_is_told_before_the_work(bench):
    name, other = bench.database(PAIR), bench.database()
    with pytest.raises(TargetError, match="does not own") as refused:
        bench.target(other, "builder").build(bench.source(name).structure())
    assert refused.value.hint == 'GRANT "postgres" TO "builder";'


def test_a_setting_that_the_role_may_not_make_is_named(bench):
    name = bench.database(PAIR)
    other = bench.database(f"ALTER DATABASE {name}_there OWNER TO builder", name=f"{name}_there")
    bench.server.execute(f"ALTER DATABASE {other} SET log_min_duration_statement = 5")
    source, target = bench.source(name), bench.target(other, "builder")
    bench.load(source, target)
    target.finish(source.structure(), frozenset())
    with pytest.raises(TargetError, match="log_min_duration_statement") as refused:
        target.swap(STAMP)
    assert refused.value.hint.endswith(f'ALTER DATABASE "{other}" RESET "log_min_duration_statement";')


def test_a_role_that_only_reads_is_told_as_the_reason(bench):
    name = bench.database(PAIR)
    bench.server.execute("DROP ROLE IF EXISTS still; CREATE ROLE still LOGIN CREATEDB")
    bench.server.execute("ALTER ROLE still SET default_transaction_read_only = on")
    target = bench.target(f"{name}_copy", "still")
    with pytest.raises(TargetError, match="read only while creating"):
        target.build(bench.source(name).structure())
    target.close()


def test_an_extension_for_superusers_is_named(bench):
    name = bench.database("CREATE EXTENSION pageinspect")
    with pytest.raises(TargetError) as refused:
        bench.target(f"{name}_copy", "builder").build(bench.source(name).structure())
    assert (refused.value.code, refused.value.place) == ("DM502", "extension pageinspect")
    assert "superuser" in refused.value.hint


def test_every_failure_has_a_next_step(bench):
    name = bench.database("CREATE TABLE lookup (k int); INSERT INTO lookup VALUES (1)")
    bench.server.execute(
        "CREATE FUNCTION known(int) RETURNS boolean LANGUAGE sql AS"
        " 'SELECT EXISTS (SELECT FROM public.lookup WHERE k = $1)';"
        "CREATE TABLE a (k int CHECK (known(k))); INSERT INTO a VALUES (1)",
        database=name,
    )
    source, target = bench.source(name), bench.target(f"{name}_copy")
    target.build(source.structure())
    layout = layout_of(source.schema().table(TableId("public", "a")))
    with pytest.raises(TargetError, match="23514") as refused:
        target.write(layout, as_masked(source, layout))
    assert "check" in refused.value.hint


def test_bytes_that_are_no_text_are_told_as_such(bench):
    name = f"{bench.database()}_ascii"
    bench.server.execute(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'")
    try:
        bench.server.execute("CREATE TABLE a (k text, t text); INSERT INTO a VALUES ('é', E'\\xff')", database=name)
        source = bench.source(name)
        table = source.schema().table(TableId("public", "a"))
        layout = layout_of(table)
        for reads in (lambda: source.read(layout, WHOLE), lambda: source.keyed(table, ("t",))):
            with pytest.raises(SourceError, match="not valid UTF-8") as refused:
                list(reads())
            assert (refused.value.code, refused.value.place) == ("DM404", "public.a.t")
            assert "(0,1)" in refused.value.hint
        assert source.count(table) == 1, "the snapshot is still held"
        source.close()
    finally:
        bench.drop(name)


def test_a_source_that_is_closed_while_a_thread_reads_lets_it_find_that_out(bench):
    """As where another check of a copy fails meanwhile; libpq's memory that is freed under a thread ends the process."""
    name = bench.database("CREATE TABLE wide AS SELECT repeat('x', 200000) AS t FROM generate_series(1, 300)")
    source = bench.source(name)
    layout = layout_of(source.schema().table(TableId("public", "wide")))
    reading, ended = threading.Event(), []

    def read():
        try:
            for _ in source.read(layout, WHOLE):
                reading.set()
        except SnapshotLost as error:
            ended.append(error.code)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    assert reading.wait(10)
    source.close()
    assert ended == ["DM403"], "the connection was closed before the thread had left it"
    thread.join(10)


@pytest.mark.parametrize("linger", [b"", struct.pack("ii", 1, 0)], ids=["ended", "reset"])
def test_a_connection_that_is_cut_while_it_is_made_was_refused_by_nobody(bench, linger):
    """The server answers when it is asked why: whoever cut it is gone."""
    with socket.create_server(("127.0.0.1", 0)) as between:

        def cut():
            guest, _ = between.accept()
            guest.recv(1000)
            if linger:
                guest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            guest.close()

        thread = threading.Thread(target=cut)
        thread.start()
        with pytest.raises(psycopg.OperationalError) as caught:
            psycopg.connect(host="127.0.0.1", port=between.getsockname()[1], user="postgres", sslmode="disable")
        thread.join(10)
    conninfo = bench.server.url("postgres")
    assert isinstance(unreachable(caught.value, conninfo, Side.SOURCE, "source"), SourceUnreachable)
    assert isinstance(unreachable(caught.value, conninfo, Side.TARGET, "target"), TargetLost)


def test_a_disk_that_is_full_is_told_by_whoever_finds_it_so():
    """`pg_dump` that reads a copy back, and a checkpoint before a replaced copy is dropped; neither has its SQLSTATE."""
    shout = "echo 'pg_dump: error: query failed: ERROR:  could not extend file: No space left on device' >&2; exit 1"
    with pytest.raises(TargetError) as caught:
        programs.run(["sh", "-c", shout], Side.TARGET)
    assert caught.value.code == "DM503"
    assert "disk" in translated(Fault("XX000"), Side.TARGET, "swapping the new copy in").hint


def test_a_dump_that_finds_the_snapshot_gone_says_so(bench):
    """The run begins anew then, as it does where it finds so itself."""
    name = bench.database(PAIR)
    source = bench.source(name)
    ended = f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    assert bench.server.execute(ended)[0][0] > 0
    with pytest.raises(SnapshotLost) as caught:
        source.structure()
    assert caught.value.code == "DM403"
    assert "pg_dump" in caught.value.message


def test_a_session_whose_first_statement_fails_is_closed(bench, monkeypatch):
    source, opened = bench.source(bench.database(PAIR)), []

    def connecting(*given, **options):
        opened.append(connect(*given, **options))
        return opened[-1]

    monkeypatch.setattr(watch, "connect", connecting)
    monkeypatch.setattr(watch, "_SHORT", (("nonesuch", "1"),))
    with pytest.raises(SourceError):
        source.watch()
    target = bench.target(bench.database())
    monkeypatch.setattr(target, "_another", lambda: connecting(bench.address("postgres"), Side.TARGET))
    monkeypatch.setattr(pruned, "_BY_INDEX", "SET nonesuch = 1")
    with pytest.raises(TargetError), target._lent():
        pass
    assert [each.closed for each in opened] == [True, True]


def test_a_dump_has_no_file_that_a_killed_run_would_leave(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run, left = guarding.run, []

    def looking(*given, **options):
        left.append(list(tmp_path.iterdir()))
        return run(*given, **options)

    source = bench.source(bench.database(PAIR))
    monkeypatch.setattr(guarding, "run", looking)
    assert "b_a" in source.structure().text
    assert left == [[]] * 4  # pg_dump, and pg_restore for the list and each section


def test_a_dump_that_waits_behind_somebody_who_waits_for_us_gives_up(bench, monkeypatch):
    monkeypatch.setattr(ddl, "_LOCK_WAIT_MILLISECONDS", 50)
    name = bench.database(PAIR)
    source = bench.source(name)
    altering = threading.Thread(
        target=bench.server.execute, args=("SELECT 1; LOCK TABLE a",), kwargs={"database": name}
    )
    altering.start()
    waiting = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 20
    while bench.server.execute(waiting) == [(0,)]:
        assert time.monotonic() < deadline
    with pytest.raises(TryAgainError) as caught:
        source.structure()
    assert (caught.value.code, caught.value.place) == ("DM702", "source")
    source.close()
    altering.join()

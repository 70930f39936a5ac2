"""The new copy beside the old one: guarded, built, finished, swapped in, rolled back, discarded."""

from __future__ import annotations

import dataclasses
import threading

import psycopg
import pytest

from dbmimic.engines.postgres import databases
from dbmimic.engines.postgres.engine import PostgresEngine
from dbmimic.errors import RefusedError, TargetError, TryAgainError
from dbmimic.model.keys import WHOLE
from dbmimic.model.names import TableId
from tests.conformance.postgres.shapes import STAMP, edge

pytestmark = pytest.mark.postgres

SHOP = """
    CREATE TABLE customer (id serial PRIMARY KEY, email text NOT NULL UNIQUE CHECK (email <> ''));
    CREATE TABLE purchase (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int REFERENCES customer);
    CREATE INDEX ON purchase (customer);
    CREATE SEQUENCE free; SELECT nextval('free'), nextval('free');
    CREATE SEQUENCE untouched START 5;
    CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO log DEFAULT VALUES; RETURN NEW; END $$;
    CREATE TABLE log (id int);
    INSERT INTO customer (email) SELECT 'c' || i FROM generate_series(1, 20) i;
    INSERT INTO purchase (customer) SELECT 1 + i % 20 FROM generate_series(1, 100) i;
    CREATE TRIGGER shout BEFORE INSERT ON customer FOR EACH ROW EXECUTE FUNCTION loud();
    CREATE VIEW emails AS SELECT email FROM customer;
    CREATE MATERIALIZED VIEW counts AS SELECT customer, count(*) AS n FROM purchase GROUP BY customer;
    CREATE MATERIALIZED VIEW stale AS SELECT 1 AS a WITH NO DATA;
    COMMENT ON TABLE customer IS 'people';
"""


def copied(bench, name: str, *, user: str = "postgres"):
    """Copy a database to `<name>_copy` and swap it in."""
    source, target = bench.source(name), bench.target(f"{name}_copy", user)
    bench.load(source, target)
    target.finish(source.structure(), frozenset())
    target.swap(STAMP)
    target.close()
    source.close()


def test_a_copy_is_the_same_structure_rows_and_sequences(bench):
    name = bench.database(SHOP)
    source, target = bench.source(name), bench.target(f"{name}_copy")
    structure = source.structure()
    bench.load(source, target, head=1)
    assert target.finish(structure, frozenset()) == ()
    copy = bench.copy(target)
    assert copy.structure().text == structure.text
    assert "CREATE TRIGGER shout" in structure.text
    assert "COMMENT ON TABLE public.customer IS 'people'" in structure.text
    strip = [dataclasses.replace(table, estimated_rows=0) for table in source.schema().tables]
    assert [dataclasses.replace(table, estimated_rows=0) for table in copy.schema().tables] == strip
    assert copy.schema().foreign_keys == source.schema().foreign_keys
    assert copy.orphans(edge(copy.schema(), "purchase", "customer"), WHOLE) == 0
    assert copy.count(copy.schema().table(TableId("public", "log"))) == 0
    copy.close()
    new = f"{name}_copy_dbmimic_new"
    assert bench.rows(new, "SELECT count(*) FROM counts") == [(20,)]
    populated = "SELECT relname FROM pg_class WHERE relkind = 'm' AND relispopulated"
    assert bench.rows(new, populated) == bench.rows(name, populated) == [("counts",)]
    for sequence in ("free", "untouched", "customer_id_seq", "purchase_id_seq"):
        query = f"SELECT last_value, is_called FROM {sequence}"
        assert bench.rows(new, query) == bench.rows(name, query)
    assert bench.rows(new, "SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'purchase'") == [(True,)]


def test_pagila_twice_in_the_servers_own_words(bench, real_data):
    name = bench.database()
    bench.server.load_sql_file(real_data("pagila/pagila.sql"), name)
    source, target = bench.source(name), bench.target(f"{name}_copy")
    structure = source.structure()
    loaded = bench.load(source, target)
    assert sum(loaded.values()) == 46273
    target.finish(structure, frozenset())
    copy = bench.copy(target)
    assert copy.structure().text == structure.text
    assert structure.text.count("CREATE TRIGGER") == 15
    assert sum(copy.orphans(one, WHOLE) for one in copy.schema().foreign_keys) == 0


def test_a_difference_shows_in_the_text(bench):
    one, other = bench.database(SHOP), bench.database(SHOP)
    unchanged = bench.source(other)
    assert bench.source(one).structure().text == unchanged.structure().text
    unchanged.close()
    bench.server.execute("ALTER TABLE customer ADD CONSTRAINT more CHECK (id > 0)", database=other)
    assert bench.source(one).structure().text != bench.source(other).structure().text


def test_sequences_of_masked_columns_stand_past_the_largest_value(bench):
    name = bench.database("""
        CREATE TABLE t (id serial, down int);
        CREATE SEQUENCE falling INCREMENT -1 MAXVALUE 100 START 100 OWNED BY t.down;
        INSERT INTO t VALUES (500, 7); SELECT nextval('t_id_seq'), nextval('falling');
    """)
    source, target = bench.source(name), bench.target(f"{name}_copy")
    bench.load(source, target)
    table = TableId("public", "t")
    target.finish(source.structure(), frozenset({table.column("id"), table.column("down")}))
    new = f"{name}_copy_dbmimic_new"
    assert bench.rows(new, "SELECT nextval('t_id_seq'), nextval('falling')") == [(501, 6)]


def test_states_of_a_target(bench):
    name = bench.database("CREATE TABLE t (a int)")
    empty = bench.database()
    missing = bench.target(f"{name}_copy")
    assert (missing.state().exists, missing.state().empty, missing.state().stamp) == (False, True, None)
    assert missing.sees(1) is False
    assert (bench.target(name).state().exists, bench.target(name).state().empty) == (True, False)
    assert (bench.target(empty).state().exists, bench.target(empty).state().empty) == (True, True)
    copied(bench, name)
    state = bench.target(f"{name}_copy").state()
    assert (state.exists, state.empty, state.stamp) == (True, False, STAMP)
    assert missing.identity() == dataclasses.replace(bench.source(name).identity(), database=f"{name}_copy")


def test_a_lock_in_the_same_database_is_seen_and_in_another_is_not(bench):
    name, other = bench.database(), bench.database()
    source = bench.source(name)
    source.hold(12345)
    assert bench.target(name).sees(12345) is True
    assert bench.target(name).sees(12346) is False
    assert bench.target(other).sees(12345) is False
    source.close()
    assert bench.target(name).sees(12345) is False


def test_swap_keeps_the_old_one_and_its_settings_and_rollback_brings_it_back(bench):
    name = bench.database("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    old = bench.database("CREATE TABLE old (a int)", name=f"{name}_copy")
    bench.server.execute(f"""
        ALTER DATABASE {old} SET work_mem = '7MB'; ALTER DATABASE {old} SET search_path = 'a b', public;
        ALTER ROLE reader IN DATABASE {old} SET enable_sort = off;
        ALTER DATABASE {old} CONNECTION LIMIT 17; REVOKE ALL ON DATABASE {old} FROM PUBLIC;
        GRANT CONNECT ON DATABASE {old} TO reader; ALTER DATABASE {old} OWNER TO builder;
        COMMENT ON DATABASE {old} IS 'hands off';
    """)
    facts = f"""
        SELECT datconnlimit, datacl::text, datdba::regrole::text,
               (SELECT array_agg(setconfig::text ORDER BY setrole) FROM pg_db_role_setting s WHERE s.setdatabase = d.oid)
          FROM pg_database d WHERE datname = '{old}'
    """
    before = bench.rows("postgres", facts)
    copied(bench, name)
    assert bench.rows("postgres", facts) == before
    assert bench.rows(old, "SELECT * FROM t") == [(1,)]
    assert bench.rows(f"{old}_dbmimic_old", "SELECT * FROM old") == []
    target = bench.target(old)
    target.rollback()
    assert bench.rows(old, "SELECT * FROM old") == []
    comment = f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{old}'"
    assert bench.rows("postgres", comment) == [("hands off",)]
    target.rollback()
    assert bench.rows(old, "SELECT * FROM t") == [(1,)]
    assert target.state().stamp == STAMP
    copied(bench, name)
    copied(bench, name)
    assert bench.rows(old, "SELECT * FROM t") == [(1,)]


def test_there_must_be_something_to_roll_back_to(bench):
    with pytest.raises(RefusedError) as caught:
        bench.target(bench.database()).rollback()
    assert caught.value.code == "DM307"


def test_swap_ends_the_sessions_of_others(bench):
    name = bench.database("CREATE TABLE t (a int)")
    bench.database(name=f"{name}_copy")
    with psycopg.connect(bench.server.url(f"{name}_copy")) as other:
        copied(bench, name)
        with pytest.raises(psycopg.OperationalError):
            other.execute("SELECT 1")


def test_a_swap_that_is_done_does_not_fail_for_the_empty_database_that_it_replaced(bench, monkeypatch):
    name = bench.database("CREATE TABLE t (a int)")
    new = f"{bench.database(name=f'{name}_copy')}_dbmimic_new"
    look = databases.is_empty

    def lost(session):
        if session.info.dbname == new:
            raise TargetError("DM502", "permission denied")
        return look(session)

    monkeypatch.setattr(databases, "is_empty", lost)
    copied(bench, name)
    monkeypatch.undo()
    assert bench.target(f"{name}_copy").state().stamp == STAMP
    bench.target(f"{name}_copy").build(bench.source(name).structure())  # over what was left


def test_swap_gives_up_when_others_cannot_be_ended(bench, monkeypatch):
    monkeypatch.setattr("dbmimic.engines.postgres.switch._PATIENCE_SECONDS", 0.1)
    name = bench.database("CREATE TABLE t (a int)")
    bench.database(name=f"{name}_copy")
    bench.server.execute(f"ALTER DATABASE {name}_copy OWNER TO builder")
    source, target = bench.source(name), bench.target(f"{name}_copy", "builder")
    bench.load(source, target)
    target.finish(source.structure(), frozenset())
    with psycopg.connect(bench.server.url(f"{name}_copy")) as other:
        with pytest.raises(TargetError) as caught:
            target.swap(STAMP)
        assert caught.value.code == "DM505"
        assert other.execute("SELECT 1").fetchone() == (1,)
    target.swap(STAMP)
    assert bench.rows(f"{name}_copy", "SELECT * FROM t") == []


def test_swap_names_a_prepared_transaction_that_is_in_its_way(bench, monkeypatch):
    monkeypatch.setattr("dbmimic.engines.postgres.switch._PATIENCE_SECONDS", 0.0)
    name = bench.database("CREATE TABLE t (a int)")
    source, there = bench.source(name), bench.database("CREATE TABLE t (a int)", name=f"{name}_copy")
    target = bench.target(there)
    bench.load(source, target)
    target.finish(source.structure(), frozenset())
    with psycopg.connect(bench.server.url(there), autocommit=True) as other:
        other.execute("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'order''s'")
    with pytest.raises(TargetError) as caught:
        target.swap(STAMP)
    assert (caught.value.code, caught.value.place) == ("DM505", there)
    assert "sessions" not in caught.value.message
    assert f"in {there}: ROLLBACK PREPARED 'order''s';" in caught.value.hint
    bench.server.execute("ROLLBACK PREPARED 'order''s'", database=there)
    target.swap(STAMP)
    assert bench.rows(there, "SELECT * FROM t") == []


def test_discard_removes_the_new_copy_and_lets_go(bench):
    name = bench.database("CREATE TABLE t (a int)")
    source, target = bench.source(name), bench.target(f"{name}_copy")
    target.build(source.structure())
    with pytest.raises(TryAgainError) as caught:
        bench.target(f"{name}_copy").build(source.structure())
    assert caught.value.code == "DM701"
    target.discard()
    target.discard()
    gone = f"SELECT count(*) FROM pg_database WHERE datname LIKE '{name}\\_copy%'"
    assert bench.rows("postgres", gone) == [(0,)]
    bench.target(f"{name}_copy").build(source.structure())


def test_leftovers_of_a_killed_run_are_removed_and_nothing_else(bench):
    name = bench.database("CREATE TABLE t (a int)")
    source = bench.source(name)
    killed = PostgresEngine().open_target(bench.address(f"{name}_copy"))
    killed.build(source.structure())
    killed._inside.close()
    killed._upkeep.close()  # as a kill would
    target = bench.target(f"{name}_copy")
    target.build(source.structure())
    target.discard()
    bench.database("CREATE TABLE precious (a int)", name=f"{name}_copy_dbmimic_new")
    with pytest.raises(TargetError) as caught:
        bench.target(f"{name}_copy").build(source.structure())
    assert caught.value.code == "DM505"
    assert bench.rows(f"{name}_copy_dbmimic_new", "SELECT * FROM precious") == []


def test_rights_and_extensions_that_are_missing(bench):
    source = bench.source(bench.database("CREATE TABLE t (a int)"))
    with pytest.raises(TargetError) as caught:
        bench.target("not_allowed", "reader").build(source.structure())
    assert (caught.value.code, caught.value.hint) == ("DM502", 'ALTER ROLE "reader" CREATEDB;')
    structure = source.structure()
    own = "CREATE COLLATION public.german (provider = icu, locale = 'de');\n"
    for place, more in {
        "no-such thing": 'CREATE EXTENSION IF NOT EXISTS "no-such thing" WITH SCHEMA public;\n',
        "no-such-x-icu": 'CREATE TABLE public.x (a text COLLATE pg_catalog."no-such-x-icu");\n',
        "public.german": own,
    }.items():
        if more == own and bench.rows("postgres", "SELECT 1 FROM pg_collation WHERE collname = 'de-x-icu'"):
            continue  # the wheel's server is built without ICU, the other one with it
        wanting = dataclasses.replace(
            structure, body=dataclasses.replace(structure.body, before_data=structure.body.before_data + more)
        )
        with pytest.raises(TargetError) as caught:
            bench.target(f"wanting {place}").build(wanting)
        assert (caught.value.code, caught.value.place) == ("DM506", place)
    assert bench.rows("postgres", "SELECT count(*) FROM pg_database WHERE datname LIKE 'wanting%'") == [(0,)]


def test_a_role_that_may_create_databases_is_enough(bench):
    name = bench.database(SHOP)
    copied(bench, name, user="builder")
    assert bench.rows(f"{name}_copy", "SELECT count(*) FROM purchase") == [(100,)]


def test_finish_tells_the_constraint_and_no_value(bench):
    canary = "canary-51c9"
    name = bench.database(f"CREATE TABLE t (a text UNIQUE); INSERT INTO t VALUES ('{canary}')")
    source, target = bench.source(name), bench.target(f"{name}_copy")
    bench.load(source, target)
    bench.server.execute(f"INSERT INTO t VALUES ('{canary}')", database=f"{name}_copy_dbmimic_new")
    with pytest.raises(TargetError) as caught:
        target.finish(source.structure(), frozenset())
    assert caught.value.code == "DM504"
    assert "t_a_key" in caught.value.place
    assert "23505" in caught.value.message
    assert canary not in str(caught.value) + repr(caught.value)


def test_names_that_are_long_or_hostile(bench):
    for name in ("n" * 63, 'a "b" %s', "é" * 31, "Mixed"):
        source = bench.source(bench.database("CREATE TABLE t (a int); INSERT INTO t VALUES (1)"))
        target = PostgresEngine().open_target(bench.address(name))
        try:
            bench.load(source, target)
            target.finish(source.structure(), frozenset())
            target.swap(STAMP)
            bench.load(source, target)
            target.swap(STAMP)
            assert bench.rows(name, "SELECT * FROM t") == [(1,)]
        finally:
            target.close()
            for suffix in ("", databases.NEW, databases.OLD):
                with bench.server.connection() as connection:
                    databases.drop(connection, databases.beside(name, suffix) if suffix else name)


def test_a_copy_never_has_a_moment_without_a_target(bench):
    name = bench.database("CREATE TABLE t (a int)")
    copied(bench, name)
    names: list[set[str]] = []
    stop = threading.Event()

    def watch() -> None:
        with bench.server.connection() as connection:
            while not stop.is_set():
                names.append({row[0] for row in connection.execute("SELECT datname FROM pg_database").fetchall()})

    thread = threading.Thread(target=watch)
    thread.start()
    copied(bench, name)
    stop.set()
    thread.join()
    assert len(names) > 10
    assert all(f"{name}_copy" in seen for seen in names)


def test_a_look_at_the_target_outlasts_a_swap(bench, monkeypatch):
    """Another run that puts its copy in place ends every session in the target, ours too."""
    target, asked = bench.target(bench.database("CREATE TABLE t (id int)")), []

    def swapped(session):
        asked.append(session)
        if len(asked) == 1:
            bench.server.execute("SELECT pg_terminate_backend(%s)", [session.info.backend_pid])
        return is_empty(session)

    is_empty = databases.is_empty
    monkeypatch.setattr(databases, "is_empty", swapped)
    state = target.state()
    assert (state.exists, state.empty, len(asked)) == (True, False, 2)


def test_a_killed_run_s_lock_is_waited_for_until_its_server_process_has_noticed(bench):
    first, second = (bench.target("tgt_noticed") for _ in range(2))
    first.hold()
    noticing = threading.Timer(0.3, first._upkeep.close)
    noticing.start()
    second.hold()
    noticing.join()

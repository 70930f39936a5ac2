"""The target is the old copy or the new one, at any moment; and each can be had back."""

import threading
from dataclasses import replace

import pytest

from dbmimic.engines.mysql import swap
from dbmimic.engines.mysql.engine import MysqlEngine
from dbmimic.engines.mysql.session import Session
from dbmimic.engines.mysql.sidecar import Sidecar
from dbmimic.errors import RefusedError, SourceError, TargetError, TryAgainError
from dbmimic.model.names import TableId
from dbmimic.model.request import WhereSeed
from dbmimic.model.target import Stamp, TargetState
from tests.conformance.mysql.shapes import STAMP, build

pytestmark = pytest.mark.mariadb

OLD = [
    "CREATE TABLE p (id int PRIMARY KEY, n int)",
    "CREATE TABLE c (id int PRIMARY KEY, p int, CONSTRAINT cp FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)",
    "CREATE TABLE gone (id int)",
    "CREATE TRIGGER old_trigger BEFORE INSERT ON p FOR EACH ROW SET NEW.n = 1",
    "CREATE TRIGGER same_trigger BEFORE UPDATE ON p FOR EACH ROW SET NEW.n = 5",
    "CREATE VIEW same_view AS SELECT id FROM p",
    "CREATE VIEW old_view AS SELECT id FROM gone",
    "CREATE FUNCTION f() RETURNS int RETURN 1",
    "CREATE EVENT ev ON SCHEDULE EVERY 1 DAY DO DELETE FROM gone",
    "INSERT INTO p (id) VALUES (1)",
    "INSERT INTO c VALUES (1, 1)",
]
NEW = [
    "CREATE TABLE p (id int PRIMARY KEY AUTO_INCREMENT, n int, extra int)",
    "CREATE TABLE c (id int PRIMARY KEY, p int, CONSTRAINT cp FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)",
    "CREATE TABLE log (n int)",
    "CREATE TRIGGER same_trigger BEFORE UPDATE ON p FOR EACH ROW SET NEW.n = 5",
    "CREATE TRIGGER a_second BEFORE INSERT ON p FOR EACH ROW INSERT INTO log VALUES (2)",
    "CREATE TRIGGER a_first BEFORE INSERT ON p FOR EACH ROW PRECEDES a_second INSERT INTO src.log VALUES (1)",
    "CREATE VIEW same_view AS SELECT id FROM p",
    "CREATE VIEW a_view AS SELECT * FROM z_view",
    "CREATE FUNCTION f() RETURNS int RETURN (SELECT COUNT(*) FROM src.p)",
    "CREATE PROCEDURE pr() SELECT 'src.p', `src`.`p`.id FROM `src`.`p`",
    "CREATE EVENT ev2 ON SCHEDULE EVERY 1 DAY DO DELETE FROM log",
    "INSERT INTO p VALUES (1, 0, 0), (2, 0, 0)",
    "INSERT INTO c VALUES (1, 1), (2, 2)",
    "ALTER TABLE p AUTO_INCREMENT = 500",
    "DELETE FROM log",
]

TRIGGER = "CREATE TRIGGER fills BEFORE INSERT ON a FOR EACH ROW SET NEW.id = 1"
WHAT_MAKES = {
    "triggers": "event_object_table, trigger_name, action_timing, event_manipulation, action_order, action_statement, definer, sql_mode",
    "routines": "routine_type, routine_name, routine_definition, definer, sql_mode, security_type",
    "events": "event_name, event_definition, interval_value, interval_field, status, definer, sql_mode",
}


@pytest.fixture
def both(bench):
    """A source, and a target that somebody filled by hand."""
    bench.server.create_database("tgt")
    bench.server.execute(*OLD, database="tgt")
    bench.sql(NEW[0], NEW[1], NEW[2], "CREATE VIEW z_view AS SELECT id FROM p", *NEW[3:])
    return bench


def shape(bench, database):
    """Give everything that makes a database: structure, rows, exact objects."""
    source = bench.source(database)
    schema = source.schema()
    rows = {}
    for table in schema.tables:
        rows[table.id.name] = bench.server.execute(f"SELECT * FROM `{database}`.`{table.id.name}` ORDER BY 1")
    counters = bench.server.execute(
        f"SELECT table_name, auto_increment FROM information_schema.tables WHERE table_schema='{database}' AND table_type = 'BASE TABLE' ORDER BY 1"
    )
    text = source.structure().text
    source.close()
    bench.opened.remove(source)
    return text, rows, counters


@pytest.fixture
def look(both):
    """Give what makes a database by fewer questions than `shape` needs, on one connection: its SQL and its rows."""
    connection = both.server.connect()

    def ask(question):
        with connection.cursor() as cursor:
            cursor.execute(question)
            return cursor.fetchall()

    def glance(database):
        rows, sql = {}, []
        for name, kind in ask(f"SHOW FULL TABLES FROM `{database}`"):
            sql.append(ask(f"SHOW CREATE TABLE `{database}`.`{name}`"))
            if kind == "BASE TABLE":
                rows[name] = ask(f"SELECT * FROM `{database}`.`{name}` ORDER BY 1")
        for kind, made in WHAT_MAKES.items():
            where = f"{kind[:-1]}_schema = '{database}'"
            sql.append(ask(f"SELECT {made} FROM information_schema.{kind} WHERE {where} ORDER BY 1, 2"))
        return sql, rows

    yield glance
    connection.close()


def new_copy(bench, source=None):
    source, target = source or bench.source(), bench.target()
    build(source, target)
    return target


def test_the_new_copy_takes_the_place_and_the_old_one_comes_back(both):
    old, new = shape(both, "tgt"), shape(both, "src")
    assert old != new
    target = new_copy(both)
    assert shape(both, "tgt") == old
    assert shape(both, "tgt_dbmimic_new") == new
    target.swap(STAMP)
    assert shape(both, "tgt") == new
    assert target.state() == TargetState("tgt", exists=True, empty=False, stamp=STAMP)
    both.server.execute("DELETE FROM p WHERE id = 2", "INSERT INTO p VALUES (7, 0, 0)", database="tgt")
    assert both.server.execute("SELECT * FROM tgt.log ORDER BY 1") == [(1,), (2,)]
    assert both.server.execute("SELECT COUNT(*) FROM tgt.c") == [(1,)]
    assert both.server.execute("SELECT tgt.f()") == [(2,)]
    assert both.server.execute("SELECT COUNT(*) FROM src.log") == [(0,)]
    changed = shape(both, "tgt")
    target.rollback()
    assert shape(both, "tgt") == old
    assert target.state().stamp is None
    target.rollback()
    assert shape(both, "tgt") == changed
    assert target.state().stamp == STAMP
    target.close()
    left = {row[0] for row in both.server.execute("SHOW DATABASES LIKE 'tgt%'")}
    assert left == {"tgt", "tgt_dbmimic", "tgt_dbmimic_old"}


def test_events_and_definers(both):
    target = new_copy(both)
    target.swap(STAMP)
    assert both.server.execute(
        "SELECT event_name, status FROM information_schema.events WHERE event_schema = 'tgt'"
    ) == [("ev2", "DISABLED")]
    target.rollback()
    assert both.server.execute(
        "SELECT event_name, status FROM information_schema.events WHERE event_schema = 'tgt'"
    ) == [("ev", "ENABLED")]


class Killed(BaseException):
    """Stands for kill -9: nothing of ours runs any more on that connection."""


def killed_at(monkeypatch, target, step, action):
    """Run an action whose connection dies before its step-th statement that changes anything; False if it ended."""
    count = 0
    attempt, session = Session.attempt, target._session

    def dying(self, statement):
        nonlocal count
        if self is session and not str(statement).startswith(("SET", "USE")):
            count += 1
            if count == step:
                raise Killed
        return attempt(self, statement)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "attempt", dying)
        try:
            action()
        except Killed:
            session.close()
            return True
    return False


def test_killed_at_any_step_of_a_swap_the_next_run_recovers(both, look, monkeypatch):
    """The old and the new copy are what `look` finds; that the new one is the source's is another test's to tell."""
    old, source = look("tgt"), both.source()
    first = new_copy(both, source)
    first.swap(STAMP)
    new = look("tgt")
    first.rollback()
    first.close()
    assert look("tgt") == old != new
    for kept in ("", "_old"):
        both.server.execute(f"DROP DATABASE IF EXISTS tgt_dbmimic{kept}")
    outcomes = []
    for step in range(1, 60):
        target = new_copy(both, source)
        died = killed_at(monkeypatch, target, step, lambda target=target: target.swap(STAMP))
        if not died:
            break
        rows = look("tgt")[1]
        assert rows in (old[1], new[1])
        served = "old" if rows == old[1] else "new"
        outcomes.append(served)
        assert step < 59
        again = both.target()
        stamped = again.state().stamp
        assert (stamped == STAMP) == (served == "new")
        again.build(source.structure())
        assert look("tgt") == (old if served == "old" else new)
        if served == "new":
            again.rollback()
            assert look("tgt") == old
        again.close()
    assert "old" in outcomes
    assert "new" in outcomes
    assert len(outcomes) > 20
    assert look("tgt") == new


def test_killed_at_any_step_of_a_rollback_the_next_run_recovers(both, look, monkeypatch):
    old, source = look("tgt"), both.source()
    target = new_copy(both, source)
    target.swap(STAMP)
    target.close()
    new = look("tgt")
    served = new
    steps = 0
    for step in range(1, 60):
        target = both.target()
        before = served
        after = old if served is new else new
        died = killed_at(monkeypatch, target, step, target.rollback)
        if not died:
            served = after
            break
        steps += 1
        rows = look("tgt")[1]
        served = before if rows == before[1] else after
        assert rows == served[1]
        again = both.target()
        again.build(source.structure())
        assert look("tgt") == served
        again.close()
    assert look("tgt") == served
    assert 20 < steps < 59


def test_killed_at_any_step_what_is_kept_is_whole_and_nothing_is_left(bench, monkeypatch):
    """Each copy holds the number of its run."""
    bench.sql("CREATE TABLE t (n int)", "INSERT INTO t VALUES (0)")
    died = 0
    for step in (-2, -1, 0, *range(1, 60)):  # the first three are not killed: then as many are kept as may be
        bench.sql(f"UPDATE t SET n = {step}")
        source = bench.source()
        target = new_copy(bench, source)
        stamp = replace(STAMP, run=str(step))
        ended = not killed_at(monkeypatch, target, step, lambda target=target, stamp=stamp: target.swap(stamp, 2))
        died += not ended
        target.close()
        again = bench.target()
        again.build(source.structure())
        again.discard()
        kept = {each.name: each.stamp.run for each in again.kept()}
        beside = [name for (name,) in bench.server.execute("SHOW DATABASES LIKE 'tgt\\_dbmimic\\_%'")]
        assert beside == sorted(kept), step
        assert len(kept) in ({min(step + 2, 2)} if ended else {1, 2}), step
        held = {name: bench.server.execute(f"SELECT n FROM {name}.t") for name in kept}
        assert held == {name: [(int(run),)] for name, run in kept.items()}, step
        runs = [*kept.values()]
        assert runs == sorted(runs, key=int, reverse=True)
        assert bench.server.execute("SELECT n FROM tgt.t") == [(int(again.state().stamp.run),)]
        source.close()
        again.close()
        if ended and step > 0:
            break
    assert 15 < died < 59


def test_nothing_to_roll_back_to(bench):
    target = bench.target()
    with pytest.raises(RefusedError) as caught:
        target.rollback()
    assert caught.value.code == "DM307"
    bench.sql("CREATE TABLE t (id int)")
    target = new_copy(bench)
    assert target.state() == TargetState("tgt", exists=True, empty=True, stamp=None) or not target.state().exists
    target.swap(STAMP)
    with pytest.raises(RefusedError):
        target.rollback()


def test_a_second_run_is_told_to_wait(bench):
    bench.sql("CREATE TABLE t (id int)")
    first = new_copy(bench)
    source, second = bench.source(), bench.target()
    with pytest.raises(TryAgainError) as caught:
        second.build(source.structure())
    assert caught.value.code == "DM701"
    first.close()
    second.build(source.structure())


def test_a_target_that_another_run_is_putting_in_place_is_nobodys_to_judge(both, monkeypatch):
    """Between the RENAME and the stamp it looks as if somebody else had made it."""
    first, second = new_copy(both), both.target()
    monkeypatch.setattr(Sidecar, "stamp", lambda *_: None)
    with pytest.raises(TryAgainError) as caught:
        second.state()
    assert caught.value.code == "DM701"
    first.close()
    assert second.state() == TargetState("tgt", exists=True, empty=False, stamp=None)


def test_who_reads_the_target_keeps_the_swap_waiting_and_nobody_else(bench):
    """Whoever comes while a table is waited for waits behind; that was a minute, and the whole staging stood still."""
    bench.sql("CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)")
    first = new_copy(bench)
    first.swap(STAMP)
    first.close()
    second = new_copy(bench)
    reader, other = bench.server.connect("tgt"), bench.server.connect("tgt")
    with reader.cursor() as reading, other.cursor() as asking:
        reading.execute("BEGIN")
        reading.execute("SELECT * FROM t")
        swapping = threading.Thread(target=second.swap, args=(STAMP,))
        swapping.start()
        waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata%'"
        while bench.server.execute(waiting) == [(0,)]:
            assert swapping.is_alive()
        asking.execute("SELECT * FROM t")  # is answered while the reader is there
        assert asking.fetchall() == ((1,),)
        assert swapping.is_alive()
        reading.execute("COMMIT")
        asking.execute("COMMIT")
    swapping.join()
    reader.close()
    other.close()
    assert second.state().stamp == STAMP
    assert len(second.kept()) == 1


def test_a_swap_that_gives_up_gives_the_triggers_back_and_keeps_nobody_waiting_for_that(bench, monkeypatch):
    """Who comes to a table whose trigger is gone already is waited for, as who was there before."""
    monkeypatch.setattr(swap, "_PATIENCE_SECONDS", 1.2)
    monkeypatch.setattr(swap, "_PAUSE_SECONDS", 0.3)
    bench.sql("CREATE TABLE a (id int)", "CREATE TABLE b (id int)", TRIGGER)
    first = new_copy(bench)
    first.swap(STAMP)
    first.close()
    second = new_copy(bench)
    reader, late, other = (bench.server.connect("tgt") for _ in range(3))
    triggers = "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = 'tgt'"
    waiting = (
        "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'CREATE%TRIGGER%' AND state LIKE 'Wait%'"
    )

    def given_up():
        with pytest.raises(TryAgainError):
            second.swap(STAMP)
        second.close()

    with reader.cursor() as reading, late.cursor() as coming, other.cursor() as asking:
        asking.execute("SET lock_wait_timeout = 3")
        reading.execute("BEGIN")
        reading.execute("SELECT * FROM b")
        swapping = threading.Thread(target=given_up)
        swapping.start()
        while bench.server.execute(triggers):
            assert swapping.is_alive()
        coming.execute("BEGIN")
        coming.execute("SELECT * FROM a")
        while bench.server.execute(waiting) == [(0,)]:
            assert swapping.is_alive()
        asking.execute("SELECT * FROM a")  # is answered while the trigger waits
        coming.execute("COMMIT")
        asking.execute("COMMIT")
        swapping.join()
        reading.execute("COMMIT")
    for each in (reader, late, other):
        each.close()
    assert bench.server.execute(triggers) == [("fills",)]


def test_discard_and_close_leave_the_target_as_it_was(both):
    old = shape(both, "tgt")
    target = new_copy(both)
    target.discard()
    target.discard()
    target.close()
    target.close()
    assert shape(both, "tgt") == old
    assert both.server.execute("SHOW DATABASES LIKE 'tgt\\_%'") == []


def test_the_stamp_does_not_outlive_the_database(bench):
    bench.sql("CREATE TABLE t (id int)")
    target = new_copy(bench)
    target.swap(STAMP)
    assert target.state().stamp == STAMP
    bench.server.execute("DROP DATABASE tgt", "CREATE DATABASE tgt", "CREATE TABLE tgt.precious (id int)")
    assert target.state() == TargetState("tgt", exists=True, empty=False, stamp=None)


def test_sees_the_source_only_where_it_is_the_same_database(bench):
    bench.sql("CREATE TABLE t (id int)")
    source = bench.source()
    source.hold(4711)
    assert bench.target("src").sees(4711)
    assert not bench.target("src").sees(4712)
    assert not bench.target("tgt").sees(4711)
    assert bench.target("src").identity() == source.identity()
    assert bench.target("tgt").identity() != source.identity()


def test_a_role_without_create_is_told_so(bench):
    bench.server.execute(
        "DROP USER IF EXISTS weak@'%'",
        "CREATE USER weak@'%'",
        "CREATE DATABASE tgt",
        "GRANT SELECT ON tgt.* TO weak@'%'",
    )
    bench.sql("CREATE TABLE t (id int)")
    target = MysqlEngine().open_target(bench.address("tgt", "weak"))
    bench.opened.append(target)
    with pytest.raises(TargetError) as caught:
        target.build(bench.source().structure())
    assert caught.value.code == "DM502"
    assert "dbmimic grants" in caught.value.hint


def test_sakila_is_copied_whole_without_a_trigger_firing(bench, sakila):
    source, target = bench.source(sakila), bench.target()
    build(source, target)
    copy = target.copy()
    assert copy.structure().text == source.structure().text
    assert copy.count(copy.schema().tables[9]) == 1000
    copy.close()
    target.swap(Stamp("a", "b", "c", "d"))
    text, rows, counters = shape(bench, "tgt")
    assert len(rows["film_text"]) == 1000
    original = shape(bench, sakila)
    assert (text, counters) == (original[0], original[2])
    assert rows == original[1]


def test_errors_hold_no_values(bench):
    bench.sql("CREATE TABLE t (id int PRIMARY KEY, v varchar(50))", "INSERT INTO t VALUES (1, 'canary-4711')")
    source = bench.source()
    table = source.schema().table(TableId("", "t"))
    bench.server.execute(
        *[
            f"KILL {row[0]}"
            for row in bench.server.execute("SELECT id FROM information_schema.processlist WHERE db = 'src'")
        ]
    )
    with pytest.raises(SourceError) as caught:
        source.seed(table, WhereSeed(table.id, "v = 'canary-4711'"))
    assert caught.value.code == "DM403"
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None

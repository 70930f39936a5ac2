"""The source is only read, errors hold no values, and a swap leaves the old file or the new one."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import resource
import sqlite3
import stat
from pathlib import Path

import pytest

from dbmimic.engines.sqlite import files
from dbmimic.engines.sqlite.engine import SqliteEngine
from dbmimic.engines.sqlite.target import SqliteTarget
from dbmimic.engines.sqlite.writer import Writer
from dbmimic.errors import (
    ConfigError,
    DbmimicError,
    InternalError,
    RefusedError,
    SourceError,
    TargetError,
    TryAgainError,
)
from dbmimic.model.address import Address
from dbmimic.model.batch import Layout, MaskedBatch, Payload
from dbmimic.model.keys import WHOLE
from dbmimic.model.target import Stamp, Structure
from tests.conformance.sqlite.shapes import Aim, Copy, Load, Make, Open

STAMP = Stamp("run-1", "2026-01-01T00:00:00Z", "0.1.0", "abc")
ONE = "CREATE TABLE t(a); INSERT INTO t VALUES ('one');"
TWO = "CREATE TABLE t(a); INSERT INTO t VALUES ('two');"


def content(path: Path) -> list[object]:
    connection = sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute("SELECT a FROM t")]
    finally:
        connection.close()


def built(source, target: SqliteTarget, load: Load) -> None:
    structure = source.structure()
    target.build(structure)
    load(source, target)
    target.finish(structure, frozenset())


# --- reading -----------------------------------------------------------------------------------------------------

HOSTILE_STATEMENTS = [
    "INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t", "DROP TABLE t", "CREATE TABLE u(a)",
    "CREATE TEMP TABLE u(a)", "CREATE TEMP VIEW u AS SELECT 1", "CREATE INDEX i ON t(a)", "ALTER TABLE t ADD COLUMN b",
    "ATTACH 'other.db' AS other", "ATTACH ':memory:' AS other", "DETACH main", "VACUUM", "VACUUM INTO 'other.db'", "REINDEX",
    "ANALYZE", "PRAGMA query_only = 0", "PRAGMA writable_schema = 1", "PRAGMA journal_mode = DELETE",
    "PRAGMA user_version = 9", "PRAGMA wal_checkpoint", "SELECT load_extension('x')", "CREATE VIRTUAL TABLE f USING fts5(a)",
    "REPLACE INTO t VALUES (1)", "CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END", "SAVEPOINT s",
    "UPDATE sqlite_master SET sql = ''",
]  # fmt: skip


def test_the_source_is_only_read(make: Make, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(ONE + "CREATE INDEX by_a ON t(a);")
    monkeypatch.chdir(tmp_path)
    before, listing = hashlib.sha256(path.read_bytes()).hexdigest(), sorted(tmp_path.iterdir())
    source = opened(path)
    source.schema(), source.structure(), source.hold(7)
    for statement in HOSTILE_STATEMENTS:
        with pytest.raises(sqlite3.Error):
            source._snapshot._connection.execute(statement)
    source.close()
    source.close()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert sorted(tmp_path.iterdir()) == listing


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_one_snapshot_from_opening_to_closing(make: Make, opened: Open, mode: str) -> None:
    path = make(f"PRAGMA journal_mode = {mode}; {ONE}")
    source = opened(path)
    writer = sqlite3.connect(path, timeout=0, isolation_level=None)
    if mode == "wal":
        writer.execute("DELETE FROM t")
    else:
        with pytest.raises(sqlite3.OperationalError):
            writer.execute("DELETE FROM t")
    assert source.count(source.schema().tables[0]) == 1
    source.close()
    writer.execute("DELETE FROM t")
    writer.close()
    again = opened(path)
    assert again.count(again.schema().tables[0]) == 0


def test_sources_that_cannot_be_read(make: Make, opened: Open, tmp_path: Path) -> None:
    for name, body in (("no.db", None), ("text.db", b"this is not a database, canary-5e1d" * 100)):
        if body is not None:
            (tmp_path / name).write_bytes(body)
        with pytest.raises(SourceError) as caught:
            opened(tmp_path / name)
        assert (caught.value.code, caught.value.place) == ("DM401", str(tmp_path / name))
        assert caught.value.hint
    with pytest.raises(SourceError):
        opened(tmp_path)
    assert not (tmp_path / "no.db").exists()


def test_a_damaged_source(make: Make, opened: Open) -> None:
    path = make(
        "CREATE TABLE t(a, b); CREATE TABLE u(a);" + "INSERT INTO t VALUES (hex(zeroblob(3000)), 'canary-5e1d');" * 9
    )
    body = bytearray(path.read_bytes())
    body[4096:8192] = b"\xff" * 4096
    path.write_bytes(body)
    source = opened(path)
    with pytest.raises(SourceError) as caught:
        source.schema(), [source.count(table) for table in source.schema().tables]
    assert caught.value.code == "DM401"


def test_a_locked_source_may_be_tried_again(make: Make, opened: Open) -> None:
    path = make(ONE)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    with pytest.raises(TryAgainError) as caught:
        opened(path)
    assert caught.value.code == "DM703"
    writer.close()
    opened(path)


def test_errors_hold_no_values(make: Make, opened: Open, aimed: Aim, load: Load, tmp_path: Path) -> None:
    source = opened(make("CREATE TABLE t(a, b); INSERT INTO t VALUES ('canary-5e1d', 1), ('canary-5e1d', 2);"))
    target = aimed(tmp_path / "t.db")
    other = opened(make("CREATE TABLE t(a UNIQUE CHECK (a > ''), b);", name="other.db"))
    target.build(other.structure())
    with pytest.raises(TargetError) as caught:
        load(source, target)
    assert (caught.value.code, caught.value.place) == ("DM504", "t")
    assert "canary" not in f"{caught.value!r} {caught.value}"
    assert caught.value.__suppress_context__
    copy = target.copy()
    assert copy.count(copy.schema().tables[0]) == 0
    copy.close()


def test_a_unique_index_that_cannot_be_made(make: Make, opened: Open, aimed: Aim, load: Load, tmp_path: Path) -> None:
    source = opened(make("CREATE TABLE t(a); INSERT INTO t VALUES ('canary-5e1d'), ('canary-5e1d');"))
    target = aimed(tmp_path / "t.db")
    other = opened(make("CREATE TABLE t(a); CREATE UNIQUE INDEX only_one ON t(a);", name="other.db"))
    target.build(other.structure())
    load(source, target)
    with pytest.raises(TargetError) as caught:
        target.finish(other.structure(), frozenset())
    assert (caught.value.code, caught.value.place) == ("DM504", "only_one")
    assert "canary" not in str(caught.value)


def test_a_virtual_table_of_an_unknown_module(make: Make, opened: Open, aimed: Aim, tmp_path: Path) -> None:
    path = make("""
        CREATE TABLE t(a); PRAGMA writable_schema = 1;
        INSERT INTO sqlite_schema VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING nowhere(a)');
    """)
    source = opened(path)
    assert [(table.id.name, len(table.columns)) for table in source.schema().tables] == [("t", 1), ("v", 0)]
    with pytest.raises(TargetError) as caught:
        aimed(tmp_path / "t.db").build(source.structure())
    assert (caught.value.code, caught.value.place) == ("DM506", "v")


def test_a_full_disk(make: Make, opened: Open, aimed: Aim, load: Load, tmp_path: Path) -> None:
    source = opened(make("CREATE TABLE t(a); " + "INSERT INTO t VALUES (zeroblob(100000));" * 10))
    target = aimed(tmp_path / "t.db")
    target.build(source.structure())
    target._writer.connection().execute("PRAGMA max_page_count = 20").fetchall()
    with pytest.raises(TargetError) as caught:
        load(source, target)
    assert (caught.value.code, caught.value.exit_status) == ("DM503", 6)
    target.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source.db", "t.db.dbmimic-lock"]


def test_a_limit_on_the_size_of_files(make: Make, opened: Open, aimed: Aim, load: Load, tmp_path: Path) -> None:
    source = opened(make("CREATE TABLE t(a); " + "INSERT INTO t VALUES (zeroblob(1000000));" * 80))
    target = aimed(tmp_path / "t.db")
    target.build(source.structure())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, before[1]))
    try:
        with pytest.raises(TargetError) as caught:
            load(source, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.code == "DM503"


def test_a_timeout_that_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        SqliteEngine().open_source(Address("sqlite", str(tmp_path / "s.db"), options={"timeout": "soon"}))
    assert caught.value.code == "DM214"


def test_what_belongs_to_another_engine_is_our_bug(make: Make, opened: Open, aimed: Aim, tmp_path: Path) -> None:
    source, target = opened(make(ONE)), aimed(tmp_path / "t.db")
    with pytest.raises(InternalError):
        target.build(Structure("postgresql", "", ()))
    target.build(source.structure())
    table = source.schema().tables[0].id
    layout = Layout(table, table, (), ("a",))
    with pytest.raises(InternalError):
        target.write(layout, [MaskedBatch(layout, 1, {}, Payload("mysql", [(1,)]))])


# --- replacing ---------------------------------------------------------------------------------------------------


def test_states_of_a_target(make: Make, aimed: Aim, copied: Copy, tmp_path: Path) -> None:
    absent = aimed(tmp_path / "target.db").state()
    assert (absent.name, absent.exists, absent.empty, absent.stamp) == ("target.db", False, True, None)
    (tmp_path / "zero.db").touch()
    assert (aimed(tmp_path / "zero.db").state().exists, aimed(tmp_path / "zero.db").state().empty) == (True, True)
    foreign = make(ONE, name="foreign.db")
    assert (aimed(foreign).state().empty, aimed(foreign).state().stamp) == (False, None)
    copy = copied(make(ONE))
    stamped = aimed(copy).state()
    assert stamped.stamp is not None
    assert stamped.stamp.run == "run"
    copy.write_bytes(foreign.read_bytes())  # written in place: still the file that was stamped
    assert aimed(copy).state().stamp is not None
    foreign.replace(copy)  # another file in its place is not ours
    assert aimed(copy).state().stamp is None
    (tmp_path / "target.db.dbmimic.json").write_text("{not json")
    assert aimed(copy).state().stamp is None
    with pytest.raises(TargetError):
        aimed(tmp_path / "nowhere" / "t.db")
    (tmp_path / "garbage.db").write_bytes(b"garbage" * 1000)
    with pytest.raises(TargetError) as caught:
        aimed(tmp_path / "garbage.db").state()
    assert caught.value.code == "DM501"


def test_identity_is_the_file_whatever_its_name(make: Make, opened: Open, aimed: Aim, tmp_path: Path) -> None:
    path = make(ONE)
    source = opened(path).identity()
    (tmp_path / "link.db").symlink_to(path)
    assert aimed(tmp_path / "link.db").identity() == source
    assert aimed(path.parent / ".." / path.parent.name / path.name).identity() == source
    os.link(path, tmp_path / "hard.db")
    assert aimed(tmp_path / "hard.db").identity() == source
    assert aimed(tmp_path / "new.db").identity() == aimed(tmp_path / "new.db").identity()
    assert aimed(tmp_path / "new.db").identity() != aimed(tmp_path / "other.db").identity()
    assert not aimed(path).sees(7)


def test_swap_and_rollback(make: Make, opened: Open, aimed: Aim, load: Load, tmp_path: Path) -> None:
    path = make(ONE, name="target.db")
    path.chmod(0o640)
    target = aimed(path)
    with pytest.raises(RefusedError) as caught:
        target.rollback()
    assert caught.value.code == "DM307"
    built(opened(make(TWO)), target, load)
    assert content(path) == ["one"]
    assert stat.S_IMODE((tmp_path / "target.db.dbmimic-new").stat().st_mode) == 0o640
    target.swap(STAMP)
    target.discard()
    assert content(path) == ["two"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert target.state().stamp == STAMP
    target.rollback()
    assert content(path) == ["one"]
    assert target.state().stamp is None
    target.rollback()
    assert content(path) == ["two"]
    assert target.state().stamp == STAMP
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "source.db", "target.db", "target.db.dbmimic-lock", "target.db.dbmimic-old", "target.db.dbmimic.json",
    ]  # fmt: skip
    stamps = json.loads((tmp_path / "target.db.dbmimic.json").read_text())["stamps"]
    assert len(stamps) == 1


def test_discard_leaves_the_target_as_it_was(make: Make, opened: Open, aimed: Aim, load: Load, tmp_path: Path) -> None:
    path = make(ONE, name="target.db")
    before = path.read_bytes()
    target = aimed(path)
    built(opened(make(TWO)), target, load)
    target.close()
    target.close()
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["source.db", "target.db", "target.db.dbmimic-lock"]


def test_one_run_at_a_time(make: Make, opened: Open, aimed: Aim, tmp_path: Path) -> None:
    structure = opened(make(ONE)).structure()
    first, second = aimed(tmp_path / "t.db"), aimed(tmp_path / "t.db")
    first.build(structure)
    for attempt in (lambda: second.build(structure), second.rollback):
        with pytest.raises(TryAgainError) as caught:
            attempt()
        assert caught.value.code == "DM701"
    second.close()
    assert (tmp_path / "t.db.dbmimic-new").exists()  # the other run's copy is not touched
    first.discard()
    second.build(structure)


def test_a_write_ahead_log_does_not_reach_the_new_file(make: Make, opened: Open, aimed: Aim, load: Load) -> None:
    path = make("PRAGMA journal_mode = WAL;" + ONE, name="target.db")
    _crash(path, "INSERT INTO t VALUES ('in the log')")
    assert path.with_name("target.db-wal").stat().st_size > 0
    target = aimed(path)
    built(opened(make(TWO)), target, load)
    target.swap(STAMP)
    assert content(path) == ["two"]
    assert not path.with_name("target.db-wal").exists()
    target.discard()
    target.rollback()
    assert content(path) == ["one", "in the log"]


def _crash(path: Path, statement: str, *, commit: bool = True) -> None:
    """Run a statement in a process that dies before it closes the file."""
    process = multiprocessing.get_context("fork").Process(target=_crashing, args=(path, statement, commit))
    process.start()
    process.join()
    assert process.exitcode == 9


def _crashing(path: Path, statement: str, commit: bool) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("BEGIN")
    connection.execute(statement)
    if commit:
        connection.execute("COMMIT")
    os._exit(9)


def test_a_hot_journal(make: Make, opened: Open, aimed: Aim, load: Load) -> None:
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT 'one' FROM n;"
    path = make(f"CREATE TABLE t(a); INSERT INTO t {rows}", name="target.db")
    _crash(path, "UPDATE t SET a = 'two' || a", commit=False)
    assert path.with_name("target.db-journal").stat().st_size > 0
    with pytest.raises(SourceError) as caught:
        opened(path)
    assert caught.value.code == "DM401"
    target = aimed(path)
    built(opened(make(TWO)), target, load)
    target.swap(STAMP)
    assert content(path) == ["two"]
    target.discard()
    target.rollback()
    assert content(path) == ["one"] * 5000


def test_a_target_in_use(make: Make, opened: Open, aimed: Aim, load: Load) -> None:
    path = make(ONE, name="target.db")
    target = aimed(path)
    built(opened(make(TWO)), target, load)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(DbmimicError) as caught:
        target.swap(STAMP)
    assert caught.value.code == "DM702"
    assert content(path) == ["one"]
    writer.close()
    target.swap(STAMP)
    assert content(path) == ["two"]


KILLS = 25  # calls of a whole run that change files or names; the run after the last of them ends as it should


@pytest.mark.parametrize("at", range(KILLS + 1))
def test_killed_at_any_moment(make: Make, opened: Open, aimed: Aim, load: Load, tmp_path: Path, at: int) -> None:
    path = tmp_path / "target.db"
    first = aimed(path)
    built(opened(make(ONE)), first, load)
    first.swap(STAMP)
    first.discard()
    process = multiprocessing.get_context("fork").Process(target=_killed, args=(make(TWO, name="two.db"), path, at))
    process.start()
    process.join()
    assert process.exitcode == (9 if at < KILLS else 0)
    assert content(path) in (["one"], ["two"])
    assert aimed(path).state().stamp is not None  # the next run needs nobody's word
    again = aimed(path)
    again.build(opened(tmp_path / "two.db").structure())
    load(opened(tmp_path / "two.db"), again)
    again.swap(STAMP)
    again.discard()
    assert content(path) == ["two"]
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith("target")) == [
        "target.db", "target.db.dbmimic-lock", "target.db.dbmimic-old", "target.db.dbmimic.json",
    ]  # fmt: skip
    again.rollback()
    assert content(path) in (["one"], ["two"])


def _killed(source_path: Path, path: Path, at: int) -> None:
    """Make a copy and swap it in, dying before the call number `at` that changes names or files."""
    source = SqliteEngine().open_source(Address("sqlite", str(source_path)))
    target = SqliteEngine().open_target(Address("sqlite", str(path)))
    calls = iter(range(1000))

    def dying(owner: object, name: str) -> None:
        original = getattr(owner, name)

        def call(*args: object, **options: object) -> object:
            if next(calls) == at:
                os._exit(9)
            return original(*args, **options)

        setattr(owner, name, call)

    owners = (
        (os, "open link fsync chown"),
        (Path, "replace write_text unlink"),
        (SqliteTarget, "_create"),
        (Writer, "_relayed"),
    )
    for owner, names in owners:
        for name in names.split():
            dying(owner, name)
    structure = source.structure()
    target.build(structure)
    table = source.schema().tables[0].id
    layout = Layout(table, table, (), ("a",))
    target.write(layout, (MaskedBatch(b.layout, b.row_count, b.head, b.tail) for b in source.read(layout, WHOLE)))
    target.finish(structure, frozenset())
    target.swap(STAMP)
    target.discard()
    os._exit(0)


def test_without_hard_links(make: Make, opened: Open, aimed: Aim, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "no hard links here")

    path = make(ONE, name="target.db")
    target = aimed(path)
    built(opened(make(TWO)), target, load)
    monkeypatch.setattr(os, "link", refused)
    target.swap(STAMP)
    assert content(path) == ["two"]
    assert content(files.Places(path).old) == ["one"]

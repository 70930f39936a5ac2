"""Sandboxes on SQLite: whose files they are, and golden copies that somebody is writing to."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import dbmimic
from dbmimic.engines.cloning import clone
from dbmimic.errors import TryAgainError
from dbmimic.sandboxes import Sandboxes
from tests.copying import copied


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with contextlib.closing(sqlite3.connect(tmp_path / "prod.db")) as prod:
        prod.executescript("CREATE TABLE t (id integer PRIMARY KEY, x text); INSERT INTO t VALUES (1, 'a'), (2, 'b');")
    assert copied(tmp_path, f"sqlite:///{tmp_path}/prod.db", f"sqlite:///{tmp_path}/golden.db").verified
    return tmp_path


@contextlib.contextmanager
def sandboxes_of(folder: Path) -> Iterator[Sandboxes]:
    with dbmimic.sandbox(dbmimic.load_config(folder / "dbmimic.yaml")) as found:
        yield found


def rows(path: str | Path) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM t ORDER BY id").fetchall()


def test_nobody_else_may_read_a_sandbox(folder: Path) -> None:
    (folder / "golden.db").chmod(0o644)
    with sandboxes_of(folder) as sandboxes:
        path = Path(sandboxes.create("feature/x").database)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_golden_copy_in_wal_mode_comes_with_what_was_committed_last(folder: Path) -> None:
    with contextlib.closing(sqlite3.connect(folder / "golden.db")) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO t VALUES (3, 'c')")
        writer.commit()
        writer.execute("INSERT INTO t VALUES (4, 'not committed')")
        with sandboxes_of(folder) as sandboxes:
            made = sandboxes.create("wal")
        assert rows(made.database) == [(1, "a"), (2, "b"), (3, "c")]


def test_a_golden_copy_that_changes_under_the_hand_is_not_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def disturbed(source: Path, copy: Path) -> bool:
        shared = clone(source, copy)
        with source.open("r+b") as file:  # a writer that has lost sight of our lock
            file.seek(24)
            count = int.from_bytes(file.read(4))
            file.seek(24)
            file.write((count + 1).to_bytes(4))
        return shared

    with sandboxes_of(folder) as sandboxes:
        sandboxes.create("before")
        monkeypatch.setattr("dbmimic.engines.sqlite.sandboxes.clone", disturbed)
        for refuse in (sandboxes.create, sandboxes.reset):
            with pytest.raises(TryAgainError) as caught:
                refuse("before" if refuse == sandboxes.reset else "new")
            assert caught.value.code == "DM705"
        assert [(each.name, each.ready) for each in sandboxes.listed()] == [("before", True)]
        assert rows(sandboxes.address("before").database) == [(1, "a"), (2, "b")]


def test_a_writer_who_is_in_the_middle_does_not_reach_the_sandbox(folder: Path) -> None:
    with contextlib.closing(sqlite3.connect(folder / "golden.db", isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE t SET x = 'half'")
        with sandboxes_of(folder) as sandboxes:
            made = sandboxes.create("calm")
        assert rows(made.database) == [(1, "a"), (2, "b")]


def test_a_clone_holds_the_same_and_replaces_nothing(tmp_path: Path) -> None:
    source, copy = tmp_path / "one", tmp_path / "two"
    source.write_bytes(b"x" * (3 << 20) + b"end")
    clone(source, copy)
    assert copy.read_bytes() == source.read_bytes()
    with pytest.raises(FileExistsError):
        clone(source, copy)

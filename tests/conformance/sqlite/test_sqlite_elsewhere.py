"""SQLite in a process of its own: it answers in order, tells codes and no values, and ends with whoever started it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dbmimic.engines.sqlite import elsewhere, source, target
from dbmimic.engines.sqlite.connection import uri
from dbmimic.engines.sqlite.elsewhere import Elsewhere
from dbmimic.errors import DbmimicError, SourceError, TargetError
from dbmimic.model.batch import Layout, MaskedBatch
from dbmimic.model.keys import WHOLE
from dbmimic.model.names import TableId
from tests.conformance.sqlite.shapes import Aim, Make, Open

T = TableId("", "t")
LAYOUT = Layout(T, T, ("v",), ("id",))
MANY = """
CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);
INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i, 'v' || i FROM n;
"""
SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT count(*) FROM n"


@pytest.fixture
def other(make: Make) -> Iterator[Elsewhere]:
    started = Elsewhere(uri(make("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT UNIQUE);"), "rw"), ())
    yield started
    started.close()


def gone(pid: int) -> bool:
    """Tell whether a process ends within some seconds."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False


def test_answers_come_in_order(other: Elsewhere) -> None:
    assert other.executemany("INSERT INTO t VALUES (?, ?)", [(1, "a"), (2, "nul \x00")]) == (2, None)
    for statement in ("UPDATE t SET v = v || '!'", "SELECT v, x'00ff' FROM t WHERE id = 2", "SELECT 1 WHERE 0"):
        other.send(statement)
    assert other.under_way == 3
    assert [other.answer() for _ in range(3)] == [(2, None), (-1, ("nul \x00!", b"\x00\xff")), (-1, None)]
    assert other.under_way == 0


def test_errors_have_a_code_and_no_value(other: Elsewhere) -> None:
    other.execute("INSERT INTO t VALUES (1, 'canary')")
    with pytest.raises(sqlite3.Error) as caught:
        other.execute("INSERT INTO t VALUES (2, ?)", ("canary",))
    assert caught.value.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_UNIQUE
    assert "canary" not in str(caught.value)
    with pytest.raises(UnicodeEncodeError):
        other.executemany("INSERT INTO t VALUES (?, ?)", [(3, "fine"), (4, "\udcff")])
    assert other.execute("SELECT count(*) FROM t")[1] == (2,)


def test_it_ends_with_whoever_started_it_whatever_it_does(make: Make) -> None:
    path = make("CREATE TABLE t(id INT);")
    script = f"""
import sys, time
sys.path[:] = {sys.path!r}
from dbmimic.engines.sqlite.elsewhere import Elsewhere
other = Elsewhere({uri(path, "rw")!r}, ())
other.send({SLOW!r})
print(other._process.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(0.3)
        assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        parent.kill()
    assert gone(pid)


def test_a_file_that_cannot_be_opened_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    original: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen

    def noted(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        started.append(original(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(elsewhere.subprocess, "Popen", noted)
    with pytest.raises(sqlite3.Error):
        Elsewhere(uri(tmp_path / "not" / "there.db", "ro"), ("SELECT 1",))
    assert started[0].returncode is not None


@pytest.mark.parametrize(("side", "kind"), [(source, SourceError), (target, TargetError)])
def test_a_process_that_is_killed_is_told_and_leaves_no_rows(
    make: Make, opened: Open, aimed: Aim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: object, kind: type
) -> None:
    monkeypatch.setattr("dbmimic.engines.sqlite.source.is_worth_it", lambda rows: True)
    reading, writing = opened(make(MANY)), aimed(tmp_path / "target.db")
    writing.build(reading.structure())

    def killing() -> Iterator[MaskedBatch]:
        for number, batch in enumerate(reading.read(LAYOUT, WHOLE)):
            if number == 4:
                owner = reading if side is source else writing._writer
                assert owner._elsewhere is not None
                os.kill(owner._elsewhere._process.pid, signal.SIGKILL)
            yield MaskedBatch(batch.layout, batch.row_count, batch.head, batch.tail)

    with pytest.raises(kind) as caught:
        writing.write(LAYOUT, killing())
    assert isinstance(caught.value, DbmimicError)
    assert caught.value.place == "t"
    with sqlite3.connect(writing._places.new) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    connection.close()

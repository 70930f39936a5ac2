"""Workers that copy at the same time: the same rows land whoever copies, and whatever becomes of the workers."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pytest

import dbmimic
from dbmimic.errors import TargetError
from dbmimic.executors import DaskExecutor, InlineExecutor, ProcessExecutor
from dbmimic.model.events import Event, Noticed, RowsCopied
from dbmimic.model.report import RunReport
from dbmimic.model.settings import Settings
from dbmimic.pipeline import units
from dbmimic.testing.postgres_server import PostgresServer
from tests.command_line import ROOT, environment
from tests.copying import configured, write_config

PEOPLE, EVENTS = 60_000, 90_000
BUILD = f"""
CREATE TABLE people (
    id int8 PRIMARY KEY, name text NOT NULL, email text, born date, note text, score numeric CHECK (score >= 0)
);
INSERT INTO people
SELECT i, 'Name ' || i, 'p' || i || '@mail.test', date '1950-01-01' + i % 9000,
       CASE WHEN i % 3 > 0 THEN repeat(E'tab\\tline\\nback\\\\slash ', 8) || i END, i / 7.0
  FROM generate_series(1, {PEOPLE}) i;
CREATE TABLE events (id int8, person int8 REFERENCES people, at timestamptz, data jsonb, kind int) PARTITION BY LIST (kind);
CREATE TABLE events_0 PARTITION OF events FOR VALUES IN (0);
CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1);
INSERT INTO events
SELECT i, 1 + i % {PEOPLE}, timestamptz '2024-01-01' + i * interval '1 min',
       jsonb_build_object('i', i, 'fill', repeat('x', 150)), i % 2
  FROM generate_series(1, {EVENTS}) i;
ALTER TABLE events ADD PRIMARY KEY (id, kind);
CREATE TABLE small (id int PRIMARY KEY, colour text);
INSERT INTO small SELECT i, 'colour ' || i FROM generate_series(1, 50) i;
ANALYZE;
"""
RULES: dict[str, Any] = {
    "default": "keep",
    "columns": {
        "public.people.name": "full_name",
        "public.people.email": "email",
        "public.people.born": {"mask": "date_shift", "days": 100, "entity": "id"},
        "public.people.note": "date_truncate",
    },
}
UNREAD = {"public.people.note": PEOPLE * 2 // 3}  # no note is a date
ROW_SUMS = [
    f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {table} t" for table in ("people", "events", "small")
]


@pytest.fixture(scope="module")
def source(postgres15: PostgresServer) -> str:
    postgres15.create_database("busy")
    with postgres15.connection("busy") as connection:
        connection.execute(BUILD.encode())
    return postgres15.url("busy")


@pytest.fixture(scope="module")
def alone(postgres15: PostgresServer, source: str, tmp_path_factory: pytest.TempPathFactory) -> RunReport:
    """What one process alone makes of it stands in the database of this name, for all to be held against."""
    return dbmimic.copy(settings(postgres15, source, tmp_path_factory.mktemp("alone"), "alone"))


@pytest.fixture(autouse=True)
def many_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small databases are cut into as many orders as large ones."""
    monkeypatch.setattr(units, "_SMALLEST_ORDER", 1 << 20)


def sums(server: PostgresServer, database: str) -> list[Any]:
    with server.connection(database) as connection:
        return [connection.execute(question.encode()).fetchone() for question in ROW_SUMS]


def settings(server: PostgresServer, source: str, folder: Path, name: str, **rules: Any) -> Settings:
    return configured(folder, source, server.url(name), rules=rules or RULES)


@contextlib.contextmanager
def crew(make: Callable[[], Executor]) -> Iterator[Executor]:
    executor = make()
    try:
        yield executor
    finally:
        executor.shutdown(wait=False)


def children() -> list[int]:
    """Give the processes that descend from this one and copy."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    parents = {
        int(pid): (int(parent), args) for pid, parent, args in (line.split(None, 2) for line in listed.splitlines())
    }

    def descends(pid: int) -> bool:
        while pid in parents and pid != os.getpid():
            pid = parents[pid][0]
        return pid == os.getpid()

    workers = [pid for pid, (_, args) in parents.items() if "forkserver" in args and descends(pid)]
    return [pid for pid in workers if parents[pid][0] in workers]


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [InlineExecutor, lambda: ProcessExecutor(1), lambda: ProcessExecutor(3), lambda: DaskExecutor("local", 2)],
    ids=["inline", "one process", "three processes", "dask"],
)
@pytest.mark.filterwarnings("ignore")  # Dask's own
def test_the_same_rows_land_whoever_copies(
    postgres15: PostgresServer, source: str, alone: RunReport, tmp_path: Path, make: Callable[[], Executor]
) -> None:
    told: dict[str, int] = {}

    def listen(event: Event) -> None:
        if isinstance(event, RowsCopied):
            told[event.table.name] = told.get(event.table.name, 0) + event.row_count

    with crew(make) as executor:
        report = dbmimic.copy(settings(postgres15, source, tmp_path, "crewed"), executor=executor, listener=listen)
    assert report.verified
    assert sums(postgres15, "crewed") == sums(postgres15, "alone")
    assert told == {"people": PEOPLE, "events": EVENTS, "small": 50}
    assert [(table.table, table.rows) for table in report.tables] == [
        (table.table, table.rows) for table in alone.tables
    ]
    assert report.leaks.values_checked == alone.leaks.values_checked
    assert report.masks.invalid == alone.masks.invalid == UNREAD
    with postgres15.connection("crewed") as connection:
        left = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'dbmimic%'").fetchall()
    assert left == []


@pytest.mark.slow
@pytest.mark.usefixtures("alone")
def test_what_a_killed_worker_did_is_done_again_and_once(
    postgres15: PostgresServer, source: str, tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill(event: Event) -> None:
        if isinstance(event, RowsCopied) and not killed:
            killed.append(children()[0])
            os.kill(killed[0], signal.SIGKILL)

    with crew(lambda: ProcessExecutor(2)) as executor:
        report = dbmimic.copy(settings(postgres15, source, tmp_path, "survived"), executor=executor, listener=kill)
    assert killed
    assert report.verified
    assert report.masks.invalid == UNREAD
    assert sums(postgres15, "survived") == sums(postgres15, "alone")


@pytest.mark.slow
def test_a_lost_snapshot_begins_the_run_anew(postgres15: PostgresServer, source: str, tmp_path: Path) -> None:
    ended: list[Any] = []
    noticed: list[str] = []

    def end(event: Event) -> None:
        if isinstance(event, Noticed):
            noticed.append(event.finding.code)
        if isinstance(event, RowsCopied) and not ended:
            with postgres15.connection("postgres") as connection:
                ended.append(
                    connection.execute(
                        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                        " WHERE datname = 'busy' AND application_name = 'dbmimic' AND state = 'idle in transaction'"
                    ).fetchone()
                )

    with crew(lambda: ProcessExecutor(2)) as executor:
        report = dbmimic.copy(settings(postgres15, source, tmp_path, "anew"), executor=executor, listener=end)
    assert ended
    assert noticed == ["DM403", "DM607"]  # the run that ended told of values that no mask could read, too
    assert report.verified


@pytest.mark.slow
@pytest.mark.parametrize("make", [None, lambda: ProcessExecutor(2)], ids=["alone", "two processes"])
def test_a_batch_that_the_target_rejects_names_table_and_constraint(
    postgres15: PostgresServer,
    source: str,
    tmp_path: Path,
    make: Callable[[], Executor] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dbmimic.pipeline.copy.tried", lambda *_: iter(()))  # which would refuse it before
    rules = {"default": "keep", "columns": {"public.people.score": {"mask": "constant", "value": "-77013"}}}
    wanted = settings(postgres15, source, tmp_path, "rejected", **rules)
    with pytest.raises(TargetError) as caught, crew(make or InlineExecutor) as executor:
        dbmimic.copy(wanted, executor=executor if make else None)
    assert caught.value.code == "DM504"
    assert caught.value.place == "public.people (people_score_check)"
    assert "77013" not in str(caught.value)
    with postgres15.connection("postgres") as connection:
        left = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'rejected%'").fetchall()
    assert left == []


@pytest.mark.timeout(60)
def test_a_rejected_batch_leaves_nobody_reading_the_rest(
    postgres15: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that waits to send rows keeps every database of its server from being dropped."""
    monkeypatch.setattr("dbmimic.pipeline.copy.tried", lambda *_: iter(()))  # which would refuse it before
    postgres15.create_database("much")
    postgres15.execute(
        "CREATE TABLE t (id int PRIMARY KEY, score int CHECK (score > 0), fill text);"
        "INSERT INTO t SELECT i, i, repeat('x', 1500) FROM generate_series(1, 25000) i; ANALYZE;",
        database="much",
    )
    rules = {"default": "keep", "columns": {"t.score": {"mask": "constant", "value": "-77013"}}}
    wanted = configured(tmp_path, postgres15.url("much"), postgres15.url("little"), rules=rules)
    with pytest.raises(TargetError) as caught:
        dbmimic.copy(wanted)
    assert caught.value.place == "public.t (t_score_check)"


@pytest.mark.slow
def test_a_target_that_stops_for_a_while_only_takes_time(
    postgres15: PostgresServer, source: str, tmp_path: Path
) -> None:
    """The writing server process sleeps; nobody piles up rows meanwhile."""
    stopped: list[int] = []
    grown: list[int] = []

    def stop() -> None:
        while not stopped:
            with postgres15.connection("postgres") as connection:
                writing = connection.execute(
                    "SELECT pid FROM pg_stat_activity WHERE datname = 'slow_dbmimic_new' AND query LIKE 'COPY%FROM STDIN%'"
                ).fetchall()
            for (pid,) in writing:
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)
        time.sleep(1)
        before = resident()
        time.sleep(3)
        grown.append(resident() - before)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)

    def resident() -> int:
        listed = Path("/proc/self/statm").read_text().split()[1]
        return int(listed) * os.sysconf("SC_PAGE_SIZE")

    thread = threading.Thread(target=stop)
    thread.start()
    report = dbmimic.copy(settings(postgres15, source, tmp_path, "slow"))
    thread.join()
    assert report.verified
    assert stopped
    assert grown[0] < 16 << 20


@pytest.mark.slow
def test_a_signal_ends_the_workers_too(postgres15: PostgresServer, source: str, tmp_path: Path) -> None:
    write_config(tmp_path, source, postgres15.url("ended"), rules=RULES)
    command = [sys.executable, "-m", "dbmimic", "copy", "--yes", "--executor", "processes", "--workers", "2"]
    with postgres15.connection("postgres") as watching:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=environment(PYTHONPATH=str(ROOT)),
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            new = watching.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = 'ended_dbmimic_new' AND query LIKE 'COPY%FROM STDIN%'"
            ).fetchall()
            if new:
                break
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM, err
    assert out == ""
    assert err.splitlines()[-1].startswith("terminated:")
    with postgres15.connection("postgres") as connection:
        left = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'ended%'").fetchall()
        sessions = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname IN ('busy') AND pid <> pg_backend_pid()"
        ).fetchone()
    assert left == []
    assert sessions == (0,)


def test_a_worker_that_does_not_end_is_not_waited_for_when_all_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands still here; one whose neighbour was killed with the lock of their common queue is never told to end."""
    monkeypatch.setattr("dbmimic.executors.processes._LEAVING_SECONDS", 0.3)
    executor = ProcessExecutor(2)
    pid = executor.submit(os.getpid).result(60)
    os.kill(pid, signal.SIGSTOP)
    ending = threading.Thread(target=executor.shutdown, daemon=True)
    ending.start()
    ending.join(20)
    stood = ending.is_alive()
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
    assert not stood
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)

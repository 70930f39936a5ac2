"""Two questions at once: each in a session of its own, unless that would make us wait for somebody who waits for us."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from dbmimic.errors import SnapshotLost
from dbmimic.model.batch import Layout
from dbmimic.model.keys import WHOLE
from dbmimic.model.names import TableId
from dbmimic.model.request import WhereSeed
from tests.conformance.postgres.shapes import edge

pytestmark = pytest.mark.postgres

FAMILY = """
    CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT generate_series(1, 9);
    CREATE TABLE c (id int, p int REFERENCES p); INSERT INTO c SELECT i, i FROM generate_series(1, 5) i;
"""


@pytest.fixture
def thread():
    with ThreadPoolExecutor(1) as threads:
        yield threads


def sessions(bench, name: str) -> int:
    return bench.rows("postgres", f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'")[0][0]


def falls_to(bench, name: str, count: int) -> bool:
    """Tell whether so many sessions are left, which may take a moment: a server has to see that one has ended."""
    deadline = time.monotonic() + 10
    while sessions(bench, name) > count and time.monotonic() < deadline:
        time.sleep(0.01)
    return sessions(bench, name) == count


def test_a_second_question_has_a_session_of_its_own_under_the_snapshot(bench, thread):
    name = bench.database(FAMILY)
    source = bench.source(name)
    key = edge(source.schema(), "c", "p")
    bench.server.execute("INSERT INTO c VALUES (9, 9)", database=name)
    table = source.schema().table(TableId("public", "p"))
    stream = source.keyed(table, ("id",))
    next(stream)  # the keeper is busy until the stream is over
    assert len(thread.submit(source.parents, key, WHOLE).result(timeout=20)) == 5
    parents = thread.submit(source.seed, table, WhereSeed(table.id, "id < 4")).result(timeout=20)
    assert len(thread.submit(source.children, key, parents).result(timeout=20)) == 3
    assert sessions(bench, name) == 2
    stream.close()
    source.close()
    assert falls_to(bench, name, 0)


def test_the_second_session_ends_when_rows_are_read_and_comes_back_when_it_is_needed(bench, thread):
    name = bench.database(FAMILY)
    source = bench.source(name)
    table = source.schema().table(TableId("public", "p"))
    key = edge(source.schema(), "c", "p")
    for _ in range(2):
        stream = source.keyed(table, ("id",))
        next(stream)
        assert len(thread.submit(source.parents, key, WHOLE).result(timeout=20)) == 5
        assert sessions(bench, name) == 2
        stream.close()
        list(source.read(Layout(table.id, table.id, ("id",), ()), WHOLE))
        assert falls_to(bench, name, 1)
    source.close()


def test_no_second_session_waits_for_somebody_who_waits_for_the_first(bench, thread):
    name = bench.database(FAMILY)
    source = bench.source(name)
    key = edge(source.schema(), "c", "p")
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(psycopg.connect(bench.server.url(name)))
        changing = stack.enter_context(ThreadPoolExecutor(1))
        stack.callback(source.close)  # before the others, which wait for it
        altered = changing.submit(other.execute, "ALTER TABLE c ADD d int")
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while bench.rows(name, waits) == [(0,)]:
            time.sleep(0.01)
        stream = source.keyed(source.schema().table(TableId("public", "p")), ("id",))
        next(stream)
        asked = thread.submit(source.parents, key, WHOLE)
        with pytest.raises(TimeoutError):
            asked.result(timeout=0.5)
        assert bench.rows(name, waits) == [(1,)], "the ALTER alone"
        stream.close()
        assert len(asked.result(timeout=20)) == 5
        assert sessions(bench, name) == 2, "the keeper's and the ALTER's"
        source.close()
        altered.result(timeout=20)


def test_the_end_of_a_source_cancels_what_another_thread_asks(bench, thread):
    source = bench.source(bench.database(FAMILY))
    inside = threading.Event()

    def ask() -> None:
        with source._walks.one(()) as walk:
            inside.set()
            walk.connection.execute("SELECT pg_sleep(60)")

    asked = thread.submit(ask)
    inside.wait()
    time.sleep(0.1)
    began = time.monotonic()
    source.close()
    with pytest.raises(psycopg.errors.QueryCanceled):
        asked.result(timeout=20)
    assert time.monotonic() - began < 20
    with pytest.raises(SnapshotLost):
        source.parents(edge(source.schema(), "c", "p"), WHOLE)

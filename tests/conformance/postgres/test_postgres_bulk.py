"""Rows that go by `psql`, past this process or through it in blocks: the same rows, whatever they hold, each once."""

from __future__ import annotations

import contextlib
import os
import signal
import time

import pytest

from dbmimic.engines.postgres import reader, straight
from dbmimic.engines.postgres.payload import LongRow, Relay, Tails
from dbmimic.errors import SourceError, TargetError
from dbmimic.model.batch import Layout, MaskedBatch
from dbmimic.model.keys import WHOLE, KeySet, Span
from dbmimic.model.names import TableId
from dbmimic.model.request import WhereSeed
from tests.conformance.postgres.shapes import as_masked, layout_of
from tests.conformance.postgres.test_postgres_rows import VALUES, digest

pytestmark = pytest.mark.postgres

MANY = """
    CREATE TABLE t (id int PRIMARY KEY, name text, fill text);
    INSERT INTO t SELECT i, 'n' || i, repeat('x', 400) FROM generate_series(1, 40000) i;
    DELETE FROM t WHERE id % 7 = 0;
    ANALYZE t;
"""


@pytest.fixture
def pumped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything goes by `psql`, however little it is."""
    monkeypatch.setattr(reader, "_WORTH_A_PUMP", 0)


@pytest.mark.usefixtures("pumped")
@pytest.mark.parametrize("head", [0, 1, 5, 100])
def test_every_value_is_the_same_after_the_journey(bench, head):
    name = bench.database(VALUES)
    target = bench.target(f"{name}_copy")
    bench.load(bench.source(name), target, head=head)
    assert digest(bench, f"{name}_copy_dbmimic_new") == digest(bench, name)


@pytest.mark.usefixtures("pumped")
@pytest.mark.parametrize("head", [0, 5])
def test_where_the_connection_is_encrypted_a_psql_writes(bench, monkeypatch, head):
    monkeypatch.setattr(straight, "is_possible", lambda _: False)
    name = bench.database(VALUES)
    bench.load(bench.source(name), bench.target(f"{name}_copy"), head=head)
    assert digest(bench, f"{name}_copy_dbmimic_new") == digest(bench, name)


@pytest.mark.usefixtures("pumped")
def test_what_has_another_number_in_another_database_goes_as_text(bench):
    name = bench.database("""
        CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN d AS int[]; CREATE TYPE pair AS (a int, m mood);
        CREATE TABLE plain (a int, b text[], c jsonb, e numrange, f timestamptz);
        CREATE TABLE t (r regclass, m mood[], d d, p pair, ps pair[], o oid, v oidvector);
        INSERT INTO plain VALUES (1, '{a,NULL}', '{"a": 1.50}', '[1,)', 'infinity');
        INSERT INTO t VALUES ('plain', '{sad,NULL}', '{1}', ROW(1, 'glad'), ARRAY[ROW(2, NULL)::pair], 7, '1 2');
    """)
    source = bench.source(name)
    binary = {}
    for table in source.schema().tables:
        (batch,) = source.read(layout_of(table), WHOLE)
        assert isinstance(batch.tail.body, Relay)
        binary[table.id.name] = batch.tail.body.binary
    assert binary == {"plain": True, "t": False}
    bench.load(source, bench.target(f"{name}_copy"))
    for table in ("plain", "t"):
        assert digest(bench, f"{name}_copy_dbmimic_new", table) == digest(bench, name, table)


@pytest.mark.usefixtures("pumped")
@pytest.mark.parametrize(("most", "binary"), [(40_000, True), (5_000, False)])
def test_chosen_rows_go_in_binary_where_one_statement_gives_them(bench, monkeypatch, most, binary):
    monkeypatch.setattr(reader, "_IDS_IN_BINARY", most)
    monkeypatch.setattr(reader, "_IDS_A_STATEMENT", 2_000)
    name = bench.database(MANY)
    source, target = bench.source(name), bench.target(f"{name}_copy")
    target.build(source.structure())
    (table,) = source.schema().tables
    odd = source.seed(table, WhereSeed(table.id, "id % 2 = 1"))
    (raw,) = source.read(layout_of(table), odd)
    assert isinstance(raw.tail.body, Relay)
    assert raw.tail.body.binary == binary
    batches = (MaskedBatch(raw.layout, 0, {}, raw.tail) for raw in source.read(layout_of(table), odd))
    assert target.write(layout_of(table), batches) == len(odd)
    expected = "SELECT count(*), sum(id), max(name) FROM t WHERE id % 2 = 1"
    assert bench.rows(f"{name}_copy_dbmimic_new", expected) == bench.rows(name, expected)


def test_portions_hold_every_row_once(bench):
    name = bench.database(MANY)
    source = bench.source(name)
    (table,) = source.schema().tables
    ids = Layout(table.id, table.id, ("id",), ())
    odd = source.seed(table, WhereSeed(table.id, "id % 2 = 1"))
    for rows, condition in ((WHOLE, "true"), (odd, "id % 2 = 1")):
        expected = [row[0] for row in bench.rows(name, f"SELECT id FROM t WHERE {condition} ORDER BY ctid")]
        (one,) = source.cut(ids, rows, 1 << 40)
        portions = source.cut(ids, rows, 1 << 20)
        assert 3 <= len(portions) <= 30
        assert abs(sum(portion.byte_count for portion in portions) - one.byte_count) < one.byte_count / 20
        found = [
            int(value)
            for portion in portions
            for batch in source.read(ids, portion.rows)
            for value in batch.head["id"].to_pylist()
        ]
        assert found == expected
    assert isinstance(source.cut(ids, WHOLE, 1 << 20)[0].rows, Span)
    assert [portion.rows for portion in source.cut(ids, KeySet(), 1 << 20)] == [KeySet()]


@pytest.mark.usefixtures("pumped")
def test_a_row_longer_than_a_block_comes_in_pieces(bench, monkeypatch):
    monkeypatch.setattr(reader, "BATCH_BYTES", 1 << 16)
    name = bench.database("""
        CREATE TABLE t (id int, fill text, note text);
        INSERT INTO t SELECT i, repeat(E'0123\\n\\t', CASE WHEN i % 3 = 1 THEN 200000 ELSE 5 END), 'n' || i
          FROM generate_series(1, 7) i;
    """)
    source = bench.source(name)
    (table,) = source.schema().tables
    kinds = [type(batch.tail.body) for batch in source.read(layout_of(table, head=1), WHOLE)]
    assert kinds.count(LongRow) == 3
    assert Tails in kinds
    bench.load(source, bench.target(f"{name}_copy"), head=1)
    assert digest(bench, f"{name}_copy_dbmimic_new") == digest(bench, name)


@pytest.mark.usefixtures("pumped")
@pytest.mark.parametrize("head", [0, 1])
def test_a_load_is_all_or_nothing(bench, head):
    name = bench.database(MANY)
    source, target = bench.source(name), bench.target(f"{name}_copy")
    target.build(source.structure())
    (table,) = source.schema().tables
    layout = layout_of(table, head=head)

    def broken():
        yield from as_masked(source, layout)
        raise RuntimeError

    if head:
        with pytest.raises(RuntimeError):
            target.write(layout, broken())
        assert bench.rows(f"{name}_copy_dbmimic_new", "SELECT count(*) FROM t") == [(0,)]
    assert target.write(layout, as_masked(source, layout), "unit") == 34286
    assert target.write(layout, broken(), "unit") == 34286, "what was loaded is not asked for again"
    assert bench.rows(f"{name}_copy_dbmimic_new", "SELECT count(*) FROM t") == [(34286,)]


@pytest.mark.usefixtures("pumped")
def test_giving_up_does_not_wait_for_a_server_that_stands_still(bench):
    name = bench.database(MANY)
    source, target = bench.source(name), bench.target(f"{name}_copy")
    target.build(source.structure())
    (table,) = source.schema().tables
    layout = layout_of(table, head=1)
    writer = target._copy().info.backend_pid

    def stopped():
        yield from as_masked(source, layout)
        os.kill(writer, signal.SIGSTOP)
        raise KeyboardInterrupt

    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            target.write(layout, stopped())
        assert time.monotonic() - began < 8
    finally:
        os.kill(writer, signal.SIGCONT)


@pytest.mark.usefixtures("pumped")
@pytest.mark.parametrize("head", [0, 1])
def test_a_refused_row_names_table_and_constraint_and_no_value(bench, head):
    name = bench.database("CREATE TABLE t (id int, secret text); INSERT INTO t VALUES (1, 'xyzzy'), (2, 'plugh');")
    source, target = bench.source(name), bench.target(f"{name}_copy")
    target.build(source.structure())
    bench.server.execute(
        "ALTER TABLE t ADD CONSTRAINT short CHECK (length(secret) < 3)", database=f"{name}_copy_dbmimic_new"
    )
    (table,) = source.schema().tables
    layout = layout_of(table, head=head)
    with pytest.raises(TargetError) as caught:
        target.write(layout, as_masked(source, layout))
    assert (caught.value.code, caught.value.place) == ("DM504", "public.t (short)")
    assert "xyzzy" not in str(caught.value)


@pytest.mark.usefixtures("pumped")
def test_a_load_that_is_refused_early_ends_early_and_its_session_goes_on(bench, monkeypatch):
    monkeypatch.setattr(reader, "BATCH_BYTES", 1 << 16)
    name = bench.database(MANY)
    source, target = bench.source(name), bench.target(f"{name}_copy")
    target.build(source.structure())
    (table,) = source.schema().tables
    layout = layout_of(table, head=1)
    refusing = f"{name}_copy_dbmimic_new"
    bench.server.execute("ALTER TABLE t ADD CONSTRAINT few CHECK (id < 5)", database=refusing)
    seen = []

    def slowly():
        for batch in as_masked(source, layout):
            seen.append(batch.row_count)
            time.sleep(0.02)
            yield batch

    with contextlib.closing(slowly()) as coming, pytest.raises(TargetError) as caught:
        target.write(layout, coming)
    assert caught.value.place == "public.t (few)"
    assert sum(seen) < 34286 / 2
    bench.server.execute("ALTER TABLE t DROP CONSTRAINT few", database=refusing)
    assert target.write(layout, as_masked(source, layout)) == 34286


@pytest.mark.usefixtures("pumped")
@pytest.mark.parametrize("way", ["straight", "relayed", "psql", "libpq"])
def test_a_value_that_does_not_fit_names_its_column_and_is_not_told(bench, way, monkeypatch):
    forged = "xyzzy\nCONTEXT:  COPY t, line 1, column xyzzy: "
    name = bench.database(f"CREATE TABLE t (id int, secret text); INSERT INTO t VALUES (1, '{forged}');")
    source, target = bench.source(name), bench.target(f"{name}_copy")
    target.build(source.structure())
    bench.server.execute("ALTER TABLE t ALTER secret TYPE int USING 1", database=f"{name}_copy_dbmimic_new")
    (table,) = source.schema().tables
    layout = layout_of(table, head=0 if way == "relayed" else 1)
    if way == "libpq":
        monkeypatch.setattr("dbmimic.engines.postgres.writer._is_bulk", lambda _body: False)
    if way == "psql":
        monkeypatch.setattr(straight, "is_possible", lambda _: False)
    with contextlib.closing(as_masked(source, layout)) as coming, pytest.raises(TargetError) as caught:
        target.write(layout, coming)
    assert (caught.value.code, caught.value.place) == ("DM504", "public.t.secret")
    assert "xyzzy" not in str(caught.value)


@pytest.mark.usefixtures("pumped")
def test_an_unreadable_source_is_the_sources_fault(bench):
    name = bench.database("CREATE TABLE t (id int); INSERT INTO t VALUES (1);")
    source, target = bench.source(name), bench.target(f"{name}_copy")
    target.build(source.structure())
    layout = Layout(TableId("public", "t"), TableId("public", "t"), (), ("id",))
    reading = source._reading
    outflow = reading._outflow(reading.psql(), Layout(layout.table, layout.leaf, (), ("gone",)), WHOLE)
    coming = reading._relayed(outflow, layout, binary=False)
    with contextlib.closing(coming), pytest.raises(SourceError) as caught:
        target.write(layout, (MaskedBatch(layout, 0, {}, batch.tail) for batch in coming))
    assert caught.value.code == "DM404"


@pytest.mark.usefixtures("pumped")
def test_an_abandoned_stream_leaves_no_session(bench):
    name = bench.database(MANY)
    source = bench.source(name)
    (table,) = source.schema().tables
    for head, begun in ((0, True), (1, True), (0, False), (1, False)):
        stream = source.read(layout_of(table, head=head), WHOLE)
        if begun:
            next(stream)
        stream.close()
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%'"
    deadline = time.monotonic() + 10  # a server takes its time to see that a session has ended
    while bench.rows(name, sessions) != [(0,)] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert bench.rows(name, sessions) == [(0,)]
    assert source.count(table) == 34286


def test_another_session_reads_the_same_snapshot_and_writes_to_the_same_copy(bench):
    name = bench.database(MANY)
    source, target = bench.source(name), bench.target(f"{name}_copy")
    bench.server.execute("DELETE FROM t", database=name)
    target.build(source.structure())
    (table,) = source.schema().tables
    layout = layout_of(table, head=1)
    reading = bench.engine.join_source(bench.address(name), source.share(1))
    writing = bench.engine.join_target(bench.address(f"{name}_copy"), target.share())
    assert writing.token == target.share()
    assert writing.write(layout, as_masked(reading, layout), "unit") == 34286
    assert target.write(layout, iter(()), "unit") == 34286
    for joined in (reading, writing):
        joined.close()
        joined.close()
    stranger = bench.engine.join_target(bench.address(f"{name}_copy"), f"0/{name}_copy")
    assert stranger.token != f"0/{name}_copy"
    stranger.close()
    source.close()
    while bench.rows(
        name, "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    ):
        time.sleep(0.01)  # a server takes its time to see that a session has ended
    with pytest.raises(SourceError) as caught:
        bench.engine.join_source(bench.address(name), source.share(1))
    assert caught.value.code == "DM403"

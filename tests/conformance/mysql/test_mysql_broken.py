"""Servers with narrow settings, and masked values that a table refuses."""

import gc
import socket
import sys
import threading
from dataclasses import replace

import pyarrow as pa
import pymysql
import pytest

from dbmimic.engines.mysql.connect import connect
from dbmimic.engines.mysql.engine import MysqlEngine
from dbmimic.engines.mysql.errors import Side, translated
from dbmimic.errors import SourceUnreachable, TargetError, TargetLost
from dbmimic.model.address import Address
from dbmimic.model.batch import Layout, MaskedBatch
from dbmimic.model.keys import WHOLE
from tests.conformance.mysql.shapes import build

pytestmark = pytest.mark.mariadb

MEGABYTE = 1 << 20


@pytest.fixture
def narrow(bench):
    """A server that takes INSERTs only, of at most a megabyte."""
    before = bench.server.execute("SELECT @@max_allowed_packet")[0][0]
    bench.server.execute("SET GLOBAL local_infile = OFF", f"SET GLOBAL max_allowed_packet = {MEGABYTE}")
    yield bench
    bench.server.execute("SET GLOBAL local_infile = ON", f"SET GLOBAL max_allowed_packet = {before}")


def test_inserts_are_no_larger_than_the_server_takes(narrow):
    narrow.sql(
        "CREATE TABLE t (id int PRIMARY KEY, v text)",
        "INSERT INTO t SELECT seq, REPEAT('v', 3000) FROM seq_1_to_900",
        "CREATE TABLE u (id int PRIMARY KEY, v mediumtext)",
        "INSERT INTO u VALUES (1, REPEAT('v', 300000)), (2, REPEAT('v', 300000))",
    )
    build(narrow.source(), narrow.target())
    for name, rows in (("t", 900), ("u", 2)):
        equal = f"SELECT COUNT(*) FROM src.{name} JOIN tgt_dbmimic_new.{name} USING (id, v)"
        assert narrow.server.execute(equal) == [(rows,)]


def test_a_row_that_is_larger_than_a_packet_is_told(narrow):
    narrow.sql("CREATE TABLE t (id int PRIMARY KEY, v mediumtext)", "INSERT INTO t VALUES (1, REPEAT('v', 700000))")
    with pytest.raises(TargetError) as caught:
        build(narrow.source(), narrow.target())
    assert caught.value.code == "DM504"
    assert caught.value.place == "t"
    assert "max_allowed_packet" in caught.value.message
    assert "local_infile" in caught.value.hint


@pytest.mark.parametrize(("role", "wanted"), [("source", SourceUnreachable), ("target", TargetLost)])
def test_a_connection_that_is_cut_while_it_is_made_was_answered_by_nobody(role, wanted):
    """As by what stands before a server that is not there; no snapshot is lost that was never taken."""
    with socket.create_server(("127.0.0.1", 0)) as between:

        def cut():
            guest, _ = between.accept()
            guest.close()

        thread = threading.Thread(target=cut)
        thread.start()
        address = Address("mysql", host="127.0.0.1", port=between.getsockname()[1], user="root", database="x")
        with pytest.raises(wanted) as caught:
            connect(address, Side(role, "here"), None)
        thread.join(10)
    assert caught.value.code == {"source": "DM401", "target": "DM501"}[role]
    assert "not reachable" in caught.value.message


@pytest.mark.parametrize("local", ["ON", "OFF"])
@pytest.mark.parametrize(
    ("options", "value", "reason"),
    [
        (", CHECK (v > 10)) ", "3", "CHECK constraint"),
        (") PARTITION BY LIST (v) (PARTITION a VALUES IN (11, 12))", "3", "no partition"),
        (", UNIQUE (v))", "12", "unique key"),
    ],
)
def test_why_a_table_refuses_a_masked_row_is_told(bench, options, value, reason, local):
    bench.sql(f"CREATE TABLE t (id int, v int{options}", "INSERT INTO t VALUES (1, 11), (2, 12)")
    source, target = bench.source(), bench.target()
    target.build(source.structure())
    layout = Layout(source.schema().tables[0].id, source.schema().tables[0].id, ("v",), ("id",))
    raw = list(source.read(layout, WHOLE))
    bench.server.execute(f"SET GLOBAL local_infile = {local}")
    try:
        with pytest.raises(TargetError) as caught:
            target.write(
                layout,
                (MaskedBatch(each.layout, each.row_count, {"v": pa.array([value] * 2)}, each.tail) for each in raw),
            )
    finally:
        bench.server.execute("SET GLOBAL local_infile = ON")
    assert caught.value.code == "DM504"
    assert reason in caught.value.message
    assert "mask" in caught.value.hint


def test_a_stream_that_is_left_behind_ends_silently(bench, monkeypatch):
    heard = []
    monkeypatch.setattr(sys, "unraisablehook", heard.append)
    bench.sql("CREATE TABLE t (id int PRIMARY KEY, v text)", "INSERT INTO t SELECT seq, 'v' FROM seq_1_to_100000")
    source = bench.source()
    table = source.schema().tables[0].id
    batches = source.read(Layout(table, table, (), ("id", "v")), WHOLE)
    next(iter(batches))
    source.close()
    del batches
    gc.collect()
    assert heard == []


def test_a_check_is_tried_on_rows_that_fit_into_a_packet(narrow):
    narrow.sql("CREATE TABLE t (id int PRIMARY KEY, v mediumtext, CONSTRAINT kind CHECK (v LIKE 'v%'))")
    source = narrow.source()
    table = source.schema().tables[0]
    (check,) = table.checks

    def refused(*values):
        return source.refuses(table, check, {"v": pa.array(values, pa.string())})

    large, small = "v" * 600_000, "v" * 300_000
    assert refused(large) is None
    assert refused(large, small, small) is False
    assert refused(large, "w") is True
    assert source.count(table) == 0


def test_a_check_that_takes_too_long_is_given_up_and_the_session_goes_on(bench, monkeypatch):
    bench.sql("CREATE TABLE t (id int PRIMARY KEY, v varchar(9), CONSTRAINT slow CHECK (v <> ''))")
    monkeypatch.setattr("dbmimic.engines.mysql.trial._PATIENCE", 0.1)
    source = bench.source()
    table = source.schema().tables[0]
    (check,) = table.checks
    for expression, refused in ((check.expression, False), ("benchmark(2000000000, md5(v)) = 0", None)):
        tried = replace(check, expression=expression)
        assert source.refuses(table, tried, {"v": pa.array(["a"], pa.string())}) is refused
    assert source.count(table) == 0


def test_a_server_that_lets_nobody_write_is_told_as_such(bench):
    bench.server.execute(
        "CREATE USER IF NOT EXISTS replicated@'127.0.0.1'", "GRANT ALL ON `tgt%`.* TO replicated@'127.0.0.1'"
    )
    bench.sql("CREATE TABLE t (id int PRIMARY KEY)")
    source, target = bench.source(), MysqlEngine().open_target(bench.address("tgt", "replicated"))
    bench.server.execute("SET GLOBAL read_only = 1")
    try:
        with pytest.raises(TargetError) as caught:
            target.build(source.structure())
    finally:
        bench.server.execute("SET GLOBAL read_only = 0")
        target.close()
    assert caught.value.code == "DM502"
    assert "address of the primary" in caught.value.hint


def test_what_another_server_does_not_know_is_told():
    unknown = pymysql.err.OperationalError(1273, "Unknown collation: 'utf8mb4_0900_ai_ci'")
    told = translated(unknown, Side("target", "stage"), "customers")
    assert (told.code, told.place) == ("DM504", "customers")
    assert "does not know a collation" in told.message


def test_a_peer_that_is_gone_without_a_word_is_found_out_soon(bench):
    with connect(bench.address("src"), Side("source", "src"), "src") as session:
        wire = session._wire._sock
        found = [wire.getsockopt(socket.IPPROTO_TCP, option) for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL)]
        assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert found == [60, 15]

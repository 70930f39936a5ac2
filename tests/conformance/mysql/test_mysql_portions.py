"""Portions share no row and leave none out; a unit is loaded once; a snapshot that is lost is told."""

import threading
from itertools import chain

import pyarrow as pa
import pytest

from dbmimic.engines.mysql.engine import MysqlEngine
from dbmimic.errors import InternalError, SnapshotLost, TargetError
from dbmimic.model.batch import Layout, MaskedBatch
from dbmimic.model.keys import WHOLE, KeySet, Span
from dbmimic.model.request import WhereSeed
from tests.conformance.mysql.shapes import layout_of

pytestmark = pytest.mark.mariadb

N = 3000
KEYS = {
    "int": ("id int PRIMARY KEY", "seq", True),
    "gaps": ("id int PRIMARY KEY", "seq * seq", True),
    "negative": ("id int PRIMARY KEY", "CAST(seq AS SIGNED) - 1500", True),
    "lowest": ("id bigint PRIMARY KEY", "-9223372036854775808 + CAST(seq - 1 AS SIGNED)", True),
    "whole_range": (
        "id bigint PRIMARY KEY",
        "IF(seq = 1, -9223372036854775808, IF(seq = 2, 9223372036854775807, CAST(seq AS SIGNED) - 9))",
        True,
    ),
    "unsigned": ("id bigint unsigned PRIMARY KEY", "18446744073709551615 - (seq - 1)", True),
    "unique": ("id mediumint NOT NULL UNIQUE", "CAST(seq AS SIGNED) - 7", True),
    "text": ("id varchar(20) PRIMARY KEY", "CONCAT('k', seq)", False),
    "compound": ("id int, b int DEFAULT 3, PRIMARY KEY (b, id)", "seq", False),
    "none": ("id int", "seq DIV 2", False),
}


def masked(raw):
    return MaskedBatch(raw.layout, raw.row_count, raw.head, raw.tail)


def numbers(source, layout, portions):
    return [
        [int(value) for batch in source.read(layout, portion.rows) for value in batch.head["n"].to_pylist()]
        for portion in portions
    ]


@pytest.mark.parametrize("kind", KEYS)
def test_portions_hold_every_row_exactly_once(bench, kind):
    declared, key, cuts = KEYS[kind]
    bench.sql(
        f"CREATE TABLE t ({declared}, n int, filler varchar(300))",
        f"INSERT INTO t (id, n, filler) SELECT {key}, seq, REPEAT('x', 300) FROM seq_1_to_{N}",
        "ANALYZE TABLE t",
    )
    source = bench.source()
    table = source.schema().tables[0]
    layout = Layout(table.id, table.id, ("n",), ())
    portions = source.cut(layout, WHOLE, 100_000)
    assert sum(portion.byte_count for portion in portions) > N * 250
    held = numbers(source, layout, portions)
    assert sorted(chain.from_iterable(held)) == list(range(1, N + 1))
    if cuts:
        assert len(portions) > 5
        assert all(isinstance(portion.rows, Span) for portion in portions)
    else:
        assert [portion.rows for portion in portions] == [WHOLE]
    chosen = source.seed(table, WhereSeed(table.id, "n % 3 = 0"))
    parts = source.cut(layout, chosen, 100_000)
    assert (len(parts) > 2) is (kind != "none")
    assert all(isinstance(part.rows, KeySet) for part in parts)
    assert sorted(chain.from_iterable(numbers(source, layout, parts))) == list(range(3, N + 1, 3))


def test_portions_ascend_and_small_tables_are_one(bench):
    bench.sql(
        "CREATE TABLE t (n int PRIMARY KEY, filler varchar(300))",
        "INSERT INTO t SELECT CAST(seq AS SIGNED) - 500, REPEAT('x', 300) FROM seq_1_to_1000",
        "CREATE TABLE nothing (n int PRIMARY KEY)",
        "ANALYZE TABLE t, nothing",
    )
    source = bench.source()
    nothing, table = source.schema().tables
    layout = Layout(table.id, table.id, ("n",), ())
    spans = source.cut(layout, WHOLE, 1 << 15)
    assert list(chain.from_iterable(numbers(source, layout, spans))) == list(range(-499, 501))
    assert [portion.rows for portion in source.cut(layout, WHOLE, 1 << 40)] == [WHOLE]
    assert [portion.rows for portion in source.cut(Layout(nothing.id, nothing.id, (), ("n",)), WHOLE, 1)] == [WHOLE]


def test_a_unit_is_loaded_once(bench):
    bench.sql("CREATE TABLE t (n int)", "INSERT INTO t VALUES (1), (2), (3)")
    source, target = bench.source(), bench.target()
    target.build(source.structure())
    layout = layout_of(source.schema().tables[0])
    assert target.write(layout, map(masked, source.read(layout, WHOLE)), "t/1") == 3

    def never():
        raise AssertionError
        yield

    assert target.write(layout, never(), "t/1") == 3
    assert bench.server.execute("SELECT COUNT(*) FROM tgt_dbmimic_new.t") == [(3,)]
    assert target.write(layout, map(masked, source.read(layout, WHOLE)), "t/2") == 3
    assert target.write(layout, map(masked, source.read(layout, WHOLE))) == 3
    assert bench.server.execute("SELECT COUNT(*) FROM tgt_dbmimic_new.t") == [(9,)]
    target.build(source.structure())
    assert target.write(layout, map(masked, source.read(layout, WHOLE)), "t/1") == 3
    assert bench.server.execute("SELECT COUNT(*) FROM tgt_dbmimic_new.t") == [(3,)]


def test_a_unit_that_failed_is_loaded_when_it_comes_again(bench):
    bench.sql(
        "CREATE TABLE t (n int PRIMARY KEY, v int, KEY (v))", "INSERT INTO t SELECT seq, seq FROM seq_1_to_100000"
    )
    source, target = bench.source(), bench.target()
    target.build(source.structure())
    layout = layout_of(source.schema().tables[0])

    def broken():
        yield masked(next(source.read(layout, WHOLE)))
        raise TargetError("DM504", "on purpose")

    with pytest.raises(TargetError, match="on purpose"):
        target.write(layout, broken(), "t/1")
    assert bench.server.execute("SELECT COUNT(*) FROM tgt_dbmimic_new.t") == [(0,)]
    assert target.write(layout, map(masked, source.read(layout, WHOLE)), "t/1") == 100000
    checks = [bench.server.execute(f"CHECKSUM TABLE {name}.t")[0][1] for name in ("src", "tgt_dbmimic_new")]
    assert checks[0] == checks[1]


def test_an_interrupt_leaves_no_rows_no_copy_and_no_thread(bench):
    bench.sql("CREATE TABLE t (n int PRIMARY KEY)", "INSERT INTO t SELECT seq FROM seq_1_to_500000")
    source, target = bench.source(), bench.target()
    target.build(source.structure())
    layout = layout_of(source.schema().tables[0])

    def interrupted():
        stream = source.read(layout, WHOLE)
        for _ in range(3):
            yield masked(next(stream))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        target.write(layout, interrupted())
    assert bench.server.execute("SELECT COUNT(*) FROM tgt_dbmimic_new.t") == [(0,)]
    target.close()
    assert bench.server.execute("SHOW DATABASES LIKE 'tgt%new'") == []
    for thread in threading.enumerate():
        if thread.name == "dbmimic-upload":
            thread.join(timeout=10)
            assert not thread.is_alive()


@pytest.mark.parametrize("unique", ["PRIMARY KEY", "UNIQUE"])
@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
def test_a_mask_that_makes_keys_equal_is_told_so(bench, unique, filled):
    bench.sql(f"CREATE TABLE t (id int NOT NULL {unique}, n int, KEY (n))", "INSERT INTO t VALUES (1, 5), (2, 6)")
    source, target = bench.source(), bench.target()
    target.build(source.structure())
    table = source.schema().tables[0]
    layout = Layout(table.id, table.id, ("id",), ("n",))
    raw = list(source.read(layout, WHOLE))
    if filled:
        assert target.write(layout, map(masked, raw)) == 2
    equal = [MaskedBatch(layout, 2, {"id": pa.array(["7", "7"])}, each.tail) for each in raw]
    with pytest.raises(TargetError, match="two rows have the same value in a unique key"):
        target.write(layout, equal)
    assert bench.server.execute("SELECT COUNT(*) FROM tgt_dbmimic_new.t") == [(2 if filled else 0,)]


@pytest.mark.parametrize("key", ["PRIMARY KEY (id)", "UNIQUE (v)", "UNIQUE (id), UNIQUE (v), FULLTEXT (v)"])
@pytest.mark.parametrize("buffering", ["none", "all"])
def test_equal_keys_far_apart_are_found_in_a_bulk_load(bench, key, buffering):
    """Rows are sorted part by part there; the two stand in different parts, in the first and in the last batch."""
    bench.sql(
        f"CREATE TABLE t (id int NOT NULL, v varchar(60) NOT NULL, {key})",
        "INSERT INTO t SELECT seq, CONCAT('a value of about fifty bytes, no two alike: ', seq) FROM seq_1_to_100000",
    )
    bench.server.execute(f"SET GLOBAL innodb_change_buffering = {buffering}")
    try:
        source, target = bench.source(), bench.target()
        target.build(source.structure())
        table = source.schema().tables[0]
        layout = layout_of(table, ("id", "v"))
        raw = list(source.read(layout, WHOLE))
        assert len(raw) > 3
        ids = raw[-1].head["id"].to_pylist()[:-1] + raw[0].head["id"].to_pylist()[:1]
        texts = raw[-1].head["v"].to_pylist()[:-1] + raw[0].head["v"].to_pylist()[:1]
        last = MaskedBatch(layout, raw[-1].row_count, {"id": pa.array(ids), "v": pa.array(texts)}, raw[-1].tail)
        with pytest.raises(TargetError, match="two rows have the same value in a unique key"):
            target.write(layout, [*map(masked, raw[:-1]), last])
        assert bench.server.execute("SELECT COUNT(*) FROM tgt_dbmimic_new.t") == [(0,)]
        assert target.write(layout, map(masked, raw)) == 100000
    finally:
        bench.server.execute("SET GLOBAL innodb_change_buffering = none")
    checks = [bench.server.execute(f"CHECKSUM TABLE {name}.t")[0][1] for name in ("src", "tgt_dbmimic_new")]
    assert checks[0] == checks[1]


def test_more_warnings_than_an_answer_can_count_are_counted(bench):
    bench.sql(
        "CREATE TABLE t (id int PRIMARY KEY, e enum('a'))",
        "SET sql_mode = ''",
        "INSERT IGNORE INTO t SELECT seq, 99 FROM seq_1_to_70000",
    )
    source, target = bench.source(), bench.target()
    target.build(source.structure())
    layout = layout_of(source.schema().tables[0])
    assert target.write(layout, map(masked, source.read(layout, WHOLE))) == 70000
    assert bench.server.execute("SELECT COUNT(*) FROM tgt_dbmimic_new.t WHERE e = 0") == [(70000,)]


def test_very_wide_tables_and_very_long_values_pass(bench):
    columns = ", ".join(f"c{n} int" for n in range(1000))
    values = ", ".join(str(n) for n in range(1000))
    bench.sql(
        f"CREATE TABLE wide ({columns})",
        f"INSERT INTO wide SELECT {values} FROM seq_1_to_300",
        "CREATE TABLE long_one (id int PRIMARY KEY AUTO_INCREMENT, v longblob)",
        "SET GLOBAL max_allowed_packet = 1 << 30",
    )
    bench.sql("INSERT INTO long_one VALUES (1, REPEAT(x'00095c0a41', 7 << 20)), (2, NULL), (3, 'x')")
    source, target = bench.source(), bench.target()
    try:
        target.build(source.structure())
        for table in source.schema().tables:
            layout = layout_of(table)
            target.write(layout, map(masked, source.read(layout, WHOLE)))
            name = table.id.name
            checks = [
                bench.server.execute(f"CHECKSUM TABLE {base}.{name}")[0][1] for base in ("src", "tgt_dbmimic_new")
            ]
            assert checks[0] == checks[1] not in {None, 0}
    finally:
        bench.server.execute("SET GLOBAL max_allowed_packet = DEFAULT")


def test_a_snapshot_whose_connection_was_ended_is_lost(bench):
    bench.sql("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t SELECT seq FROM seq_1_to_200000")
    source = bench.source()
    source.beat()
    layout = layout_of(source.schema().tables[0])
    stream = source.read(layout, WHOLE)
    next(stream)
    source.beat()
    stream.close()
    source.beat()
    own = bench.server.execute("SELECT id FROM information_schema.processlist WHERE db = 'src'")
    bench.server.execute(*(f"KILL {each[0]}" for each in own))
    with pytest.raises(SnapshotLost) as caught:
        source.beat()
    assert caught.value.code == "DM403"


def test_there_is_one_reader_and_one_writer(bench):
    bench.sql("CREATE TABLE t (id int PRIMARY KEY)")
    source, target = bench.source(), bench.target()
    assert source.share(4) is None
    target.build(source.structure())
    assert target.share() is None
    for join in (MysqlEngine().join_source, MysqlEngine().join_target):
        with pytest.raises(InternalError):
            join(bench.address("src"), "token")

"""Rows read and written again are the same rows, whatever they hold and however they travel."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pyarrow as pa
import pytest

from dbmimic.errors import TargetError
from dbmimic.model.batch import Layout
from dbmimic.model.keys import WHOLE, KeySet
from dbmimic.model.names import TableId
from dbmimic.model.request import WhereSeed
from tests.conformance.postgres.shapes import as_masked, layout_of

pytestmark = pytest.mark.postgres

VALUES = r"""
    CREATE DOMAIN d AS varchar(30);
    CREATE TYPE mood AS ENUM ('sad', 'comma, quote '' and \');
    CREATE TYPE pair AS (a int, b text);
    CREATE TABLE t (
        t text, n numeric, f float8, ts timestamptz, dt date, i interval, b bytea, ia int[], ta text[], j json,
        jb jsonb, bo boolean, c char(5), m mood, p pair, r numrange, dd d, u uuid, ip inet, bits bit varying, x "char"
    );
    INSERT INTO t (t) VALUES (''), (NULL), (E'a\nb'), (E'a\tb'), (E'a\\b'), (E'\\N'), (E'\\.'), (E'\r\n'), (E'\b\f\v'),
        (E'\\\\n'), (E'\\t\\'), ('😀 é'), (E'\x01'), (' lead and trail '), ('"quoted"'), (repeat('x', 300000)), (E'\\');
    INSERT INTO t (n, f, ts, dt, i) VALUES
        ('NaN', 'NaN', 'infinity', 'infinity', '1 year 2 mons -3 days 04:05:06.789'),
        ('Infinity', '-Infinity', '-infinity', '-infinity', '-1 day'),
        (1e100, 0.1, '0044-03-15 12:00:00 BC', '4713-01-01 BC', '178000000 years'),
        (-0.000100, '-0', '294276-12-31 23:59:59.999999', '5874897-12-31', '0'),
        (123456789012345678901234567890.123456789, 1.7976931348623157e308, '2020-02-29 00:00:00.000001+14', NULL, NULL);
    INSERT INTO t (b, ia, ta, j, jb, bo, c, m, p, r, dd, u, ip, bits, x) VALUES
        ('\x00ff5c0a09', '[0:2]={1,NULL,3}', ARRAY['NULL', NULL, '', E'a\nb', '{},"\'], '{"a":  1, "a": 2}',
         '{"big": 12345678901234567890.10, "t": "\\u00e9\n"}', true, 'ab', 'comma, quote '' and \', ROW(1, E'x"\\\n'),
         '[1.5,)', 'dom', '00000000-0000-0000-0000-000000000001', '10.0.0.1/8', B'10101', 'q'),
        ('', '{}', '{{a,b},{c,d}}', 'null', 'null', false, '', 'sad', NULL, 'empty', '', NULL, '::1', B'', E'\\');
"""


def digest(bench, database: str, table: str = "t") -> str:
    """A hash of a table's rows in the server's own text form, whatever their order."""
    with bench.server.connection(database) as connection:
        connection.execute("SET extra_float_digits = 3")
        rows = []
        with connection.cursor().copy(f"COPY {table} TO STDOUT") as copy:
            rows = sorted(bytes(row) for row in copy)
    return hashlib.sha256(b"".join(rows)).hexdigest()


@pytest.mark.parametrize("head", [0, 1, 5, 100])
def test_every_value_is_the_same_after_the_journey(bench, head):
    more = "INSERT INTO t (i) VALUES ('infinity'), ('-infinity');" if bench.server.version == "wheel" else ""
    name = bench.database(VALUES + more)
    target = bench.target(f"{name}_copy")
    bench.load(bench.source(name), target, head=head)
    assert digest(bench, f"{name}_copy_dbmimic_new") == digest(bench, name)


def test_head_values_are_the_text_itself(bench):
    source = bench.source(bench.database(VALUES))
    table = source.schema().tables[0]
    layout = Layout(table.id, table.id, ("t", "bo"), ())
    texts = [text for batch in source.read(layout, WHOLE) for text in batch.head["t"].to_pylist()]
    expected = [row[0] for row in bench.rows(source.identity().database, "SELECT t FROM t ORDER BY ctid")]
    assert texts == expected
    assert None in texts
    assert "" in texts
    assert "\\N" in texts


def test_real_types_are_the_same(bench, real_data):
    if bench.server.version == "wheel":
        pytest.skip("the wheel is built without XML, which this file uses")
    name = bench.database()
    bench.server.load_sql_file(real_data("neosync_edgecases/pg_alltypes.sql"), name)
    source, target = bench.source(name), bench.target(f"{name}_copy")
    bench.load(source, target, head=3)
    for table in source.schema().tables:
        columns = ", ".join(f'"{column.name}"' for column in table.loadable)
        query = f"(SELECT {columns} FROM {table.id})"
        assert digest(bench, name, query) == digest(bench, f"{name}_copy_dbmimic_new", query)


def test_tables_without_columns_and_with_generated_ones_only(bench):
    name = bench.database("""
        CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;
        CREATE TABLE made (a int GENERATED ALWAYS AS (42) STORED); INSERT INTO made DEFAULT VALUES;
        CREATE TABLE always (id int GENERATED ALWAYS AS IDENTITY, v text); INSERT INTO always (v) VALUES ('x');
    """)
    target = bench.target(f"{name}_copy")
    loaded = bench.load(bench.source(name), target)
    assert loaded == {"public.always": 1, "public.made": 1, "public.nothing": 2}
    assert bench.rows(f"{name}_copy_dbmimic_new", "SELECT a FROM made") == [(42,)]
    assert bench.rows(f"{name}_copy_dbmimic_new", "SELECT count(*) FROM nothing") == [(2,)]


def test_chosen_rows_come_in_ascending_identity_in_small_batches(bench):
    name = bench.database("""
        CREATE TABLE t (id int, fill text);
        INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 120000) i;
        DELETE FROM t WHERE id % 7 = 0;
    """)
    source = bench.source(name)
    table = source.schema().tables[0]
    layout = layout_of(table, head=1)
    odd = source.seed(table, WhereSeed(table.id, "id % 2 = 1"))
    for rows, condition in ((odd, "id % 2 = 1"), (WHOLE, "true"), (KeySet(), "false")):
        batches = list(source.read(layout, rows))
        ids = [int(value) for batch in batches for value in batch.head["id"].to_pylist()]
        expected = bench.rows(name, f"SELECT id FROM t WHERE {condition} ORDER BY ctid")
        assert ids == [row[0] for row in expected]
        assert all(0 < batch.tail.byte_count < 4_800_000 for batch in batches)
        assert sum(batch.row_count for batch in batches) == len(ids)


def test_keyed_gives_the_identities_that_seeds_give(bench):
    source = bench.source(bench.database("CREATE TABLE t (a text); INSERT INTO t SELECT generate_series(1, 3000)"))
    table = source.schema().tables[0]
    ids = np.concatenate([keyed.ids for keyed in source.keyed(table, ("a",))])
    assert KeySet.of(table.id, ids) == source.seed(table, WhereSeed(table.id, "true"))
    assert sum(len(keyed.ids) for keyed in source.keyed(table, ())) == 3000


def test_a_stream_may_be_left_and_the_snapshot_lives(bench):
    source = bench.source(
        bench.database("CREATE TABLE t (a text); INSERT INTO t SELECT repeat('x', 1000) FROM generate_series(1, 50000)")
    )
    table = source.schema().tables[0]
    stream = source.read(layout_of(table), WHOLE)
    next(stream)
    stream.close()
    assert source.count(table) == 50000


def test_a_masked_partition_column_moves_rows(bench):
    name = bench.database("""
        CREATE TABLE r (k int, v text) PARTITION BY LIST (k);
        CREATE TABLE r1 PARTITION OF r FOR VALUES IN (1); CREATE TABLE r2 PARTITION OF r FOR VALUES IN (2);
        INSERT INTO r VALUES (1, 'a'), (2, 'b');
    """)
    source, target = bench.source(name), bench.target(f"{name}_copy")
    target.build(source.structure())
    table = source.schema().tables[0]
    for leaf in (0, 1):
        layout = layout_of(table, head=1, leaf=leaf)
        moved = Layout(table.id, table.id, layout.head, layout.tail)
        masked = (
            dataclasses.replace(batch, layout=moved, head={"k": pa.array(["1"])}) for batch in as_masked(source, layout)
        )
        assert target.write(moved, masked) == 1
    assert bench.rows(f"{name}_copy_dbmimic_new", "SELECT tableoid::regclass::text, v FROM r ORDER BY v") == [
        ("r1", "a"),
        ("r1", "b"),
    ]


def test_a_load_that_breaks_leaves_nothing_and_tells_no_value(bench):
    canary = "canary-7f3a"
    name = bench.database(f"CREATE TABLE t (a text); INSERT INTO t VALUES ('{canary}')")
    source, target = bench.source(name), bench.target(f"{name}_copy")
    target.build(source.structure())
    bench.server.execute("ALTER TABLE t ALTER a TYPE int USING 1", database=f"{name}_copy_dbmimic_new")
    layout = layout_of(source.schema().tables[0], head=1)
    with pytest.raises(TargetError) as caught:
        target.write(layout, as_masked(source, layout))
    assert caught.value.code == "DM504"
    assert canary not in repr(caught.value) + str(caught.value)

    def broken():
        yield from as_masked(source, layout)
        raise ZeroDivisionError

    bench.server.execute("ALTER TABLE t ALTER a TYPE text", database=f"{name}_copy_dbmimic_new")
    with pytest.raises(ZeroDivisionError):
        target.write(layout, broken())
    assert target.write(layout, as_masked(source, layout)) == 1
    assert bench.rows(f"{name}_copy_dbmimic_new", "SELECT count(*) FROM t") == [(1,)]


def test_a_value_of_twenty_four_megabytes(bench):
    """Six blocks long, and read by a mask; `tests/faults/test_large_rows.py` has a longer one that no mask reads."""
    name = bench.database(
        "CREATE TABLE t (a text, b text); INSERT INTO t SELECT repeat(E'ab\\n', 8000000), 'b' UNION ALL SELECT 'x', 'y'"
    )
    target = bench.target(f"{name}_copy")
    bench.load(bench.source(name), target, head=1)
    check = "SELECT count(*), sum(length(a)), max(md5(a)) FROM t"
    assert bench.rows(f"{name}_copy_dbmimic_new", check) == bench.rows(name, check)


def test_names_with_everything_in_them(bench):
    odd = "%s {} \"\" '' \\ ; --"
    quoted = '"' + odd.replace('""', '""""') + '"'
    name = bench.database(f"CREATE TABLE {quoted} ({quoted} text); INSERT INTO {quoted} VALUES ('x')")
    source, target = bench.source(name), bench.target(f"{name}_copy")
    assert source.schema().tables[0].id == TableId("public", odd)
    assert list(bench.load(source, target, head=1).values()) == [1]

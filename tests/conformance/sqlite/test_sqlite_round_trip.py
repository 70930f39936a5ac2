"""What is read and written back is the same value in the same storage class."""

from __future__ import annotations

import math
import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest

from dbmimic.engines.sqlite.rows import Unread
from dbmimic.engines.sqlite.source import SqliteSource
from dbmimic.model.batch import Layout, MaskedBatch
from dbmimic.model.keys import WHOLE
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.schema import Table
from tests.conformance.sqlite.shapes import Aim, Copy, Load, Make, Open, tail_rows

AFFINITIES = ["INTEGER", "REAL", "NUMERIC", "TEXT", "BLOB"]
VALUES: list[object] = [
    None, 0, 1, -1, 2**63 - 1, -(2**63), 2**53 + 1, 0.0, -0.0, 1.0, 1.5, 0.1, 1e300, 5e-324, math.inf, -math.inf,
    1.7976931348623157e308, "", "12", "012", "1e5", "12x", " 1", "text", "NULL", "x'41'", "quote ' \" \\ \n\r\t,;",
    "🐘 4-byte", "nul \x00 inside", "2020-01-01", b"", b"\x00\xff", b"text", b"12", b"x" * 1_000_000, "y" * 100_000,
]  # fmt: skip


def dump(path: Path, table: str = "t") -> list[tuple[object, ...]]:
    """Every value as its storage class and its exact bytes, in the order of the rows."""
    connection = sqlite3.connect(path)
    names = [row[0] for row in connection.execute("SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0", (table,))]
    exact = ", ".join(
        f'typeof("{n}"), CASE typeof("{n}") WHEN \'real\' THEN printf(\'%!.20g\', "{n}") ELSE hex("{n}") END'
        for n in names
    )
    rows = connection.execute(f'SELECT {exact} FROM "{table}"').fetchall()
    connection.close()
    return rows


@pytest.mark.parametrize("head", [0, 3, 9])
def test_every_storage_class_in_every_affinity(make: Make, copied: Copy, head: int) -> None:
    columns = ", ".join(f"c{place} {affinity}" for place, affinity in enumerate(AFFINITIES))
    script = f"CREATE TABLE t({columns}, made TEXT AS (c3 || '!') STORED);"
    inserts = [(f"INSERT INTO t VALUES ({', '.join('?' * 5)})", (value,) * 5) for value in VALUES]
    bad = "INSERT INTO t VALUES (" + ", ".join(["CAST(x'61ff62c3' AS TEXT)"] * 5) + ")"
    path = make(script, *inserts, (bad, ()), *inserts[:3])
    copy = copied(path, head)
    assert len(dump(path)) == len(VALUES) + 4
    assert dump(copy) == dump(path)
    assert {row[0] for row in dump(path)} == {"null", "integer", "real", "text", "blob"}


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_encoding_page_size_and_marks_are_carried(make: Make, opened: Open, copied: Copy, encoding: str) -> None:
    path = make(f"""
        PRAGMA encoding = '{encoding}'; PRAGMA page_size = 8192; PRAGMA auto_vacuum = 2;
        CREATE TABLE t(a TEXT, b); PRAGMA user_version = -7; PRAGMA application_id = 252006673;
        INSERT INTO t VALUES ('🐘é', x'00');
    """)
    copy = copied(path)
    assert dump(copy) == dump(path)
    assert opened(copy).structure().text == opened(path).structure().text
    connection = sqlite3.connect(copy)
    told = {pragma: connection.execute(f"PRAGMA {pragma}").fetchone()[0] for pragma in
            ("encoding", "page_size", "auto_vacuum", "user_version", "application_id")}  # fmt: skip
    connection.close()
    assert told == {
        "encoding": encoding,
        "page_size": 8192,
        "auto_vacuum": 2,
        "user_version": -7,
        "application_id": 252006673,
    }


def test_kinds_of_tables_and_everything_beside_them(make: Make, opened: Open, copied: Copy) -> None:
    path = make("""
        CREATE TABLE "order"(id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT UNIQUE ON CONFLICT REPLACE CHECK (v <> ''));
        INSERT INTO "order" VALUES (1, 'a'), (5, 'b'), (9, 'c');
        DELETE FROM "order" WHERE id = 9;
        CREATE TABLE wr(a TEXT, b INT, c, PRIMARY KEY(b DESC, a)) WITHOUT ROWID;
        INSERT INTO wr VALUES ('x', 1, 'p'), ('y', 2, 'q'), (CAST(x'ff' AS TEXT), 1, NULL);
        CREATE TABLE strictly(i INT, r REAL, t TEXT, b BLOB, y ANY) STRICT;
        INSERT INTO strictly VALUES (1, 2, '3', x'04', '5'), (NULL, NULL, NULL, NULL, 5), (1, 1.5, '', x'', x'06');
        CREATE TABLE log(what TEXT);
        CREATE VIRTUAL TABLE words USING fts5(body);
        INSERT INTO words VALUES ('hidden in a virtual table');
        CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1);
        CREATE INDEX ordered ON "order"(v DESC) WHERE v IS NOT NULL;
        CREATE INDEX expression ON "order"(lower(v));
        CREATE TRIGGER on_order AFTER INSERT ON "order" BEGIN INSERT INTO log VALUES (new.v); INSERT INTO words VALUES ('w'); END;
        CREATE VIEW "the view"(x) AS SELECT v FROM "order"; -- a view
        CREATE TRIGGER instead INSTEAD OF INSERT ON "the view" BEGIN INSERT INTO log VALUES ('i'); END;
        ANALYZE;
    """)
    copy = copied(path, head=1)
    for table in ("order", "wr", "strictly", "log"):
        assert dump(copy, table) == dump(path, table), table
    assert dump(copy, "log") == []  # no trigger fired
    assert opened(copy).structure().text == opened(path).structure().text
    assert opened(copy).schema() == opened(path).schema()
    connection = sqlite3.connect(copy)
    assert connection.execute("SELECT * FROM sqlite_sequence").fetchall() == [("order", 9)]
    assert connection.execute("SELECT count(*) FROM words").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM sqlite_stat1").fetchone()[0] > 0
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.execute("INSERT INTO \"order\"(v) VALUES ('d')")
    assert connection.execute('SELECT max(id) FROM "order"').fetchone() == (10,)
    connection.close()


def test_no_statistics_where_the_source_has_none(make: Make, copied: Copy) -> None:
    copy = copied(make("CREATE TABLE t(a INT); CREATE INDEX i ON t(a); INSERT INTO t VALUES (1);"))
    connection = sqlite3.connect(copy)
    assert connection.execute("SELECT name FROM sqlite_schema ORDER BY 1").fetchall() == [("i",), ("t",)]
    connection.close()


def masked_copy(source: SqliteSource, target, table: Table, changed: dict[str, list[str | None]]) -> None:
    """Load one table with some columns replaced by other texts."""
    rest = tuple(column.name for column in table.loadable if column.name not in changed)
    layout = Layout(table.id, table.id, tuple(changed), rest)
    (batch,) = source.read(layout, WHOLE)
    head = {column: pa.array(texts, pa.string()) for column, texts in changed.items()}
    target.write(layout, [MaskedBatch(layout, batch.row_count, head, batch.tail)])


def test_masked_values_take_the_storage_class_of_the_original(
    make: Make, opened: Open, aimed: Aim, tmp_path: Path
) -> None:
    path = make("""
        CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, v, n INT);
        CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1);
        INSERT INTO t VALUES (1, 10, 1), (2, 1.5, 2), (3, 'text', 3), (4, x'00', 4), (5, NULL, 5), (6, 7, 6), (7, 8, 7);
    """)
    source, target = opened(path), aimed(tmp_path / "target.db")
    table = source.schema().table(TableId("", "t"))
    target.build(source.structure())
    changed = {
        "v": ["20", "2.5", "30", "x'ff'", "40", "007", None],
        "id": ["100", "200", "300", "400", "500", "600", "700"],
    }
    masked_copy(source, target, table, changed)
    target.finish(source.structure(), frozenset({ColumnId(table.id, "id")}))
    copy = target.copy()
    assert [found.id for found in copy.schema().tables] == [found.id for found in source.schema().tables]
    layout = Layout(table.id, table.id, (), ("id", "v", "n"))
    (batch,) = copy.read(layout, WHOLE)
    assert tail_rows(batch) == [
        (100, 20, 1), (200, 2.5, 2), (300, "30", 3), (400, b"\xff", 4), (500, "40", 5), (600, "007", 6), (700, None, 7),
    ]  # fmt: skip
    copy.close()
    connection = sqlite3.connect(tmp_path / "target.db.dbmimic-new")
    assert connection.execute("SELECT seq FROM sqlite_sequence").fetchone() == (700,)  # past the largest masked key
    connection.close()


def test_head_is_text_and_the_payload_holds_no_head_value(make: Make, opened: Open) -> None:
    path = make("CREATE TABLE t(a, b); INSERT INTO t VALUES ('canary', 1), (1.5, 2), (x'41', 3), (NULL, 4), (-3, 5);")
    source = opened(path)
    table = TableId("", "t")
    (batch,) = source.read(Layout(table, table, ("a",), ("b",)), WHOLE)
    assert batch.head["a"].type == pa.string()
    assert batch.head["a"].to_pylist() == ["canary", "1.5", "x'41'", None, "-3"]
    assert isinstance(batch.tail.body, Unread)
    assert batch.tail.body.storage == {"a": "trbti"}
    assert tail_rows(batch) == [(1,), (2,), (3,), (4,), (5,)]
    assert "canary" not in repr(batch.tail)


def test_batches_are_bounded(make: Make, opened: Open) -> None:
    path = make("""
        CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
        INSERT INTO t SELECT i, zeroblob(100000) FROM n;
        CREATE TABLE narrow(a INTEGER PRIMARY KEY);
        INSERT INTO narrow WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT i FROM n;
    """)
    source = opened(path)
    wide, narrow = TableId("", "t"), TableId("", "narrow")
    for head, tail in ((("b",), ("a",)), (("a",), ("b",))):  # read as columns, or left where they are
        batches = list(source.read(Layout(wide, wide, head, tail), WHOLE))
        assert sum(batch.row_count for batch in batches) == 300
        assert max(batch.row_count * len(batch.head.get("b", [])) for batch in batches) <= 16 * 16
    batches = list(source.read(Layout(narrow, narrow, (), ("a",)), WHOLE))
    assert [row[0] for batch in batches for row in tail_rows(batch)] == list(range(1, 50001))
    assert len(batches) < 30


def test_chinook_whole(chinook: Path, opened: Open, copied: Copy) -> None:
    copy = copied(chinook, head=2)
    source, target = opened(chinook), opened(copy)
    assert source.structure().text == target.structure().text
    counts = {table.id.name: target.count(table) for table in target.schema().tables}
    assert sum(counts.values()) == 15607
    assert (counts["PlaylistTrack"], counts["Track"], counts["Employee"]) == (8715, 3503, 8)
    for table in counts:
        assert dump(copy, table) == dump(chinook, table), table
    assert all(target.orphans(edge, WHOLE) == 0 for edge in target.schema().foreign_keys)


def test_load_is_all_or_nothing(make: Make, opened: Open, aimed: Aim, load: Load, tmp_path: Path) -> None:
    source, target = opened(make("CREATE TABLE t(a INT); INSERT INTO t VALUES (1), (2);")), aimed(tmp_path / "t.db")
    target.build(source.structure())
    (table,) = source.schema().tables
    layout = Layout(table.id, table.id, (), ("a",))

    def breaking():
        for batch in source.read(layout, WHOLE):
            yield MaskedBatch(batch.layout, batch.row_count, batch.head, batch.tail)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        target.write(layout, breaking())
    copy = target.copy()
    assert copy.count(table) == 0
    copy.close()
    assert load(source, target) == 2


def test_a_file_with_text_that_is_not_utf8_is_read_from_any_place(make: Make, opened: Open) -> None:
    """The driver's fast decoder gives up in the middle of a page; no row is lost or given twice."""
    path = make("""
        CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        INSERT INTO t SELECT i, CASE WHEN i IN (7000, 7001, 19999) THEN CAST(x'ff' AS TEXT) ELSE 'v' || i END FROM n;
    """)
    source = opened(path)
    table = TableId("", "t")
    layout = Layout(table, table, (), ("id", "v"))
    rows = [row for batch in source.read(layout, WHOLE) for row in tail_rows(batch)]
    assert [row[0] for row in rows] == list(range(1, 20001))
    assert [row[0] for row in rows if row[1] != f"v{row[0]}"] == [7000, 7001, 19999]

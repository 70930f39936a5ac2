"""Masked columns leave SQLite and come back as whole columns; the others never leave it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from dbmimic.engines.sqlite.rows import Inserter, Unread
from dbmimic.engines.sqlite.source import SqliteSource
from dbmimic.engines.sqlite.splice import part_of
from dbmimic.engines.sqlite.target import SqliteTarget
from dbmimic.errors import TargetError
from dbmimic.model.batch import Layout, MaskedBatch, RawBatch
from dbmimic.model.keys import WHOLE, KeySet, Rows
from dbmimic.model.names import TableId
from tests.conformance.sqlite.shapes import Aim, Copy, Make, Open
from tests.conformance.sqlite.test_sqlite_round_trip import dump

T = TableId("", "t")
HEAD = Layout(T, T, ("v",), ("id", "w"))
MANY = """
CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, w);
WITH RECURSIVE n(i) AS (SELECT -20000 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO t SELECT i * 3, CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'nul ' || char(0) || i
    WHEN 3 THEN 'é🐘 ' || i WHEN 4 THEN char(0xFFFE) || char(9) || char(10) || '\\' ELSE 'v' || i END,
    CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN i * 0.5 WHEN 2 THEN x'00ff' ELSE CAST(x'ff' AS TEXT) END FROM n;
"""


@pytest.fixture(autouse=True, params=[False, True], ids=["here", "elsewhere"])
def elsewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Has other processes read and write even the smallest table, or none."""
    monkeypatch.setattr("dbmimic.engines.sqlite.source.is_worth_it", lambda rows: request.param)
    return bool(request.param)


@pytest.fixture
def singly(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the rows that came one by one."""
    counts: list[int] = []
    original = Inserter._inserted

    def counted(self: Inserter, rows: list[object]) -> int:
        counts.append(len(rows))
        return original(self, rows)

    monkeypatch.setattr(Inserter, "_inserted", counted)
    return counts


def changed(batches: Iterator[RawBatch], **columns: pa.Array) -> Iterator[MaskedBatch]:
    return (MaskedBatch(each.layout, each.row_count, {**each.head, **columns}, each.tail) for each in batches)


def loaded(source: SqliteSource, target: SqliteTarget, rows: Rows = WHOLE) -> Path:
    target.build(source.structure())
    target.write(HEAD, changed(source.read(HEAD, rows)))
    return target._places.new


@pytest.mark.parametrize("proven", [True, False])
def test_every_text_arrives_and_every_row_keeps_its_own(
    make: Make, opened: Open, aimed: Aim, tmp_path: Path, singly: list[int], *, proven: bool
) -> None:
    path = make(f"PRAGMA journal_mode = wal; {MANY}")
    before = dump(path)
    source, target = opened(path), aimed(tmp_path / "target.db")
    if not proven:  # somebody has committed, so that another connection would see other rows
        other = sqlite3.connect(path)
        other.execute("UPDATE t SET w = 'another moment', v = 'too'")
        other.commit()
        other.close()
    new = loaded(source, target)
    assert len(before) == 40_001
    assert dump(new) == before
    assert sum(singly) == (0 if proven else 40_001)


def test_batches_are_whole_columns_of_thousands_of_rows(make: Make, opened: Open) -> None:
    batches = list(opened(make(MANY)).read(HEAD, WHOLE))
    assert [batch.row_count for batch in batches[:4]] == [16, 64, 256, 1024]
    assert max(batch.row_count for batch in batches) > 10_000
    assert all(isinstance(batch.tail.body, Unread) and batch.tail.body.numbers for batch in batches)


def test_chosen_rows_go_the_same_way(make: Make, opened: Open, aimed: Aim, tmp_path: Path, singly: list[int]) -> None:
    path = make(MANY)
    chosen = KeySet.of(T, [(1 << 63) + 3 * number for number in range(-9_000, 15_000, 2)])
    new = loaded(opened(path), aimed(tmp_path / "target.db"), chosen)
    with sqlite3.connect(new) as connection:
        found = connection.execute("SELECT id, v, hex(w), typeof(w) FROM t ORDER BY id").fetchall()
        connection.execute("ATTACH ? AS s", (str(path),))
        wanted = "SELECT id, v, hex(w), typeof(w) FROM s.t WHERE id % 6 = 0 AND id BETWEEN -27000 AND 44999 ORDER BY id"
        assert found == connection.execute(wanted).fetchall()
    connection.close()
    assert len(found) == 12_000
    assert singly == []


@pytest.mark.parametrize("odd", ["x'00ff'", "1.5", "CAST(x'61ff' AS TEXT)", "CAST(x'fe' AS TEXT)", "7"])
def test_what_is_no_text_comes_row_by_row_and_the_rest_does_not(
    make: Make, opened: Open, aimed: Aim, tmp_path: Path, singly: list[int], odd: str
) -> None:
    script = MANY.replace("v TEXT", "v") + f"UPDATE t SET v = {odd} WHERE id = 300;"
    path = make(script)
    new = loaded(opened(path), aimed(tmp_path / "target.db"))
    assert dump(new) == dump(path)
    assert 0 < sum(singly) < 20_000


def test_integers_stay_integers_as_long_as_a_mask_leaves_them_so(
    make: Make, opened: Open, aimed: Aim, tmp_path: Path
) -> None:
    path = make(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v INT, w); INSERT INTO t VALUES (1, 5, 'a'), (2, NULL, 'b'), (3, 7, 'c');"
    )
    source = opened(path)
    layout = Layout(T, T, ("id", "v"), ("w",))
    for masked, stored in (
        (["-12", None, "900000000000000000"], ["integer", "null", "integer"]),
        (["0x1", "", "007"], ["text", "text", "integer"]),  # the column's affinity makes the last one a number
    ):
        target = aimed(tmp_path / "target.db")
        target.build(source.structure())
        target.write(layout, changed(source.read(layout, WHOLE), v=pa.array(masked)))
        connection = sqlite3.connect(target._places.new)
        rows = connection.execute("SELECT id, CAST(v AS TEXT), typeof(v), w FROM t").fetchall()
        connection.close()
        target.close()
        assert [row[2] for row in rows] == stored
        assert [row[1] for row in rows] == [text if text != "007" else "7" for text in masked]
        assert [(row[0], row[3]) for row in rows] == [(1, "a"), (2, "b"), (3, "c")]


def test_a_table_that_drops_duplicates_does_not_drop_masked_ones(
    make: Make, opened: Open, aimed: Aim, tmp_path: Path
) -> None:
    path = make("""
        CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT UNIQUE ON CONFLICT IGNORE, w);
        INSERT INTO t VALUES (1, 'canary', 1), (2, 'b', 2);
    """)
    source, target = opened(path), aimed(tmp_path / "target.db")
    target.build(source.structure())
    with pytest.raises(TargetError) as caught:
        target.write(HEAD, changed(source.read(HEAD, WHOLE), v=pa.array(["canary2", "canary2"])))
    assert (caught.value.code, caught.value.place) == ("DM504", "t")
    assert "canary" not in str(caught.value)
    assert dump(target._places.new) == []


def test_a_failure_while_the_next_batch_is_made_leaves_no_row(
    make: Make, opened: Open, aimed: Aim, tmp_path: Path
) -> None:
    source, target = opened(make(MANY)), aimed(tmp_path / "target.db")
    target.build(source.structure())

    def breaking() -> Iterator[MaskedBatch]:
        for number, batch in enumerate(changed(source.read(HEAD, WHOLE))):
            if number == 5:
                raise KeyboardInterrupt
            yield batch

    with pytest.raises(KeyboardInterrupt):
        target.write(HEAD, breaking())
    assert dump(target._places.new) == []
    assert target.write(HEAD, changed(source.read(HEAD, WHOLE))) == 40_001


@pytest.mark.parametrize("strict", ["", "STRICT"])
def test_kinds_of_tables(make: Make, copied: Copy, strict: str) -> None:
    path = make(f"""
        CREATE TABLE t(a TEXT CHECK (a <> 'no'), b INT, c TEXT AS (a || b) STORED, d ANY, rowid TEXT) {strict};
        INSERT INTO t VALUES ('x', 1, 2, 'r'), ('', NULL, x'01', 's'), (NULL, -5, 'three', ''), ('y', 0, NULL, NULL);
    """)
    assert dump(copied(path, head=2)) == dump(path)


def test_nothing_real_is_left_in_the_file(make: Make, opened: Open, aimed: Aim, tmp_path: Path) -> None:
    path = make(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, w); CREATE INDEX i ON t(v);",
        *(("INSERT INTO t VALUES (?, ?, ?)", (number, f"canary{number}", "kept")) for number in range(5000)),
    )
    source, target = opened(path), aimed(tmp_path / "target.db")
    target.build(source.structure())
    masked = (
        MaskedBatch(each.layout, each.row_count, {"v": pa.array(["masked"] * each.row_count)}, each.tail)
        for each in source.read(HEAD, WHOLE)
    )
    target.write(HEAD, masked)
    target.finish(source.structure(), frozenset())
    held = target._places.new.read_bytes()
    assert held.count(b"masked") >= 10_000
    assert b"canary" not in held


@pytest.mark.parametrize(
    "texts",
    [["é", None, "", "bc" * 60], ["ab", "cd", "é"], ["", "", ""], [None, None, None], ["a" * 99_999, "b", None], ["x"]],
)
def test_sqlite_finds_each_text_in_the_bytes_of_all(texts: list[str | None]) -> None:
    part, given = part_of(2, pa.array(["before", *texts, "after"])[1:-1])
    connection = sqlite3.connect(":memory:")
    numbers = f"[{','.join(['7'] * len(texts))}]"
    rows = connection.execute(f"SELECT CAST({part} AS TEXT) FROM json_each(?1) AS j ORDER BY j.key", [numbers, *given])
    assert [text for (text,) in rows] == texts
    connection.close()


@pytest.mark.parametrize("held", ["w", "r"])
def test_numbers_of_any_kind_do_not_come_in_crumbs(make: Make, opened: Open, held: str) -> None:
    """Neither where the type says so, nor where only the values do."""
    path = make(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, w, r REAL);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
        "INSERT INTO t SELECT i, i * 0.5, i * 0.5 FROM n;"
    )
    batches = list(opened(path).read(Layout(T, T, (held,), ("id",)), WHOLE))
    assert sum(batch.row_count for batch in batches) == 20_000
    assert len(batches) < 40

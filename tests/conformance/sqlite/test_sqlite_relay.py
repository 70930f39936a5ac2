"""Tables that no mask reads are brought over by SQLite itself, where it is proven to see the snapshot's rows."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from dbmimic.engines.sqlite.rows import Inserter, Relay, Unread
from dbmimic.model.batch import Layout
from dbmimic.model.keys import WHOLE
from dbmimic.model.names import TableId
from tests.conformance.sqlite.shapes import Aim, Load, Make, Open

BUILD = """
CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT UNIQUE, w);
CREATE INDEX by_w ON t(w) WHERE w > 1;
CREATE TABLE made(a INT, b INT AS (a + 1) STORED, c INT);
CREATE TABLE bare(a TEXT PRIMARY KEY, b) WITHOUT ROWID;
INSERT INTO t VALUES (1, 'one', 1.5), (7, 'seven', x'00ff'), (9, NULL, NULL);
INSERT INTO made VALUES (1, 10), (2, 20);
INSERT INTO bare VALUES ('z', 1), ('a', 2);
"""
TABLES = ("t", "made", "bare")


@pytest.fixture
def singly(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the pages that came row by row."""
    pages: list[int] = []
    original = Inserter._inserted

    def counted(self: Inserter, rows: list[object]) -> int:
        pages.append(len(rows))
        return original(self, rows)

    monkeypatch.setattr(Inserter, "_inserted", counted)
    return pages


def held(path: Path) -> list[list[tuple[object, ...]]]:
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = [connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in TABLES]
    connection.close()
    return rows


@pytest.mark.parametrize("name", ["plain.db", "it's 100%?#&.db"])
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_sqlite_brings_whole_tables_over(
    make: Make, opened: Open, aimed: Aim, load: Load, tmp_path: Path, singly: list[int], name: str, mode: str
) -> None:
    path = make(f"PRAGMA journal_mode = {mode}; {BUILD}", name=name)
    source, target = opened(path), aimed(tmp_path / "target.db")
    target.build(source.structure())
    assert load(source, target) == 7
    target.finish(source.structure(), frozenset())
    copy = target.copy()
    assert copy.structure().text == source.structure().text
    copy.close()
    assert singly == []
    assert held(target._places.new) == held(path)


def test_what_others_commit_meanwhile_is_not_seen(
    make: Make, opened: Open, aimed: Aim, load: Load, tmp_path: Path, singly: list[int]
) -> None:
    path = make(f"PRAGMA journal_mode = wal; {BUILD}")
    before = held(path)
    source, target = opened(path), aimed(tmp_path / "target.db")
    other = sqlite3.connect(path)
    other.execute("INSERT INTO t VALUES (8, 'eight', 8)")
    other.execute("DELETE FROM bare")
    other.commit()
    other.close()
    target.build(source.structure())
    assert load(source, target) == 7
    target.finish(source.structure(), frozenset())
    assert singly
    assert held(target._places.new) == before


def test_a_writer_that_waits_for_us_stops_nothing(
    make: Make, opened: Open, aimed: Aim, load: Load, tmp_path: Path
) -> None:
    path = make(BUILD)
    source, target = opened(path), aimed(tmp_path / "target.db")
    other = sqlite3.connect(path, timeout=0)
    other.execute("INSERT INTO t VALUES (8, 'eight', 8)")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.commit()  # from now on nobody else gets to read
    target.build(source.structure())
    assert load(source, target) == 7
    target.finish(source.structure(), frozenset())
    copy = target.copy()
    assert copy.count(copy.schema().table(TableId("", "t"))) == 3
    copy.close()
    other.rollback()
    other.close()


def test_what_a_mask_reads_comes_as_columns_and_the_rest_stays(make: Make, opened: Open) -> None:
    source = opened(make(BUILD))
    table = TableId("", "t")
    (whole,) = source.read(Layout(table, table, (), ("id", "v", "w")), WHOLE)
    (masked,) = source.read(Layout(table, table, ("v",), ("id", "w")), WHOLE)
    assert isinstance(whole.tail.body, Relay)
    assert isinstance(masked.tail.body, Unread)
    assert masked.tail.body.numbers == "[1,7,9]"
    assert "seven" not in repr(masked.tail)

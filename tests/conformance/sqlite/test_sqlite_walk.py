"""The walk's answers against plain SQL on the same file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from dbmimic.errors import ConfigError
from dbmimic.model.batch import Layout
from dbmimic.model.keys import WHOLE, KeySet, Rows
from dbmimic.model.request import IdsSeed, WhereSeed
from dbmimic.model.schema import ForeignKey, Table
from tests.conformance.sqlite.shapes import Make, Open, tail_rows

SCRIPT = """
    CREATE TABLE plain(id INTEGER PRIMARY KEY, code TEXT COLLATE NOCASE UNIQUE);
    CREATE TABLE keyed(a INT, b TEXT, PRIMARY KEY(a, b)) WITHOUT ROWID;
    CREATE TABLE untyped(k UNIQUE);
    CREATE TABLE child(
        n INTEGER PRIMARY KEY,
        plain_id TEXT REFERENCES plain,
        code TEXT REFERENCES plain(code),
        b, a,
        k INT REFERENCES untyped(k),
        up INT REFERENCES child(n),
        indexed INT REFERENCES plain(id),
        FOREIGN KEY (b, a) REFERENCES keyed(b, a)
    );
    CREATE INDEX by_indexed ON child(indexed);
    INSERT INTO plain VALUES (-9223372036854775808, 'Min'), (1, 'One'), (2, 'zwei'), (9223372036854775807, NULL);
    INSERT INTO keyed VALUES (1, 'x'), (2, 'y'), (2, 'z'), (1, CAST(x'ff' AS TEXT)), ('t', '1');
    INSERT INTO untyped VALUES (1), ('1'), (NULL), (2.0), (x'01');
    INSERT INTO child(n, plain_id, code, b, a, k, up, indexed) VALUES
        (1, '1', 'ONE', 'x', 1, 1, 1, 1),
        (2, ' 2', 'ZWEI', 'y', '2', '1', 1, 2),
        (3, '9223372036854775807', 'nothing', CAST(x'ff' AS TEXT), 1, 2, 2, -9223372036854775808),
        (4, NULL, NULL, 'x', NULL, NULL, NULL, NULL),
        (5, 'x', 'min', 1, 't', 7, 99, 77);
"""


def shown(source, table: Table, rows: Rows) -> set[tuple[object, ...]]:
    columns = tuple(column.name for column in table.loadable)
    batches = source.read(Layout(table.id, table.id, (), columns), rows)
    return {row for batch in batches for row in tail_rows(batch)}


def plainly(path: Path, edge: ForeignKey) -> set[int]:
    """The child rows that SQLite's own check finds to dangle."""
    connection = sqlite3.connect(path)
    connection.text_factory = bytes
    edges = {row[0]: row[3] for row in connection.execute("PRAGMA foreign_key_list(child)")}
    violations = connection.execute("PRAGMA foreign_key_check(child)").fetchall()
    connection.close()
    return {row[1] for row in violations if edges[row[3]].decode() in edge.child_columns}


def test_orphans_are_those_of_foreign_key_check(make: Make, opened: Open) -> None:
    path = make(SCRIPT)
    source = opened(path)
    edges = source.schema().foreign_keys
    assert len(edges) == 6
    for edge in edges:
        dangling = plainly(path, edge)
        assert source.orphans(edge, WHOLE) == len(dangling), str(edge)
        ids = source.seed(source.schema().table(edge.child), WhereSeed(edge.child, "n <= 4"))
        assert source.orphans(edge, ids) == len(dangling - {5}), str(edge)
    assert sum(len(plainly(path, edge)) for edge in edges) == 5


@pytest.mark.parametrize("gone", ["", "DELETE FROM p WHERE id IN (3, 100);", "DELETE FROM p;"])
@pytest.mark.parametrize("declared", ["INT", "TEXT", "REAL", "BLOB"])
def test_orphans_of_a_parent_with_and_without_gaps(make: Make, opened: Open, declared: str, gone: str) -> None:
    path = make(f"""
        CREATE TABLE p(id INTEGER PRIMARY KEY);
        CREATE TABLE child(n INTEGER PRIMARY KEY, ref {declared} REFERENCES p);
        WITH RECURSIVE n(i) AS (SELECT -5 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO p SELECT i FROM n;
        INSERT INTO child(ref) VALUES (-6), (-5), (0), (3), (100), (101), (3.0), (3.5), ('3'), ('3x'), ('x'), ('4.5'),
            (x'33'), (NULL), (''), (9223372036854775807), (-9223372036854775808), (1e300);
        {gone}
    """)
    source = opened(path)
    (edge,) = source.schema().foreign_keys
    assert source.orphans(edge, WHOLE) == len(plainly(path, edge))


def test_parents_and_children_are_each_others_inverse(make: Make, opened: Open) -> None:
    source = opened(make(SCRIPT))
    schema = source.schema()
    for edge in schema.foreign_keys:
        table = schema.table(edge.child)
        pairs = set()
        for number in range(1, 6):
            row = source.seed(table, WhereSeed(table.id, f"n = {number}"))
            parents = source.parents(edge, row)
            assert len(parents) <= 1
            pairs |= {(number, leaf, each) for leaf in parents.leaves for each in parents.bits(leaf)}
        everything = source.parents(edge, WHOLE)
        assert {each for _, _, each in pairs} == set(everything.bits(edge.parent))
        assert pairs
        for leaf in everything.leaves:
            for each in everything.bits(leaf):
                children = source.children(edge, KeySet.of(leaf, [each]))
                numbers = {row[0] for row in shown(source, table, children)}
                assert numbers == {number for number, _, parent in pairs if parent == each}
        assert len(source.children(edge, everything)) == len({number for number, _, _ in pairs})


def test_chunks_and_negative_rowids(make: Make, opened: Open) -> None:
    path = make("""
        CREATE TABLE parent(id INTEGER PRIMARY KEY);
        CREATE TABLE many(id INTEGER PRIMARY KEY, p INT REFERENCES parent, q INT REFERENCES parent);
        CREATE INDEX many_p ON many(p);
        CREATE TABLE wr(k INT PRIMARY KEY, p INT REFERENCES parent) WITHOUT ROWID;
        WITH RECURSIVE n(i) AS (SELECT -30000 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
        INSERT INTO parent SELECT i FROM n;
        INSERT INTO many SELECT id * 3, -id, id FROM parent;
        INSERT INTO wr SELECT id, id FROM parent;
    """)
    source = opened(path)
    schema = source.schema()
    tables = {table.id.name: table for table in schema.tables}
    edges = {edge.name: edge for edge in schema.foreign_keys}
    whole = source.seed(tables["parent"], WhereSeed(tables["parent"].id, "1"))
    odd = source.seed(tables["parent"], WhereSeed(tables["parent"].id, "id % 2 <> 0"))
    assert (len(whole), len(odd)) == (60001, 30000)
    for name in ("many(p)", "many(q)", "wr(p)"):
        children = source.children(edges[name], odd)
        assert len(children) == 30000, name
        assert source.parents(edges[name], children) == odd, name
        assert source.parents(edges[name], WHOLE) == whole, name
        assert source.orphans(edges[name], children) == 0
    ordered = [row[0] for row in _rows(source, tables["many"], source.children(edges["many(p)"], odd))]
    assert ordered == sorted(ordered)
    assert len(ordered) == 30000


def _rows(source, table: Table, rows: Rows) -> list[tuple[object, ...]]:
    layout = Layout(table.id, table.id, (), tuple(column.name for column in table.loadable))
    return [row for batch in source.read(layout, rows) for row in tail_rows(batch)]


def test_tables_with_columns_called_rowid(make: Make, opened: Open) -> None:
    path = make("""
        CREATE TABLE t(rowid TEXT, _ROWID_ TEXT, v INT);
        INSERT INTO t VALUES ('a', 'b', 1), ('a', 'b', 1), ('c', 'd', 2);
    """)
    source = opened(path)
    (table,) = source.schema().tables
    assert len(source.seed(table, WhereSeed(table.id, "v = 1"))) == 2
    assert _rows(source, table, WHOLE) == [("a", "b", 1), ("a", "b", 1), ("c", "d", 2)]


@pytest.mark.parametrize(
    "condition",
    ["n = 1", "n IN (SELECT up FROM child WHERE n = 2)", '"n" = 1 AND "ROWID" = 1', "child.n = 1"],
)  # fmt: skip
def test_conditions(make: Make, opened: Open, condition: str) -> None:
    source = opened(make(SCRIPT))
    table = next(table for table in source.schema().tables if table.id.name == "child")
    assert [row[0] for row in _rows(source, table, source.seed(table, WhereSeed(table.id, condition)))] == [1]


@pytest.mark.parametrize(
    "condition",
    ["", "n = 1 -- the first", "n = 1; DELETE FROM child", "1) OR (1", "SELECT 1", "n AS m", "n = ", "nothing = 1", '"nothing" = 1', "n = ?",
     "n = :x", "count(*) > 1", "load_extension('x')", "n = 1 /*", "n = 'canary-7f3a", "json_extract('canary-7f3a', '$')"],
)  # fmt: skip
def test_bad_conditions(make: Make, opened: Open, condition: str) -> None:
    source = opened(make(SCRIPT))
    table = next(table for table in source.schema().tables if table.id.name == "child")
    with pytest.raises(ConfigError) as caught:
        source.seed(table, WhereSeed(table.id, condition))
    assert (caught.value.code, caught.value.place) == ("DM212", "child")
    assert caught.value.__cause__ is None
    assert "canary" not in str(caught.value)


def test_ids(make: Make, opened: Open) -> None:
    source = opened(make(SCRIPT))
    tables = {table.id.name: table for table in source.schema().tables}
    child, keyed = tables["child"], tables["keyed"]
    assert len(source.seed(child, IdsSeed(child.id, ((1,), ("2",), (77,))))) == 2
    assert len(source.seed(keyed, IdsSeed(keyed.id, ((2, "y"), ("1", "x"))))) == 2
    for table, ids in ((child, ("canary",)), (child, (1, 2)), (child, (2**63,)), (tables["untyped"], (1,))):
        with pytest.raises(ConfigError) as caught:
            source.seed(table, IdsSeed(table.id, (ids,)))
        assert caught.value.code == "DM212"
        assert "canary" not in str(caught.value)


def test_keyed_columns(make: Make, opened: Open) -> None:
    source = opened(make(SCRIPT))
    tables = {table.id.name: table for table in source.schema().tables}
    for name in ("plain", "keyed"):
        table = tables[name]
        columns = tuple(column.name for column in table.columns)
        streamed = [
            (each, *(array[place].as_py() for array in rows.columns))
            for rows in source.keyed(table, columns)
            for place, each in enumerate(rows.ids.tolist())
        ]
        assert [each for each, *_ in streamed] == sorted(each for each, *_ in streamed)
        assert len(streamed) == source.count(table)
        expected = {"plain": ("1", "One"), "keyed": ("1", "x'ff'")}[name]
        assert expected in {tuple(values) for _, *values in streamed}


def test_chinook_invoice_1_needs_14_rows(chinook: Path, opened: Open) -> None:
    source = opened(chinook)
    schema = source.schema()
    lines = next(table for table in schema.tables if table.id.name == "InvoiceLine")
    chosen = {lines.id: source.seed(lines, WhereSeed(lines.id, "InvoiceId = 1"))}
    todo = [(lines.id, chosen[lines.id])]
    while todo:
        child, rows = todo.pop()
        for edge in schema.foreign_keys:
            if edge.child == child:
                new = source.parents(edge, rows) - chosen.get(edge.parent, KeySet())
                chosen[edge.parent] = chosen.get(edge.parent, KeySet()) | new
                todo += [(edge.parent, new)] if new else []
    assert {table.name: len(rows) for table, rows in chosen.items() if rows} == {
        "InvoiceLine": 2, "Invoice": 1, "Customer": 1, "Employee": 3, "Track": 2, "Album": 2, "Artist": 1, "Genre": 1,
        "MediaType": 1,
    }  # fmt: skip

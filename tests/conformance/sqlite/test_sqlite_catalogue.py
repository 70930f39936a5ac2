"""What the catalogue of a file tells, checked against files made by hand."""

from __future__ import annotations

import pytest

from dbmimic.engines.sqlite.connection import name as quoted
from dbmimic.engines.sqlite.declared import Affinity, affinity, logical
from dbmimic.model.keys import WHOLE
from dbmimic.model.names import TableId
from dbmimic.model.request import WhereSeed
from dbmimic.model.schema import Generated, Identity, Key, TableKind
from dbmimic.model.types import Kind, LogicalType
from tests.conformance.sqlite.shapes import Copy, Make, Open


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("INTEGER", LogicalType(Kind.INTEGER, bits=63)),
        ("tinyint(1)", LogicalType(Kind.INTEGER, bits=63)),
        ("UNSIGNED BIG INT", LogicalType(Kind.INTEGER, bits=63)),
        ("VARCHAR(50)", LogicalType(Kind.TEXT, length=50)),
        ("NVARCHAR( 60 )", LogicalType(Kind.TEXT, length=60)),
        ("CHAR(3)", LogicalType(Kind.TEXT, length=3, padded=False)),
        ("double precision", LogicalType(Kind.FLOAT)),
        ("NUMERIC(10,2)", LogicalType(Kind.DECIMAL, precision=10, scale=2)),
        ("DATE", LogicalType(Kind.DATE)),
        ("DATETIME", LogicalType(Kind.TIMESTAMP)),
        ("timestamp", LogicalType(Kind.TIMESTAMP)),
        ("TIMESTAMP WITH TIME ZONE", LogicalType(Kind.TIMESTAMPTZ)),
        ("TIMESTAMP(6) WITH TIME ZONE", LogicalType(Kind.TIMESTAMPTZ)),
        ("BOOLEAN", LogicalType(Kind.BOOLEAN)),
        ("BLOB", LogicalType(Kind.BINARY)),
        ("JSON", LogicalType(Kind.JSON)),
        ("UUID", LogicalType(Kind.UUID)),
        ("STRING", LogicalType(Kind.TEXT)),
        ("", LogicalType(Kind.TEXT)),
        ("geography", LogicalType(Kind.OTHER)),
    ],
)
def test_declared_types(declared: str, expected: LogicalType) -> None:
    assert logical(declared) == expected


@pytest.mark.parametrize(
    ("declared", "strict", "expected"),
    [
        ("CHARINT", False, Affinity.NUMERIC),
        ("FLOATING POINT", False, Affinity.NUMERIC),
        ("STRING", False, Affinity.NUMERIC),
        ("nclob", False, Affinity.TEXT),
        ("", False, Affinity.NONE),
        ("BLOB", False, Affinity.NONE),
        ("ANY", False, Affinity.NUMERIC),
        ("ANY", True, Affinity.NONE),
    ],
)
def test_affinities(declared: str, *, strict: bool, expected: Affinity) -> None:
    assert affinity(declared, strict=strict) is expected


def test_columns_keys_and_kinds(make: Make, opened: Open) -> None:
    path = make("""
        CREATE TABLE auto(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL DEFAULT 'x', UNIQUE(name, id));
        CREATE TABLE plain(id INTEGER PRIMARY KEY /* AUTOINCREMENT */, note TEXT DEFAULT 'AUTOINCREMENT');
        CREATE TABLE descending(id INTEGER PRIMARY KEY DESC);
        CREATE TABLE texts(code TEXT PRIMARY KEY, b);
        CREATE TABLE pair(b INT, a INT, PRIMARY KEY(a, b)) WITHOUT ROWID;
        CREATE TABLE strictly(i INT, t ANY) STRICT;
        CREATE TABLE made(a INT, doubled INT AS (a * 2), kept TEXT AS (a || 'x') STORED);
        CREATE UNIQUE INDEX some ON texts(b) WHERE b > 0;
        CREATE UNIQUE INDEX lowered ON texts(lower(code));
        CREATE VIEW seen AS SELECT * FROM plain;
        CREATE VIRTUAL TABLE words USING fts5(body);
        INSERT INTO words VALUES ('x');
        CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1);
        INSERT INTO auto DEFAULT VALUES;
        ANALYZE;
    """)
    schema = opened(path).schema()
    tables = {table.id.name: table for table in schema.tables}
    assert list(tables) == sorted(
        ["auto", "plain", "descending", "texts", "pair", "strictly", "made", "words", "boxes"]
    )
    assert [table.id for table in schema.tables] == sorted(table.id for table in schema.tables)

    identifier, name = tables["auto"].columns
    assert (identifier.identity, identifier.nullable, identifier.logical.bits) == (Identity.BY_DEFAULT, False, 63)
    assert (name.default, name.nullable) == ("'x'", False)
    assert {key.columns for key in tables["auto"].keys} == {("id",), ("name", "id")}
    assert tables["auto"].estimated_rows == 1

    assert tables["plain"].columns[0].identity is Identity.NO
    assert tables["descending"].columns[0].nullable  # not the rowid: SQLite lets it be NULL
    assert tables["texts"].columns[0].nullable
    assert tables["texts"].keys == (Key("PRIMARY KEY", ("code",), primary=True),)
    assert tables["pair"].primary_key == Key("PRIMARY KEY", ("a", "b"), primary=True)
    assert not any(column.nullable for column in tables["pair"].columns)
    assert [column.generated for column in tables["made"].columns] == [
        Generated.NO,
        Generated.VIRTUAL,
        Generated.STORED,
    ]
    assert [column.name for column in tables["made"].loadable] == ["a"]
    assert tables["words"].kind is TableKind.VIRTUAL
    assert tables["boxes"].kind is TableKind.VIRTUAL
    assert [(finding.code, finding.place) for finding in schema.findings] == [("DM405", "boxes"), ("DM405", "words")]


def test_foreign_keys_are_told_in_the_catalogues_spelling(make: Make, opened: Open) -> None:
    path = make("""
        CREATE TABLE Parent(Id INTEGER PRIMARY KEY, Code TEXT UNIQUE, loose INT);
        CREATE TABLE pair(b INT, a INT, PRIMARY KEY(a, b));
        CREATE TABLE child(
            i INT REFERENCES parent,
            j INT NOT NULL REFERENCES PARENT(ID),
            c TEXT REFERENCES "parent"(CODE),
            x INT, y INT,
            gone INT REFERENCES nowhere(id),
            misfit INT REFERENCES pair,
            unknown INT REFERENCES parent(nix),
            l INT REFERENCES parent(loose),
            v INT REFERENCES seen(id),
            FOREIGN KEY (x, y) REFERENCES pair,
            FOREIGN KEY (y, x) REFERENCES pair(b, a),
            FOREIGN KEY (x, y) REFERENCES pair(b, a)
        );
        CREATE VIEW seen AS SELECT * FROM parent;
    """)
    schema = opened(path).schema()
    child, parent, pair = (TableId("", name) for name in ("child", "Parent", "pair"))
    assert all(edge.child == child for edge in schema.foreign_keys)
    assert {edge.name: (edge.child_columns, edge.parent, edge.parent_columns, edge.nullable) for edge in schema.foreign_keys} == {
        "child(i)": (("i",), parent, ("Id",), True),
        "child(j)": (("j",), parent, ("Id",), False),
        "child(c)": (("c",), parent, ("Code",), True),
        "child(l)": (("l",), parent, ("loose",), True),
        "child(x, y)": (("x", "y"), pair, ("a", "b"), True),
        "child(y, x)": (("y", "x"), pair, ("b", "a"), True),
        "child(x, y) #2": (("x", "y"), pair, ("b", "a"), True),
    }  # fmt: skip
    assert sorted(finding.place for finding in schema.findings) == [
        "child(gone)", "child(l)", "child(misfit)", "child(unknown)", "child(v)",
    ]  # fmt: skip


HOSTILE = ["S'\"chema", "select", "with space", "semi;colon--", "Ünïcode 🐘", "a.b", "%_like", "x" * 200, "new\nline"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(make: Make, opened: Open, copied: Copy, name: str) -> None:
    shown = quoted(name)
    path = make(f"""
        CREATE TABLE {shown}({shown} INTEGER PRIMARY KEY, "up" INT REFERENCES {shown});
        INSERT INTO {shown} VALUES (1, NULL), (2, 1);
        CREATE INDEX {quoted("i" + name)} ON {shown}({shown});
    """)
    source = opened(path)
    schema = source.schema()
    (table,), (edge,) = schema.tables, schema.foreign_keys
    assert (table.id.name, edge.parent_columns) == (name, (name,))
    seed = source.seed(table, WhereSeed(table.id, "up IS NOT NULL"))
    assert len(seed) == len(source.parents(edge, seed)) == 1
    assert source.children(edge, source.parents(edge, seed)) == seed
    assert source.orphans(edge, WHOLE) == 0
    assert opened(copied(path)).structure().text == source.structure().text

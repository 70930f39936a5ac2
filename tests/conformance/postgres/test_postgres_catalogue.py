"""What the catalogue tells of hostile names, keys, partitions, inheritance and types."""

from __future__ import annotations

import pytest

from dbmimic.model.keys import WHOLE
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.schema import Generated, Identity, Match, TableKind
from dbmimic.model.types import Kind, LogicalType
from tests.conformance.postgres.shapes import PARTITIONS, edge

pytestmark = pytest.mark.postgres

LONG = "x" * 63
NAMES = [
    "S'\"chema",
    "with space",
    "MixedCase",
    "select",
    "a.b",
    "100%s",
    "{}",
    "é" * 31,
    LONG,
    "new\nline",
    "😀",
    "\\",
]


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def test_hostile_names_are_told_and_read_as_they_are(bench):
    statements = []
    for name in NAMES:
        q = quoted(name)
        statements += [
            f"CREATE SCHEMA {q}",
            f"CREATE TABLE {q}.{q} ({q} int PRIMARY KEY, {quoted('p' + name[:30])} int REFERENCES {q}.{q} ({q}))",
            f"INSERT INTO {q}.{q} VALUES (1, NULL), (2, 1)",
        ]
    source = bench.source(bench.database(";".join(statements)))
    schema = source.schema()
    assert {table.id for table in schema.tables} == {TableId(name, name) for name in NAMES}
    assert len(schema.foreign_keys) == len(NAMES)
    for one in schema.foreign_keys:
        table = schema.table(one.child)
        rows = [ids for keyed in source.keyed(table, (table.columns[0].name,)) for ids in keyed.columns[0].to_pylist()]
        assert rows == ["1", "2"]
        assert len(source.parents(one, WHOLE)) == 1
        assert source.orphans(one, WHOLE) == 0


def test_foreign_keys_of_every_kind(bench):
    source = bench.source(
        bench.database("""
        CREATE TABLE p (a int, b int, c text, u text UNIQUE, PRIMARY KEY (b, a), UNIQUE NULLS DISTINCT (c, a));
        CREATE TABLE compound (x int NOT NULL, y int NOT NULL, FOREIGN KEY (x, y) REFERENCES p (a, b));
        CREATE TABLE turned (x int, y int, FOREIGN KEY (y, x) REFERENCES p (b, a) MATCH FULL DEFERRABLE);
        CREATE TABLE to_unique (v text REFERENCES p (u));
        CREATE TABLE self (id int PRIMARY KEY, boss int REFERENCES self);
        CREATE TABLE unchecked (u text);
        INSERT INTO unchecked VALUES ('nowhere');
        ALTER TABLE unchecked ADD CONSTRAINT later FOREIGN KEY (u) REFERENCES p (u) NOT VALID;
        """)
    )
    schema = source.schema()
    compound = edge(schema, "compound", "x", "y")
    assert compound.parent_columns == ("a", "b")
    assert (compound.nullable, compound.match, compound.deferrable) == (False, Match.SIMPLE, False)
    turned = edge(schema, "turned", "y", "x")
    assert turned.parent_columns == ("b", "a")
    assert (turned.nullable, turned.match, turned.deferrable) == (True, Match.FULL, True)
    assert edge(schema, "to_unique", "v").parent_columns == ("u",)
    assert edge(schema, "self", "boss").parent == TableId("public", "self")
    later = edge(schema, "unchecked", "u")
    assert (later.name, later.validated) == ("later", False)
    keys = {key.columns: key.primary for key in schema.table(TableId("public", "p")).keys}
    assert keys == {("b", "a"): True, ("c", "a"): False, ("u",): False}


def test_not_enforced_counts_as_not_validated(bench):
    if bench.server.version == "15":
        pytest.skip("NOT ENFORCED came with PostgreSQL 18")
    source = bench.source(
        bench.database("""
        CREATE TABLE p (id int PRIMARY KEY);
        CREATE TABLE c (p int REFERENCES p NOT ENFORCED, v int GENERATED ALWAYS AS (p * 2) VIRTUAL);
        """)
    )
    schema = source.schema()
    assert edge(schema, "c", "p").validated is False
    assert schema.table(TableId("public", "c")).column("v").generated is Generated.VIRTUAL


def test_a_partitioned_table_is_one_table(bench):
    schema = bench.source(bench.database(PARTITIONS)).schema()
    r = schema.table(TableId("public", "r"))
    assert r.kind is TableKind.PARTITIONED
    assert [leaf.name for leaf in r.leaves] == ["r_a", "r_b_2020", "r_b_rest", "r_other"]
    assert r.partition_columns == ("k", "d")
    assert {table.id.name for table in schema.tables} == {"p", "q", "r", "parts", "c"}


def test_keys_on_partitions_are_one_edge(bench):
    schema = bench.source(bench.database(PARTITIONS)).schema()
    assert edge(schema, "r", "p").child_leaves is None
    on_some = edge(schema, "r", "q")
    assert [leaf.name for leaf in on_some.child_leaves] == ["r_a", "r_b_2020", "r_b_rest"]
    assert edge(schema, "c", "root").parent_leaf is None
    to_leaf = edge(schema, "c", "leaf")
    assert (to_leaf.parent.name, to_leaf.parent_leaf.name) == ("parts", "parts_1")
    assert len(schema.foreign_keys) == 4


def test_the_key_of_pagila_that_no_partitioned_table_declares(bench, real_data):
    name = bench.database()
    bench.server.load_sql_file(real_data("pagila/pagila.sql"), name)
    schema = bench.source(name).schema()
    rental = edge(schema, "payment", "rental_id")
    assert [leaf.name for leaf in rental.child_leaves] == [f"payment_p2022_0{month}" for month in range(1, 7)]
    assert len(schema.table(rental.child).leaves) == 7
    assert len(schema.tables) == 15


def test_inheritance_foreign_tables_and_what_is_left_out(bench):
    source = bench.source(
        bench.database("""
        CREATE TABLE base (id int PRIMARY KEY, t text);
        CREATE TABLE derived (extra int) INHERITS (base);
        INSERT INTO base VALUES (1, 'b');
        INSERT INTO derived VALUES (2, 'd', 3);
        CREATE TABLE child (b int REFERENCES base);
        CREATE VIEW v AS SELECT 1;
        CREATE MATERIALIZED VIEW m AS SELECT 1;
        CREATE TEMP TABLE here (a int);
        CREATE EXTENSION postgres_fdw;
        CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw;
        CREATE FOREIGN TABLE far (a int) SERVER other;
        CREATE TABLE split (a int) PARTITION BY LIST (a);
        CREATE TABLE near PARTITION OF split FOR VALUES IN (1);
        CREATE FOREIGN TABLE split_far PARTITION OF split FOR VALUES IN (2) SERVER other;
        INSERT INTO near VALUES (1);
        """)
    )
    schema = source.schema()
    assert {table.id.name: table.kind for table in schema.tables} == {
        "base": TableKind.PLAIN,
        "derived": TableKind.PLAIN,
        "child": TableKind.PLAIN,
        "far": TableKind.FOREIGN,
        "split": TableKind.PARTITIONED,
    }
    assert source.count(schema.table(TableId("public", "base"))) == 1
    split = schema.table(TableId("public", "split"))
    assert [leaf.name for leaf in split.leaves] == ["near"]
    assert source.count(split) == 1
    assert [(one.code, one.place) for one in schema.findings] == [("DM405", "public.split_far")]


def test_types_are_followed_to_their_base(bench):
    source = bench.source(
        bench.database("""
        CREATE DOMAIN short AS varchar(20);
        CREATE DOMAIN shorter AS short NOT NULL;
        CREATE TYPE mood AS ENUM ('sad', 'it''s', 'happy');
        CREATE DOMAIN moody AS mood;
        CREATE TABLE t (
            a int PRIMARY KEY, b smallint, c bigint, d varchar(10), e char(3), f text, g numeric(10, 2), h numeric,
            i shorter, j moody, k int[], l bytea, m timestamptz, n uuid, o jsonb, p bit(5), q inet, r point,
            s boolean, u interval, v date, w oid, x double precision, y int4range, z "char", za name,
            gone int, zb numeric(3, -2), zc short[]
        );
        ALTER TABLE t DROP COLUMN gone;
        """)
    )
    table = source.schema().tables[0]
    told = {column.name: column.logical for column in table.columns}
    assert told["a"] == LogicalType(Kind.INTEGER, bits=31)
    assert (told["b"].bits, told["c"].bits) == (15, 63)
    assert told["d"] == LogicalType(Kind.TEXT, length=10)
    assert told["e"] == LogicalType(Kind.TEXT, length=3, padded=True)
    assert told["f"] == LogicalType(Kind.TEXT)
    assert told["g"] == LogicalType(Kind.DECIMAL, precision=10, scale=2)
    assert told["h"] == LogicalType(Kind.DECIMAL)
    assert told["zb"] == LogicalType(Kind.DECIMAL, precision=3, scale=-2)
    assert told["i"] == LogicalType(Kind.TEXT, length=20)
    assert told["j"] == LogicalType(Kind.ENUM, members=("sad", "it's", "happy"))
    kinds = {name: told[name].kind.value for name in "klmnopqrsuvwxyz"}
    assert kinds == {
        "k": "array", "l": "binary", "m": "timestamptz", "n": "uuid", "o": "json", "p": "bit", "q": "network",
        "r": "geometry", "s": "boolean", "u": "interval", "v": "date", "w": "integer", "x": "float", "y": "other",
        "z": "text",
    }  # fmt: skip
    assert told["zc"].kind is Kind.ARRAY
    assert "gone" not in told
    assert table.column("i").type == "public.shorter"
    assert table.column("g").type == "numeric(10,2)"
    assert {column.name for column in table.columns if not column.nullable} == {"a", "i"}


def test_generated_identity_defaults_sequences(bench):
    source = bench.source(
        bench.database("""
        CREATE SEQUENCE free START 7;
        CREATE TABLE t (
            always int GENERATED ALWAYS AS IDENTITY, by_default bigint GENERATED BY DEFAULT AS IDENTITY,
            old serial, twice int GENERATED ALWAYS AS (old * 2) STORED, d text DEFAULT 'x'
        );
        CREATE UNIQUE INDEX partial ON t (old) WHERE d = 'x';
        CREATE UNIQUE INDEX expression ON t (lower(d));
        CREATE UNIQUE INDEX covering ON t (old) INCLUDE (d);
        """)
    )
    schema = source.schema()
    table = schema.tables[0]
    assert table.column("always").identity is Identity.ALWAYS
    assert table.column("by_default").identity is Identity.BY_DEFAULT
    assert table.column("twice").generated is Generated.STORED
    assert table.column("d").default == "'x'::text"
    assert [column.name for column in table.loadable] == ["always", "by_default", "old", "d"]
    assert [(key.name, key.columns) for key in table.keys] == [("covering", ("old",))]
    owners = {sequence.id.name: sequence.owner for sequence in schema.sequences}
    assert owners == {
        "free": None,
        "t_always_seq": ColumnId(table.id, "always"),
        "t_by_default_seq": ColumnId(table.id, "by_default"),
        "t_old_seq": ColumnId(table.id, "old"),
    }


def test_large_objects_are_told(bench):
    name = bench.database("SELECT lo_create(0)")
    assert [finding.place for finding in bench.source(name).schema().findings] == ["pg_largeobject"]
    bench.server.execute(
        "CREATE DOMAIN lo AS oid; CREATE TABLE papers (id int, file lo, of regclass, scan oid)", database=name
    )
    findings = bench.source(name).schema().findings
    assert [(finding.code, finding.place) for finding in findings] == [
        ("DM405", "public.papers.file"),
        ("DM405", "public.papers.scan"),
    ]

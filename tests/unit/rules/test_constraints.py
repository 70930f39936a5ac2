"""What checks and indexes ask of a column, as each engine writes them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dbmimic.engines.sqlite.constraints import checks, computed, distinct
from dbmimic.model.schema import Check, Column, Distinct, Generated
from dbmimic.rules.context import held, in_index, in_key, words
from tests.unit.schemas import INT, TEXT, table, varchar

PLAIN = table("t", {"id": INT, "a": varchar(200), "b": TEXT}, ("id",))


@pytest.mark.parametrize(
    ("dialect", "expression", "length", "members"),
    [
        ("postgres", "(length((a)::text) <= 20)", 20, ()),
        ("postgres", "((a IS NULL) OR (char_length(a) < 4))", 3, ()),
        ("postgres", "((length(a) > 2) AND (9 >= octet_length(a)))", 9, ()),
        (
            "postgres",
            "((a)::text = ANY ((ARRAY['x'::character varying, 'it''s'::character varying])::text[]))",
            200,
            ("x", "it's"),
        ),
        ("postgres", "((length(a) < 4) OR (b IS NOT NULL))", 200, ()),
        ("postgres", "(length(b) < 4)", 200, ()),
        ("postgres", "(length(a) > 4)", 200, ()),
        ("mysql", "char_length(`a`) between 3 and 5 and `a` in ('abc','abcde')", 5, ("abc", "abcde")),
        ("sqlite", "length(a) = 3 COLLATE", 200, ()),
        ("sqlite", "length(a) = 3", 3, ()),
    ],
)
def test_a_check_narrows_the_column_that_it_names_alone(dialect, expression, length, members):
    check = Check("c", expression, ("a",), dialect)
    found = replace(PLAIN, checks=(check,))
    column = found.column("a")
    assert column is not None
    assert held(found, column).logical.length == length
    assert words(found, column)[0] == members


def test_a_domains_check_is_about_the_column():
    found = replace(PLAIN, checks=(Check("c", "(length(VALUE) < 5)", ("b",), "postgres", of_type=True),))
    column = found.column("b")
    assert column is not None
    assert held(found, column).logical.length == 4


@pytest.mark.parametrize(
    ("element", "key", "index"),
    [
        ("a", True, ()),
        ("lower((a)::text)", True, ()),
        ("COALESCE(a, ''::text)", True, ()),
        ("md5(a)", False, ("i",)),
        ("lower(b)", False, ()),
        ("LEFT(`a`, 5)", False, ("i",)),
    ],
)
def test_an_index_that_is_no_key_tells_rows_apart(element, key, index):
    found = replace(PLAIN, distinct=(Distinct("i", (element,), "mysql" if "`" in element else "postgres"),))
    column = found.column("a")
    assert column is not None
    assert (in_key(found, column), in_index(found, column)) == (key, index)


def test_a_key_of_a_computed_column_tells_rows_apart_by_what_it_is_computed_of():
    made = Column("low", "text", TEXT, generated=Generated.STORED, default="lower((a)::text)")
    found = table("t", {"id": INT, "a": TEXT, "low": TEXT}, ("id",), ("low",))
    found = replace(found, columns=(*found.columns[:2], made))
    column = found.column("a")
    assert column is not None
    assert in_key(found, column)


def test_sqlite_tells_its_conditions_in_the_statement_alone():
    found = checks(
        """CREATE TABLE "t" (id integer, "Na me" text CHECK ( length("na me") < 5 AND x <> 'CHECK (' ), x text,
        CONSTRAINT foo CHECK ((x IN ('a', 'b(')) OR id > 3), /* CHECK (no) */ CHECK (id > 0)) -- CHECK (no)""",
        ["id", "Na me", "x"],
    )
    assert [(each.name, each.columns) for each in found] == [
        ("CHECK 1", ("Na me", "x")),
        ("foo", ("id", "x")),
        ("CHECK 3", ("id",)),
    ]
    assert found[1].expression == "(x IN ('a', 'b(')) OR id > 3"
    made = computed(
        """CREATE TABLE t (a text DEFAULT (1), "low, A" text GENERATED ALWAYS AS ( lower("a") ) STORED UNIQUE,
        b int CHECK (CAST(b AS int) > 0), c AS (a || ',' || b), CHECK (CAST (a AS text) <> 'x AS (y)'))""",
        ["a", "low, A", "b", "c"],
    )
    assert made == {"low, A": 'lower("a")', "c": "a || ',' || b"}
    index = distinct("i", "CREATE UNIQUE INDEX i ON t(lower(email), a DESC, coalesce(b, 'x,y')) WHERE x > (1)")
    assert index.elements == ("lower(email)", "a", "coalesce(b, 'x,y')")

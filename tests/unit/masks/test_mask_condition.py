"""A condition of SQL, asked of whole arrays: which rows a rule does not mask."""

from __future__ import annotations

import sqlite3

import pyarrow as pa
import pytest

from dbmimic.masks.condition import ConditionError
from dbmimic.masks.sql_condition import condition
from dbmimic.model.types import Kind, LogicalType

COLUMNS = {
    "role": LogicalType(Kind.TEXT),
    "age": LogicalType(Kind.INTEGER, bits=31),
    "Paid": LogicalType(Kind.DECIMAL, precision=8, scale=2),
    "active": LogicalType(Kind.BOOLEAN),
    "born": LogicalType(Kind.DATE),
}
ROWS = [
    ("admin", "9", "10.50", "1", "1999-12-31"),
    ("user", "10", "9.50", "0", "2000-01-01"),
    ("User", "-3", None, "1", None),
    (None, None, "10.5", None, "2000-01-02"),
    ("it's", "100", "0.00", "0", "0999-01-01"),
]
ROW = {name: pa.array(values, pa.string()) for name, values in zip(COLUMNS, zip(*ROWS, strict=True), strict=True)}


@pytest.mark.parametrize(
    "text",
    [
        "role = 'admin'", "role <> 'admin'", "'admin' != role", "role IN ('admin', 'it''s')", "NOT role = 'admin'",
        "role NOT IN ('admin')", "age > 9", "9 < age", "10 >= age", "age BETWEEN -3 AND 10", "age = -3",
        "paid = 10.5", "PAID <= 9.50", "active", "NOT active", "active = TRUE", "active IS NOT TRUE",
        "role IS NULL", "role IS NOT NULL AND age > 0", "role = 'user' OR age IS NULL", "(age > 0 AND age < 50) OR active",
        "born >= '2000-01-01'", "role LIKE '%s%'", "age > 0 AND role = 'admin' OR NOT (paid > 1 OR active)",
    ],
)  # fmt: skip
def test_it_is_false_where_a_database_says_so(text):
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA case_sensitive_like = 1")
    database.execute("CREATE TABLE t (role text, age integer, paid numeric, active integer, born text)")
    database.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", ROWS)
    told = [answer == 0 for (answer,) in database.execute(f"SELECT {text} FROM t ORDER BY rowid")]
    database.close()
    assert condition(text, COLUMNS).refused(ROW).to_pylist() == told


def test_it_tells_which_columns_it_reads():
    assert condition("paid > 1 AND (role = 'a' OR ROLE = 'b')", COLUMNS).columns == ("Paid", "role")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("role =", "no condition"), ("rule = 'a'", "no column rule"), ("other.role = 'a'", "no column other.role"),
        ("age = 'old'", "no number"), ("age = paid", "plain value"), ("lower(role) = 'a'", "a column of the row"),
        ("EXISTS (SELECT 1)", "more than can be asked"), ("age", "no yes or no"), ("age IN (SELECT 1)", "more than"),
        ("1 = 1", "a column of the row"), ("role IS 'a'", "IS takes"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_told(text, said):
    with pytest.raises(ConditionError, match=said):
        condition(text, COLUMNS)


KINDS = {
    "whole": LogicalType(Kind.INTEGER, bits=63),
    "share": LogicalType(Kind.FLOAT),
    "at": LogicalType(Kind.TIMESTAMP),
    "day": LogicalType(Kind.DATE),
    "hour": LogicalType(Kind.TIME),
    "code": LogicalType(Kind.TEXT, length=5, padded=True),
}


@pytest.mark.parametrize(
    ("text", "values", "kept"),
    [
        ("whole > 1.5", ["1", "2"], [True, False]),
        ("whole = 99999999999999999999999", ["1"], [True]),
        ("share > 5", ["Infinity", "-Infinity", "1e3"], [False, True, False]),
        ("at <= '2024-01-01'", ["2024-01-01 00:00:00", "2024-01-01 00:00:01", "infinity"], [False, True, True]),
        ("at = '2024-01-01 10:20'", ["2024-01-01T10:20:00.000", "2024-01-01"], [False, True]),
        ("hour < '10:20'", ["10:20:00", "09:00:00"], [True, False]),
        ("code LIKE 'ab'", ["ab   ", "abc  "], [False, True]),
    ],
)
def test_a_column_is_compared_by_its_type(text, values, kept):
    column = text.split()[0]
    assert condition(text, KINDS).refused({column: pa.array(values)}).to_pylist() == kept


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        ("whole < 5", ["nine", "", "9.5"]),
        ("share < 5", ["NaN", "nine"]),
        ("day > '1900-01-01'", ["0044-03-15 BC", "12024-01-01", "today"]),
        ("hour > '10:00:00'", ["838:59:59"]),
    ],
)
def test_what_is_none_of_the_type_keeps_no_row(text, odd):
    column = text.split()[0]
    assert not any(condition(text, KINDS).refused({column: pa.array(odd)}).to_pylist())


@pytest.mark.parametrize("text", ["whole = 'NaN'", "at < 'tomorrow'", "at < '2024-1-1'", "day < '2024-01-01 10:00:00'"])
def test_what_is_none_of_the_type_cannot_be_asked_for(text):
    with pytest.raises(ConditionError, match="what is no"):
        condition(text, KINDS)

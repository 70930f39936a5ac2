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

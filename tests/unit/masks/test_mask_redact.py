from __future__ import annotations

import datetime as dt

import pytest

from dbmimic.model.types import Kind, LogicalType


def test_null(apply, refusal):
    assert apply("null", ["a", "", None]) == [None, None, None]
    assert "may not" in refusal("null", nullable=False)
    assert refusal("null", unique=True) is None


def test_constant(apply):
    assert apply("constant", ["a", "", None], value="x") == ["x", "", None]
    assert apply("constant", ["a", "", None], value="x", nulls=True) == ["x", "x", "x"]
    assert apply("constant", ["1"], LogicalType(Kind.INTEGER, bits=7), value=5) == ["5"]
    assert apply("constant", ["1"], LogicalType(Kind.BOOLEAN), value=False) == ["0"]
    assert apply("constant", ["1"], value=False) == ["false"]
    assert apply("constant", ["1"], LogicalType(Kind.DATE), value=dt.date(2020, 1, 2)) == ["2020-01-02"]
    noon = dt.datetime.fromisoformat("2020-01-02 12:00:00")
    assert apply("constant", ["1"], LogicalType(Kind.TIMESTAMP), value=noon) == ["2020-01-02 12:00:00"]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        (LogicalType(Kind.TEXT, length=3), "four", "4 characters"),
        (LogicalType(Kind.INTEGER, bits=7), 128, "range"),
        (LogicalType(Kind.INTEGER, bits=8, signed=False), -1, "range"),
        (LogicalType(Kind.INTEGER, bits=31), 1.5, "whole number"),
        (LogicalType(Kind.DECIMAL), "x", "not a number"),
        (LogicalType(Kind.DECIMAL, precision=4, scale=2), 100, "range"),
        (LogicalType(Kind.DECIMAL, signed=False), -1, "below 0"),
        (LogicalType(Kind.ENUM, members=("a", "b")), "c", "not one of"),
        (LogicalType(Kind.ENUM, members=("a", "b")), "a,b", "not one of"),
        (LogicalType(Kind.ENUM, members=("a", "b"), several=True), "a,c", "not one of"),
        (LogicalType(Kind.TEXT, charset="utf8mb3"), "\U0001f600", "utf8mb3 lacks"),
        (LogicalType(Kind.DATE), "soon", "no date"),
        (LogicalType(Kind.TIMESTAMP), "2024-02-30 10:00", "no timestamp"),
        (LogicalType(Kind.TIME), "noon", "no time"),
        (LogicalType(Kind.NETWORK), "localhost", "no address"),
        (LogicalType(Kind.ARRAY), "a, b", "no array"),
        (LogicalType(Kind.UUID), "none", "no UUID"),
        (LogicalType(Kind.DECIMAL), "1_000", "not a number"),
        (LogicalType(Kind.FLOAT), "\u0661", "not a number"),
        (LogicalType(Kind.JSON), "{", "no JSON"),
        (LogicalType(Kind.JSON), '{"a": NaN}', "no JSON"),
        (LogicalType(Kind.BOOLEAN), "maybe", "neither"),
        (LogicalType(Kind.JSON), {"a": 1}, "as text"),
    ],
)
def test_a_constant_must_fit(refusal, column, value, reason):
    assert reason in refusal("constant", column, value=value)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (LogicalType(Kind.ENUM, members=("a", "b"), several=True), "a,b"),
        (LogicalType(Kind.NETWORK), "10.1/16"),
        (LogicalType(Kind.NETWORK), "08:00:2b:01:02:03"),
        (LogicalType(Kind.ARRAY), "{a,b}"),
        (LogicalType(Kind.TIME), "10:00"),
        (LogicalType(Kind.DATE), "infinity"),
        (LogicalType(Kind.DATE), "0000-00-00"),
        (LogicalType(Kind.DATE), "5 May 2024"),
        (LogicalType(Kind.TIMESTAMP), "2024-02-29 10:00"),
        (LogicalType(Kind.DECIMAL, precision=4, scale=2), "NaN"),
        (LogicalType(Kind.DECIMAL, precision=4, scale=2), 99.99),
        (LogicalType(Kind.INTEGER, bits=11, signed=False, years=True), 0),
    ],
)
def test_a_constant_that_fits(refusal, column, value):
    assert refusal("constant", column, value=value) is None


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (LogicalType(Kind.TEXT), "redacted"),
        (LogicalType(Kind.TEXT, length=3), "red"),
        (LogicalType(Kind.INTEGER, bits=31), "0"),
        (LogicalType(Kind.DECIMAL), "0"),
        (LogicalType(Kind.BOOLEAN), "0"),
        (LogicalType(Kind.DATE), "2000-01-01"),
        (LogicalType(Kind.TIMESTAMPTZ), "2000-01-01 00:00:00"),
        (LogicalType(Kind.JSON), "{}"),
        (LogicalType(Kind.ARRAY), "{}"),
        (LogicalType(Kind.BINARY), ""),
        (LogicalType(Kind.UUID), "00000000-0000-0000-0000-000000000000"),
        (LogicalType(Kind.ENUM, members=("b", "a")), "b"),
    ],
)
def test_redact_gives_the_neutral_value(apply, column, expected):
    assert apply("redact", ["a", "", None], column) == [expected, "", None]


def test_redact_with_a_text_of_ones_own(apply, refusal):
    assert apply("redact", ["a"], text="gone") == ["gone"]
    assert "text columns" in refusal("redact", LogicalType(Kind.INTEGER), text="gone")
    assert "constant" in refusal("redact", LogicalType(Kind.ENUM))
    assert "constant" in refusal("redact", LogicalType(Kind.NETWORK))

"""A value has one spelling in the digest of what was sent and of what arrived, and two values have two."""

from __future__ import annotations

import pyarrow as pa
import pytest

from dbmimic.model.schema import Column
from dbmimic.model.types import Kind, LogicalType
from dbmimic.verdict.spelling import inside, spelt

PADDED = LogicalType(Kind.TEXT, padded=True)

# Each line: spellings of one value.
GROUPS: dict[LogicalType, list[list[str]]] = {
    LogicalType(Kind.DECIMAL): [
        ["12.50", "12.5", "1.25e1", "012.500"], ["0", "-0.00", "0.000", "0e5"], ["0.00001", "1e-05"], ["100", "1E+2"], ["-12.5"],
        ["NaN", "nan"], ["Infinity"], ["123456789012345678901234567890.1", "123456789012345678901234567890.10"],
        ["123456789012345678901234567890.2"],
    ],
    LogicalType(Kind.FLOAT): [["1.5", "1.50", "15e-1"], ["NaN", "nan"], ["inf", "Infinity"], ["-0", "0", "0.0"], ["1e16", "10000000000000000"], ["0.1"]],
    LogicalType(Kind.INTEGER): [["42", "00042", "42.0"], ["-1"], ["18446744073709551615"], ["0"]],
    LogicalType(Kind.BOOLEAN): [["t", "1", "true"], ["f", "0", "false"], ["2"]],
    LogicalType(Kind.TIMESTAMP): [["2024-01-02 03:04:05.100", "2024-01-02 03:04:05.1"], ["2024-01-02 03:04:05"], ["infinity"]],
    LogicalType(Kind.TIMESTAMPTZ): [["2024-01-02 03:04:05+00", "2024-01-02 03:04:05+00:00", "2024-01-02 03:04:05.000"]],
    LogicalType(Kind.TEXT): [["a"], ["a "], ["A"], ["\u00e9"], ["e\u0301"], [""], ["1.0"], ["1"]],
    PADDED: [["a", "a  "], [" a"]],
    LogicalType(Kind.JSON): [["{}"], ["{ }"]],
}  # fmt: skip


FLOAT, DECIMAL, JSON = LogicalType(Kind.FLOAT), LogicalType(Kind.DECIMAL), LogicalType(Kind.JSON)

# The same of one engine's column.
OWN: dict[tuple[str, Column], list[list[str]]] = {
    ("postgresql", Column("c", "real", FLOAT)): [["0.1", "0.10000000001"], ["0.10000001"], ["Infinity", "inf"]],
    ("postgresql", Column("c", "double precision", FLOAT)): [["0.1", "1e-1"], ["0.10000000000000002"]],
    ("postgresql", Column("c", "boolean", LogicalType(Kind.BOOLEAN))): [["t", "TRUE", "yes", "1"], ["f", "0", "off"]],
    ("postgresql", Column("c", "bytea", LogicalType(Kind.BINARY))): [["", "\\x"], ["\\x00"], ["\\x0000"]],
    ("postgresql", Column("c", "numeric(4,2)[]", LogicalType(Kind.ARRAY, element=DECIMAL))): [["{1.5,2}", '{"1.50",2.00}'], ["{1.5,NULL}"], ["{1.5,3}"], ["{2,1.5}"]],
    ("postgresql", Column("c", "character(3)[]", LogicalType(Kind.ARRAY, element=PADDED))): [['{a,"b  "}', '{"a","b"}'], ['{"NULL"}'], ["{NULL}"], ['{"a,b"}'], ["{a}"]],
    ("mysql", Column("c", "float", FLOAT)): [["0.1", "0.10000000149011612"], ["0.10000000894069672"]],
    ("mysql", Column("c", "float(7,2)", LogicalType(Kind.FLOAT, precision=7, scale=2))): [["0.1037", "0.1", "0.10000000149011612"], ["0.11"], ["-0.1"]],
    ("mysql", Column("c", "double(10,3)", LogicalType(Kind.FLOAT, precision=10, scale=3))): [["1.4", "1.400"], ["1.401"]],
    ("mysql", Column("c", "binary(4)", LogicalType(Kind.BINARY))): [["10", "10000000"], ["1000ff00", "1000ff"], ["01"]],
    ("mysql", Column("c", "varbinary(4)", LogicalType(Kind.BINARY))): [["10"], ["1000"]],
    ("mysql", Column("c", "bit(5)", LogicalType(Kind.BIT, bits=5))): [["5", "05"], ["4"]],
    ("mysql", Column("c", "time(1)", LogicalType(Kind.TIME))): [["12:00", "12:00:00", "12:00:00.0"], ["12:00:00.1", "12:00:00.10"]],
    ("mysql", Column("c", "datetime(6)", LogicalType(Kind.TIMESTAMP))): [["2000-01-02", "2000-01-02 00:00:00.000000"], ["2000-01-02 00:00:00.000001"]],
    ("mysql", Column("c", "set('b','a')", LogicalType(Kind.ENUM, members=("b", "a"), several=True))): [["a,b", "b,a", "a,b,a"], ["a"], [""]],
    ("mysql", Column("c", "json", JSON)): [['{"bb": 1, "a": [1.50, "x"]}', '{"a": [1.5, "x"], "bb": 1}'], ['{"a": ["x", 1.5], "bb": 1}'], ['{"a": [1.5, "x"], "bb": "1"}'], ["null"], ['"\\u00e9"', '"\u00e9"'], ["no JSON"]],
    ("mysql", Column("c", "longtext", JSON)): [["{}"], ["{ }"]],
    ("mysql", Column("c", "inet6", LogicalType(Kind.NETWORK))): [["2001:DB8::1", "2001:db8:0::1"], ["2001:db8::2"], ["no address"]],
    ("sqlite", Column("c", "DECIMAL", DECIMAL)): [["1.50", "1.5", "15e-1"], ["2", "2.0", "02"], ["9007199254740993"], ["9007199254740992"], ["12345678901234567890", "1.2345678901234567e+19"], ["a"], ["0.1", "0.10000000000000000555"]],
    ("sqlite", Column("c", "DATE", LogicalType(Kind.DATE))): [["2000-01-02"], ["20000102", "20000102.0"], ["2000-01-02T00:00:00Z"]],
    ("sqlite", Column("c", "UUID", LogicalType(Kind.UUID))): [["AB"], ["ab"]],
    ("sqlite", Column("c", "BLOB", LogicalType(Kind.BINARY))): [["", "x''"], ["x'00'"]],
    ("sqlite", Column("c", "VARCHAR(9)", LogicalType(Kind.TEXT))): [["1.0"], ["1"], ["01"]],
}  # fmt: skip
CASES = [*((("", Column("c", "", logical)), groups) for logical, groups in GROUPS.items()), *OWN.items()]


def forms_of(column: Column, engine: str, values: list[str | None]) -> list[bytes | None]:
    given = pa.array(values, pa.string())
    deep = inside(column, engine)
    found: list[bytes | None] = spelt(column, given if deep is None else deep(given), engine).to_pylist()
    return found


@pytest.mark.parametrize(
    ("of", "groups"),
    CASES,
    ids=lambda given: f"{given[0]}-{given[1].type or given[1].logical.kind}" if isinstance(given, tuple) else "",
)
@pytest.mark.parametrize("together", [True, False])
def test_one_value_has_one_spelling(of: tuple[str, Column], groups: list[list[str]], together: bool) -> None:
    engine, column = of
    every: list[str | None] = [value for group in groups for value in group]
    batches = [every] if together else [[value] for value in every]
    found = [form for values in batches for form in forms_of(column, engine, values)]
    by_value = dict(zip(every, found, strict=True))
    forms = [{by_value[value] for value in group} for group in groups]
    assert [len(each) for each in forms] == [1] * len(forms)
    assert len(set().union(*forms)) == len(forms)
    nothing, something = forms_of(column, engine, [None, groups[0][0]])
    assert nothing is None
    assert something == by_value[groups[0][0]]

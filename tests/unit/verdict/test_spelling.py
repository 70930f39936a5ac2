"""A value has one spelling in the digest of what was sent and of what arrived, and two values have two."""

from __future__ import annotations

import pyarrow as pa
import pytest

from dbmimic.model.types import Kind, LogicalType
from dbmimic.verdict.spelling import spelt
from tests.unit.schemas import table

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


@pytest.mark.parametrize("logical", GROUPS, ids=lambda logical: str(logical.kind))
@pytest.mark.parametrize("together", [True, False])
def test_one_value_has_one_spelling(logical: LogicalType, together: bool) -> None:
    held = table("t", {"c": logical})
    every = [value for group in GROUPS[logical] for value in group]
    batches = [every] if together else [[value] for value in every]
    found = [form for values in batches for form in spelt(held, "c", pa.array(values, pa.string())).to_pylist()]
    by_value = dict(zip(every, found, strict=True))
    forms = [{by_value[value] for value in group} for group in GROUPS[logical]]
    assert [len(each) for each in forms] == [1] * len(forms)
    assert len(set().union(*forms)) == len(forms)


@pytest.mark.parametrize("logical", GROUPS, ids=lambda logical: str(logical.kind))
def test_null_is_null(logical: LogicalType) -> None:
    values = pa.array([None, GROUPS[logical][0][0]], pa.string())
    assert spelt(table("t", {"c": logical}), "c", values).is_null().to_pylist() == [True, False]

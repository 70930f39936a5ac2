from __future__ import annotations

import pyarrow as pa
import pytest

from dbmimic.masks import canonical
from dbmimic.model.types import Kind, LogicalType


def form(kind: Kind, *values: str | None, padded: bool = False) -> list[object]:
    return canonical.by_kind(pa.array(values, pa.string()), LogicalType(kind, padded=padded)).to_pylist()


@pytest.mark.parametrize(
    ("kind", "spellings"),
    [
        (Kind.INTEGER, ["7", "007", "+7", "7.0"]),
        (Kind.DECIMAL, ["1", "1.0", "1.00", "01", "1.", "+1.0"]),
        (Kind.DECIMAL, ["-12.5", "-12.50", "-012.500"]),
        (Kind.DECIMAL, ["0", "0.00", "-0", "-0.0"]),
        (Kind.DECIMAL, ["123456789012345678901234567890.5", "123456789012345678901234567890.50"]),
        (Kind.FLOAT, ["0.1", "1e-1", ".1", "0.10000000000000000"]),
        (
            Kind.UUID,
            [
                "0B6A3B1E-1111-4222-8333-123456789ABC",
                "0b6a3b1e111142228333123456789abc",
                "{0b6a3b1e-1111-4222-8333-123456789abc}",
            ],
        ),
        (Kind.BOOLEAN, ["t", "true", "1", "TRUE"]),
        (Kind.BOOLEAN, ["f", "false", "0"]),
        (
            Kind.TIMESTAMP,
            [
                "2024-01-02 03:04:05",
                "2024-01-02T03:04:05",
                "2024-01-02 03:04:05.000",
                "2024-01-02 03:04:05+00",
                "2024-01-02 03:04:05+00:00",
                "2024-01-02T03:04:05Z",
            ],
        ),
        (
            Kind.TIMESTAMPTZ,
            [
                "2024-01-02 03:04:05.5+00",
                "2024-01-02 03:04:05.500000",
                "2024-01-02 05:04:05.5+02",
                "2024-01-01 22:34:05.5-04:30",
            ],
        ),
        (Kind.TEXT, ["caf\u00e9", "cafe\u0301"]),
    ],
)
def test_spellings_of_one_value_are_one(kind, spellings):
    alone = {form(kind, spelling)[0] for spelling in spellings}
    together = set(form(kind, *spellings, None)[:-1])
    assert len(alone) == 1
    assert together == alone


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Kind.INTEGER, ["1", "-1", "0", "9223372036854775807", "9223372036854775808", "-9223372036854775809"]),
        (Kind.DECIMAL, ["1", "1.01", "10", "100", "0.1", "NaN", "Infinity"]),
        (
            Kind.TIMESTAMP,
            ["2024-01-02", "2024-01-02 00:00:01", "2024-01-02 00:00:00.1", "infinity", "2024-01-02 10:20:30"],
        ),
        (Kind.TEXT, ["a", "A", "a ", " a", "", "ä"]),
        (Kind.FLOAT, ["1", "2", "NaN", "Infinity", "-Infinity"]),
    ],
)
def test_different_values_stay_different(kind, values):
    assert len(set(form(kind, *values))) == len(values)


def test_integers_are_eight_bytes_whatever_stands_beside_them():
    assert form(Kind.INTEGER, "258") == [(258).to_bytes(8, "little")]
    assert form(Kind.INTEGER, "258", "99999999999999999999", None) == [
        (258).to_bytes(8, "little"),
        b"99999999999999999999",
        None,
    ]


def test_padded_text_is_trimmed_on_the_right():
    assert form(Kind.TEXT, "ab  ", " ab", padded=True) == ["ab", " ab"]


def test_folding_ignores_case_and_outer_blanks_on_every_side_of_ascii():
    folded = canonical.folded(pa.array([" Bob\t", "STRASSE", "ΣΊΣΥΦΟΣ", "σίσυφος", None, ""])).to_pylist()
    assert folded[0] == "bob"
    assert folded[2] == folded[3]
    assert folded[4:] == [None, ""]
    assert canonical.folded(pa.array([" Bob\t"])).to_pylist() == ["bob"]


def test_the_usual_spelling_of_uuids_takes_the_short_way_to_the_same_place():
    usual = ["0B6A3B1E-1111-4222-8333-123456789ABC", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
    assert form(Kind.UUID, *usual) == form(Kind.UUID, *usual, None)[:2]

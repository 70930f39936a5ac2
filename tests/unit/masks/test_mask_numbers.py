from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbmimic.masks.definition import MaskError
from dbmimic.model.types import Kind, LogicalType
from tests.golden.mask_vectors import masked

INT = LogicalType(Kind.INTEGER, bits=31)
MONEY = LogicalType(Kind.DECIMAL, precision=12, scale=2)


def test_a_column_of_hundreds_gets_hundreds(apply, refusal):
    hundreds = LogicalType(Kind.DECIMAL, precision=5, scale=-2)
    values = [str(100 * value) for value in (*range(-300, 300, 7), 99999, -99999)]
    for name, options in (("noise", {}), ("round", {"to": 1500}), ("bucket", {"size": 1500})):
        made = [int(value) for value in apply(name, values, hundreds, **options)]
        assert {value % 100 for value in made} == {0}
        assert max(map(abs, made)) <= 9_999_900
        assert made != [int(value) for value in values]
    few = [str(100 * value) for value in range(1, 10)]
    for options in ({}, {"ratio": 0.01}, {"amount": 150}):
        made = apply("noise", few, hundreds, **options)
        moved = [abs(int(new) - int(old)) for new, old in zip(made, few, strict=True)]
        assert set(moved) == {100}  # at least by one of the last place
    assert "use noise" in refusal("ordered_noise", hundreds, step=500)


class TestNoise:
    def test_stays_within_reach_and_keeps_the_sign(self, apply):
        values = [str(value) for value in (*range(-300, 300, 7), 2**31 - 1, -(2**31))]
        for before, after in zip(values, apply("noise", values, INT, ratio=0.2), strict=True):
            old, new = int(before), int(after)
            assert abs(new - old) <= max(abs(old) * 0.2, 1)
            assert (old > 0, old < 0) == (new > 0, new < 0)
            assert old == new or old

    def test_an_amount_is_in_the_columns_unit(self, apply):
        (after,) = apply("noise", ["100.00"], MONEY, amount=2)
        assert after != "100.00"
        assert abs(Decimal(after) - 100) <= 2

    def test_one_number_has_one_noise_however_it_is_spelt(self, apply):
        assert len(set(apply("noise", ["10.50", "10.5", "+10.5"], MONEY))) == 1
        assert len(set(apply("noise", ["10.50", "10.5"], LogicalType(Kind.FLOAT)))) == 1

    def test_an_entity_has_its_own_noise(self, apply):
        first, second, again = apply("noise", ["1000", "1000", "1000"], INT, entity=["1", "2", "1"], ratio=0.5)
        assert first == again != second

    def test_special_values_stay(self, apply):
        assert apply("noise", ["NaN", "Infinity", "-inf", "", None, "0"], LogicalType(Kind.FLOAT))[:5] == [
            "NaN",
            "Infinity",
            "-inf",
            "",
            None,
        ]

    @pytest.mark.parametrize("value", ["9" * 30, "1e40"])
    def test_what_cannot_be_taken_is_refused_without_being_told(self, apply, value):
        with pytest.raises(MaskError) as caught:
            apply("noise", [value], LogicalType(Kind.FLOAT), nullable=False)
        assert value not in str(caught.value)
        assert apply("noise", [value, "1"], LogicalType(Kind.FLOAT))[0] is None

    def test_an_unsigned_column_holds_nothing_below_0(self, apply):
        column = LogicalType(Kind.INTEGER, bits=8, signed=False)
        assert all(0 < int(after) < 256 for after in apply("noise", ["1", "2", "255"], column, ratio=1.0))


class TestBucket:
    @given(st.lists(st.integers(-1000, 1000)), st.integers(1, 50))
    @settings(deadline=None)
    def test_is_the_floor(self, values, size):
        result = masked("bucket", {"size": size}, {"kind": "integer", "bits": 31}, list(map(str, values)))
        assert list(map(int, result)) == [value // size * size for value in values]

    def test_top_and_bottom(self, apply):
        assert apply("bucket", ["17", "18", "89", "90", "104"], INT, top=90, bottom=18) == [
            "18",
            "18",
            "89",
            "90",
            "90",
        ]
        assert apply("bucket", ["7.49", "-0.01"], MONEY, size=5) == ["5.00", "-5.00"]

    def test_wants_to_know_what_to_do(self, refusal):
        assert "needs one of the options" in refusal("bucket", INT)
        assert "out of the column's range" in refusal("bucket", LogicalType(Kind.INTEGER, bits=7), top=1000)

    def test_a_band_below_what_the_column_holds_begins_there(self, apply):
        assert apply("bucket", ["-128"], LogicalType(Kind.INTEGER, bits=7), size=100) == ["-128"]


class TestDateTruncate:
    def test_dates_and_moments(self, apply):
        stamp = LogicalType(Kind.TIMESTAMP)
        assert apply("date_truncate", ["2024-02-29", "infinity", None], LogicalType(Kind.DATE)) == [
            "2024-02-01",
            "infinity",
            None,
        ]
        assert apply("date_truncate", ["2024-05-06 10:20:30.25", "2024-05-06T10:20"], stamp, to="quarter") == [
            "2024-04-01 00:00:00",
            "2024-04-01T00:00:00",
        ]
        assert apply("date_truncate", ["2024-05-06 10:20:30+02"], LogicalType(Kind.TIMESTAMPTZ), to="year") == [
            "2024-01-01 00:00:00+02"
        ]

    def test_text_gets_no_longer(self, apply):
        given = ["2024-05-06 10:20", "2024-05-06T10:20:30.25Z", "2024-05-06"]
        assert apply("date_truncate", given, LogicalType(Kind.TEXT, length=23)) == [
            "2024-05-01 00:00",
            "2024-05-01T00:00:00Z",
            "2024-05-01",
        ]

    def test_the_first_midnight_of_all_is_no_moment_in_mysql(self, apply):
        assert apply("date_truncate", ["1970-05-06 10:20:30"], LogicalType(Kind.TIMESTAMPTZ), to="year") == [
            "1970-01-02 00:00:00"
        ]


class TestRound:
    def test_keeps_the_places(self, apply):
        column = LogicalType(Kind.DECIMAL, precision=8, scale=2)
        assert apply("round", ["12.50", "-2.50", "0.00", None], column, to=5) == ["15.00", "-5.00", "0.00", None]


YEAR = LogicalType(Kind.INTEGER, bits=11, signed=False, years=True)


def test_a_year_stays_one_that_the_column_holds(apply, refusal):
    years = [str(year) for year in range(1901, 2156)]
    for mask, options in (
        ("noise", {"ratio": 1}),
        ("ordered_noise", {"step": 400}),
        ("round", {"to": 1000}),
        ("round", {"to": 10}),
        ("bucket", {"size": 500}),
    ):
        assert all(1901 <= int(year) <= 2155 for year in apply(mask, years, YEAR, **options))
    assert "no years" in refusal("integer_key", YEAR)


class TestOrderedNoise:
    @given(
        st.lists(st.integers(-(2**31), 2**31 - 1) | st.integers(-300, 300), max_size=60), st.sampled_from([2, 9, 997])
    )
    @settings(max_examples=40, deadline=None)
    def test_no_number_passes_another_or_goes_far(self, numbers, step):
        made = masked("ordered_noise", {"step": step}, {"kind": "integer", "bits": 31}, list(map(str, numbers)))
        pairs = sorted(zip(numbers, map(int, made), strict=True))
        assert [after for _, after in pairs] == sorted(after for _, after in pairs)
        assert all(abs(after - before) <= step for before, after in pairs)
        assert all(-(2**31) <= after < 2**31 for _, after in pairs)

    def test_moves_most_numbers_and_keeps_most_apart(self, apply):
        values = [str(number) for number in range(0, 50_000, 7)]
        made = apply("ordered_noise", values, LogicalType(Kind.INTEGER, bits=31), step=1000)
        assert sum(before != after for before, after in zip(values, made, strict=True)) > 7000
        assert len(set(made)) > 6500

    @pytest.mark.parametrize(
        ("column", "values"),
        [
            (LogicalType(Kind.INTEGER, bits=15), [str(number) for number in range(17_000, 32_000, 7)]),
            (LogicalType(Kind.DECIMAL, precision=5, scale=2), [f"{number}.50" for number in range(500, 900)]),
        ],
    )
    def test_moves_what_is_in_the_upper_half_of_the_column(self, apply, column, values):
        made = apply("ordered_noise", values, column, step=100)
        assert sum(before != after for before, after in zip(values, made, strict=True)) > 0.9 * len(values)

    def test_gives_nothing_below_zero_to_a_column_without_sign(self, apply):
        for column in (
            LogicalType(Kind.DECIMAL, precision=5, scale=2, signed=False),
            LogicalType(Kind.FLOAT, signed=False),
        ):
            mask, options = ("ordered_noise", {"step": 100}) if column.kind is Kind.DECIMAL else ("noise", {"ratio": 1})
            assert min(map(float, apply(mask, [f"{n}.25" for n in range(60)], column, **options))) >= 0

    def test_unfit_columns(self, refusal):
        assert "use noise" in refusal("ordered_noise", LogicalType(Kind.DECIMAL), step=10)
        assert "'step'" in refusal("ordered_noise", LogicalType(Kind.DECIMAL, precision=20, scale=10), step=10)

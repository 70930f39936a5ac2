from __future__ import annotations

import re
import uuid

import pyarrow as pa
import pytest

from dbmimic.masks.definition import ColumnContext, MaskError
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.registry import builtin
from dbmimic.model.address import Secret
from dbmimic.model.types import Kind, LogicalType

TINY = LogicalType(Kind.INTEGER, bits=7)
TINY_UNSIGNED = LogicalType(Kind.INTEGER, bits=8, signed=False)
SMALL = LogicalType(Kind.INTEGER, bits=15)
INT = LogicalType(Kind.INTEGER, bits=31)
BIG = LogicalType(Kind.INTEGER, bits=63)
BIG_UNSIGNED = LogicalType(Kind.INTEGER, bits=64, signed=False)
TEXT = LogicalType(Kind.TEXT)
SENTINELS = {0, -1}


class TestIntegerKey:
    @pytest.mark.parametrize(
        ("column", "lowest", "highest"),
        [
            (TINY, -128, 127),
            (TINY_UNSIGNED, 0, 255),
            (SMALL, -(2**15), 2**15 - 1),
            (LogicalType(Kind.DECIMAL, precision=4, scale=0), -9999, 9999),
        ],
    )
    def test_a_whole_type_is_moved_onto_itself(self, apply, column, lowest, highest):
        numbers = range(lowest, highest + 1)
        masked = [
            int(value) for value in apply("integer_key", [str(number) for number in numbers], column, unique=True)
        ]
        assert sorted(masked) == list(numbers)
        assert {number for number, after in zip(numbers, masked, strict=True) if number == after} == SENTINELS & set(
            numbers
        )

    @pytest.mark.parametrize("low_bits", [2, 3, 8, 15])
    def test_low_numbers_stay_low(self, apply, low_bits):
        numbers = range(1, 1 << low_bits)
        masked = [
            int(value) for value in apply("integer_key", [str(number) for number in numbers], INT, low_bits=low_bits)
        ]
        assert sorted(masked) == list(numbers)

    def test_numbers_above_stay_in_their_power_of_two(self, apply):
        numbers = [2**power + offset for power in range(30, 63) for offset in (0, 1, 2**power - 1)]
        masked = [int(value) for value in apply("integer_key", [str(number) for number in numbers], BIG)]
        assert [number.bit_length() for number in masked] == [number.bit_length() for number in numbers]
        assert len(set(masked)) == len(numbers)

    @pytest.mark.parametrize(
        ("column", "values"),
        [
            (INT, [2**31 - 1, -(2**31), 2**30, 2**30 - 1]),
            (BIG, [2**63 - 1, -(2**63), 1, -2]),
            (BIG_UNSIGNED, [2**64 - 1, 2**63, 2**63 - 1, 1]),
        ],
    )
    def test_the_ends_of_a_type_stay_in_it(self, apply, column, values):
        masked = [int(value) for value in apply("integer_key", [str(value) for value in values], column)]
        top = 1 << column.bits
        assert all((-top if column.signed else 0) <= value < top for value in masked)
        assert all(before != after for before, after in zip(values, masked, strict=True))

    def test_the_same_number_in_columns_of_other_types(self, apply):
        values = [str(number) for number in range(1, 200)]
        wanted = apply("integer_key", values, INT, low_bits=15)
        for column in (
            SMALL,
            BIG,
            BIG_UNSIGNED,
            TEXT,
            LogicalType(Kind.DECIMAL, precision=18, scale=0),
            LogicalType(Kind.TEXT, length=20),
        ):
            assert apply("integer_key", values, column, low_bits=15) == wanted

    def test_one_large_number_does_not_change_the_others(self, apply):
        alone = apply("integer_key", ["1", "-5", None, ""], TEXT)
        assert apply("integer_key", ["1", "-5", None, "", "18446744073709551615"], TEXT)[:4] == alone
        assert (
            apply("integer_key", ["1", "-5"], BIG_UNSIGNED)
            == apply("integer_key", ["1", "-5", "18446744073709551615"], BIG_UNSIGNED)[:2]
        )

    @pytest.mark.parametrize("value", ["abc", "007", "1.0", "1 2", "٣", "--1", "-0", "+5", "99999999999999999999999"])
    def test_text_that_is_no_key_stops_the_run(self, apply, value):
        with pytest.raises(MaskError) as caught:
            apply("integer_key", ["1", value], TEXT)
        assert value not in str(caught.value)
        assert caught.value.__suppress_context__ or caught.value.__context__ is None

    def test_values_beyond_the_declared_type_are_masked_all_the_same(self, apply):
        (masked,) = apply("integer_key", ["300"], TINY)  # SQLite does not hold columns to their types
        assert masked != "300"

    def test_what_does_not_fit_is_refused(self, refusal):
        assert "fractions" in refusal("integer_key", LogicalType(Kind.DECIMAL, precision=10, scale=2))
        assert "too narrow" in refusal("integer_key", SMALL, low_bits=30)
        assert "too narrow" in refusal("integer_key", LogicalType(Kind.INTEGER, bits=1))
        assert "too narrow" in refusal("integer_key", LogicalType(Kind.DECIMAL, precision=1, scale=0))
        assert "token" in refusal("integer_key", LogicalType(Kind.UUID))
        assert refusal("integer_key", INT, unique=True, low_bits=31) is None

    def test_a_million_keys_do_not_collide(self, apply):
        values = [str(number) for number in range(1, 1_000_001)]
        masked = apply("integer_key", values, INT, unique=True)
        assert len(set(masked)) == len(values)

    def test_the_secret_and_the_domain_decide(self, apply):
        values = [str(number) for number in range(1, 1000)]
        one = apply("integer_key", values, INT)
        other = apply("integer_key", values, INT, secret=Secret(b"another secret of thirty-two byt"))
        assert sum(a == b for a, b in zip(one, other, strict=True)) < 3
        definition = builtin().get("integer_key")
        mask = definition.build(
            KeyedFunction.derive(Secret(bytes(range(32))), "orders"), {}, ColumnContext(INT, False, True)
        )
        assert mask(pa.array(values), None).to_pylist() != one


class TestToken:
    def test_the_usual_form(self, apply):
        assert re.fullmatch(r"[a-z2-7]{16}", apply("token", ["Bob"], unique=True)[0])
        assert re.fullmatch(r"cus_[a-z2-7]{16}", apply("token", ["Bob"], prefix="cus_")[0])
        assert re.fullmatch(r"[a-z2-7]{24}", apply("token", ["Bob"], length=24)[0])

    def test_columns_of_usual_lengths_agree(self, apply):
        assert (
            len({apply("token", ["Bob"], LogicalType(Kind.TEXT, length=length))[0] for length in (16, 20, 255, None)})
            == 1
        )

    def test_case_counts_unless_it_is_folded(self, apply):
        assert len(set(apply("token", ["Bob", "bob", "bob "]))) == 3
        assert len(set(apply("token", ["Bob", "bob", "bob "], fold=True))) == 1

    @pytest.mark.parametrize("length", range(1, 40))
    def test_the_result_fits_the_column(self, apply, length):
        assert all(
            len(value) <= length
            for value in apply("token", ["a", "é" * 30, "x" * 36], LogicalType(Kind.TEXT, length=length))
        )

    def test_the_shortest_forms_differ_from_what_was_there(self, apply):
        values = list("abcdefghijklmnopqrstuvwxyz234567ABCXYZ")
        masked = apply("token", values, LogicalType(Kind.TEXT, length=1))
        assert all(before.lower() != after for before, after in zip(values, masked, strict=True))

    def test_what_does_not_fit_is_refused(self, refusal):
        assert "use code" in refusal("token", LogicalType(Kind.TEXT, length=15), unique=True)
        assert "use code" in refusal("token", unique=True, length=8)
        assert "holds 4" in refusal("token", LogicalType(Kind.TEXT, length=4), prefix="cus_")
        assert "holds 10" in refusal("token", LogicalType(Kind.TEXT, length=10), length=11)
        assert "integer_key" in refusal("token", INT)
        assert "a uuid column gets a uuid" in refusal("token", LogicalType(Kind.UUID), prefix="x")
        assert refusal("token", LogicalType(Kind.TEXT, length=16), unique=True) is None

    def test_uuids_become_uuids(self, apply):
        values = ["0b6a3b1e-1111-4222-8333-123456789abc", "0B6A3B1E-1111-4222-8333-123456789ABC", None]
        one, same, null = apply("token", values, LogicalType(Kind.UUID), unique=True)
        assert one == same
        assert null is None
        assert uuid.UUID(one).version == 4
        assert uuid.UUID(one).variant == uuid.RFC_4122
        assert str(uuid.UUID(one)) == one

    def test_a_uuid_in_text_becomes_what_it_becomes_in_a_uuid_column(self, apply):
        value = "0b6a3b1e-1111-4222-8333-123456789abc"
        (wanted,) = apply("token", [value], LogicalType(Kind.UUID))
        assert apply("token", [value, "other", None]) == [wanted, *apply("token", ["other", None])]
        assert apply("token", [value], LogicalType(Kind.TEXT, length=36, padded=True)) == [wanted]
        assert len(apply("token", [value], LogicalType(Kind.TEXT, length=35))[0]) == 16

    def test_padding_does_not_count(self, apply):
        column = LogicalType(Kind.TEXT, length=20, padded=True)
        assert len(set(apply("token", ["ab", "ab   "], column))) == 1

    @pytest.mark.parametrize("column", [TEXT, LogicalType(Kind.UUID)])
    def test_a_million_tokens_do_not_collide(self, apply, column):
        values = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(1_000_000)]
        assert len(set(apply("token", values, column, unique=True))) == len(values)

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbmimic.masks import checked
from dbmimic.masks.alike import DIGIT, UPPER
from dbmimic.masks.builtin.national import SCHEMES
from dbmimic.masks.checked import Check, Scheme, by_remainder, weighted
from dbmimic.masks.definition import ColumnContext
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.registry import builtin
from dbmimic.model.address import Secret
from dbmimic.model.types import Kind, LogicalType
from tests.unit.masks.known_ids import KNOWN

KEYED = KeyedFunction.derive(Secret(bytes(range(32))), "checked")


def masked(name: str, values: list[str], **options: object) -> list[str]:
    definition = builtin().get(name)
    context = ColumnContext(LogicalType(Kind.TEXT), nullable=True, unique=True)
    mask = definition.build(KEYED, definition.parse(options), context)
    return mask(pa.array(values, pa.string()), None).to_pylist()


def is_luhn(number: str) -> bool:
    digits = [int(character) for character in reversed(number)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


def is_iban(text: str) -> bool:
    return int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 == 1


def scheme_of(country: str, value: str) -> Scheme:
    classes = [DIGIT if character.isdigit() else UPPER for character in value if character.isalnum()]
    return next(scheme for scheme in SCHEMES[country] if scheme.fits(classes))


def is_right(country: str, value: str) -> bool:
    """Whether the check characters are those of the scheme; known numbers anchor what a scheme holds for right."""
    scheme = scheme_of(country, value)
    compact = "".join(character for character in value if character.isalnum())
    for check, place in zip(scheme.checks, scheme.check_places, strict=True):
        read = [np.array([int(compact[at], 36)]) for at in scheme.reading(place)]
        if check.texts[int(check.remainder(read)[0])] != compact[place : place + check.width]:
            return False
    return True


class TestNationalIds:
    def test_there_are_known_numbers_of_every_country(self):
        assert set(KNOWN) == set(SCHEMES)
        assert len(SCHEMES) >= 35

    @pytest.mark.parametrize("country", sorted(KNOWN))
    def test_a_valid_number_becomes_another_valid_one(self, country):
        values = KNOWN[country]
        assert all(is_right(country, value) for value in values)
        result = masked("national_id", values, country=country)
        assert all(is_right(country, value) for value in result)
        assert not set(values) & set(result)
        assert [len(value) for value in values] == [len(value) for value in result]

    def test_a_birth_date_becomes_another_date(self):
        for value in masked("national_id", KNOWN["PL"] * 2 + ["04222900006", "99123100001"], country="PL"):
            assert 1 <= int(value[2:4]) % 20 <= 12
            assert 1 <= int(value[4:6]) <= 31

    def test_separators_stay_and_do_not_matter(self):
        plain, dotted = masked("national_id", ["05190213552", "051.902.135-52"], country="BR")
        assert dotted == f"{plain[:3]}.{plain[3:6]}.{plain[6:9]}-{plain[9:]}"

    def test_what_is_no_number_of_the_country_keeps_its_shape(self):
        assert re.fullmatch(r"[A-Z]-[0-9]{3}", masked("national_id", ["A-123"], country="BR")[0])

    def test_countries_differ(self):
        values = ["046454286"]
        assert masked("national_id", values, country="IL") != masked("national_id", values, country="NL")


class TestBijection:
    """Every string of a small scheme becomes another one, and valid ones valid ones."""

    @pytest.mark.parametrize(
        "scheme",
        [
            Scheme("nnnc", (Check(weighted((5, 3, 2), 11), by_remainder("0-987654321")),)),
            Scheme("pnnc", (Check(weighted((1, 3, 1), 10), by_remainder("0987654321")),)),
            Scheme("nncc", (Check(weighted((9, 7), 97), tuple(f"{97 - rest:02}" for rest in range(97))),)),
            Scheme("nncc", (Check(weighted((1, 3), 10), by_remainder("0987654321")), Check(weighted((1, 2, 3), 10), by_remainder("0123456789")))),
        ],
    )  # fmt: skip
    def test_digits(self, scheme):
        every = np.array([[ord(c) for c in text] for text in product("0123456789", repeat=4)], dtype=np.uint8)
        result = checked.changed(KEYED, every, scheme)
        texts = [row.tobytes() for row in result]
        assert len(set(texts)) == len(every)
        assert not any(row.tobytes() == text for row, text in zip(every, texts, strict=True))
        assert [self.right(row, scheme) for row in every] == [self.right(row, scheme) for row in result]

    @staticmethod
    def right(row, scheme):
        if scheme.picture[0] == "p" and row[0] == ord("0"):
            return False
        numbers = [np.array([int(chr(character))]) for character in row]
        return all(
            check.texts[int(check.remainder(numbers[:place])[0])] == row[place : place + check.width].tobytes().decode()
            for check, place in zip(scheme.checks, scheme.check_places, strict=True)
        )

    def test_dates(self):
        scheme = Scheme("yymmdd", (), (0, 20))
        numbers = np.arange(10**6)
        every = np.stack([numbers // 10**place % 10 + ord("0") for place in reversed(range(6))], axis=1).astype(
            np.uint8
        )
        result = checked.changed(KEYED, every, scheme)
        moved = (result.astype(np.int64) - ord("0")) @ (10 ** np.arange(5, -1, -1))
        assert len(np.unique(moved)) == 10**6
        assert not (moved == numbers).any()
        months, after = numbers // 100 % 100, moved // 100 % 100
        dates = (
            (numbers % 100 >= 1)
            & (numbers % 100 <= 28)
            & (((months >= 1) & (months <= 12)) | ((months > 20) & (months <= 32)))
        )
        assert ((months > 20) == (after > 20))[dates].all()
        assert np.isin(after[dates] % 20, range(1, 13)).all()
        assert ((moved[dates] % 100 >= 1) & (moved[dates] % 100 <= 31)).all()


class TestCards:
    @given(
        st.lists(st.from_regex(r"[0-9]{12,19}|[0-9]{4}( [0-9]{4}){3}", fullmatch=True), min_size=1, max_size=20),
        st.integers(0, 8),
    )
    @settings(max_examples=60, deadline=None)
    def test_numbers(self, values, bin_digits):
        result = masked("payment_card", values, bin=bin_digits)
        assert len(set(result)) == len(set(values))
        for before, after in zip(values, result, strict=True):
            plain, made = before.replace(" ", ""), after.replace(" ", "")
            kept = min(bin_digits, len(plain) - 7)
            assert made[:kept] == plain[:kept]
            assert made != plain
            assert is_luhn(made) == is_luhn(plain)
            assert [place for place, character in enumerate(after) if character == " "] == [
                place for place, character in enumerate(before) if character == " "
            ]

    def test_an_expired_word_keeps_its_shape(self):
        assert re.fullmatch(r"[a-z]{3} [0-9]{2}", masked("payment_card", ["abc 12"])[0])


class TestIbans:
    @given(st.lists(st.from_regex(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", fullmatch=True), min_size=1, max_size=20))
    @settings(max_examples=60, deadline=None)
    def test_any(self, values):
        valid = [
            text[:2] + f"{98 - int(''.join(str(int(c, 36)) for c in text[4:] + text[:2] + '00')) % 97:02}" + text[4:]
            for text in values
        ]
        assert all(map(is_iban, valid))
        result = masked("iban", valid + values)
        assert all(map(is_iban, result[: len(valid)]))
        assert len(set(result)) == len(set(valid + values))
        for before, after in zip(valid + values, result, strict=True):
            assert after[:2] == before[:2]
            assert after != before
            assert len(after) == len(before)

    def test_groups_of_four(self):
        grouped, plain = masked("iban", ["GB82 WEST 1234 5698 7654 32", "GB82WEST12345698765432"])
        assert grouped.replace(" ", "") == plain
        assert is_iban(plain)

    def test_bic_keeps_its_country(self):
        first, second = masked("bic", ["DEUTDEFF", "DEUTDEFF500"])
        assert re.fullmatch(r"[A-Z]{4}DE[A-Z]{2}", first)
        assert re.fullmatch(r"[A-Z]{4}DE[A-Z]{2}[0-9]{3}", second)


class TestSsn:
    @given(st.lists(st.from_regex(r"[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{9}|[a-z]{1,9}", fullmatch=True), max_size=30))
    @settings(max_examples=60, deadline=None)
    def test_none_was_ever_issued(self, values):
        for before, after in zip(values, masked("ssn", values), strict=True):
            assert re.fullmatch(r"9[0-9]{2}-?[0-9]{2}-?[0-9]{4}", after)
            assert after.replace("-", "") != before.replace("-", "")
            assert ("-" in after) == (not re.fullmatch(r"[0-9]{9}", before))

    def test_dashes_do_not_matter(self):
        dashed, plain = masked("ssn", ["123-45-6789", "123456789"])
        assert dashed.replace("-", "") == plain

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbmimic.masks.builtin.telephone import PLANS
from dbmimic.masks.definition import MaskError
from dbmimic.model.types import Kind, LogicalType
from tests.golden.mask_vectors import masked as masked_by_default

RESERVED = re.compile(r"[a-z2-7.]+@(example\.com|m\.test)")


class TestEmail:
    def test_one_address_however_it_is_written(self, apply):
        assert len(set(apply("email", ["Bob@X.com", "bob@x.com ", "BOB@X.COM"], unique=True))) == 1
        assert len(set(apply("email", ["Bob@X.com", "bob@x.com "], unique=True, fold=False))) == 2

    def test_the_usual_form(self, apply):
        assert re.fullmatch(r"[a-z]{2,8}\.[a-z]{2,8}\.[a-z2-7]{16}@example\.com", apply("email", ["bob@x.com"])[0])

    def test_columns_of_usual_lengths_agree(self, apply):
        values = [f"u{number}@x.com" for number in range(300)]
        unbounded = apply("email", values, unique=True)
        for length in (46, 50, 100, 255):
            assert apply("email", values, LogicalType(Kind.TEXT, length=length)) == unbounded

    @pytest.mark.parametrize("length", range(8, 60))
    def test_the_result_fits_the_column(self, apply, length):
        values = [f"u{number}@x.com" for number in range(200)]
        masked = apply("email", values, LogicalType(Kind.TEXT, length=length))
        assert all(len(value) <= length and RESERVED.fullmatch(value) for value in masked)

    @pytest.mark.parametrize("length", range(8, 60))
    def test_with_the_domain_kept_it_fits_too(self, apply, length):
        values = ["a@b.io", "bob@a-rather-long-domain.example.org", "no domain", "x@", "ü@bücher.de"]
        masked = apply("email", values, LogicalType(Kind.TEXT, length=length), keep_domain=True)
        assert all(len(value) <= length for value in masked)

    def test_the_domain_is_kept_where_there_is_one(self, apply):
        masked = apply("email", ["Bob@Mail.Example.org", "no domain", "ü@bücher.de"], keep_domain=True)
        assert masked[0].endswith("@mail.example.org")
        assert masked[1].endswith("@example.com")
        assert masked[2].endswith("@bücher.de")

    def test_the_shortest_forms_differ_from_what_was_there(self, apply):
        for length in (8, 9):
            column = LogicalType(Kind.TEXT, length=length)
            characters = "abcdefghijklmnopqrstuvwxyz234567"
            values = ["".join(letters) + "@m.test" for letters in product(characters, repeat=length - 7)]
            assert all(before != after for before, after in zip(values, apply("email", values, column), strict=True))

    def test_too_narrow(self, refusal):
        assert "needs 8" in refusal("email", LogicalType(Kind.TEXT, length=7))
        assert "need 23" in refusal("email", LogicalType(Kind.TEXT, length=22), unique=True)
        assert refusal("email", LogicalType(Kind.TEXT, length=23), unique=True) is None

    @pytest.mark.parametrize("length", [None, 23])
    def test_a_million_addresses_do_not_collide(self, apply, length):
        masked = apply(
            "email",
            [f"user{number}@mail.org" for number in range(1_000_000)],
            LogicalType(Kind.TEXT, length=length),
            unique=True,
        )
        assert len(set(masked)) == 1_000_000


def shape(text: str) -> str:
    return re.sub(r"[A-Z]", "A", re.sub(r"[a-z]", "a", re.sub(r"\d", "0", text)))


class TestPhone:
    @pytest.mark.parametrize(
        ("value", "form"),
        [
            ("+1 (212) 555-0100", r"\+1 \([1-9]\d\d\) \d{3}-\d{4}"),
            ("+49 171 1234567", r"\+49 [1-9]\d\d \d{7}"),
            ("+353 1 234 5678", r"\+353 [1-9] \d{3} \d{4}"),
            ("+44 (0)20 7946 0000", r"\+44 \(0\)\d\d \d{4} \d{4}"),
            ("+442079460000", r"\+44[1-9]\d{9}"),
            ("030 1234567", r"0\d\d \d{7}"),
            ("555-1234", r"[1-9]\d\d-\d{4}"),
            ("12", r"\d\d"),
            ("n/a", r"[a-z]/[a-z]"),
            ("+", r"\d{19}"),
            ("٣٤٥", r"\d{19}"),
            ("1" * 20, r"\d{19}"),
            ("1" * 40, r"\d{19}"),
        ],
    )
    def test_keeps_the_form(self, apply, value, form):
        (masked,) = apply("phone", [value])
        assert re.fullmatch(form, masked)
        assert masked != value

    @pytest.mark.parametrize(
        ("value", "form"),
        [
            ("+1 (212) 936-4321", r"\+1 \(212\) 9\d\d-\d{4}"),
            ("+49 171 1234567", r"\+49 171 \d{7}"),
            ("0049 171 1234567", r"0049 171 \d{7}"),
            ("+353 1 234 5678", r"\+353 1 2\d{2} \d{4}"),
            ("+376 123 456", r"\+376 1\d\d \d{3}"),
            ("030 1234567", r"030 1\d{6}"),
            ("555-1234", r"555-\d{4}"),
            ("1234", r"\d{4}"),
        ],
    )
    def test_keeps_the_area_where_it_is_told(self, apply, value, form):
        (masked,) = apply("phone", [value], keep_area=True)
        assert re.fullmatch(form, masked)
        assert masked != value

    @pytest.mark.parametrize("width", [4, 5])
    def test_with_their_areas_all_numbers_are_one_to_one(self, apply, width):
        values = [f"{plus}{number:0{width}}" for number in range(10**width) for plus in ("", "+")]
        masked = apply("phone", values, unique=True, keep_area=True)
        assert sorted(masked) == sorted(values)

    def test_digits_are_the_same_in_every_notation(self, apply):
        masked = apply("phone", ["+1 (212) 555-0100", "+12125550100", "+1-212-555-0100"])
        assert len({re.sub(r"\D", "", value) for value in masked}) == 1

    @pytest.mark.parametrize("width", [1, 2, 3, 4, 5])
    def test_every_number_of_a_width_becomes_another_one(self, apply, width):
        values = [f"{number:0{width}}" for number in range(10**width)]
        masked = apply("phone", values, unique=True)
        assert sorted(masked) == values
        assert all(before != after for before, after in zip(values, masked, strict=True))

    def test_all_numbers_after_a_plus_are_one_to_one(self, apply):
        values = [f"+{number}" for number in range(100_000)] + [
            f"+{code}{number:05}" for code in range(1, 1000, 7) for number in range(50)
        ]
        values = sorted(set(values))
        masked = apply("phone", values, unique=True)
        assert len(set(masked)) == len(values)
        assert not [1 for before, after in zip(values, masked, strict=True) if before == after]

    def test_a_value_without_digits_in_a_short_unique_column(self, apply):
        column = LogicalType(Kind.TEXT, length=10)
        assert re.fullmatch(r"\d{10}", apply("phone", ["---"], column)[0])
        with pytest.raises(MaskError) as caught:
            apply("phone", ["---"], column, unique=True)
        assert "---" not in str(caught.value)

    def test_a_million_numbers_do_not_collide(self, apply):
        values = [f"+1 {number:010}" for number in range(2_000_000_000, 2_001_000_000)]
        assert len(set(apply("phone", values, unique=True))) == len(values)


@pytest.mark.parametrize("name", ["postal_code", "code"])
class TestCode:
    @pytest.mark.parametrize("value", ["90210", "SW1A 1AA", "sw1a 1aa", "D-10115", "K1A 0B1", "ALFKI", "X", "7"])
    def test_keeps_the_form(self, apply, name, value):
        (masked,) = apply(name, [value])
        assert shape(masked) == shape(value)
        assert masked.lower() != value.lower()

    def test_letters_are_the_same_in_either_case(self, apply, name):
        upper, lower = apply(name, ["SW1A 1AA", "sw1a 1aa"])
        assert upper.lower() == lower

    def test_every_code_of_a_form_becomes_another_one(self, apply, name):
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        values = [f"{one}{number}-{two}" for one in letters for number in range(10) for two in letters]
        masked = apply(name, values, unique=True)
        assert sorted(masked) == sorted(values)
        assert all(before != after for before, after in zip(values, masked, strict=True))

    def test_blanks_that_an_engine_pads_with_are_no_part_of_a_value(self, apply, name):
        column = LogicalType(Kind.TEXT, length=40, padded=True)
        for value in ("AB 12", "Zürich 3", ""):
            assert apply(name, [value.ljust(40)], column) == apply(name, [value], column)


class TestFictitiousPhone:
    @pytest.mark.parametrize(
        ("country", "value", "form"),
        [
            ("GB", "+1 (212) 936-4321", r"\+1 \(212\) 555-01\d\d"),
            ("GB", "0012129364321", r"00121255501\d\d"),
            ("US", "212.936.4321", r"212\.555\.01\d\d"),
            ("US", "1-800-936-4321", r"1-555-555-01\d\d"),  # not 800-555: those are used
            ("US", "936-4321", r"55555501\d\d"),
            ("GB", "+44 (0)20 7123 4567", r"\+442079460\d{3}"),  # with a digit too many for the form
            ("GB", "020 7123 4567", r"020 7946 0\d{3}"),
            ("GB", "(01206) 123456", r"\(01632\) 960\d{3}"),
            ("GB", "07911 123456", r"07700 900\d{3}"),
            ("GB", "+49 171 1234567", r"\+49 171 39200\d\d"),
            ("DE", "089/12345678", r"089/99998\d{3}"),
            ("DE", "0221 123456", r"02214710\d{3}"),
            ("FR", "06 12 34 56 78", r"06 39 98 \d\d \d\d"),
            ("IE", "+353 1 234 5678", r"\+3532091\d{5}"),
            ("SE", "070-123 45 67", r"070-174 06 (0[5-9]|[1-9]\d)"),
            ("AU", "(03) 9123 4567", r"\(03\) 5550 \d{4}"),
            ("GB", "+34 912 345 678", r"\+441632960\d{3}"),  # Spain has none
            ("US", "+41 44 668 18 00", r"\+15 55 555 01 \d\d"),
        ],
    )
    def test_is_of_the_country_and_the_area_where_they_have_such(self, apply, country, value, form):
        (masked,) = apply("fictitious_phone", [value], country=country)
        assert re.fullmatch(form, masked)

    def test_one_number_is_one_in_every_notation(self, apply):
        values = ["+44 20 7123 4567", "020 7123 4567", "00442071234567", "+44 (0)20 7123 4567"]
        masked = apply("fictitious_phone", values, country="GB")
        assert len({re.sub(r"\D", "", value)[-10:] for value in masked}) == 1

    def test_what_stands_beside_a_number_does_not_stay(self, apply):
        values = ["Zed: 020 7123 4567", "020 7123 4567 Quopple", "020\n7123 4567", "020 7123 4567 \u017d"]
        for made in apply("fictitious_phone", values, country="GB"):
            assert re.fullmatch("0207946[0-9]{4}", made)

    @given(st.lists(st.text("+0123456789 -()a", max_size=18), min_size=1, max_size=20))
    @settings(max_examples=100, deadline=None)
    def test_nothing_that_can_be_dialled_rings_anybody(self, values):
        values = [value for value in values if re.search("[0-9]", value)]
        for country in ("GB", "US"):
            made = masked_by_default("fictitious_phone", {"country": country}, {}, values)
            for value in made:
                assert any(_set_aside(plan, re.sub(r"\D", "", value)) for plan in PLANS.values())

    def test_a_column_that_holds_none_is_refused(self, refusal):
        assert "13 characters" in refusal("fictitious_phone", LogicalType(Kind.TEXT, length=12), country="GB")


def _set_aside(plan, number):
    """Whether a number ends with one that the country set aside, with nothing but codes before it."""
    ranges = [*plan.ranges.values(), *([plan.any_area] if plan.any_area is not None else [])]
    for one in ranges:
        area = r"\d{3}" if one is plan.any_area else ""
        found = re.fullmatch(rf"(?:(?:00)?{plan.code}|{plan.trunk})?{area}{one.beginning}(\d{{{one.width}}})", number)
        if found and int(found[1]) >= one.first:
            return True
    return False

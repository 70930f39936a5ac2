from __future__ import annotations

import re

import pytest

from dbmimic.masks import pools
from dbmimic.model.types import Kind, LogicalType

DRAWN = ["first_name", "last_name", "full_name", "street_address", "city"]


@pytest.mark.parametrize("name", DRAWN)
def test_case_and_outer_blanks_do_not_matter(apply, name):
    spellings = apply(name, ["Zoë O'Neil", " zoë o'neil ", "ZOË O'NEIL"])
    assert len(set(spellings)) == 1
    assert apply(name, ["Bob"]) == apply(name, [" bob", "é"])[:1]


@pytest.mark.parametrize("name", DRAWN)
def test_nulls_and_empty_strings_stay(apply, name):
    assert apply(name, [None, "", None]) == [None, "", None]
    assert apply(name, []) == []


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("length", [*range(1, 31), 45, 255])
def test_the_result_fits_the_column(apply, name, length):
    masked = apply(
        name,
        [f"Name {number}, x" if number % 3 else f"Name {number}" for number in range(400)],
        LogicalType(Kind.TEXT, length=length),
    )
    assert all(0 < len(value) <= length and value == value.strip() for value in masked)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("length", [1, 2, 3, 8, 12, None])
def test_no_value_is_drawn_for_itself(apply, name, length):
    column = LogicalType(Kind.TEXT, length=length)
    seen = sorted({value for value in apply(name, [str(number) for number in range(20_000)], column) if value})
    again = apply(name, [value.upper() + " " for value in seen], column)
    assert all(before.lower() != after.lower() for before, after in zip(seen, again, strict=True))


@pytest.mark.parametrize(
    ("name", "pool"), [("first_name", "first_names"), ("last_name", "last_names"), ("city", "cities")]
)
def test_draws_are_spread_over_the_whole_pool(apply, name, pool):
    entries = set(pools.load(pool).entries.to_pylist())
    drawn = set(apply(name, [f"n{number}" for number in range(120_000)]))
    assert drawn <= entries
    assert len(drawn) > 0.99 * len(entries)


def test_full_names_keep_the_form(apply):
    plain, comma = apply("full_name", ["Ann Smith", "Smith, Ann"])
    assert re.fullmatch(r"[A-Z][a-z]+ [A-Z][a-z]+", plain)
    assert re.fullmatch(r"[A-Z][a-z]+, [A-Z][a-z]+", comma)


def test_street_addresses_look_like_some(apply):
    assert re.fullmatch(r"\d{1,3}( [A-Z][a-z]+)+", apply("street_address", ["1 Main Street"])[0])


def test_no_characters_no_mask(refusal):
    assert "no characters" in refusal("city", LogicalType(Kind.TEXT, length=0))


def test_columns_of_usual_lengths_agree(apply):
    values = [f"n{number}" for number in range(500)]
    assert apply("first_name", values, LogicalType(Kind.TEXT, length=20)) == apply("first_name", values)
    assert apply("last_name", values, LogicalType(Kind.TEXT, length=20)) == apply("last_name", values)

from __future__ import annotations

import math
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dbmimic.masks import places
from dbmimic.masks.definition import MaskError
from dbmimic.model.types import Kind, LogicalType
from tests.golden.mask_vectors import masked


def metres(one, other):
    """Give the distance of two places on a sphere of the earth's size."""
    (a, b), (c, d) = (tuple(map(math.radians, place)) for place in (one, other))
    h = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * 6371000 * math.asin(math.sqrt(h))


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), max_size=20), st.sampled_from([1, 500, 100_000]))
@example([(85.408097, 103.518108)], 100_000)  # comes nearer to the equator, where a degree is wider
@settings(max_examples=60, deadline=None)
def test_no_place_goes_further_than_it_may(places, meters):
    values = [f"{latitude:.6f}, {longitude:.6f}" for latitude, longitude in places]
    made = masked("location", {"meters": meters}, {}, values)
    for before, after in zip(values, made, strict=True):
        there = tuple(map(float, after.split(",")))
        assert abs(there[0]) <= 90
        assert abs(there[1]) <= 180
        assert metres(tuple(map(float, before.split(","))), there) <= meters * 1.002 + 0.2


def test_goes_in_all_directions(apply):
    values = [f"52.{number:06}, 13.4" for number in range(4000)]
    made = [tuple(map(float, after.split(","))) for after in apply("location", values, meters=50_000)]
    north = sum(after[0] > float(before.split(",")[0]) for before, after in zip(values, made, strict=True))
    assert 1800 < north < 2200
    assert 1600 < sum(after[1] > 13.4 for after in made) < 2200


def test_two_columns_of_one_entity_go_their_own_ways(apply):
    column = LogicalType(Kind.DECIMAL, precision=9, scale=6)
    who = [str(number) for number in range(500)]
    north, east = (
        apply("location", ["10.000000"] * 500, column, entity=[*who[:-1], None], axis=axis)
        for axis in ("latitude", "longitude")
    )
    assert north == apply("location", ["10.000000"] * 500, column, entity=[*who[:-1], None])
    same = sum((float(one) > 10) == (float(other) > 10) for one, other in zip(north, east, strict=True))
    assert 200 < same < 300


def test_form_stays_and_other_text_is_scrambled(apply):
    made, street, empty, none = apply("location", ["(52.52;13.4)", "Main Street 1", "", None])
    assert re.fullmatch(r"\(52\.5[0-9];13\.[0-9]\)", made)
    assert [street] == apply("scramble", ["Main Street 1"])
    assert (empty, none) == ("", None)


def test_what_is_no_number(apply):
    with pytest.raises(MaskError, match="degrees"):
        apply("location", ["NaN"], LogicalType(Kind.FLOAT))


PARTS = ("city", "country", "time_zone", "coordinates")


def towns(part, count, **column):
    """Give one column of the places of so many entities."""
    return masked("place", {"part": part, "entity": "id"}, column, ["1"] * count)


class TestPlace:
    def test_all_columns_of_an_entity_are_of_one_town(self):
        drawn = set(zip(*(towns(part, 300) for part in PARTS), strict=True))
        table = places.load()
        known = {(*names, f"{north}, {east}") for *names, north, east in zip(*table.values(), strict=True)}
        assert drawn <= known
        assert len(drawn) > 200

    def test_numbers_agree_with_text(self):
        pairs = towns("coordinates", 50)
        for axis, place in (("latitude", 0), ("longitude", 1)):
            exact = towns(axis, 50, kind="float")
            assert exact == [pair.split(", ")[place] for pair in pairs]
            for short, long in zip(towns(axis, 50, kind="decimal", precision=5, scale=2), exact, strict=True):
                assert re.fullmatch(r"-?[0-9]{1,3}\.[0-9]{2}", short)
                assert abs(float(short) - float(long)) < 0.01

    def test_unfit_columns(self, refusal):
        assert "2 characters" in refusal("place", LogicalType(Kind.TEXT, length=1), part="country", entity="id")
        assert "one of: latitude" in refusal("place", LogicalType(Kind.FLOAT), part="city", entity="id")
        assert "3 digits" in refusal(
            "place", LogicalType(Kind.DECIMAL, precision=6, scale=5), part="latitude", entity="id"
        )

    def test_a_place_without_an_entity_is_no_place(self, refusal):
        assert "say whose place it is" in refusal("place", part="city")
        assert refusal("place", part="city", persona="id") is None
        assert "otherwise" in refusal("place", part="city", persona="id", entity="id")

    def test_the_table_is_the_pinned_one(self):
        table = places.load()
        assert len(table["city"]) > 900
        assert len(set(table["country"])) > 100
        assert all(re.fullmatch("[A-Z]{2}", country) for country in table["country"])
        assert all(abs(float(latitude)) <= 90 for latitude in table["latitude"])
        assert all(abs(float(longitude)) <= 180 for longitude in table["longitude"])

"""What hangs on who somebody is agrees in every column, and hangs on nothing else."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbmimic.masks import places, pools
from dbmimic.masks.definition import ColumnContext
from dbmimic.masks.registry import builtin
from dbmimic.model.address import Secret
from dbmimic.model.types import Kind, LogicalType

REGISTRY = builtin()
PARTS = ["first_name", "last_name", "full_name", "email", "username", "gender"]
DOMAIN = "persona:customers.id"


def part(name, persons, values=None, *, length=None, seed=1, **options):
    definition = REGISTRY.get(name)
    parsed = definition.parse({"persona": "id", **options})
    context = ColumnContext(LogicalType(Kind.TEXT, length=length), nullable=True, unique=False)
    assert REGISTRY.misfit(name, parsed, context) is None
    mask = REGISTRY.bind(name, parsed, context, Secret(bytes(range(seed, seed + 32))), DOMAIN)
    values = ["x"] * len(persons) if values is None else values
    return mask(pa.array(values, pa.string()), pa.array(persons, pa.string())).to_pylist()


def test_the_parts_of_one_identity_agree():
    persons = list(map(str, range(2000)))
    firsts, lasts, fulls, emails, users, genders = (part(name, persons) for name in PARTS)
    women, men = (set(pools.load(f"first_names_{gender}").entries.to_pylist()) for gender in ("female", "male"))
    for first, last, full, email, user, gender in zip(firsts, lasts, fulls, emails, users, genders, strict=True):
        assert full == f"{first} {last}"
        assert email == f"{user}@example.com"
        assert user.startswith(f"{first}.{last}.".lower())
        assert first in (women if gender == "F" else men)
    assert 900 < genders.count("F") < 1100
    assert len(set(emails)) == 2000


@pytest.mark.parametrize("name", [*PARTS, "city", "company", "token"])
def test_it_hangs_on_the_person_alone(name):
    made = part(name, ["7", "7", "8", None, None, "7", "7"], ["Ann", "Bob", "Ann", "Ann", "Ann", "", None])
    assert made[0] == made[1]
    assert made[3] == made[4] is not None
    assert made[5:] == ["", None]
    assert name == "gender" or made[0] != made[2]
    assert part(name, ["7"] * 20, seed=2) != part(name, ["7"] * 20) or name == "gender"


def test_dates_of_one_person_move_together():
    definition = REGISTRY.get("date_shift")
    context = ColumnContext(LogicalType(Kind.DATE), nullable=True, unique=False)
    mask = REGISTRY.bind("date_shift", definition.parse({"persona": "id"}), context, Secret(bytes(range(32))), DOMAIN)
    made = mask(pa.array(["2024-05-05", "2024-05-15"]), pa.array(["7", "7"])).to_pylist()
    before, after = map(dt.date.fromisoformat, made)
    assert after - before == dt.timedelta(days=10)


@given(length=st.integers(1, 60), count=st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_what_is_made_fits(length, count):
    persons = list(map(str, range(count)))
    for name in PARTS[:3] + PARTS[4:5]:
        made = part(name, persons, length=length)
        assert all(0 < len(value) <= length for value in made)
    if length >= 23:
        emails = part("email", persons, length=length)
        assert all(len(value) <= length and "@" in value for value in emails)
        assert len(set(emails)) == count


def test_what_cannot_be_part_of_an_identity_is_told(refusal):
    assert "no part of a persona" in refusal("phone", persona="id")
    assert "otherwise" in refusal("first_name", persona="id", scope="row")
    assert "otherwise" in refusal("date_shift", persona="id", entity="id")
    assert "keep_domain" in refusal("email", persona="id", keep_domain=True)
    assert "`persona: COLUMN`" in refusal("gender")
    assert "8 characters" in refusal("gender", LogicalType(Kind.TEXT, length=1), scope="row", female="Frau Dr.")
    assert "one of the column's" in refusal("gender", LogicalType(Kind.ENUM, members=("m", "f")), scope="row")


def test_all_columns_of_a_persons_place_are_of_one_town_that_its_name_does_not_tell():
    persons = list(map(str, range(3000)))
    towns, countries, streets = (part("place", persons, part=column) for column in ("city", "country", "street"))
    table = places.load()
    known = set(zip(table["city"], table["country"], strict=True))
    assert known.issuperset(zip(towns, countries, strict=True))
    assert part("place", persons[:5], part="city", seed=2) != towns[:5]
    assert len(set(streets)) > 2000
    order = {name: number for number, name in enumerate(pools.load("last_names").entries.to_pylist())}
    row = {town: number for number, town in enumerate(table["city"])}
    told = np.corrcoef([order[name] for name in part("last_name", persons)], [row[town] for town in towns])[0, 1]
    assert abs(told) < 0.1

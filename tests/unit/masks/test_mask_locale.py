"""Names and addresses of a locale: in its script, as the column can hold them, and never the value itself."""

from __future__ import annotations

import hashlib
from importlib import resources

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from dbmimic.masks import canonical, locales
from dbmimic.model.types import Kind, LogicalType

MASKS = {"first_name": "first_names", "last_name": "last_names", "city": "cities", "street_address": "streets"}


def test_the_file_is_the_pinned_one_and_has_what_is_told():
    body = resources.files("dbmimic.masks").joinpath("tables", locales.FILE).read_bytes()
    assert hashlib.sha256(body).hexdigest() == locales.DIGEST
    with_names = {locale for locale, name in locales.load() if name == "last_names"}
    with_streets = {locale for locale, name in locales.load() if name == "streets"}
    assert (len(with_names), len(with_streets)) == (82, 63)
    for found in locales.load().values():
        folded = canonical.folded(found.entries)
        assert len(pc.unique(folded)) == len(folded) >= 20


@pytest.mark.parametrize("mask", MASKS)
def test_a_locales_entry_never_is_the_value_in_any_case(apply, mask):
    for locale in ("ru_RU", "el_GR", "tr_TR", "de_DE"):
        if (locale, MASKS[mask]) not in locales.load():
            continue
        values = locales.load()[locale, MASKS[mask]].entries.to_pylist()
        values = [*values, *(value.upper() for value in values), "", None]
        made = apply(mask, values, locale=locale)
        given, taken = canonical.folded(pa.array(values)), canonical.folded(pa.array(made))
        assert not pc.any(
            pc.equal(given.filter(pc.not_equal(given, "")), taken.filter(pc.not_equal(given, "")))
        ).as_py()
        assert made[-2:] == ["", None]


def test_the_column_decides_what_is_drawn(apply, refusal):
    values = [str(number) for number in range(2000)]
    latin = LogicalType(Kind.TEXT, length=12, charset="cp1252")
    made = apply("full_name", values, LogicalType(Kind.TEXT, length=16, charset="cp1252"), locale="de_DE")
    assert max(map(len, made)) <= 16
    assert any(not name.isascii() for name in made)
    assert all(name.encode("cp1252") for name in made)
    assert "fewer than 20 fit" in refusal("last_name", latin, locale="ru_RU")
    assert "fewer than 20 fit" in refusal("city", LogicalType(Kind.TEXT, length=2), locale="de_DE")
    assert "did you mean 'de_DE'" in refusal("last_name", locale="de_DD")
    assert "has no meaning" in refusal("last_name", locale="de_DE", persona="id")


def test_names_stand_in_the_locales_order(apply):
    firsts, lasts = (
        {locale: set(locales.load()[locale, name].entries.to_pylist()) for locale in ("hu_HU", "de_DE")}
        for name in ("first_names", "last_names")
    )
    for locale, order in (("hu_HU", (lasts, firsts)), ("de_DE", (firsts, lasts))):
        made = apply("full_name", [str(number) for number in range(50)], locale=locale)
        assert all(name.split(" ", 1)[0] in order[0][locale] or name.count(" ") > 1 for name in made)
    assert all(", " in name for name in apply("full_name", ["Doe, Jane", "Roe, Max"], locale="de_DE"))

"""Packs: found, layered, and deciding no more than their names say."""

import os
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from dbmimic.config import Overrides, load
from dbmimic.config.packs import pack_layers, shipped
from dbmimic.errors import ConfigError, Problem
from dbmimic.masks.registry import builtin
from dbmimic.model.ruleset import ColumnTrait, KeepRule, MaskRule, RuleLayer
from dbmimic.model.settings import Named
from dbmimic.model.types import Kind


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)


def names(layers: tuple[RuleLayer, ...]) -> str:
    return "".join(Path(layer.name).stem for layer in layers)


def layered(folder: Path, *extends: str) -> tuple[tuple[RuleLayer, ...], list[Problem]]:
    problems: list[Problem] = []
    return pack_layers([Named(text, "c:1:1") for text in extends], folder, {}, problems), problems


def test_the_last_named_is_the_strongest(tmp_path):
    write(tmp_path, a="", b="", c="")
    layers, problems = layered(tmp_path, "a.yaml", "b.yaml", "c.yaml")
    assert (names(layers), problems) == ("cba", [])


@pytest.mark.parametrize(
    ("extends", "order"),
    [
        (["d.yaml"], "dcba"),
        (["b.yaml", "c.yaml"], "cba"),
        (["d.yaml", "a.yaml"], "dcba"),
        (["c.yaml", "b.yaml", "c.yaml"], "bca"),
    ],
)
def test_a_pack_is_stronger_than_what_it_extends(tmp_path, extends, order):
    write(tmp_path, a="", b="extends: [a.yaml]", c="extends: [a.yaml]", d="extends: [b.yaml, c.yaml]")
    layers, problems = layered(tmp_path, *extends)
    assert (names(layers), problems) == (order, [])


def test_many_ways_to_one_pack_cost_one_visit(tmp_path):
    write(tmp_path, **{f"p{n}": f"extends: [p{n + 1}.yaml, p{n + 1}.yaml]" for n in range(40)}, p40="")
    layers, problems = layered(tmp_path, "p0.yaml")
    assert (len(layers), problems) == (41, [])


@pytest.mark.parametrize("first", ["extends: [a.yaml]", "extends: [b.yaml]"])
def test_a_loop_is_an_error_at_the_place_that_closes_it(tmp_path, first):
    write(tmp_path, a=first, b=f"# one more line\nextends: [../{tmp_path.name}/a.yaml]")
    _, problems = layered(tmp_path, "a.yaml")
    closing = "a.yaml:1:11" if "a.yaml" in first else "b.yaml:2:11"
    assert [(problem.code, problem.place) for problem in problems] == [("DM211", f"{tmp_path}/{closing}")]


def test_paths_start_from_the_file_that_names_them(tmp_path):
    (tmp_path / "inner").mkdir()
    write(tmp_path, outer="extends: [inner/one.yaml]")
    write(tmp_path / "inner", one="extends: [two.yaml, structure]", two="columns: {a: email}")
    layers, problems = layered(tmp_path, "outer.yaml")
    assert problems == []
    assert [Path(layer.name).name for layer in layers] == ["outer.yaml", "one.yaml", "structure.yaml", "two.yaml"]


def test_a_file_of_ones_own_may_be_named_like_a_shipped_one(tmp_path):
    (tmp_path / "rules").mkdir()
    write(tmp_path / "rules", people="columns: {mine: email}")
    layers, problems = layered(tmp_path, "people", "rules/people.yaml")
    assert problems == []
    assert [layer.columns[0].pattern for layer in layers] == [("mine",), ("first_name",)]


def test_an_installed_package_holds_its_packs_inside(tmp_path, monkeypatch):
    inside = tmp_path / "rules" / "packs" / "apps"
    inside.mkdir(parents=True)
    write(inside, blog="columns: {a: email}")
    (inside / "README.md").write_text("no pack")
    monkeypatch.setattr("dbmimic.config.packs.importlib.resources.files", lambda _: tmp_path)
    layers, problems = layered(tmp_path, "apps/blog")
    assert (list(shipped()), names(layers), problems) == (["apps/blog"], "blog", [])


def test_a_loop_of_links_is_told(tmp_path):
    (tmp_path / "a.yaml").symlink_to(tmp_path / "b.yaml")
    (tmp_path / "b.yaml").symlink_to(tmp_path / "a.yaml")
    _, problems = layered(tmp_path, "a.yaml")
    assert [(problem.code, problem.place) for problem in problems] == [("DM211", "c:1:1")]
    assert os.strerror(40) in problems[0].message


def test_what_is_wrong_in_packs_and_in_the_file_is_told_at_once(tmp_path):
    write(tmp_path, a="columns:\n  x: keep\n  y.: email\nrules: {}\n", b="columns: [", c="traits: {bolean: {keep: x}}")
    config = tmp_path / "dbmimic.yaml"
    config.write_text("sorce: x\nrules:\n  extends: [a.yaml, b.yaml, c.yaml, nowhere.yaml]\n")
    with pytest.raises(ConfigError) as caught:
        load(config, overrides=Overrides(), environ={})
    told = [(problem.code, problem.place.removeprefix(f"{tmp_path}/")) for problem in caught.value.problems]
    assert told == [
        ("DM204", "a.yaml:2:6"),
        ("DM204", "a.yaml:3:3"),
        ("DM203", "a.yaml:4:1"),
        ("DM201", "b.yaml:1:11"),
        ("DM203", "c.yaml:1:10"),
        ("DM203", "dbmimic.yaml:1:1"),
        ("DM211", "dbmimic.yaml:3:37"),
    ]
    hints = [problem.hint for problem in caught.value.problems]
    assert hints[4] == "did you mean 'boolean'?"


def test_a_trait_takes_no_types(tmp_path):
    write(tmp_path, a="traits:\n  boolean: {keep: x, types: [text]}\n")
    _, problems = layered(tmp_path, "a.yaml")
    assert [(problem.code, problem.place) for problem in problems] == [("DM204", f"{tmp_path}/a.yaml:2:22")]


def test_every_shipped_pack_loads_and_names_masks_that_exist():
    known = set(builtin().names())
    assert set(shipped()) >= {"structure", "people"}
    for pack in shipped():
        layers, problems = layered(Path(), pack)
        assert problems == []
        for layer in layers:
            for rule in (*layer.columns, *layer.traits):
                assert isinstance(rule.decision, KeepRule) or rule.decision.mask in known, rule.place


def test_a_shipped_mask_takes_each_of_the_types_it_is_limited_to():
    masks = builtin()
    (people,), _ = layered(Path(), "people")
    for rule in people.columns:
        assert isinstance(rule.decision, MaskRule)
        definition = masks.get(rule.decision.mask)
        definition.parse(rule.decision.options)
        assert rule.types, rule.place
        assert {Kind(kind) for kind in rule.types} <= definition.kinds, rule.place


def test_structure_keeps_by_every_trait_and_says_why():
    (structure,), _ = layered(Path(), "structure")
    assert {rule.trait for rule in structure.traits} == set(ColumnTrait)
    assert all(isinstance(rule.decision, KeepRule) and rule.decision.reason for rule in structure.traits)
    assert structure.columns == ()


def mask_of(name: str, kind: str) -> str | None:
    """Give the mask of the strictest match; two masks for one column would be a fault of the pack."""
    (people,), _ = layered(Path(), "people")
    parts = name.lower().split(".")
    found = {
        rule.decision.mask
        for rule in people.columns
        if kind in rule.types and len(rule.pattern) <= len(parts)
        if all(fnmatchcase(part, glob) for part, glob in zip(parts[::-1], rule.pattern[::-1], strict=False))
    }
    assert len(found) <= 1, name
    return next(iter(found), None)


@pytest.mark.parametrize(
    ("name", "kind", "mask"),
    [
        ("customer.first_name", "text", "first_name"),
        ("Customer.FirstName", "text", "first_name"),
        ("Customer.LastName", "text", "last_name"),
        ("customers.contact_name", "text", "full_name"),
        ("orders.ship_name", "text", "full_name"),
        ("customer.email", "text", "email"),
        ("shop.billing_email", "text", "email"),
        ("address.phone", "text", "phone"),
        ("employees.home_phone", "text", "phone"),
        ("Employees.HomePhone", "text", "phone"),
        ("customers.fax", "text", "phone"),
        ("address.address", "text", "street_address"),
        ("address.address2", "text", "street_address"),
        ("Invoice.BillingAddress", "text", "street_address"),
        ("orders.ship_city", "text", "city"),
        ("Invoice.BillingPostalCode", "text", "postal_code"),
        ("orders.ship_postal_code", "text", "postal_code"),
        ("Employee.BirthDate", "timestamp", "date_shift"),
        ("employees.birth_date", "date", "date_shift"),
        ("staff.username", "text", "token"),
        ("django_session.session_key", "text", "token"),
        ("staff.password", "text", "redact"),
        ("employees.notes", "text", "redact"),
        ("employees.photo", "binary", "redact"),
        ("staff.picture", "binary", "redact"),
        ("userprofile.avatar", "text", "redact"),
        # what means something else, or may
        ("users.email_verified", "boolean", None),
        ("users.email", "boolean", None),
        ("users.email_verified", "text", None),
        ("city.city_id", "integer", None),
        ("store.address", "integer", None),
        ("people.phone", "integer", None),
        ("category.name", "text", None),
        ("products.product_name", "text", None),
        ("films.title", "text", None),
        ("categories.description", "text", None),
        ("categories.picture", "binary", None),
        ("hosts.ip_address", "text", None),
        ("nics.mac_address", "text", None),
        ("devices.microphone", "text", None),
        ("orders.state", "text", None),
        ("country.country", "text", None),
        ("ships.ship_name", "text", None),
        ("users.birth_date", "text", None),
    ],
)
def test_people_decides_what_a_name_gives_away_and_no_more(name, kind, mask):
    assert mask_of(name, kind) == mask

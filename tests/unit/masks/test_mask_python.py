"""A function over a column, and masks of other packages."""

from __future__ import annotations

from dataclasses import replace
from importlib import metadata

import pytest

from dbmimic.masks import plugins
from dbmimic.masks.definition import MaskError
from dbmimic.masks.plugins import PluginError, installed
from dbmimic.masks.registry import builtin
from dbmimic.model.types import Kind, LogicalType

TICKET = replace(builtin().get("token"), name="ticket")
PAIR = (TICKET, replace(TICKET, name="voucher"))
TAKEN = builtin().get("email")
NO_MASK = 3


def test_a_function_gets_the_column_and_what_the_rule_says(apply):
    assert apply("python", ["abc", None, "", "ü1"], function="tests.python_masks:backwards") == ["cba", None, "", "1ü"]
    made = apply("python", ["a", "b", "a"], function="tests.python_masks:tagged", args={"tag": "T"})
    assert made[0] == made[2] != made[1]
    assert made[0].startswith("T-")


@pytest.mark.parametrize(
    ("function", "said"),
    [("first_only", "as many values"), ("failing", "raised RuntimeError"), ("nothing", "may not be NULL")],
)
def test_what_it_gives_is_looked_at_and_what_it_says_is_not_told(apply, function, said):
    with pytest.raises(MaskError, match=said) as caught:
        apply("python", ["a secret", "b"], function=f"tests.python_masks:{function}", nullable=False)
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None
    with pytest.raises(MaskError, match="2 characters"):
        apply("python", ["abc"], LogicalType(Kind.TEXT, length=2), function="tests.python_masks:backwards")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("backwards", "module:function"),
        ("tests.python_masks:forwards", "no function forwards"),
        ("tests.python_masks:NOT_A_FUNCTION", "no function NOT_A_FUNCTION"),
        ("tests.no_such_module:f", "cannot be imported (ModuleNotFoundError)"),
    ],
)
def test_a_function_that_is_not_there_is_told_before_a_row_is_read(refusal, function, said):
    assert said in refusal("python", function=function)


def test_a_function_that_gives_what_is_no_number_of_the_column_is_told(apply):
    function = "tests.python_masks:backwards"
    assert apply("python", ["12", None], LogicalType(Kind.INTEGER, bits=7), function=function) == ["21", None]
    for values, column in (
        (["-12"], LogicalType(Kind.INTEGER, bits=7)),
        (["931"], LogicalType(Kind.INTEGER, bits=7)),
        (["01."], LogicalType(Kind.INTEGER, bits=7, signed=False)),
        (["5.001"], LogicalType(Kind.DECIMAL, precision=4, scale=2)),
    ):
        with pytest.raises(MaskError, match="no number that the column holds"):
            apply("python", values, column, function=function)


def found(monkeypatch, *values):
    points = [
        metadata.EntryPoint(f"p{at}", f"tests.unit.masks.test_mask_python:{one}", "dbmimic.masks")
        for at, one in enumerate(values)
    ]
    monkeypatch.setattr(plugins.metadata, "entry_points", lambda group: points if group == "dbmimic.masks" else [])


def test_masks_of_other_packages_are_found(monkeypatch):
    assert installed().names() == builtin().names()
    found(monkeypatch, "TICKET")
    assert set(installed().names()) - set(builtin().names()) == {"ticket"}
    found(monkeypatch, "PAIR")
    assert set(installed().names()) - set(builtin().names()) == {"ticket", "voucher"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("TAKEN", "two masks are named 'email'"),
        ("NO_MASK", "is no mask"),
        ("ABSENT", "cannot be loaded: AttributeError"),
    ],
)
def test_a_plug_in_that_cannot_be_used_is_named(monkeypatch, value, said):
    found(monkeypatch, value)
    with pytest.raises(PluginError, match=said) as caught:
        installed()
    assert "p0" in str(caught.value)

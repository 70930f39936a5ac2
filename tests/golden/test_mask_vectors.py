"""A mask that changes what it gives for a value would make yesterday's copy and today's disagree."""

from __future__ import annotations

import json

import pytest

from dbmimic.masks.registry import builtin
from tests.golden import mask_vectors

FROZEN = json.loads(mask_vectors.FILE.read_text())


@pytest.mark.parametrize(
    "vector", FROZEN["vectors"], ids=lambda vector: f"{vector['mask']}-{vector['column']}-{vector['options']}"
)
def test_every_vector_holds(vector):
    now = mask_vectors.masked(vector["mask"], vector["options"], vector["column"], vector["values"])
    assert now == vector["masked"]


def test_the_cases_are_the_frozen_ones():
    frozen = [(vector["mask"], vector["options"], vector["column"], vector["values"]) for vector in FROZEN["vectors"]]
    assert frozen == mask_vectors.CASES
    assert FROZEN["secret"] == mask_vectors.SECRET


def test_every_mask_has_a_vector():
    assert {name for name, *_ in mask_vectors.CASES} == set(builtin().names()) - {"faker", "python"}

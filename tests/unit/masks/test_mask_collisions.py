"""A fiftieth of what `python -m tests.bench collisions` does."""

import pytest

from dbmimic.masks.definition import Promise
from dbmimic.masks.registry import builtin
from tests.bench.mask_speed import UNIQUE, colliding


def test_every_unique_mask_is_tried():
    unique = {name for name in builtin().names() if Promise.UNIQUE in builtin().get(name).promises}
    assert {case.mask for case in UNIQUE} == unique - {"null"}


@pytest.mark.slow
@pytest.mark.parametrize("case", UNIQUE, ids=lambda case: f"{case.mask}-{case.type.kind}")
def test_distinct_values_stay_distinct(case):
    count = 10**5 if case.mask == "bic" else 2 * 10**5
    assert colliding(case, count) == 0

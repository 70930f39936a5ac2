"""Keys that are noted with a copy."""

from __future__ import annotations

import numpy as np
import pytest

from dbmimic.model import baseline
from dbmimic.model.baseline import Keys
from dbmimic.model.bits import Bits
from dbmimic.model.keys import KeySet
from dbmimic.model.names import TableId


def test_keys_that_are_far_from_each_other_take_too_much_room(monkeypatch: pytest.MonkeyPatch) -> None:
    table = TableId("public", "items")
    count = 20_000
    numbers = np.arange(count, dtype=np.uint64)
    near = np.concatenate([(numbers + (line << 48)) for line in range(3)])  # a key of two columns
    far = np.random.default_rng(7).integers(0, 1 << 63, count, dtype=np.uint64)
    assert Keys(("id",), KeySet({table: Bits.of(far)})).compact, "few take little room however they are"
    monkeypatch.setattr(baseline, "_FEW", 1_000)
    assert Keys(("id",), KeySet({table: Bits.of(near)})).compact
    assert Keys(("id",), KeySet({table: Bits.of(numbers * 900)})).compact
    assert not Keys(("id",), KeySet({table: Bits.of(far)})).compact

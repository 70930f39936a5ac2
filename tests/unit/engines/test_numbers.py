"""Numbers of keys: the same in memory and on disk, where none of the keys can be read."""

import gc
import random

import pytest

from dbmimic.engines import numbers
from dbmimic.engines.numbers import Numbers


@pytest.mark.parametrize("in_memory", [10_000, 700, 0])
def test_keys_get_numbers_as_they_are_met(in_memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    gc.collect()
    monkeypatch.setattr(numbers, "_IN_MEMORY", Numbers.in_memory + in_memory)
    rng = random.Random(5)
    met = [(f"person-{rng.randrange(2000)}".encode(), "é\udcff", n % 3, None) for n in range(5000)]
    expected = {key: number for number, key in enumerate(dict.fromkeys(met))}
    held, before = Numbers(), Numbers.in_memory
    for start in range(0, len(met), 300):
        batch = met[start : start + 300]
        assert held.of(batch).tolist() == [expected[key] for key in batch]
    assert len(held) == len(expected)
    asked = rng.sample(sorted(expected.values()), 900)
    assert held.keys(held.of([])) == []
    assert held.keys(held.of([met[7]])) == [met[7]]
    by_number = list(expected)
    for order in (sorted(asked), asked):
        ids = held.of([by_number[number] for number in order])
        assert held.keys(ids) == [by_number[number] for number in order]
    if in_memory < len(expected):
        assert held._disk is not None
        assert Numbers.in_memory == before
        assert b"person-" not in held._disk.serialize()
    else:
        assert held._disk is None
        assert Numbers.in_memory == before + len(expected)
    del held
    assert Numbers.in_memory == before

"""
A table of the shape of the adult census: 48,842 people, 15 columns, the same numbers of different values, as skewed.

The frequencies are those that are published of it; the rows are made up. Which values meet is drawn from a common
leaning of each person, so that columns depend on each other as they do there.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROWS = 48_842

_WORDS: dict[str, list[int]] = {
    "workclass": [33906, 3862, 3136, 2799, 1981, 1695, 1432, 21, 10],
    "education": [15784, 10878, 8025, 2657, 2061, 1812, 1601, 1389, 955, 834, 756, 657, 594, 509, 247, 83],
    "marital_status": [22379, 16117, 6633, 1530, 1518, 628, 37],
    "occupation": [6172, 6112, 6086, 5611, 5504, 4923, 3022, 2809, 2355, 2072, 1490, 1446, 983, 242, 15],
    "relationship": [19716, 12583, 7581, 5125, 2331, 1506],
    "race": [41762, 4685, 1519, 470, 406],
    "sex": [32650, 16192],
    "native_country": [43832, 951, 857, 295, 206, 184, 182, 155, 151, 138, 127, 122, 115, 106, 105, 103, 92, 88, 87, 86,
                       85, 75, 67, 65, 59, 49, 49, 46, 45, 38, 37, 30, 30, 28, 27, 23, 23, 23, 21, 20, 19, 1],
    "income": [37155, 11687],
}  # fmt: skip
_UNKNOWN = {"workclass": 3, "occupation": 7, "native_country": 2}  # the place of what is NULL
NUMBERS = ("age", "fnlwgt", "education_num", "capital_gain", "capital_loss", "hours_per_week")
WORDS = tuple(_WORDS)
COLUMNS = (*WORDS, *NUMBERS)


def census(seed: int = 5) -> dict[str, list[str | int | None]]:
    """Give the columns, with an id; the same for the same seed."""
    rng = np.random.default_rng(seed)
    leaning = rng.normal(size=ROWS)
    found: dict[str, list[str | int | None]] = {"id": list(range(1, ROWS + 1))}
    for name, counts in _WORDS.items():
        assert sum(counts) == ROWS, name
        places = _spread(rng, leaning, counts)
        words = [None if place == _UNKNOWN.get(name) else f"{name[:3]}-{place}" for place in range(len(counts))]
        found[name] = [words[place] for place in places]
    found["education_num"] = [16 - int(str(word).rpartition("-")[2]) for word in found["education"]]
    found["age"] = np.clip(rng.gamma(6, 4.4, ROWS) + 12 + 2 * leaning, 17, 90).astype(int).tolist()
    found["fnlwgt"] = (np.round(np.exp(rng.normal(12, 0.5, ROWS)) / 8) * 8 + 12_285).astype(int).tolist()
    found["capital_gain"] = _seldom(rng, 0.917, 122, 99_999)
    found["capital_loss"] = _seldom(rng, 0.953, 98, 4_356)
    hours = np.where(rng.random(ROWS) < 0.47, 40, np.clip(rng.normal(40, 15, ROWS) + leaning, 1, 99))
    found["hours_per_week"] = hours.astype(int).tolist()
    return found


def _spread(rng: np.random.Generator, leaning: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """Give each row one of the values, each exactly as often as it says; alike rows tend to have the same."""
    order = np.argsort(leaning * rng.choice([-1, 1]) * 0.6 + rng.normal(size=len(leaning)))
    shuffled = rng.permutation(len(counts))
    places = np.empty(len(leaning), dtype=int)
    places[order] = np.concatenate([np.full(counts[place], place) for place in shuffled])
    return places


def _seldom(rng: np.random.Generator, nothing: float, kinds: int, most: int) -> list[int]:
    """Give amounts of so many kinds, the largest of them a ceiling that some reach, and zero for nearly everybody."""
    amounts = np.unique(np.linspace(0.02, 1, kinds) ** 2 * most).astype(int)
    weights = 1 / (1 + np.arange(kinds)) ** 0.8
    weights[-1] = weights[5]
    drawn = rng.choice(amounts, ROWS, p=weights / weights.sum())
    return np.where(rng.random(ROWS) < nothing, 0, drawn).tolist()


def build(path: Path, columns: dict[str, list[str | int | None]]) -> None:
    """Make a SQLite database with the table `person`."""
    listed = ", ".join(f"{name} {'TEXT' if name in WORDS else 'INTEGER'}" for name in COLUMNS)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE person (id INTEGER PRIMARY KEY, {listed})")
        marks = ", ".join("?" * (1 + len(COLUMNS)))
        connection.executemany(
            f"INSERT INTO person VALUES ({marks})",
            zip(*(columns[name] for name in ("id", *COLUMNS)), strict=True),
        )

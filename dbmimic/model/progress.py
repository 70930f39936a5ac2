"""How far a new copy came whose run ended before it was done, so that another run can go on with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dbmimic.model.baseline import Position
from dbmimic.model.keys import Rows, Span
from dbmimic.model.work import UnitResult


@dataclass(frozen=True, slots=True)
class Reading:
    """One snapshot that rows of a new copy were read under, and by what they were made: each thing's digest."""

    made_by: Mapping[str, str]
    position: Position


@dataclass(frozen=True, slots=True)
class Loaded:
    """
    A unit whose rows a new copy holds: what came of it, which rows it read, under which of the readings.

    The result's `row_count` is how many of them are still there; its layout names the table and the leaf alone.
    """

    result: UnitResult
    rows: Rows | Span
    reading: int


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A new copy that the run of this number left, and the readings that its rows came from, the oldest first."""

    run: str
    readings: tuple[Reading, ...]

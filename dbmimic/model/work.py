"""The copying cut into units, each small and with a name that is the same in every run."""

from __future__ import annotations

from dataclasses import dataclass

from dbmimic.model.batch import Layout
from dbmimic.model.keys import Rows


@dataclass(frozen=True, slots=True)
class WorkUnit:
    """Some rows of one leaf to read, mask and load; running it twice equals running it once."""

    id: str
    layout: Layout
    rows: Rows


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What came of a unit."""

    id: str
    layout: Layout
    row_count: int
    byte_count: int
    seconds: float

"""The copying cut into units, each small and with a name that is the same in every run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dbmimic.model.batch import Layout
from dbmimic.model.keys import Rows, Span


@dataclass(frozen=True, slots=True)
class WorkUnit:
    """Some rows of one leaf, of about so many bytes, to read, mask and load; run twice, they are loaded once."""

    id: str
    layout: Layout
    rows: Rows | Span
    byte_count: int


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What was seen of masked rows on their way: how many values were compared with their source's, how many of each
    column were equal, and a digest of what was sent that does not depend on the rows' order.
    """

    row_count: int
    values_checked: int
    equal: Mapping[str, int]
    digest: int


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What came of a unit; `unread` counts by column the values that its mask could not read."""

    id: str
    layout: Layout
    row_count: int
    byte_count: int
    seconds: float
    seen: Seen | None = None
    unread: Mapping[str, int] = field(default_factory=dict)

"""What happens while a run is under way, as values: for a terminal, a log, a test."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dbmimic.model.findings import Finding
from dbmimic.model.names import TableId


class Stage(StrEnum):
    """The chapters of a run, in their order."""

    INTROSPECT = "introspect"
    WALK = "walk"
    COPY = "copy"
    FINISH = "finish"
    VERIFY = "verify"
    SWAP = "swap"


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A chapter begins. `rows` is how many rows it will handle, where that is known."""

    stage: Stage
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class StageEnded:
    """A chapter is over."""

    stage: Stage
    seconds: float


@dataclass(frozen=True, slots=True)
class RowsCopied:
    """Some more rows of a table were loaded."""

    table: TableId
    row_count: int
    byte_count: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """A finding was made."""

    finding: Finding


Event = StageStarted | StageEnded | RowsCopied | Noticed

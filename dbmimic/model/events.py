"""What happens while a run is under way, as values: for a terminal, a log, a test."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dbmimic.model.findings import Finding
from dbmimic.model.known import Known
from dbmimic.model.names import TableId
from dbmimic.model.run import Run


class Stage(StrEnum):
    """The chapters of a run, in their order."""

    INTROSPECT = "introspect"
    WALK = "walk"
    COPY = "copy"
    FINISH = "finish"
    VERIFY = "verify"
    AMEND = "amend"
    SWAP = "swap"


class LogFormat(StrEnum):
    """How a run is told on standard error: bars on a terminal and lines elsewhere, lines, or JSON lines."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


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


@dataclass(frozen=True, slots=True)
class SchemaRead:
    """The source's structure is known."""

    known: Known


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins."""

    run: Run


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run is over; `byte_count` is what was loaded, as it was sent."""

    run: Run
    byte_count: int


@dataclass(frozen=True, slots=True)
class HookSaid:
    """A hook's command wrote a line; what could be a password in it is gone already."""

    hook: str
    line: str


@dataclass(frozen=True, slots=True)
class HookEnded:
    """A hook's command is over; `problem` is empty where it did what it should."""

    hook: str
    seconds: float
    problem: str


Event = StageStarted | StageEnded | RowsCopied | Noticed | SchemaRead | RunStarted | RunEnded | HookSaid | HookEnded

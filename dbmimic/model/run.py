"""A run as history keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SCHEMA = "dbmimic/run/1"


class RunStatus(StrEnum):
    """How a run ended: `killed` is what a run is found to be that stopped without a word."""

    RUNNING = "running"
    VERIFIED = "verified"
    FAILED = "failed"
    STOPPED = "stopped"
    KILLED = "killed"


@dataclass(frozen=True, slots=True)
class Run:
    """
    One run: when (ISO, UTC), into what (addresses without passwords), how it ended and what it came to.

    `exit` is the exit status, `code`, `place` and `message` are those of the first problem, `findings` how many of each
    code there were; `seconds` by chapter, with `total`.
    """

    run: str
    source: str
    target: str
    version: str
    host: str
    started_at: str
    ended_at: str | None = None
    status: RunStatus = RunStatus.RUNNING
    exit: int | None = None
    rows: int | None = None
    tables: int | None = None
    seconds: dict[str, float] | None = None
    findings: dict[str, int] | None = None
    code: str = ""
    place: str = ""
    message: str = ""
    schema: str = SCHEMA

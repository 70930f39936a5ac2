"""A run as history keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum

from dbmimic.model.known import Known

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
    code there were; `seconds` by chapter, with `total`. `bytes` is what was loaded, as it was sent, `row_counts`
    the copy's rows by table and `known` the source's structure, as far as the run came to know them. `in_doubt` says
    that the target was lost, or the run stopped, while the new copy took its place: whether that one is served or the
    old one is not known.
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
    bytes: int | None = None
    in_doubt: bool = False
    row_counts: dict[str, int] | None = field(default=None, repr=False)
    known: Known | None = field(default=None, repr=False)
    schema: str = SCHEMA

    @property
    def good(self) -> bool:
        """Whether the target serves what this run made, verified."""
        return self.status is RunStatus.VERIFIED


@dataclass(frozen=True, slots=True)
class Drift:
    """
    What is otherwise than in a run before: tables, columns (`table.column`) and foreign keys that came and went;
    columns that became others, and tables whose rows became many more or many fewer, as `(name, before, now)`.
    """

    new_tables: tuple[str, ...] = ()
    gone_tables: tuple[str, ...] = ()
    new_columns: tuple[str, ...] = ()
    gone_columns: tuple[str, ...] = ()
    changed_columns: tuple[tuple[str, str, str], ...] = ()
    new_foreign_keys: tuple[str, ...] = ()
    gone_foreign_keys: tuple[str, ...] = ()
    rows: tuple[tuple[str, int, int], ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))

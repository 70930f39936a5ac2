"""A run as lines of JSON: one for each thing that happens, for whoever collects logs."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

from dbmimic.errors import DbmimicError, Problem
from dbmimic.model.events import (
    Event,
    HookEnded,
    HookSaid,
    Noticed,
    RowsCopied,
    RunEnded,
    RunStarted,
    Stage,
    StageEnded,
    StageStarted,
)
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.run import Run
from dbmimic.ports.clock import Clock

_LEVELS = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.ERROR: "error"}


class JsonLines:
    """
    A listener that writes to a stream.

    Every line has `timestamp` (ISO, UTC), `level`, `event` and, from the moment a run has one, `run`. It holds names,
    counts and durations, and what an error or a finding says, which is never a row's value.
    """

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        def stamped(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
            return {"timestamp": clock.now().isoformat(timespec="milliseconds"), **event}

        self._log: Any = structlog.wrap_logger(
            structlog.WriteLogger(stream),
            processors=[structlog.processors.add_log_level, stamped, structlog.processors.JSONRenderer()],
            cache_logger_on_first_use=False,
        )
        self._rows = self._bytes = 0

    def __call__(self, event: Event) -> None:
        """Write what there is to say of an event."""
        match event:
            case RunStarted(run):
                self._log = self._log.bind(run=run.run)
                self._log.info("run started", source=run.source, target=run.target, version=run.version, host=run.host)
            case StageStarted(stage):
                if stage is Stage.COPY:
                    self._rows = self._bytes = 0
                self._log.info("stage started", stage=stage.value)
            case RowsCopied(_, rows, size):
                self._rows += rows
                self._bytes += size
            case StageEnded(stage, seconds):
                counts = {"rows": self._rows, "bytes": self._bytes} if stage is Stage.COPY else {}
                self._log.info("stage ended", stage=stage.value, seconds=round(seconds, 3), **counts)
            case Noticed(finding):
                level = _LEVELS[finding.severity]
                getattr(self._log, level)("finding", severity=finding.severity.value, **_said(finding))
            case HookSaid(hook, line):
                self._log.info("hook said", hook=hook, line=line)
            case HookEnded(hook, seconds, problem):
                log = self._log.warning if problem else self._log.info
                log("hook ended", hook=hook, seconds=round(seconds, 3), problem=problem)
            case RunEnded(run, size):
                self._end(run, size)
            case _:
                pass

    def _end(self, run: Run, size: int) -> None:
        log = self._log.error if run.exit else self._log.info
        log(
            "run ended",
            status=run.status.value,
            exit=run.exit,
            code=run.code,
            place=run.place,
            message=run.message,
            rows=run.rows,
            bytes=size,
            tables=run.tables,
            findings=run.findings,
            seconds=run.seconds,
        )

    def complain(self, sentence: str) -> None:
        """Write what the user should know beside what the run does."""
        self._log.warning("warning", message=sentence)

    def fail(self, error: DbmimicError) -> None:
        """Write an error with all its problems."""
        for problem in error.problems:
            self._log.error("error", exit=error.exit_status, **_said(problem))


def _said(what: Finding | Problem) -> dict[str, str]:
    return {"code": what.code, "place": what.place, "message": what.message, "hint": what.hint}

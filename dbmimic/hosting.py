"""
Joins settings with sandboxes and the history of runs, as `wiring` does for copies, and loads nothing that only copies
need.

A sandbox is made in a fraction of a second, and so a command must not take longer to start.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from dbmimic.config import Overrides, load
from dbmimic.config import resolve as late
from dbmimic.engines.hosts import host
from dbmimic.errors import DbmimicError, InternalError, UsageError
from dbmimic.model.address import Address
from dbmimic.model.report import RunReport
from dbmimic.model.run import Run, RunStatus
from dbmimic.model.settings import Named, Settings
from dbmimic.runs import History
from dbmimic.sandboxes import Sandboxes


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Give the current time in UTC."""
        return datetime.now(UTC)

    def seconds(self) -> float:
        """Give seconds that never go back."""
        return time.monotonic()


def load_config(
    path: str | Path | None = None,
    *,
    source: str | None = None,
    target: str | None = None,
) -> Settings:
    """
    Give the settings of a configuration file (default: `dbmimic.yaml` here), the environment and these arguments.

    Raises:
        ConfigError: everything that is wrong with the file, at once.
    """
    return load(Path(path) if path is not None else None, overrides=Overrides(source, target), environ=os.environ)


@contextlib.contextmanager
def sandbox(config: Settings) -> Iterator[Sandboxes]:
    """
    Give the sandboxes that are made from the target, and close the connection to its server after.

    One object serves one thread.
    """
    with contextlib.closing(host(address(config.target, "target"))) as server:
        yield Sandboxes(server, SystemClock(), config.sandbox)


def history(config: Settings) -> History:
    """Give the history of this machine's runs: in the folder that the configuration names, else in the user's own."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    folder = Path(config.runs.folder) if config.runs.folder else Path(state).expanduser() / "dbmimic" / "runs"
    return History(folder, config.runs.keep)


@contextlib.contextmanager
def recorded(config: Settings, complain: Callable[[str], None]) -> Iterator[Callable[[RunReport], None]]:
    """
    Remember a run that happens inside; what it gives takes the run's report.

    Where nothing can be written, `complain` is told why, and the run goes on: a copy does not depend on its history.
    """
    clock = SystemClock()
    began = Run(
        run=uuid.uuid4().hex,
        source=str(address(config.source, "source")),
        target=str(address(config.target, "target")),
        version=metadata.version("dbmimic"),
        host=socket.gethostname(),
        started_at=clock.now().isoformat(),
    )
    found: list[RunReport] = []
    ended = replace(began, status=RunStatus.STOPPED)
    recording = None
    try:
        recording = history(config).begin(began)
    except OSError as error:
        complain(f"the run is not remembered: {error.strerror}")
    try:
        yield found.append
        ended = replace(began, status=RunStatus.VERIFIED, exit=0)
    except Exception as error:
        ended = _failed(began, error if isinstance(error, DbmimicError) else InternalError.unexpected(error))
        report = getattr(error, "report", None)
        found += [report] if isinstance(report, RunReport) else []
        raise
    finally:
        if recording is not None:
            try:
                recording.end(_told(replace(ended, ended_at=clock.now().isoformat()), found))
            except OSError as error:
                complain(f"how the run ended is not remembered: {error.strerror}")


def _failed(run: Run, error: DbmimicError) -> Run:
    first = error.problems[0]
    return replace(
        run,
        status=RunStatus.FAILED,
        exit=error.exit_status,
        code=first.code,
        place=first.place,
        message=first.message,
    )


def _told(run: Run, reports: Sequence[RunReport]) -> Run:
    """Give a run with what its report counts."""
    if not reports:
        return run
    report = reports[-1]
    rows = [table.rows for table in report.tables]
    findings = dict(sorted(Counter(finding.code for finding in report.findings).items()))
    seconds = {name: round(taken, 3) for name, taken in report.seconds.items()}
    return replace(run, rows=sum(rows), tables=len(rows), seconds=seconds, findings=findings)


def address(named: Named | None, what: str) -> Address:
    """Give the address of the source or the target, as `what` says; the reference to it is followed now."""
    if named is None:
        hint = f"give --{what} URL, set DBMIMIC_{what.upper()}, or write `{what}:` in the configuration"
        raise UsageError("DM102", f"there is no {what} to work on", place=what, hint=hint)
    return late.address(named, os.environ)

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
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from dbmimic.config import Overrides, load
from dbmimic.config import resolve as late
from dbmimic.engines.hosts import host
from dbmimic.engines.rights import rights
from dbmimic.errors import DbmimicError, UsageError
from dbmimic.model.address import Address
from dbmimic.model.grants import Grants
from dbmimic.model.known import Known
from dbmimic.model.run import Run
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
    with contextlib.closing(host(reached(config, "target"))) as server:
        yield Sandboxes(server, SystemClock(), config.sandbox)


def grants(config: Settings, side: str, role: str) -> Grants:
    """
    Give the least rights of the role that reads the `source` or builds the `target`.

    Only the catalogue is read, so the role that connects may be any; `role` is empty for that one itself.
    """
    where = reached(config, side)
    knows = rights(where.engine)
    return knows.source(where, role) if side == "source" else knows.target(where, role)


def history(config: Settings) -> History:
    """Give the history of this machine's runs: in the folder that the configuration names, else in the user's own."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    folder = Path(config.runs.folder) if config.runs.folder else Path(state).expanduser() / "dbmimic" / "runs"
    return History(folder, config.runs.keep)


def known(config: Settings) -> Known | None:
    """Give the source's structure at the last good copy into the same target, as far as this machine remembers it."""
    target = _name(config.target, "target")
    found = (run.known for run in history(config).runs() if run.good and run.target == target)
    return next((each for each in found if each is not None), None) if target else None


def began(config: Settings) -> Run:
    """Give a run that begins now; a database whose address cannot be read has no name yet."""
    return Run(
        run=uuid.uuid4().hex,
        source=_name(config.source, "source"),
        target=_name(config.target, "target"),
        version=metadata.version("dbmimic"),
        host=socket.gethostname(),
        started_at=SystemClock().now().isoformat(),
    )


def _name(named: Named | None, what: str) -> str:
    """Give a database's name for the history: two files of one relative path are not one target."""
    try:
        found = address(named, what)
    except DbmimicError:
        return ""  # the run itself tells of it
    return str(replace(found, database=str(Path(found.database).absolute())) if found.engine == "sqlite" else found)


def reached(config: Settings, what: str) -> Address:
    """Give the address of the source or the target, with how long to wait for a word from there."""
    named, network = config.source if what == "source" else config.target, config.network
    return replace(
        address(named, what),
        stall_timeout=network.stall_timeout,
        few_sessions=network.few_sessions,
        mends_text=config.mends_text and what == "source",
    )


def address(named: Named | None, what: str) -> Address:
    """Give the address of the source or the target, as `what` says; the reference to it is followed now."""
    if named is None:
        hint = f"give --{what} URL, set DBMIMIC_{what.upper()}, or write `{what}:` in the configuration"
        raise UsageError("DM102", f"there is no {what} to work on", place=what, hint=hint)
    return late.address(named, os.environ)

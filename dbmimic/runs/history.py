"""The history of runs: a folder with a file for each, whose lock tells whether the run is still alive."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from dbmimic.errors import UsageError
from dbmimic.model.amount import amount
from dbmimic.model.known import Known
from dbmimic.model.run import Run, RunStatus

_OURS = re.compile(r"[0-9-]{10}T[0-9.]+\+0000-[0-9a-f]{32}\.json")

_REPORT = ".report"  # beside the run's own file: JSON, compressed
_LEFT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class History:
    """
    The runs that a folder remembers: the newest `keep` of them, and the last good one into each target however old.

    Files are written beside, synced and renamed, so that each is whole whatever happens; only their owner reads them.
    """

    folder: Path
    keep: int

    def begin(self, run: Run) -> Recording:
        """
        Remember that a run began, and forget the oldest ones.

        Raises:
            OSError: the folder cannot be written.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(run)
        recording = Recording(run, path, _written(path, run))
        self._sweep(path)
        self._forget()
        return recording

    def _forget(self) -> None:
        """
        Remove the oldest runs, but for the last good one into each target.

        The next copy is held against what that one knew: if runs that were refused for it pushed it out, one would
        pass. Cost: no file is read twice, and of the newest ones as few as tell which targets were served later.
        """
        paths = self._paths()
        newest = iter(paths[: self.keep])
        served: set[str | None] = {None}
        for old in paths[self.keep :]:
            target = _served(old)
            while target not in served and (later := next(newest, None)) is not None:
                served.add(_served(later))
            if target not in served:
                served.add(target)
                continue
            for each in (_report_of(old), old):
                with suppress(FileNotFoundError):
                    each.unlink()

    def _sweep(self, newest: Path) -> None:
        """Remove what a killed run left half written: nobody writes for an hour."""
        for unfinished in self.folder.glob("*.part"):
            with suppress(OSError):  # another run has removed it
                age = newest.stat().st_mtime - unfinished.stat().st_mtime
                stem = unfinished.name.removesuffix(".part").removesuffix(_REPORT)
                if _OURS.fullmatch(f"{stem}.json") and age > _LEFT_SECONDS:
                    unfinished.unlink()

    def runs(self) -> Iterator[Run]:
        """Give the runs, the newest first; what cannot be understood is no run."""
        for path in self._paths():
            found = _read(path)
            if found is not None:
                yield found

    def run(self, name: str) -> Run:
        """
        Give the run whose name begins so; `last` is the newest.

        Raises:
            UsageError: DM102, there is none, or more than one.
        """
        found = [run for run in self.runs() if name == "last" or run.run.startswith(name)]
        if not found or (len(found) > 1 and name != "last"):
            hint = "`dbmimic runs` lists them"
            message = "there is no such run" if not found else f"{len(found)} runs begin like that"
            raise UsageError("DM102", message, place=name, hint=hint)
        return found[0]

    def reported(self, name: str) -> tuple[Run, str]:
        """
        Give the run whose name begins so (`last`: the newest) with its report's document, as it was told then.

        Raises:
            UsageError: DM102, there is no such run, or it came to no report.
        """
        run = self.run(name)
        try:
            return run, gzip.decompress(_report_of(self._path(run)).read_bytes()).decode()
        except (OSError, EOFError, ValueError, zlib.error):
            told = f" ({run.code})" if run.code else ""
            message = f"that run is {run.status}{told}, and no report of it is kept"
            hint = f"`dbmimic runs {run.run[:8]}` tells what is known of it, `dbmimic runs` of others"
            raise UsageError("DM102", message, place=f"run {run.run}", hint=hint) from None

    def _path(self, run: Run) -> Path:
        return self.folder / f"{run.started_at.replace(':', '')}-{run.run}.json"

    def hidden(self) -> str:
        """Give what there is to tell of runs that this user may not read, or nothing."""
        count = sum(1 for path in self._all() if not os.access(path, os.R_OK))
        if not count:
            return ""
        runs = amount(count, f"run in {self.folder} is", f"runs in {self.folder} are")
        return (
            f"{runs} another user's and cannot be read, so what changed since then is not seen: run as that user, or"
            " name a folder of your own as runs.folder"
        )

    def _paths(self) -> list[Path]:
        """Give our files, the newest first: another user's are not ours to count or to remove."""
        return [path for path in self._all() if os.access(path, os.R_OK)]

    def _all(self) -> list[Path]:
        """Give the files of runs, the newest first: what else is in the folder is none of ours."""
        return sorted((path for path in self.folder.glob("*.json") if _OURS.fullmatch(path.name)), reverse=True)


@dataclass
class Recording:
    """A run under way. The lock on its file goes with the process, so a run that was killed is known as such."""

    run: Run
    _path: Path
    _handle: int

    def end(self, run: Run, report: str | None = None) -> None:
        """
        Remember how it ended, and its report's document, if it came to one.

        Raises:
            OSError: one of the two cannot be written; the other one is.
        """
        try:
            if report is not None:
                os.close(_put(_report_of(self._path), gzip.compress(report.encode(), mtime=0)))
        finally:
            os.close(_written(self._path, run))
            os.close(self._handle)


def _written(path: Path, run: Run) -> int:
    """Put a run's file in its place, and give a handle by which it is locked."""
    return _put(path, (json.dumps(asdict(run), indent=1) + "\n").encode())


def _report_of(path: Path) -> Path:
    """Give where the report of the run with this file is: beside it, and gone with it."""
    return path.with_suffix(_REPORT)


def _put(path: Path, data: bytes) -> int:
    """Put a file in its place, whole, and give a handle by which it is locked; what cannot be finished is removed."""
    unfinished = path.with_suffix(".part") if path.suffix != _REPORT else path.with_suffix(f"{_REPORT}.part")
    handle = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        rest = memoryview(data)
        while rest:  # a disk that is almost full takes a part
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
        unfinished.replace(path)
    except BaseException:
        os.close(handle)
        unfinished.unlink(missing_ok=True)
        raise
    return handle


def _read(path: Path) -> Run | None:
    try:
        with path.open("rb") as file:
            told = json.loads(file.read())
            run = _understood(told)
            return replace(run, status=RunStatus.KILLED) if _was_killed(run, file.fileno()) else run
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _served(path: Path) -> str | None:
    """Give the target of a good run that the next copy can be held against, or None."""
    run = _read(path)
    return run.target if run is not None and run.good and run.known is not None else None


def _understood(told: dict[str, Any]) -> Run:
    """Give a run from its JSON; what other versions remember beside is left out."""
    known = told.get("known")
    read = None if known is None else Known.read(known["shapes"], known["references"])
    ours = {each.name: told[each.name] for each in fields(Run) if each.name in told}
    return Run(**{**ours, "status": RunStatus(told["status"]), "known": read})


def _was_killed(run: Run, handle: int) -> bool:
    """Tell whether a run that says it runs holds its file no longer."""
    if run.status is not RunStatus.RUNNING:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

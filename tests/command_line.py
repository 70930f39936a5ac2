"""
The command line as a user meets it: a process, its exit status and every byte that it prints.

Starting Python and importing the libraries takes most of a short command's time. So one process imports them once and
forks for each command: what runs in the fork is the same `main` with a process, streams and a working folder of its
own. `script` is the installed command itself, for tests of what comes before `main`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
NEEDED = (
    "dbmimic.wiring",
    "dbmimic.cli.app",
    "dbmimic.cli.render.progress",
    "dbmimic.cli.render.tables",
    "dbmimic.reporting.json",
    "dbmimic.engines.postgres.engine",
    "dbmimic.engines.mysql.engine",
    "dbmimic.engines.sqlite.engine",
    "sqlglot.dialects.postgres",
    "sqlglot.dialects.mysql",
    "sqlglot.dialects.sqlite",
)
# Where the history of runs goes, unless a test says otherwise: it keeps the newest ones only.
STATE = str(Path(tempfile.gettempdir(), f"dbmimic-tests-{os.getuid()}"))
UNSET = ("DBMIMIC_SOURCE", "DBMIMIC_TARGET", "DBMIMIC_SECRET", "DATABASE_URL", "PGPASSWORD", "CI")


def script() -> str:
    """Give the path of the installed command."""
    return str(Path(sys.executable).with_name("dbmimic"))


def environment(**more: str) -> dict[str, str]:
    """Give an environment without settings of ours, with these in it."""
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    return kept | {"XDG_STATE_HOME": STATE} | more


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status (minus the signal that killed it) and what it printed."""

    arguments: tuple[str, ...]
    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output; anything beside it is an error."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


class Forks:
    """A process that has all of dbmimic imported and runs each command in a fork of itself."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.command_line"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(),
        )

    def run(self, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> Ended:
        """Run one command in a working folder, with these variables beside the usual ones."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            order = {"arguments": arguments, "cwd": str(cwd), "env": dict(env or {}), "out": str(out), "err": str(err)}
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            status = int(self._process.stdout.readline())
            return Ended(arguments, status, out.read_text(), err.read_text())

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=10)


def run_script(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> Ended:
    """Run the installed command in a process of its own."""
    done = subprocess.run(
        [script(), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        env=environment(**(env or {})),
    )
    return Ended(arguments, done.returncode, done.stdout, done.stderr)


def _serve() -> None:
    """Fork for each order that comes on standard input, and answer with its exit status."""
    for name in NEEDED:
        import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
        _, ended = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(ended), flush=True)


def _become(order: Mapping[str, Any]) -> None:
    """Be the command that was ordered, to the end of this process."""
    streams: Sequence[tuple[str, int, int]] = (
        (os.devnull, os.O_RDONLY, 0),
        (order["out"], os.O_WRONLY | os.O_CREAT, 1),
        (order["err"], os.O_WRONLY | os.O_CREAT, 2),
    )
    for path, flags, number in streams:
        os.dup2(os.open(path, flags, 0o600), number)
    os.chdir(order["cwd"])
    os.environ.update(order["env"])
    tempfile.tempdir = None
    sys.argv = ["dbmimic", *order["arguments"]]
    status = 70
    try:
        from dbmimic.__main__ import main  # noqa: PLC0415

        main()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 70
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve()

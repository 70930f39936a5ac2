"""
The command line as a user meets it: a process, its exit status and every byte that it prints.

Starting Python and importing the libraries takes most of a short command's time. So one process imports them once and
forks for each command: what runs in the fork is the same `main` with a process, streams and a working folder of its
own. Several may run at once. `script` is the installed command itself, for tests of what comes before `main`.
"""

from __future__ import annotations

import atexit
import gc
import itertools
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).parents[1]
NEEDED = (
    "dbmimic.wiring",
    "dbmimic.cli.app",
    "dbmimic.cli.render.outcome",
    "dbmimic.cli.render.progress",
    "dbmimic.cli.render.tables",
    "dbmimic.outside.commands",
    "dbmimic.refresh",
    "dbmimic.reporting.json",
    "dbmimic.engines.postgres.engine",
    "dbmimic.engines.mysql.engine",
    "dbmimic.engines.sqlite.engine",
    "sqlglot.dialects.postgres",
    "sqlglot.dialects.mysql",
    "sqlglot.dialects.sqlite",
    "multiprocessing.forkserver",
    "numpy.ma",
)
UNSET = ("DBMIMIC_SOURCE", "DBMIMIC_TARGET", "DBMIMIC_SECRET", "DATABASE_URL", "PGPASSWORD", "CI")


def script() -> str:
    """Give the path of the installed command."""
    return str(Path(sys.executable).with_name("dbmimic"))


@cache
def _state() -> Path:
    """Give where histories of runs go, unless a test says otherwise: a folder that is gone with this process."""
    folder = Path(tempfile.mkdtemp(prefix="dbmimic-state-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def environment(**more: str) -> dict[str, str]:
    """Give an environment without settings of ours, with these in it."""
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    return kept | {"XDG_STATE_HOME": str(_state())} | more


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


class Running:
    """A command under way, in a process of its own."""

    def __init__(
        self, arguments: tuple[str, ...], folder: Path, pid: int, ended: Callable[[float], int | None]
    ) -> None:
        self.arguments = arguments
        self.pid = pid
        self._folder = folder
        self._ended = ended

    def wait(self, seconds: float = 300.0) -> Ended:
        """
        Give how it ended.

        Raises:
            TimeoutError: it has not; it is killed.
        """
        status = self._ended(seconds)
        if status is None:
            os.kill(self.pid, signal.SIGKILL)
            self._ended(seconds)
        out, err = ((self._folder / name).read_text(errors="replace") for name in ("out", "err"))
        shutil.rmtree(self._folder)
        if status is None:
            raise TimeoutError(f"{self.arguments} had not ended after {seconds:g} s: {err[-500:]}")
        return Ended(self.arguments, status, out, err)


class Forks:
    """
    A process that has all of dbmimic imported and runs each command in a fork of itself.

    Threads may share one. `env` is for the process itself: what its loader reads, for instance.
    """

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.command_line"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(**(env or {})),
        )
        self._news = threading.Condition()
        self._pids: dict[int, int] = {}
        self._statuses: dict[int, int] = {}
        self._orders = itertools.count()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def run(
        self, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, module: str = "dbmimic.__main__"
    ) -> Ended:
        """Run one command in a working folder, with these variables beside the usual ones."""
        return self.start(*arguments, cwd=cwd, env=env, module=module).wait()

    def start(
        self, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, module: str = "dbmimic.__main__"
    ) -> Running:
        """Begin one command: the `main` of a module, which is the command line's own unless another one wraps it."""
        folder = Path(tempfile.mkdtemp(prefix="dbmimic-fork-"))
        out, err = folder / "out", folder / "err"
        for each in (out, err):  # who is killed at once has not come to open them
            each.touch(mode=0o600)
        number = next(self._orders)
        order = {
            "number": number,
            "module": module,
            "arguments": arguments,
            "cwd": str(cwd),
            # a history for each working folder: in one for all of them, each run would read hundreds of others
            "env": {"XDG_STATE_HOME": f"{_state()}{cwd}", **(env or {})},
            "out": str(out),
            "err": str(err),
        }
        assert self._process.stdin is not None
        with self._news:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            assert self._news.wait_for(lambda: number in self._pids, 60), "no process came"
            pid = self._pids.pop(number)

        def ended(seconds: float) -> int | None:
            with self._news:
                self._news.wait_for(lambda: number in self._statuses, seconds)
                return self._statuses.get(number)

        return Running(arguments, folder, pid, ended)

    def _read(self) -> None:
        """Take what the process tells of its children."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            number, pid, status = json.loads(line)
            with self._news:
                if status is None:
                    self._pids[number] = pid
                else:
                    self._statuses[number] = status
                self._news.notify_all()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._reader.join(timeout=10)
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
    """Fork for each order that comes on standard input, and tell the child's process id, and its exit status."""
    for name in NEEDED:
        import_module(name)
    typer.main.get_command = cache(typer.main.get_command)  # all commands are put together here, and not in each fork
    typer.main.get_command(import_module("dbmimic.cli.app").app)
    gc.freeze()  # or each fork looks through all of it, and makes a page of its own of every one that it looks at
    with selectors.DefaultSelector() as ready:
        orders = ready.register(sys.stdin.fileno(), selectors.EVENT_READ)
        pending = b""
        while True:
            for key, _ in ready.select():
                if key != orders:
                    _bury(ready, key)
                    continue
                piece = os.read(key.fd, 1 << 16)
                if not piece:
                    return
                *lines, pending = (pending + piece).split(b"\n")
                for line in lines:
                    _bear(ready, json.loads(line))


def _bear(ready: selectors.BaseSelector, order: Mapping[str, Any]) -> None:
    child = os.fork()
    if child == 0:
        _become(order)
    ready.register(os.pidfd_open(child), selectors.EVENT_READ, (order["number"], child))
    print(json.dumps((order["number"], child, None)), flush=True)


def _bury(ready: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    number, child = key.data
    _, ended = os.waitpid(child, 0)
    ready.unregister(key.fileobj)
    os.close(key.fd)
    print(json.dumps((number, child, os.waitstatus_to_exitcode(ended))), flush=True)


def _become(order: Mapping[str, Any]) -> None:
    """Be the command that was ordered, to the end of this process."""
    streams: Sequence[tuple[str, int, int]] = (
        (os.devnull, os.O_RDONLY, 0),
        (order["out"], os.O_WRONLY, 1),
        (order["err"], os.O_WRONLY, 2),
    )
    for path, flags, number in streams:
        os.dup2(os.open(path, flags), number)
    os.chdir(order["cwd"])
    os.environ.update(order["env"])
    tempfile.tempdir = None
    sys.argv = ["dbmimic", *order["arguments"]]
    status = 70
    try:
        import_module(order["module"]).main()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 70
    except Exception:  # noqa: BLE001 - what wraps the command line failed
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve()

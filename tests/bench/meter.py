"""
What one command costs: wall time, CPU of it and of the server, and memory of all its processes together.

Memory is the sum of the proportional set sizes (what is shared by n processes counts 1/n in each) of the command and
all its descendants. To tell them costs more than a tenth of a core where it is done all the time, which the command with
more processes would pay for: so resident sizes are looked at every 50 ms, and the proportional ones when those have grown
by a hundredth over the most so far, and every two seconds. A peak that is shorter or lower than that can be missed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.processes import children, memory, resident, tree
from tests.bench.servers import Server

_EVERY = 0.05  # seconds between looks at resident sizes
_AT_LEAST_EVERY = 2.0  # seconds between looks at proportional sizes
_GROWN = 1.01  # times the most resident memory so far that are worth another look
_GRACE = 10.0  # seconds that processes may outlive the command that started them
_PR_SET_CHILD_SUBREAPER = 36
_TOLD = 2_000  # characters of a failed command's output that are kept


@dataclass(frozen=True)
class Cost:
    """What one run of a command cost. Memory in MB (10^6 bytes); `output` is what it wrote to standard output."""

    wall: float
    client_cpu: float
    server_cpu: float
    peak_mb: float
    largest_mb: float
    most_processes: int
    output: str

    @property
    def cpu(self) -> float:
        """All CPU seconds, of the command and of the server."""
        return self.client_cpu + self.server_cpu


class CommandFailed(RuntimeError):  # noqa: N818
    """The command ended with another status than 0; the message holds the end of what it said."""


def measure(command: list[str], *, environment: dict[str, str], folder: Path, server: Server | None) -> Cost:
    """
    Run a command in a folder and give what it cost.

    Raises:
        CommandFailed: its exit status is not 0.
    """
    # Processes that lose their parent (those of a fork server do, at its end) become ours, so their CPU is counted.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    strangers = set(children(os.getpid()))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        server_before = server.cpu() if server is not None else 0.0
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=folder,
            env=os.environ | environment,
            start_new_session=True,
        )
        with _Watcher(strangers) as watcher:
            try:
                _, status, used = os.wait4(process.pid, 0)
            except BaseException:
                os.killpg(process.pid, signal.SIGTERM)
                raise
            wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        client = used.ru_utime + used.ru_stime + _reap(strangers)
        server_used = server.cpu() - server_before if server is not None else 0.0
        out.seek(0)
        err.seek(0)
        said = out.read().decode(errors="replace")
        if process.returncode != 0:
            complaint = err.read().decode(errors="replace")
            raise CommandFailed(f"status {process.returncode}: {said[-_TOLD:]}{complaint[-_TOLD:]}")
    most = (watcher.peak * 1024 / 1e6, watcher.largest * 1024 / 1e6)
    return Cost(wall, client, server_used, *(round(each, 1) for each in most), watcher.most, said)


def _reap(strangers: set[int]) -> float:
    """Wait for the processes that the command left to us, and give their CPU seconds."""
    used = 0.0
    deadline = time.monotonic() + _GRACE
    while left := set(children(os.getpid())) - strangers:
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                ended, _, usage = os.wait4(pid, os.WNOHANG)
                used += usage.ru_utime + usage.ru_stime if ended else 0.0
                if not ended and time.monotonic() > deadline:
                    raise CommandFailed(f"process {pid} outlives the command that started it")
        time.sleep(0.01)
    return used


class _Watcher:
    """A thread that looks at the memory of our descendants, except for `strangers` and theirs."""

    def __init__(self, strangers: set[int]) -> None:
        self.peak = 0
        self.largest = 0
        self.most = 0
        self._strangers = strangers
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        most_resident, looked = 0.0, float("-inf")
        while not self._done.wait(_EVERY):
            roots = set(children(os.getpid())) - self._strangers
            there = [pid for root in roots for pid in tree(root)]
            self.most = max(self.most, len(there))
            taken, now = sum(map(resident, there)), time.monotonic()
            if taken > most_resident * _GROWN or now > looked + _AT_LEAST_EVERY:
                most_resident, looked = max(most_resident, taken), now
                sizes = [memory(pid) for pid in there]
                self.peak = max(self.peak, sum(sizes))
                self.largest = max(self.largest, *sizes, 0)

"""What happens to our own processes."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from tests.command_line import Running
from tests.drill.strikes.fault import Fault, Scene

_SIGNALLED = {0, 128 + signal.SIGTERM, 128 + signal.SIGINT}


def _killed(scene: Scene) -> None:
    _send(scene.run.pid, signal.SIGKILL)


def _terminated(scene: Scene) -> None:
    _send(scene.run.pid, scene.rng.choice((signal.SIGTERM, signal.SIGINT)))


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # the run was faster
        os.kill(pid, number)


def _crewed(scene: Scene) -> Running:
    return scene.lane.start("--workers", "2", module="tests.drill.many_orders")


def _worker_killed(scene: Scene) -> None:
    deadline = time.monotonic() + 20
    while not (found := _workers(scene.run.pid)) and Path(f"/proc/{scene.run.pid}").exists():
        if time.monotonic() > deadline:
            return
        time.sleep(0.01)
    time.sleep(scene.rng.random() * scene.lane.length / 4)
    if found:
        _send(scene.rng.choice(found), signal.SIGKILL)


def _workers(pid: int) -> list[int]:
    """Give the workers of a run: what its fork server started."""
    return [worker for server in _children(pid) if "forkserver" in _words(server) for worker in _children(server)]


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _words(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def _second_run(scene: Scene) -> None:
    scene.others.append(scene.lane.start())


FAULTS = (
    Fault("killed", frozenset({0, -signal.SIGKILL}), _killed),
    Fault("terminated", frozenset(_SIGNALLED), _terminated),
    Fault("worker-killed", frozenset({0, 75}), _worker_killed, ("postgresql",), start=_crewed),
    Fault("two-runs", frozenset({0, 75}), _second_run),
)

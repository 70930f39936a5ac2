"""The wall clock jumps, in our processes alone: see `jump.c`."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

from tests.command_line import Forks, Running
from tests.drill.lane import Lane
from tests.drill.strikes.fault import Fault, Scene

_DAY = 86_400
_JUMPS = (-3650 * _DAY, -_DAY, -3600, 3600, _DAY, 3650 * _DAY)


def _forks(folder: Path) -> Forks:
    """Start a process whose clock a file sets."""
    library = folder / "jump.so"
    source = Path(__file__).with_name("jump.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    return Forks({"LD_PRELOAD": str(library)})


def _start(scene: Scene) -> Running:
    _set(scene, 0)
    return scene.lane.start(forks=scene.forks, env={"DRILL_CLOCK": str(_file(scene))})


def _jump(scene: Scene) -> None:
    _set(scene, scene.rng.choice(_JUMPS))


def _file(scene: Scene) -> Path:
    return scene.lane.folder / "clock"


def _set(scene: Scene, seconds: int) -> None:
    """Write in place: it is mapped by those who read it."""
    path = _file(scene)
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(struct.pack("l", seconds))


def _needs(_: Lane) -> str:
    return "" if shutil.which("cc") else "setting a process's clock takes a C compiler"


FAULTS = (Fault("clock", frozenset({0}), _jump, start=_start, needs=_needs, forks=_forks),)

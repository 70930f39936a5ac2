"""A case: a way to get one database into another, as a command that is timed and what comes before and after."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import masks

ROOT = Path(__file__).parents[2]


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Case:
    """
    One way to copy.

    `command` is what is timed. `prepare` comes before it and `clean` after it; neither is timed. `once` cases run in the
    first round only. `unmasked` cases give a plain copy: they are the baselines that ratios are told against.
    """

    name: str
    command: list[str]
    prepare: Callable[[], None] = nothing
    clean: Callable[[], None] = nothing
    environment: Mapping[str, str] = field(default_factory=dict)
    once: bool = False
    baseline: bool = True
    note: str = ""


@functools.cache
def knows_workers() -> bool:
    """Tell whether this dbmimic can be told how many workers to use."""
    wide = os.environ | {"COLUMNS": "200"}
    command = [sys.executable, "-m", "dbmimic", "copy", "--help"]
    return "--workers" in subprocess.run(command, cwd=ROOT, env=wide, capture_output=True, text=True, check=True).stdout


@dataclass(frozen=True)
class Ours:
    """
    What our own cases share: the URL that is read and those that are written, the tables that there are, a folder for
    configurations.

    `fresh` and `dropped` make what prepares a case and cleans up after it, from a target's name. The masked copy stays,
    for `check`; the plain one goes.
    """

    source: str
    url: Callable[[str], str]
    target: str
    plain: str
    tables: tuple[str, ...]
    folder: Path
    fresh: Callable[[str], Callable[[], None]]
    dropped: Callable[[str], Callable[[], None]]

    def case(self, name: str, *, executor: str = "", workers: int = 0, masked: bool = True) -> Case:
        """Give one of our cases; without an executor and workers it is what a user gets who says nothing."""
        suffix = "masked" if masked else "plain"
        config = masks.write_config(self.folder / f"{suffix}.yaml", self.tables if masked else ())
        options = ["--executor", executor] if executor else []
        options += ["--workers", str(workers)] if workers else []
        if options and not knows_workers():
            raise LookupError(f"{name} needs `dbmimic copy --executor --workers`, which this version does not have")
        target = self.target if masked else self.plain
        urls = ["--source", self.source, "--target", self.url(target)]
        command = [sys.executable, "-m", "dbmimic", "copy", "--yes", "--json", "--quiet", "-c", str(config), *urls]
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        clean = nothing if masked else self.dropped(target)
        environment = {"PYTHONPATH": path, "XDG_STATE_HOME": str(self.folder / "state")}
        return Case(name, command + options, self.fresh(target), clean, environment, baseline=False)

    def cases(self, workers: int) -> dict[str, Callable[[], Case]]:
        """Give all of our cases by name; each is made when it is asked for."""
        with_workers = {"executor": "processes", "workers": workers} if workers else {}
        return {
            "ours": lambda: self.case("ours", **with_workers),
            "ours-1": lambda: self.case("ours-1", executor="processes", workers=1),
            "ours-2": lambda: self.case("ours-2", executor="processes", workers=2),
            "ours-inline": lambda: self.case("ours-inline", executor="inline"),
            "ours-dask": lambda: self.case("ours-dask", executor="dask://local", workers=2),
            "ours-plain": lambda: self.case("ours-plain", masked=False, **with_workers),
        }


def timed_chapters(**scripts: str) -> str:
    """Give a bash script that runs others one after the other and says what each took, as our own report does."""
    lines = ["began=${EPOCHREALTIME/./}", "told=''"]
    for name, script in scripts.items():
        lines += [script, "ended=${EPOCHREALTIME/./}"]
        lines += [f'told="$told, \\"{name}\\": $(((ended - began) / 1000))e-3"', "began=$ended"]
    return "\n".join([*lines, 'echo "{\\"seconds\\": {${told:2}}}"'])


def chapters(output: str) -> dict[str, float]:
    """Give the seconds of each chapter that a report tells, or nothing where the output is no report."""
    try:
        report = json.loads(output)
    except json.JSONDecodeError:
        return {}
    return dict(report.get("seconds", {})) if isinstance(report, dict) else {}


def bash(script: str) -> list[str]:
    """Give the command that runs a script and stops at the first failure, in pipes too."""
    return ["bash", "-euo", "pipefail", "-c", script]

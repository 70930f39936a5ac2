"""What a fault is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.command_line import Forks, Running
from tests.drill.lane import Lane


@dataclass
class Scene:
    """
    A run that a fault strikes.

    What is put on `after` happens when the run is over, before the target is looked at; `others` are further runs that
    the fault began; `consistent` tells of a target that it must be the new copy, where the source did not stand still.
    """

    lane: Lane
    rng: Random
    after: ExitStack
    forks: Forks
    others: list[Running]
    running: Running | None = None
    consistent: Callable[[], str] | None = None

    @property
    def run(self) -> Running:
        assert self.running is not None
        return self.running


@dataclass(frozen=True)
class Fault:
    """
    Something that happens to a run.

    `strike` happens at the drawn moment, `start` begins the run where that is not the usual command, `before` happens
    before it. `statuses` are the exit statuses that are right. `needs` gives why it cannot be tried here, or nothing.
    `forks` makes the process that runs are forked from, where it is to be one of the fault's own.
    """

    name: str
    statuses: frozenset[int]
    strike: Callable[[Scene], None]
    engines: tuple[str, ...] = ("postgresql", "mysql")
    start: Callable[[Scene], Running] | None = None
    before: Callable[[Scene], None] | None = None
    needs: Callable[[Lane], str] | None = None
    forks: Callable[[Path], Forks] | None = None
    changes_source: bool = False

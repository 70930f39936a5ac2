"""What a run is given: the request, and the ports to the world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.address import Secret
from dbmimic.model.events import Stage, StageEnded, StageStarted
from dbmimic.model.known import Known
from dbmimic.model.lock import Lock
from dbmimic.model.ruleset import Ruleset
from dbmimic.model.settings import SliceSpec
from dbmimic.model.target import Amendment
from dbmimic.ports.clock import Clock
from dbmimic.ports.listener import Listener
from dbmimic.ports.source import JoinedSource
from dbmimic.ports.target import JoinedTarget


@dataclass(frozen=True)
class Request:
    """
    What was asked for, and with which secret; `confirmed` is the target's name, typed by somebody.

    `lock` is what the masks hung on when it was pinned, if it was, and `lock_place` where that stands. `amendments` is
    SQL of the user's own for the verified copy. `copies` is how many replaced copies are kept. `delta` asks for no more
    than what changed since the last copy, `resume` to go on with what a killed run left. `strict` lets no warning pass.
    `run` is the number that the copy is stamped with, where the run has one. `known` is the source's structure at the
    last copy, and `accept_drift` says that what became of it since is looked at.
    """

    slice: SliceSpec
    rules: Ruleset
    secret: Secret | None
    confirmed: str | None = None
    lock: Lock | None = None
    lock_place: str = ""
    amendments: tuple[Amendment, ...] = ()
    copies: int = 1
    delta: bool = False
    resume: bool = False
    strict: bool = False
    run: str | None = None
    known: Known | None = None
    accept_drift: bool = False


class Joining(Protocol):
    """How a worker reaches what the run has: picklable, and made of references."""

    def source(self, token: str) -> JoinedSource:
        """Join the run's snapshot."""
        ...

    def target(self, token: str) -> JoinedTarget:
        """Join the run's new copy."""
        ...

    def secret(self) -> Secret:
        """Give the secret that masks are keyed with."""
        ...

    def registry(self) -> MaskRegistry:
        """Give the masks that the run knows."""
        ...

    def clock(self) -> Clock:
        """Give the worker's clock."""
        ...


@dataclass(frozen=True)
class Crew:
    """Workers for the copying, so many at a time, called where about so many bytes are to be copied."""

    executor: Executor
    workers: int
    joining: Joining
    least_bytes: int = 0


@dataclass(frozen=True)
class World:
    """The ports that every story needs, whatever it reads and writes; without a crew all is done here."""

    crew: Crew | None
    registry: MaskRegistry
    clock: Clock
    listener: Listener
    versions: Mapping[str, str]


@dataclass
class Chapters:
    """Tells the listener which chapter a run is in, and keeps how long each took."""

    world: World
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def chapter(self, stage: Stage, rows: int | None = None) -> Iterator[None]:
        """Time what happens inside as one chapter."""
        began = self.world.clock.seconds()
        self.world.listener(StageStarted(stage, rows))
        yield
        took = self.world.clock.seconds() - began
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + took, 3)
        self.world.listener(StageEnded(stage, took))

    def total(self) -> Mapping[str, float]:
        """Give the seconds of every chapter, and of all."""
        return {**self.seconds, "total": round(sum(self.seconds.values()), 3)}

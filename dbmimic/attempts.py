"""A copy, tried until it succeeds: waiting for another run, and again what passes by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from dbmimic import opening
from dbmimic.errors import DbmimicError, ServerFull, SwapInDoubt
from dbmimic.model.report import RunReport
from dbmimic.model.settings import Settings
from dbmimic.pipeline import copy as copying
from dbmimic.pipeline.job import Request, World
from dbmimic.pipeline.retry import passes
from dbmimic.ports.source import Source
from dbmimic.ports.target import Target

_HELD = "DM701"
_PAUSE_SECONDS = 2.0


@dataclass
class Attempts:
    """
    One run, and what one try of it leaves to the next.

    `lead` is done once, when the target is held and before the source is opened.
    """

    config: Settings
    request: Request
    world: World
    lead: Callable[[], None] | None
    _doubt: SwapInDoubt | None = None

    def run(self, wait: float) -> RunReport:
        """
        Try as often as the configuration says, and wait so many seconds for another run that holds the target.

        A signal that comes while nobody knows what the target serves has that doubt as its cause.
        """
        try:
            return self._tried(wait)
        except KeyboardInterrupt as stopped:
            if self._doubt is not None:
                raise stopped from self._doubt
            raise

    def _tried(self, wait: float) -> RunReport:
        clock = self.world.clock
        deadline = clock.seconds() + wait
        again = self.config.retry.attempts - 1
        pauses = [self.config.retry.pause * 2**number for number in range(again)]
        while True:
            try:
                return self._next()
            except DbmimicError as error:
                if error.code == _HELD and clock.seconds() < deadline:
                    pause = min(_PAUSE_SECONDS, max(0.0, deadline - clock.seconds()))
                    opening.tell(self.world, error, "waiting for it to end")
                elif passes(error) and pauses:
                    pause = pauses.pop(0)
                    fewer = self._with_fewer() if isinstance(error, ServerFull) else ""
                    onward = "goes on, where it can, with what it had loaded" if self.request.resume else "begins anew"
                    tried = f"in {pause:g} s the run {onward}{fewer} ({again - len(pauses)} of {again})"
                    opening.tell(self.world, error, tried)
                else:
                    raise self._doubt or error from None
            time.sleep(pause)

    def _with_fewer(self) -> str:
        """Let all that follows do with as few sessions as it can, and say so."""
        self.config = replace(self.config, network=replace(self.config.network, few_sessions=True))
        self.world = replace(self.world, crew=None)
        return ", without workers and with fewer sessions"

    def _next(self) -> RunReport:
        """Copy, unless the copy of a try before turns out to be in place."""
        if self._doubt is not None and (report := self._arrived(self._doubt)):
            return report
        try:
            return self._copied()
        except SwapInDoubt as doubt:
            self._doubt = doubt
            report = self._arrived(doubt)  # at once, if it can be
            if report is None:
                raise doubt.cause from None
            return report

    def _arrived(self, doubt: SwapInDoubt) -> RunReport | None:
        """
        Give the report of a try that lost the target in its swap, or None where the old copy is served.

        Another whole copy would make the one that is in place already the old one, which `rollback` gives back.
        """
        with opening.target(self.config) as target:
            target.hold()
            swapped = target.swapped(doubt.run)
        self._doubt = None
        return doubt.report if swapped and isinstance(doubt.report, RunReport) else None

    def _copied(self) -> RunReport:
        reading = opening.source(self.config)
        with opening.target(self.config) as target:
            if self.lead is not None:
                target.hold()
                self.lead()
                self.lead = None
            with reading as opened, opening.watched(opened, self.config, self.world) as (source, world):
                return self._into(target, source, world)

    def _into(self, target: Target, source: Source, world: World) -> RunReport:
        if source.engine == target.engine:
            return copying.copy(self.request, source, target, world)
        from dbmimic.engines.crossing import CrossingSource, CrossingTarget

        crossing = CrossingSource(source, target.engine)
        return copying.copy(self.request, crossing, CrossingTarget(target, crossing), world)

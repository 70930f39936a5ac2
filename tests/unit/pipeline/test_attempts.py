"""What a run that is tried again says it does next."""

from __future__ import annotations

from typing import cast

import pytest

from dbmimic.attempts import Attempts
from dbmimic.errors import SourceUnreachable, SwapInDoubt
from dbmimic.hosting import SystemClock
from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.events import Event, Noticed
from dbmimic.model.nightly import RetrySpec
from dbmimic.model.report import RunReport
from dbmimic.model.settings import Settings
from dbmimic.pipeline.job import Request, World

REPORT = cast("RunReport", object())


class FailsOnce(Attempts):
    """Attempts of which the first finds nobody."""

    failed = False

    def _copied(self) -> RunReport:
        if self.failed:
            return REPORT
        self.failed = True
        raise SourceUnreachable("DM401", "nobody answers")


@pytest.mark.parametrize(
    ("resume", "told"),
    [(False, "begins anew"), (True, "goes on, where it can, with what it had loaded")],
)
def test_it_says_whether_it_goes_on_with_what_is_there(*, resume: bool, told: str) -> None:
    heard: list[Event] = []
    settings = Settings("", retry=RetrySpec(attempts=2, pause=0.0))
    request = Request(settings.slice, settings.rules, None, resume=resume)
    world = World(None, MaskRegistry([]), SystemClock(), heard.append, {})
    assert FailsOnce(settings, request, world, None).run(0.0) is REPORT
    [event] = heard
    assert isinstance(event, Noticed)
    assert event.finding.message == f"nobody answers; in 0 s the run {told} (1 of 1)"


class InDoubt(Attempts):
    """Attempts of which the first loses the target in its swap; who asks then what it serves is stopped."""

    def _copied(self) -> RunReport:
        raise SwapInDoubt("DM501", "in place or not")

    def _arrived(self, _: SwapInDoubt) -> RunReport | None:
        raise KeyboardInterrupt


def test_a_signal_does_not_end_a_doubt() -> None:
    settings = Settings("")
    world = World(None, MaskRegistry([]), SystemClock(), lambda _: None, {})
    with pytest.raises(KeyboardInterrupt) as stopped:
        InDoubt(settings, Request(settings.slice, settings.rules, None), world, None).run(0.0)
    assert isinstance(stopped.value.__cause__, SwapInDoubt)

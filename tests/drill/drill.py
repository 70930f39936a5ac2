"""Moments: each a run that a fault strikes, and the run after it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random

from tests.command_line import Ended, Forks
from tests.drill import judge
from tests.drill.judge import Outcome
from tests.drill.lane import Lane, Look
from tests.drill.strikes.fault import Fault, Scene

_LONGEST_RUN = 90.0
_BEYOND = 1.05  # of an undisturbed run's length, so that what comes right after is tried as well


def moment(lane: Lane, fault: Fault, forks: Forks, seed: int, number: int) -> Outcome:
    """Let the fault strike a run of the lane, and give what it came to."""
    rng = Random(f"{seed}/{fault.name}/{lane.engine}/{number}")
    part = rng.random() * _BEYOND
    lane.change()
    old = lane.standing or lane.look(lane.target, stamped=True)
    source, names = lane.look(lane.source), lane.source.names()
    with ExitStack() as after:
        scene = Scene(lane, rng, after, forks, [])
        if fault.before:
            fault.before(scene)
        scene.running = fault.start(scene) if fault.start else lane.start()
        time.sleep(part * lane.length)
        fault.strike(scene)
        try:
            ended, others = scene.run.wait(_LONGEST_RUN), [each.wait(_LONGEST_RUN) for each in scene.others]
        except TimeoutError as error:
            ended, others = Ended((), 99, "", str(error)), []
    found = lane.look(lane.target, stamped=True)
    inconsistent = scene.consistent() if scene.consistent else ""
    sane = lane.look(lane.source) if not fault.changes_source else source
    again = lane.run()
    lane.standing = new = lane.look(lane.target, stamped=True)
    served = _served(scene, inconsistent, old, found, new)
    unfinished = found.objects not in {old.objects, new.objects}
    wrong = [
        *(word for each in (ended, *others) for word in judge.told(each, fault.statuses)),
        *_contradictions([ended, *others], served, inconsistent),
        *(["the source was changed"] if sane != source or lane.source.names() != names else []),
        *(["objects are missing"] if unfinished and (lane.engine != "mysql" or ended.status == 0) else []),
        *_after(lane, again, new, source),
    ]
    return Outcome(number, part, ended, tuple(others), served, unfinished, tuple(wrong), again.status == 0)


def _served(scene: Scene, inconsistent: str, old: Look, found: Look, new: Look) -> str:
    if scene.consistent is None or inconsistent or found.stamp == old.stamp:
        return judge.served(old, found, new)
    return "new"


def _contradictions(ended: list[Ended], served: str, inconsistent: str) -> Iterator[str]:
    if served == "neither":
        yield "the target is neither the old copy nor the new one"
    if served == "old" and any(each.status == 0 for each in ended):
        yield "status 0, and the old copy is served"
    if len(ended) > 1 and all(each.status != 0 for each in ended):
        yield "neither of two runs succeeded"
    if inconsistent:
        yield inconsistent


def _after(lane: Lane, again: Ended, new: Look, source: Look) -> Iterator[str]:
    """Give what is wrong after the next run."""
    if again.status != 0:
        yield f"the next run ended with {again.status}: {again.err[-300:]}"
        return
    if replace(new, rows="", stamp=None) != replace(source, rows=""):
        yield "the next run's copy lacks objects"
    if left := lane.leftovers():
        yield f"left over: {', '.join(left)}"
    if count := lane.sessions():
        yield f"{count} sessions are left"


def forks_of(fault: Fault, folder: Path, usual: Forks, after: ExitStack) -> Forks:
    """Give the process that a fault's runs are forked from."""
    if fault.forks is None:
        return usual
    own = fault.forks(folder)
    after.callback(own.close)
    return own

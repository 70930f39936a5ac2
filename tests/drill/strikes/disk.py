"""The target's disk is full."""

from __future__ import annotations

from tests.drill.lane import Lane
from tests.drill.strikes.fault import Fault, Scene

_LEFT_MEGABYTES = (0.0, 0.1, 1.0, 4.0)


def _full(scene: Scene) -> None:
    scene.after.callback(scene.lane.target.revive)  # PostgreSQL ends where its log has no room
    scene.after.enter_context(scene.lane.full(scene.rng.choice(_LEFT_MEGABYTES)))


def _needs(lane: Lane) -> str:
    return "" if lane.disk is not None else "a disk of its own for the target takes root"


FAULTS = (Fault("disk-full", frozenset({0, 6, 75}), _full, needs=_needs),)

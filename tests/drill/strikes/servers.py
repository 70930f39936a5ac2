"""What happens to the servers and to our sessions on them."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.drill.ends import End
from tests.drill.strikes.fault import Fault, Scene

_SOURCE, _TARGET = frozenset({0, 5, 75}), frozenset({0, 6, 75})
_LONGEST_PAUSE = 0.5
_LOOKING_SECONDS = 5.0


def _source(scene: Scene) -> End:
    return scene.lane.source


def _target(scene: Scene) -> End:
    return scene.lane.target


def _session(of: Callable[[Scene], End]) -> Callable[[Scene], None]:
    def strike(scene: Scene) -> None:
        end, deadline = of(scene), time.monotonic() + min(_LOOKING_SECONDS, scene.lane.length / 4)
        while not (found := end.sessions()) and time.monotonic() < deadline:
            time.sleep(0.005)
        if found:
            end.end_session(scene.rng.choice(sorted(found)), scene.rng)

    return strike


def _restart(of: Callable[[Scene], End]) -> Callable[[Scene], None]:
    def strike(scene: Scene) -> None:
        end = of(scene)
        end.end(crash=scene.rng.random() < 0.5)
        time.sleep(scene.rng.random() * _LONGEST_PAUSE)
        end.revive()

    return strike


FAULTS = (
    Fault("source-session", _SOURCE, _session(_source)),
    Fault("target-session", _TARGET, _session(_target)),
    Fault("source-restart", _SOURCE, _restart(_source)),
    Fault("target-restart", _TARGET, _restart(_target)),
)

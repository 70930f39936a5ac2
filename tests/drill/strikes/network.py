"""What happens to what passes between us and a server."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.drill.proxy import Proxy
from tests.drill.strikes.fault import Fault, Scene

_SOURCE, _TARGET = frozenset({0, 5, 75}), frozenset({0, 6, 75})
_LONGEST_REFUSAL, _LONGEST_STALL = 1.0, 2.0
_SLOW_BYTES_PER_SECOND, _SLOW_DELAY = 1 << 20, 0.01


def _cut(of: Callable[[Scene], Proxy]) -> Callable[[Scene], None]:
    def strike(scene: Scene) -> None:
        proxy = of(scene)
        scene.after.callback(proxy.heal)
        refuse = scene.rng.random() < 0.5
        proxy.cut(refuse=refuse)
        if refuse:
            time.sleep(scene.rng.random() * _LONGEST_REFUSAL)
            proxy.heal()

    return strike


def _stalled(scene: Scene) -> None:
    both = scene.lane.source.proxy, scene.lane.target.proxy
    chosen = scene.rng.choice([both[:1], both[1:], both])
    for proxy in chosen:
        proxy.stall()
    time.sleep(scene.rng.random() * _LONGEST_STALL)
    for proxy in chosen:
        proxy.heal()


def _slow(scene: Scene) -> None:
    for proxy in (scene.lane.source.proxy, scene.lane.target.proxy):
        scene.after.callback(proxy.heal)
        proxy.throttle(_SLOW_BYTES_PER_SECOND, scene.rng.random() * _SLOW_DELAY)


FAULTS = (
    Fault("source-cut", _SOURCE, _cut(lambda scene: scene.lane.source.proxy)),
    Fault("target-cut", _TARGET, _cut(lambda scene: scene.lane.target.proxy)),
    Fault("stalled", frozenset({0}), _stalled),
    Fault("slow", frozenset({0}), _slow),
)

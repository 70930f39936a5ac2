"""Somebody holds a lock that we need, for a while."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import psycopg
import pymysql

from tests.drill.ends import End
from tests.drill.strikes.fault import Fault, Scene

_LONGEST = 2.0
_LOCKED = ("orders", "customers")


def _locked(of: Callable[[Scene], End]) -> Callable[[Scene], None]:
    def strike(scene: Scene) -> None:
        table, seconds = scene.rng.choice(_LOCKED), scene.rng.random() * _LONGEST
        # whoever is in the target when the new copy takes its place, or comes at that moment, is sent away
        with contextlib.suppress(psycopg.Error, pymysql.MySQLError), of(scene).locked(table):
            time.sleep(seconds)

    return strike


FAULTS = (
    Fault("source-locked", frozenset({0, 75}), _locked(lambda scene: scene.lane.source)),
    Fault("target-locked", frozenset({0}), _locked(lambda scene: scene.lane.target)),
)

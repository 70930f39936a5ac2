"""What a configuration says of runs that nobody looks at: how they treat production, what they bear and keep."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ThrottleSpec:
    """
    How a run treats the server that it reads from. Times in seconds; None is never.

    `give_way`: how long a session of somebody else may wait for a lock of ours before the run lets go of its snapshot.
    `max_lag`: how far a replica may be behind before reading pauses. `max_load`: how many sessions of others may be at
    work before it does. `nice_ratio`: how long it pauses at least for each second of reading while others are there.
    `patience`: how long one pause may last before the run lets go. `max_age`: how old its snapshot may become before it
    does: while one is held, no row that was replaced since can be cleared away. `max_rise`: by how much the others'
    statements may take longer while we read, as a part of what they take without it; where they take longer than that,
    it pauses for thirty times as long as it reads, so that few of them meet us.
    """

    give_way: float | None = 5.0
    max_lag: float | None = 30.0
    max_load: int | None = 25
    nice_ratio: float = 1.0
    patience: float | None = 600.0
    max_age: float | None = None
    max_rise: float | None = 0.25


@dataclass(frozen=True, slots=True)
class RetrySpec:
    """How often what passes is tried, the first time included, and how many seconds the first pause takes."""

    attempts: int = 4
    pause: float = 2.0


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """
    What may be between us and a server.

    `stall_timeout`: for how many seconds nothing may come from it before another connection asks whether it still
    works for us; None is for ever. `few_sessions`: whether the least number of sessions is to do; nobody writes that, a
    run that found a server full goes on so.
    """

    stall_timeout: float | None = 120.0
    few_sessions: bool = False


@dataclass(frozen=True, slots=True)
class RetentionSpec:
    """How many replaced copies are kept beside the target, and where that was written."""

    copies: int = 1
    place: str = "retention.copies"

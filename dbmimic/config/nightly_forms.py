"""The shape of what the configuration says of runs that nobody looks at."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from dbmimic.config.form import Form, complaint
from dbmimic.model.nightly import NetworkSpec, RetentionSpec, RetrySpec, ThrottleSpec
from dbmimic.model.sandbox import Lifetime

_THROTTLE, _RETRY, _RETENTION, _NETWORK = ThrottleSpec(), RetrySpec(), RetentionSpec(), NetworkSpec()
_LONGEST_PAUSE = 86_400.0


def _seconds(value: object) -> object:
    """Give seconds for a text such as 30s or 10m, and None for `never`; a number is seconds already."""
    if not isinstance(value, str):
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
    try:
        length = Lifetime.read(value).length
    except ValueError:
        raise complaint("a time is a number and a unit, as 30s or 10m, or never", "write 30s", code="DM227") from None
    return None if length is None else length.total_seconds()


_SCHEMA = WithJsonSchema({"type": ["number", "string"], "minimum": 0})
Seconds = Annotated[Annotated[float, Field(ge=0)] | None, BeforeValidator(_seconds), _SCHEMA]
Pause = Annotated[Annotated[float, Field(ge=0, le=_LONGEST_PAUSE)], BeforeValidator(_seconds), _SCHEMA]


class ThrottleForm(Form):
    """How a run treats the server that it reads from."""

    give_way: Annotated[
        Seconds,
        Field(description="How long others may wait for a lock of ours before the run ends with 75; or never."),
    ] = _THROTTLE.give_way
    max_lag: Annotated[
        Seconds, Field(description="Reading pauses while the replica that is read is further behind; or never.")
    ] = _THROTTLE.max_lag
    max_load: Annotated[
        Annotated[int, Field(ge=1)] | None,
        Field(description="Reading pauses while more sessions of others are at work."),
    ] = _THROTTLE.max_load
    nice_ratio: Annotated[
        float,
        Field(
            ge=0,
            le=100,
            strict=False,
            description="Seconds of rest, at least, for each second of reading, while others work.",
        ),
    ] = _THROTTLE.nice_ratio
    max_rise: Annotated[
        Annotated[float, Field(gt=0, le=10, strict=False)] | None,
        Field(
            description="Others' statements take longer by more than this part while we read: we rest 30 times as long."
        ),
    ] = _THROTTLE.max_rise
    patience: Annotated[
        Seconds, Field(description="How long one pause may last before the run ends with 75; or never.")
    ] = _THROTTLE.patience
    max_age: Annotated[
        Seconds, Field(description="How old the snapshot may become before the run ends with 75; or never.")
    ] = _THROTTLE.max_age

    def spec(self) -> ThrottleSpec:
        """Give what it says."""
        return ThrottleSpec(**{each.name: getattr(self, each.name) for each in fields(ThrottleSpec)})


class RetryForm(Form):
    """How often what passes by itself is tried."""

    attempts: Annotated[int, Field(ge=1, le=100, description="How often, the first time included; 1 is once.")] = (
        _RETRY.attempts
    )
    pause: Annotated[Pause, Field(description="How long the first pause is, as 2s; each one is twice as long.")] = (
        _RETRY.pause
    )

    def spec(self) -> RetrySpec:
        """Give what it says."""
        return RetrySpec(self.attempts, self.pause)


class NetworkForm(Form):
    """What may be between us and a server."""

    stall_timeout: Annotated[
        Annotated[Annotated[float, Field(ge=1, le=_LONGEST_PAUSE)] | None, BeforeValidator(_seconds), _SCHEMA],
        Field(
            description="How long nothing may come from a server before another connection asks whether it still works"
            " for us; where it does not, the run ends with 75. Or never."
        ),
    ] = _NETWORK.stall_timeout

    def spec(self) -> NetworkSpec:
        """Give what it says."""
        return NetworkSpec(self.stall_timeout)


class RetentionForm(Form):
    """What is kept of the copies that were replaced."""

    copies: Annotated[
        int, Field(ge=1, le=99, description="How many replaced copies are kept beside the target, for rollback.")
    ] = _RETENTION.copies

    def spec(self, place: str) -> RetentionSpec:
        """Give what it says, and where."""
        return RetentionSpec(self.copies, place)

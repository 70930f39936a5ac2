"""
A clock that stands still for Faker's providers.

Many of them measure from today (a date of birth, a registration number), and a mask must not depend on the day it
runs. While `stopped` is in force, the modules of one generator's providers see 2025-01-01 as today.
"""

from __future__ import annotations

import datetime as dt
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Self

_TODAY = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
_LOCK = threading.RLock()


class _Alike(type):
    """Takes every date for a date and every datetime for a datetime, stopped or not."""

    def __instancecheck__(cls, value: object) -> bool:
        plain = dt.datetime if cls.__name__ == "_StoppedDatetime" else dt.date
        return isinstance(value, plain)


class _StoppedDate(dt.date, metaclass=_Alike):
    @classmethod
    def today(cls) -> Self:
        return cls(_TODAY.year, _TODAY.month, _TODAY.day)


class _StoppedDatetime(dt.datetime, metaclass=_Alike):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Self:
        return cls(_TODAY.year, _TODAY.month, _TODAY.day, tzinfo=tz)

    @classmethod
    def today(cls) -> Self:
        return cls.now()


_STOPPED_MODULE = SimpleNamespace(**{**vars(dt), "date": _StoppedDate, "datetime": _StoppedDatetime})


def _replacement(value: object) -> object | None:
    if value is dt.datetime:
        return _StoppedDatetime
    if value is dt.date:
        return _StoppedDate
    return _STOPPED_MODULE if value is dt else None


def _modules(providers: Iterable[object]) -> list[ModuleType]:
    names = {base.__module__ for provider in providers for base in type(provider).__mro__}
    return [sys.modules[name] for name in sorted(names) if name.startswith("faker.providers.")]


@contextmanager
def stopped(providers: Iterable[object]) -> Iterator[None]:
    """Stop the clock for these providers. Other threads that use Faker meanwhile see it stopped too."""
    with _LOCK:
        changed = [
            (module, name, value)
            for module in _modules(providers)
            for name, value in list(vars(module).items())
            if _replacement(value) is not None
        ]
        try:
            for module, name, value in changed:
                setattr(module, name, _replacement(value))
            yield
        finally:
            for module, name, value in changed:
                setattr(module, name, value)

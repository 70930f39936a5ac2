"""A sandbox: a database of its own for a branch, made from the golden copy, gone when its time is over."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST = timedelta(days=36_500)
_NEVER = "never"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a sandbox lives; None is for ever."""

    length: timedelta | None

    @classmethod
    def read(cls, text: str) -> Lifetime:
        """
        Give what a text as `90s`, `45m`, `12h`, `3d`, `2w` or `never` says.

        Raises:
            ValueError: it says nothing of the kind, or no time at all.
        """
        if text.strip() == _NEVER:
            return cls(None)
        found = re.fullmatch(r"([0-9]{1,12})([smhdw])", text.strip())
        seconds = int(found[1]) * _UNITS[found[2]] if found else 0
        if not 0 < seconds <= _LONGEST.total_seconds():
            raise ValueError("a time is a number and a unit, as 12h, 3d or 2w, or never")
        return cls(timedelta(seconds=seconds))

    def end(self, begin: datetime) -> datetime | None:
        """Give when it ends."""
        return None if self.length is None else begin + self.length


@dataclass(frozen=True, slots=True)
class GoldenCopy:
    """A verified copy of ours that sandboxes are made from: its name, the run that made it, its size in bytes."""

    name: str
    run: str
    byte_count: int


@dataclass(frozen=True, slots=True)
class Sandbox:
    """
    One sandbox as it is remembered beside the golden copy.

    `name` is what it was asked for by, usually a branch; `database` and `account` are what the server knows (a path
    and nothing on SQLite). `mark` is what the database itself says, so that only what we made is ever dropped; it is
    empty until the sandbox is remembered. `ready` is False while it is being made. A `spare` is made ahead of time and
    waits for somebody who asks for a sandbox. Times carry their zone.
    """

    name: str
    database: str
    account: str
    golden: str
    golden_run: str
    created_at: datetime
    expires_at: datetime | None
    protected: bool = False
    ready: bool = False
    spare: bool = False
    mark: str = ""

    def text(self) -> str:
        """Give what is remembered of it beside its name and mark, as JSON."""
        told = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in {"name", "mark"}}
        return json.dumps(told, default=datetime.isoformat, sort_keys=True)

    @classmethod
    def read(cls, name: str, mark: str, text: str) -> Sandbox:
        """Read what `text` gave."""
        told = json.loads(text)
        for moment in ("created_at", "expires_at"):
            told[moment] = None if told[moment] is None else datetime.fromisoformat(told[moment])
        return cls(name=name, mark=mark, **told)

    def over(self, now: datetime) -> bool:
        """Tell whether its time is over; one that is protected has no end."""
        return not self.protected and self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """
    What sandboxes may take.

    `ttl` is how long one lives unless told otherwise, `max_count` how many there may be at a time, `max_bytes` how
    large they may be together (None: no limit).
    """

    ttl: Lifetime = Lifetime(timedelta(days=7))
    max_count: int = 100
    max_bytes: int | None = None

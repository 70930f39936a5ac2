"""The only source of now, so that nothing else reads the time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time of day for people, and steady seconds for durations."""

    def now(self) -> datetime:
        """Give the current time, with its zone."""
        ...

    def seconds(self) -> float:
        """Give seconds that never go back."""
        ...

"""Who watches a run."""

from __future__ import annotations

from typing import Protocol

from dbmimic.model.events import Event


class Listener(Protocol):
    """Receives what happens, in order, on the thread that runs the pipeline."""

    def __call__(self, event: Event) -> None:
        """Take note of one event; must not raise."""
        ...


def silent(event: Event) -> None:
    """Watch nothing."""
    del event

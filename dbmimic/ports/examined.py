"""What a database is asked before a night, beside what a run itself asks; nothing is written and nothing is held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from dbmimic.model.checkup import CheckResult
from dbmimic.model.target import Structure


@runtime_checkable
class ExaminedSource(Protocol):
    """A source that knows what of its server could end a run."""

    def examine(self, sessions: int) -> Iterator[CheckResult]:
        """Look at its server, for a run that opens so many sessions at most. Cost: some small questions."""
        ...

    def now(self) -> float | None:
        """Give the time by the server's clock, in seconds since 1970, or None where it has none of its own."""
        ...


@runtime_checkable
class ExaminedTarget(Protocol):
    """A target that knows what `Builder.build` and `Switch.swap` would be refused for."""

    def examine(self, structure: Structure | None, sessions: int) -> Iterator[CheckResult]:
        """
        Look at its server, for a run that builds this structure (None where it is not known) and opens so many
        sessions at most. Cost: some small questions.
        """
        ...

    def now(self) -> float | None:
        """Give the time by the server's clock, in seconds since 1970, or None where it has none of its own."""
        ...

"""What the work needs from a database that it replaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from dbmimic.model.batch import Layout, MaskedBatch
from dbmimic.model.findings import Finding
from dbmimic.model.names import ColumnId
from dbmimic.model.target import Amendment, Composed, Identity, KeptCopy, Stamp, Structure, TargetState
from dbmimic.ports.source import Source


class Guarded(Protocol):
    """What the guard asks before anything is written; each answer is read-only."""

    @property
    def engine(self) -> str:
        """The engine's name."""
        ...

    def identity(self) -> Identity:
        """Give which database this is; the `database` is the one that would be replaced."""
        ...

    def state(self) -> TargetState:
        """Give whether the target exists, is empty and carries our stamp."""
        ...

    def sees(self, token: int) -> bool:
        """Tell whether the session lock of that number is held by somebody, seen from the target's database."""
        ...

    def room(self) -> int | None:
        """Give how many bytes are free where the new copy will stand, or None where that cannot be seen from here."""
        ...


class Builder(Protocol):
    """The new copy, built beside the old one under a name of its own. The old one is not touched."""

    def structure_of(self, composed: Composed) -> Structure:
        """Give what `build` and `finish` take for tables that were composed from another engine's schema."""
        ...

    def hold(self) -> None:
        """
        Take the target's run lock, which ends with `discard` or with our session; nothing else is done.

        Raises:
            TryAgainError: DM701, another run holds the target; it tells who.
        """
        ...

    def build(self, structure: Structure) -> None:
        """
        Hold the target, remove what a killed run left and create the new copy's tables, without constraints, indexes
        and triggers.
        """
        ...

    def write(
        self, layout: Layout, batches: Iterable[MaskedBatch], unit: str = "", account: Callable[[], str] = str
    ) -> int:
        """
        Load the batches into the new copy in one transaction and give the number of rows; all of them or none.

        A `unit` that was loaded before is not loaded again: its batches are not asked for, and the number is that of
        the first time. What its rows came to is asked for by `account` after the last one, and noted with them where
        the engine can.
        """
        ...

    def share(self) -> str | None:
        """
        Give a token by which other sessions write to the same new copy (`Engine.join_target`); good until `finish`.

        None where the engine has one writer only.
        """
        ...

    def finish(self, structure: Structure, masked: frozenset[ColumnId]) -> tuple[Finding, ...]:
        """
        Build constraints, indexes, triggers, views; set sequences to the source's values (past the largest value
        where their owner is one of the masked columns); gather statistics.
        """
        ...

    def amend(self, amendment: Amendment) -> None:
        """
        Run SQL of the user's own in the new copy, in a session with the server's own settings; nothing is read of what
        it gives.

        Raises:
            TargetError: a statement failed, or the time is over; what was done is not taken back, so the copy is lost.
        """
        ...

    def copy(self) -> Source:
        """Open the new copy for reading; the caller closes it."""
        ...


class JoinedTarget(Protocol):
    """The new copy of a run, written to by a session of another process."""

    @property
    def token(self) -> str | None:
        """The token that the database which this session is in was marked with, or None where it is no new copy."""
        ...

    def write(
        self, layout: Layout, batches: Iterable[MaskedBatch], unit: str = "", account: Callable[[], str] = str
    ) -> int:
        """Load the batches, as `Builder.write` does."""
        ...

    def close(self) -> None:
        """End the session; what was not committed is taken back. Safe to call twice."""
        ...


class Switch(Protocol):
    """The moment when the new copy becomes the target."""

    def swap(self, stamp: Stamp, copies: int = 1) -> None:
        """
        Put the new copy in the target's place in one step; so many of those that were there are kept.

        What holds nothing and is nobody's copy is not kept: there is nothing to go back to.
        """
        ...

    def swapped(self, run: str) -> bool:
        """
        Tell whether the target is the copy of that run; a swap that was cut short is finished or undone first.

        For whoever holds the target and was cut off from it in `swap`.
        """
        ...

    def kept(self) -> tuple[KeptCopy, ...]:
        """Give the copies that are kept, the one that was replaced last first."""
        ...

    def discard(self) -> None:
        """Remove the new copy and let go of the run lock; safe to call whatever was built, and after `swap`."""
        ...

    def rollback(self, name: str | None = None) -> None:
        """
        Put a kept copy back in the target's place, the last one unless named; what was there is kept as the last one.

        So a second rollback without a name undoes the first, whatever the first one named.

        Raises:
            RefusedError: DM307, there is no such copy.
        """
        ...


class Target(Guarded, Builder, Switch, Protocol):
    """
    One database that may be replaced.

    Raises `TargetError`, `TryAgainError` or `RefusedError`, never a driver's exception.
    """

    def close(self) -> None:
        """Discard what was not swapped in and close; safe to call twice."""
        ...

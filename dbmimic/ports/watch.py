"""What a run sees of the server that it reads from, beside its rows: who waits for it, and how busy it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Waiting:
    """A session of somebody else that waits for a lock of ours: its number at the server, and the table, if known."""

    session: int
    place: str = ""


@dataclass(frozen=True, slots=True)
class Sight:
    """
    What one look showed.

    `lag` is by how many seconds a replica is behind, None where it is none or nobody may know. `at_work` counts the
    sessions of others that are at work now, None where the role does not see them; `present` tells then whether others
    have a transaction open at least. `transactions` counts what others and we have done since the server's statistics
    began, but for each `crowd` that was asked; its growth tells whether anybody is there. `connected` says whether
    others have a session at all, which may do nothing.
    """

    waiting: tuple[Waiting, ...] = ()
    lag: float | None = None
    at_work: int | None = None
    transactions: int = 0
    present: bool = False
    connected: bool = False


class Watch(Protocol):
    """A session of its own beside those that read; it is asked by one thread."""

    @property
    def unseen(self) -> tuple[str, ...]:
        """What the role may not see, each as an end of "the role does not see ...", with what would let it."""
        ...

    def look(self) -> Sight:
        """
        Give what is to be seen now. Cost: a statement or two, whatever the size of the database.

        Raises:
            DbmimicError: the server does not answer.
        """
        ...

    def crowd(self) -> int | None:
        """
        Give how many sessions of others run a statement at this moment, None where the role does not see them.

        Cost: one short statement, which is asked up to 250 times a second while we read and others are at work.

        Raises:
            DbmimicError: the server does not answer.
        """
        ...

    def let_go(self) -> None:
        """End the sessions that hold the run's snapshot and its locks; their next question fails."""
        ...

    def close(self) -> None:
        """End the session; safe to call twice."""
        ...

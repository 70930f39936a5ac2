"""What sandboxes need from a server: a place to remember them, and a way to make databases and drop them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from dbmimic.model.address import Address
from dbmimic.model.sandbox import GoldenCopy, Sandbox


class Register(Protocol):
    """What is remembered of the sandboxes of one golden copy, on its server: every machine sees the same."""

    def hold(self, what: str) -> bool:
        """
        Try to become the only one who works on `what` (a sandbox's database, or `` for the register itself), and tell
        whether that succeeded. Does not wait. The hold ends with `release`, or with the process.
        """
        ...

    def release(self, what: str) -> None:
        """End a hold of ours."""
        ...

    def sandboxes(self) -> tuple[Sandbox, ...]:
        """Give all that are remembered, in the order of their names."""
        ...

    def remember(self, sandbox: Sandbox) -> Sandbox:
        """
        Remember a sandbox in place of what was known under its name, and give it with its mark.

        At the first time the server draws a mark and a password. The password is in no statement, so in no log.
        """
        ...

    def hand_over(self, spare: Sandbox, to: Sandbox) -> Sandbox:
        """Remember `to`, which has the spare's database, account, mark and password, in its place, in one step."""
        ...

    def forget(self, name: str) -> None:
        """Remember the sandbox of that name no longer."""
        ...


class Maker(Protocol):
    """Makes databases from a golden copy."""

    @property
    def project(self) -> str:
        """The name of the configured target, which names of sandboxes begin with."""
        ...

    @property
    def longest(self) -> tuple[int, int]:
        """How long the names of a database and of an account may be, in bytes."""
        ...

    @property
    def makes_beside(self) -> bool:
        """Whether `make` leaves what was there untouched until the new one is whole, however it fails."""
        ...

    def place(self, name: str) -> str:
        """Give the database for a safe name: itself, or a path."""
        ...

    def golden(self, name: str | None) -> GoldenCopy:
        """
        Give the golden copy of that name, the configured target by default.

        Raises:
            RefusedError: DM321, it is not there, or no verified copy of ours.
        """
        ...

    def make(self, sandbox: Sandbox) -> None:
        """
        Make the sandbox's database from its golden copy, in place of what a former try left, and its account.

        Raises:
            RefusedError: DM324, another database has its name, which we did not make.
            TryAgainError: DM705, the golden copy cannot be copied now; what was there is there still.
        """
        ...

    def remove(self, sandbox: Sandbox) -> None:
        """
        Drop database and account, where they are there; sessions in it are ended.

        Raises:
            RefusedError: DM324, the database does not carry the sandbox's mark.
        """
        ...

    def stands(self, sandbox: Sandbox) -> bool:
        """Tell whether the database is there and carries the sandbox's mark."""
        ...

    def sizes(self, sandboxes: Sequence[Sandbox]) -> Mapping[str, int]:
        """Give the size in bytes of those that are there, by database."""
        ...

    def address(self, sandbox: Sandbox) -> Address:
        """Give the address with the sandbox's own credential; host and port are those that we reached."""
        ...


class SandboxHost(Register, Maker, Protocol):
    """A server that keeps sandboxes. Raises `TargetError`, `TryAgainError` or `RefusedError`, never a driver's."""

    @property
    def engine(self) -> str:
        """The engine's name."""
        ...

    def close(self) -> None:
        """Let go of everything; safe to call twice."""
        ...

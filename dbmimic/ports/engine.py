"""One database engine: how to open its databases."""

from __future__ import annotations

from typing import Protocol

from dbmimic.model.address import Address
from dbmimic.ports.source import JoinedSource, Source
from dbmimic.ports.target import JoinedTarget, Target


class Engine(Protocol):
    """A family of databases that one adapter serves."""

    def open_source(self, address: Address) -> Source:
        """Connect for reading and begin the one snapshot of the run."""
        ...

    def open_standing(self, address: Address) -> Source:
        """Connect to read what a target serves; what goes wrong is told of the target."""
        ...

    def open_target(self, address: Address) -> Target:
        """Connect to the server of the target; nothing is written yet."""
        ...

    def join_source(self, address: Address, token: str) -> JoinedSource:
        """
        Connect to read the snapshot that `Source.share` gave the token of.

        Raises:
            SnapshotLost: its keeper is gone.
        """
        ...

    def join_target(self, address: Address, token: str) -> JoinedTarget:
        """Connect to write to the new copy that `Builder.share` gave the token of."""
        ...

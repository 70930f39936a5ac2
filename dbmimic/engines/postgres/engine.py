"""The PostgreSQL engine: opens sources and targets that agree on their tools."""

from __future__ import annotations

from dbmimic.engines.postgres.dated import DatedSource
from dbmimic.engines.postgres.errors import Side
from dbmimic.engines.postgres.joined import PostgresJoinedSource, PostgresJoinedTarget
from dbmimic.engines.postgres.resume import ResumableTarget
from dbmimic.engines.postgres.source import PostgresSource
from dbmimic.engines.postgres.tools import Toolbox
from dbmimic.model.address import Address


class PostgresEngine:
    """
    A `ports.engine.Engine`.

    What one engine object opens is described by one version of `pg_dump`, the lowest that fits every server it has
    met: open source and target before the first `structure()`, and their descriptions can be compared.
    """

    def __init__(self) -> None:
        self._toolbox = Toolbox()

    def open_source(self, address: Address) -> DatedSource:
        """Connect, lock every table against being emptied, and take the one snapshot of the run."""
        return DatedSource(address, self._toolbox)

    def open_standing(self, address: Address) -> PostgresSource:
        """Connect to read what a target serves."""
        return PostgresSource(address, self._toolbox, Side.TARGET)

    def open_target(self, address: Address) -> ResumableTarget:
        """Connect to the target's server; nothing is written yet."""
        return ResumableTarget(address, self._toolbox)

    def join_source(self, address: Address, token: str) -> PostgresJoinedSource:
        """Connect, and see what the session sees that exported the snapshot of that name."""
        return PostgresJoinedSource(address, token, self._toolbox)

    def join_target(self, address: Address, token: str) -> PostgresJoinedTarget:
        """Connect to the new copy under construction."""
        return PostgresJoinedTarget(address, token, self._toolbox)

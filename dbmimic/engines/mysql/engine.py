"""MySQL and MariaDB as the port `Engine`."""

from __future__ import annotations

from dbmimic.engines.mysql.connect import reading
from dbmimic.engines.mysql.source import MysqlSource
from dbmimic.engines.mysql.target import MysqlTarget
from dbmimic.errors import InternalError
from dbmimic.model.address import Address
from dbmimic.ports.source import JoinedSource, Source
from dbmimic.ports.target import JoinedTarget, Target


class MysqlEngine:
    """Opens databases of MySQL and MariaDB servers; both answer to the engine name `mysql`."""

    def open_source(self, address: Address) -> Source:
        """Connect for reading and begin the one snapshot of the run."""
        return MysqlSource(address)

    def open_standing(self, address: Address) -> Source:
        """Connect to read what a target serves."""
        return MysqlSource(reading(address), "target")

    def open_target(self, address: Address) -> Target:
        """Connect to the server of the target; nothing is written yet."""
        return MysqlTarget(address)

    def join_source(self, address: Address, token: str) -> JoinedSource:
        """Refuse: no source of this engine gives a token."""
        del token
        raise InternalError("DM901", "a snapshot of this engine has one reader only", place=str(address))

    def join_target(self, address: Address, token: str) -> JoinedTarget:
        """Refuse: no target of this engine gives a token."""
        del token
        raise InternalError("DM901", "a new copy of this engine has one writer only", place=str(address))

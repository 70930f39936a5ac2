"""The engine `sqlite`."""

from __future__ import annotations

from typing import NoReturn

from dbmimic.engines.sqlite.faults import TARGET
from dbmimic.engines.sqlite.source import SqliteSource, open_source
from dbmimic.engines.sqlite.target import SqliteTarget, open_target
from dbmimic.errors import InternalError
from dbmimic.model.address import Address


class SqliteEngine:
    """Opens SQLite files; an address's `database` is the path."""

    def open_source(self, address: Address) -> SqliteSource:
        """Open the file for reading and begin the one snapshot of the run."""
        return open_source(address)

    def open_standing(self, address: Address) -> SqliteSource:
        """Open the file that a target serves for reading."""
        return open_source(address, TARGET)

    def open_target(self, address: Address) -> SqliteTarget:
        """Look at where the target is; nothing is written yet."""
        return open_target(address)

    def join_source(self, address: Address, token: str) -> NoReturn:
        """Refuse: a file's snapshot is not shared, so nobody has a token."""
        raise InternalError("DM901", f"there is no snapshot {token} to join", place=str(address))

    def join_target(self, address: Address, token: str) -> NoReturn:
        """Refuse: a file has one writer, so nobody has a token."""
        raise InternalError("DM901", f"there is no copy {token} to join", place=str(address))

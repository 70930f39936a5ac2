"""SQLite has no roles: the file system's permissions are all there is."""

from __future__ import annotations

from dbmimic.model.address import Address
from dbmimic.model.grants import Grants


class SqliteRights:
    """A `ports.granting.Granting`."""

    def source(self, address: Address, role: str) -> Grants:
        """Give no statement: the file is to be read."""
        note = "a file: whoever runs dbmimic must be able to read it; one in WAL mode needs its folder writable, too"
        return Grants("source", str(address), role, (), (note,))

    def target(self, address: Address, role: str) -> Grants:
        """Give no statement: the folder is to be written."""
        note = "a file: whoever runs dbmimic must be able to write into its folder"
        return Grants("target", str(address), role, (), (note,))

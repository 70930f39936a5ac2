"""What tells which rights a role needs, from the catalogue alone: by a role that has none of them yet, too."""

from __future__ import annotations

from typing import Protocol

from dbmimic.model.address import Address
from dbmimic.model.grants import Grants


class Granting(Protocol):
    """One engine's rights. Nothing is written; `role` is a name, or empty for the one in the address."""

    def source(self, address: Address, role: str) -> Grants:
        """Give what the role that reads needs. Cost: some small questions to the catalogue."""
        ...

    def target(self, address: Address, role: str) -> Grants:
        """Give what the role that builds copies needs."""
        ...

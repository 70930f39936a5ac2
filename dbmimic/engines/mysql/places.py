"""The databases that belong to one target, by name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from dbmimic.engines.mysql.session import Session

ENGINE = "mysql"

_LONGEST = 64
_HASHED = 40


@dataclass(frozen=True, slots=True)
class Places:
    """The target, the new copy beside it, the old copies that are kept, and the sidecar that remembers."""

    target: str

    @property
    def new(self) -> str:
        """Where the new copy is built."""
        return self._beside("_dbmimic_new")

    def old(self, slot: int) -> str:
        """Where an old copy is kept for a rollback; slots are numbered from 1."""
        return self._beside(f"_dbmimic_old{slot if slot > 1 else ''}")

    @property
    def sidecar(self) -> str:
        """Where stamp and journal are."""
        return self._beside("_dbmimic")

    @property
    def run_lock(self) -> str:
        """The name of the user lock that a run holds."""
        return f"dbmimic:run:{self._hash()}"

    def _beside(self, suffix: str) -> str:
        if len(self.target) + len(suffix) <= _LONGEST:
            return self.target + suffix
        return f"{self.target[:_HASHED]}_{self._hash()}{suffix}"

    def _hash(self) -> str:
        return hashlib.blake2b(self.target.encode(), digest_size=4).hexdigest()


def folded(session: Session, database: str) -> str:
    """Give the database's name as the server compares it."""
    return database if session.value("SELECT @@lower_case_table_names") == "0" else database.lower()

"""Where a database is, and the secret that masks are keyed with: values that never show what they hide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Address:
    """
    A database's address, taken apart.

    `engine` is `postgresql`, `mysql` (MariaDB too) or `sqlite`; for SQLite `database` is the file's path and the rest
    is empty. Empty fields are left to the driver's own defaults (`PG*`, service files, `~/.pgpass`, `~/.my.cnf`).

    `stall_timeout` is for how many seconds nothing may come from the server before another connection asks whether
    there is still somebody; None is for ever. With `few_sessions` nothing is done side by side that can be done one
    after the other. With `mends_text` a text that is none in its encoding is read with another character for what
    makes it so.
    """

    engine: str
    database: str
    host: str = ""
    port: int | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    stall_timeout: float | None = None
    few_sessions: bool = False
    mends_text: bool = False

    def __str__(self) -> str:
        if self.engine == "sqlite":
            return f"sqlite:///{self.database}"
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        return f"{self.engine}://{user}{self.host}{port}/{self.database}"


@dataclass(frozen=True, slots=True)
class Secret:
    """The master secret: at least 32 bytes. Neither `repr` nor `str` shows it."""

    value: bytes = field(repr=False)

    def __str__(self) -> str:
        return "***"

"""The engines by name, each loaded when it is first needed."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from dbmimic.ports.engine import Engine

_ENGINES = {
    "postgresql": ("dbmimic.engines.postgres.engine", "PostgresEngine"),
    "mysql": ("dbmimic.engines.mysql.engine", "MysqlEngine"),
    "sqlite": ("dbmimic.engines.sqlite.engine", "SqliteEngine"),
}


class Engines:
    """The engines of one run, one of each: what it learns of one database (which tools fit) serves the other."""

    def __init__(self) -> None:
        self._loaded: dict[str, Engine] = {}

    def of(self, name: str) -> Engine:
        """Give the engine of that name; a KeyError means that no address can have it."""
        if name not in self._loaded:
            module, kind = _ENGINES[name]
            self._loaded[name] = cast("Engine", getattr(import_module(module), kind)())
        return self._loaded[name]

"""The engines' rights by name, without what only copies need."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from dbmimic.ports.granting import Granting

_RIGHTS = {
    "postgresql": ("dbmimic.engines.postgres.grants", "PostgresRights"),
    "mysql": ("dbmimic.engines.mysql.grants", "MysqlRights"),
    "sqlite": ("dbmimic.engines.sqlite.grants", "SqliteRights"),
}


def rights(engine: str) -> Granting:
    """Give what knows the rights of an engine."""
    module, kind = _RIGHTS[engine]
    return cast("Granting", getattr(import_module(module), kind)())

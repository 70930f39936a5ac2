"""The hosts of sandboxes by their engine's name, without what only copies need."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from dbmimic.model.address import Address
from dbmimic.ports.sandbox import SandboxHost

_HOSTS = {
    "postgresql": ("dbmimic.engines.postgres.sandboxes", "PostgresSandboxes"),
    "mysql": ("dbmimic.engines.mysql.sandboxes", "MysqlSandboxes"),
    "sqlite": ("dbmimic.engines.sqlite.sandboxes", "SqliteSandboxes"),
}


def host(address: Address) -> SandboxHost:
    """Connect to the server of the golden copy at an address; nothing is written yet. The caller closes it."""
    module, kind = _HOSTS[address.engine]
    return cast("SandboxHost", getattr(import_module(module), kind)(address))

"""The catalogue queries, each in a file of its own beside this module."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def query(name: str) -> str:
    """Give the statement of `sql/<name>.sql`; its header lists the result's columns."""
    return (files("dbmimic.engines.mysql") / "sql" / f"{name}.sql").read_text(encoding="utf-8")

"""The error for a seed's condition that is not one boolean expression (see `expression`)."""

from __future__ import annotations

from dbmimic.errors import ConfigError
from dbmimic.model.names import TableId


def refused(table: TableId, reason: str) -> ConfigError:
    """Give the error for a condition that cannot be used; the condition itself is not told, for it may hold values."""
    message = f"the condition is not one boolean expression over the table: {reason}"
    return ConfigError("DM212", message, place=str(table), hint="write what would stand after WHERE, without comments")

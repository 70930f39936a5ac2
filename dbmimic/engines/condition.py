"""Whether what somebody wrote as a seed's condition is one boolean expression, and no way out of one."""

from __future__ import annotations

from dbmimic.errors import ConfigError
from dbmimic.model.names import TableId


def check(table: TableId, where: str, dialect: str) -> tuple[str, ...] | None:
    """
    Give the quoted names that a condition holds outside of queries, or None where too little of the dialect is known
    to read it.

    What cannot be read is left to the server to judge, between parentheses and in a read-only session; here it is made
    sure that the condition does not close those parentheses itself.

    Raises:
        ConfigError: DM212, it is more than one expression, or none.
    """
    from dbmimic.engines import expression  # noqa: PLC0415 -- it takes a moment to load, and most slices have none

    reading = expression.read(where, dialect)
    if reading.fault:
        raise refused(table, reading.fault)
    return reading.quoted


def refused(table: TableId, reason: str) -> ConfigError:
    """Give the error for a condition that cannot be used; the condition itself is not told, for it may hold values."""
    message = f"the condition is not one boolean expression over the table: {reason}"
    return ConfigError("DM212", message, place=str(table), hint="write what would stand after WHERE, without comments")

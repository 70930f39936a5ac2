"""Names and values as they stand in a statement."""

from __future__ import annotations

from collections.abc import Iterable


def name(text: str) -> str:
    """Give an identifier between backticks."""
    return "`" + text.replace("`", "``") + "`"


def names(texts: Iterable[str]) -> str:
    """Give a list of identifiers."""
    return ", ".join(name(text) for text in texts)


def qualified(database: str, table: str) -> str:
    """Give a table with its database."""
    return f"{name(database)}.{name(table)}"


def text(value: str) -> str:
    """Give a utf8mb4 literal; hexadecimal, so that no sql_mode reads it in another way."""
    return "_utf8mb4 x'" + value.encode().hex() + "'" if value else "''"


def binary(value: bytes) -> str:
    """Give a literal of raw bytes."""
    return "x'" + value.hex() + "'"

"""How many of something, in words."""

from __future__ import annotations


def amount(number: int, one: str, several: str = "") -> str:
    """Give `1 row`, `0 rows`, `1,000 rows`; `several` is the plural where it is not the singular with an s."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"

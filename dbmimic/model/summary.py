"""What a column holds in all of its rows."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Summary:
    """
    The different values of a column in their canonical order, without NULL and the empty text; how many rows hold each.

    They are rows' values: they are never told, and stand in no error and no file.
    """

    values: tuple[str, ...] = field(repr=False)
    counts: tuple[int, ...] = field(repr=False)

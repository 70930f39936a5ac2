"""
What slice was asked for: parsed, checked against the schema, no strings left to interpret but SQL conditions.

A seed's `place` is where somebody wrote it, for errors that only the engine can find.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dbmimic.model.names import TableId


class Mode(StrEnum):
    """`full` takes every row; `closure` takes seeds, their parents and chosen children."""

    FULL = "full"
    CLOSURE = "closure"


class Children(StrEnum):
    """Whether the children of `own` rows come along."""

    FOLLOW = "follow"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class WhereSeed:
    """The rows of a table for which a condition in the engine's SQL is true."""

    table: TableId
    where: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class PercentSeed:
    """A share of a table's rows, chosen by keyed hash of their key: stable, and 5 % contains 1 %."""

    table: TableId
    percent: float
    place: str = ""


@dataclass(frozen=True, slots=True)
class IdsSeed:
    """The rows with these primary keys; each item has one value per column of the key, in the key's order."""

    table: TableId
    ids: tuple[tuple[int | str, ...], ...]
    place: str = ""


Seed = WhereSeed | PercentSeed | IdsSeed


@dataclass(frozen=True, slots=True)
class SliceRequest:
    """The slice that was asked for. `static` tables come whole, `excluded` ones as structure only."""

    mode: Mode = Mode.FULL
    children: Children = Children.FOLLOW
    seeds: tuple[Seed, ...] = ()
    static: frozenset[TableId] = frozenset()
    excluded: frozenset[TableId] = frozenset()

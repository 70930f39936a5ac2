"""Why a row is in the slice, for people and scripts."""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA = "dbmimic/why/1"


@dataclass(frozen=True, slots=True)
class Link:
    """
    One row of the chain.

    `edge` is the foreign key over which it came: as a `child` of the row before, or as its `parent` (`came`). The first
    row has none; `reason` says why the slice starts with it.
    """

    table: str
    key: tuple[str, ...]
    edge: str = ""
    came: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The chain from where the slice starts to the row that was asked for; empty where it is not in the slice."""

    table: str
    chain: tuple[Link, ...]
    schema: str = SCHEMA

    @property
    def in_slice(self) -> bool:
        """Whether the row is in the slice."""
        return bool(self.chain)

"""The least rights that a role needs, as statements of the engine that grants them."""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA = "dbmimic/grants/1"


@dataclass(frozen=True, slots=True)
class Grant:
    """
    One statement, and what it is for. One that is not `needed` serves something that not everybody wants, and is not
    to be run without a thought.
    """

    sql: str
    why: str
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Grants:
    """All statements for one side's role (as the engine spells it), and what else there is to know."""

    side: str
    address: str
    role: str
    grants: tuple[Grant, ...]
    notes: tuple[str, ...] = ()

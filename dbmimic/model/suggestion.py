"""Foreign keys that a database seems to have without declaring them."""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA = "dbmimic/suggest/1"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """
    One key that seems to be meant: `child` and `parent` as a configuration writes them, `when` the child rows for
    which it holds (empty for all).

    Of `tested` child rows that hold something, `orphans` reference nothing that is there; none may have been tested,
    because there was none. `why` tells what speaks for it.
    """

    child: str
    parent: str
    when: str
    why: str
    tested: int
    orphans: int

    @property
    def orphan_share(self) -> float:
        """The share of the tested rows that dangle, 0 to 1."""
        return self.orphans / self.tested if self.tested else 0.0


@dataclass(frozen=True, slots=True)
class Suggestions:
    """All of them, in the order of their children's names."""

    keys: tuple[Suggestion, ...]
    schema: str = SCHEMA

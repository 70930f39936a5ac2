"""The copying cut into units, each small and with a name that is the same in every run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from dbmimic.model.batch import Layout
from dbmimic.model.keys import Rows, Span


@dataclass(frozen=True, slots=True)
class WorkUnit:
    """Some rows of one leaf, of about so many bytes, to read, mask and load; run twice, they are loaded once."""

    id: str
    layout: Layout
    rows: Rows | Span
    byte_count: int


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What was seen of masked rows on their way: how many values were compared with their source's, how many of each
    column were equal, and a digest of what was sent that does not depend on the rows' order.
    """

    row_count: int
    values_checked: int
    equal: Mapping[str, int]
    digest: int


@dataclass(frozen=True, slots=True)
class Account:
    """What a unit's rows came to on their way, as it is noted with them: as text, and no value of a row in it."""

    seen: Seen | None = None
    unread: Mapping[str, int] = field(default_factory=dict)
    mended: Mapping[str, int] = field(default_factory=dict)

    def text(self) -> str:
        """Give it as text."""
        seen = None if self.seen is None else asdict(self.seen)
        return json.dumps({"seen": seen, "unread": dict(self.unread), "mended": dict(self.mended)})

    @classmethod
    def of(cls, text: str) -> Account:
        """Give what such a text says."""
        told = json.loads(text or "{}")
        seen = told.get("seen")
        return cls(None if seen is None else Seen(**seen), told.get("unread", {}), told.get("mended", {}))


@dataclass(frozen=True, slots=True)
class UnitResult:
    """
    What came of a unit; `unread` counts by column the values that its mask could not read, `mended` those that were no
    text in the source's encoding.
    """

    id: str
    layout: Layout
    row_count: int
    byte_count: int
    seconds: float
    seen: Seen | None = None
    unread: Mapping[str, int] = field(default_factory=dict)
    mended: Mapping[str, int] = field(default_factory=dict)

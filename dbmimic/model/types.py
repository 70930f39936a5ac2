"""What a column can hold, told in the same words for every engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

FIRST_PLANE = "utf8mb3"  # the one character set of which Python has none: Unicode up to U+FFFF
_YEARS = 1901, 2155  # beside the year 0, which stands for none


class Kind(StrEnum):
    """The family of a type, as far as masks need to know it."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    TEXT = "text"
    BINARY = "binary"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    INTERVAL = "interval"
    UUID = "uuid"
    JSON = "json"
    ENUM = "enum"
    ARRAY = "array"
    NETWORK = "network"
    BIT = "bit"
    GEOMETRY = "geometry"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class LogicalType:
    """
    A type apart from its engine.

    Units: `length` is characters for text and bytes for binary, None where unbounded; `bits` is the number of
    value bits of an integer, the sign not counted (smallint 15, int 31, bigint 63, unsigned int 32). `members` are the
    words of which it holds one (or `several`, with commas between), none where any will do. `charset` is Python's name
    of the only characters that fit; empty where all do. `years` says that of an integer's numbers only the years of
    MySQL's YEAR fit. `caseless` says of a type, not of a collation, that texts are equal which differ in case alone.
    `folds` says the same of the column's collation, which is no part of its type and may be another one elsewhere.
    `element` is what an array holds, None where nobody knows.
    """

    kind: Kind
    length: int | None = None
    bits: int | None = None
    signed: bool = True
    precision: int | None = None
    scale: int | None = None
    members: tuple[str, ...] = ()
    padded: bool = False  # char(n): the engine pads with blanks and ignores them in comparisons
    charset: str = ""
    several: bool = False
    years: bool = False
    caseless: bool = False
    element: LogicalType | None = None
    folds: bool = field(default=False, compare=False)

    @property
    def reach(self) -> tuple[int, int] | None:
        """The least and the highest whole number of a column of integers; None where nobody knows."""
        if self.years:
            return _YEARS
        if self.bits is None:
            return None
        return -(1 << self.bits) if self.signed else 0, (1 << self.bits) - 1

    def takes(self, text: str) -> bool:
        """Tell whether the column's character set has all characters of a text."""
        if self.charset == FIRST_PLANE:
            return max(text, default="") <= "\uffff"
        try:
            text.encode(self.charset or "utf-8")
        except UnicodeEncodeError:
            return False
        return True

"""What a column can hold, told in the same words for every engine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
    words of which it holds one, none where any will do. `charset` is Python's name of the only characters that fit;
    empty where all do.
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

    def takes(self, text: str) -> bool:
        """Tell whether the column's character set has all characters of a text."""
        try:
            text.encode(self.charset or "utf-8")
        except UnicodeEncodeError:
            return False
        return True

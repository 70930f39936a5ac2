"""What SQLite makes of a declared type: its affinity, and what masks need to know of it."""

from __future__ import annotations

import re
from enum import StrEnum

from dbmimic.model.types import Kind, LogicalType


class Affinity(StrEnum):
    """
    How a column likes its values stored, as far as comparisons care: INTEGER, REAL and NUMERIC compare alike.

    Source: the rules of "Determination Of Column Affinity" in SQLite's documentation of its type system.
    """

    NUMERIC = "numeric"
    TEXT = "text"
    NONE = "none"


_SHAPE = re.compile(r"\s*([^(]*?)\s*(?:\(\s*([+-]?\d+)\s*(?:,\s*([+-]?\d+)\s*)?\))?\s*([^()]*)\Z")

# Names that people mean something by, whatever affinity SQLite gives them.
_NAMED = {
    "BOOL": Kind.BOOLEAN,
    "BOOLEAN": Kind.BOOLEAN,
    "DATE": Kind.DATE,
    "TIME": Kind.TIME,
    "DATETIME": Kind.TIMESTAMP,
    "TIMESTAMP": Kind.TIMESTAMP,
    "TIMESTAMP WITHOUT TIME ZONE": Kind.TIMESTAMP,
    "TIMESTAMPTZ": Kind.TIMESTAMPTZ,
    "TIMESTAMP WITH TIME ZONE": Kind.TIMESTAMPTZ,
    "JSON": Kind.JSON,
    "JSONB": Kind.JSON,
    "UUID": Kind.UUID,
    "GUID": Kind.UUID,
    "UNIQUEIDENTIFIER": Kind.UUID,
    "BINARY": Kind.BINARY,
    "VARBINARY": Kind.BINARY,
    "BYTEA": Kind.BINARY,
    "STRING": Kind.TEXT,
    "ANY": Kind.TEXT,
    "": Kind.TEXT,
    "DECIMAL": Kind.DECIMAL,
    "NUMERIC": Kind.DECIMAL,
    "NUMBER": Kind.DECIMAL,
    "MONEY": Kind.DECIMAL,
}


def affinity(declared: str, *, strict: bool = False) -> Affinity:
    """Give the affinity of a column of this declared type; `ANY` means none in a STRICT table only."""
    spelled = declared.upper()
    if strict and spelled == "ANY":
        return Affinity.NONE
    if "INT" in spelled:
        return Affinity.NUMERIC
    if any(part in spelled for part in ("CHAR", "CLOB", "TEXT")):
        return Affinity.TEXT
    if not spelled.strip() or "BLOB" in spelled:
        return Affinity.NONE
    return Affinity.NUMERIC


def logical(declared: str) -> LogicalType:
    """
    Give what masks need of a declared type. A column without one holds anything; masks take it as text.

    Units: `length` is as declared; SQLite does not enforce it. Integers have 63 value bits whatever their name.
    """
    shape = _SHAPE.match(declared)
    base = declared.upper().strip()
    first = second = None
    if shape is not None:
        base = " ".join(f"{shape[1]} {shape[4]}".upper().split())
        first, second = (int(group) if group else None for group in (shape[2], shape[3]))
    kind = _NAMED.get(base) or _kind_by_affinity(base)
    if kind is Kind.INTEGER:
        return LogicalType(kind, bits=63)
    if kind is Kind.DECIMAL:
        return LogicalType(kind, precision=first, scale=second)
    if kind in {Kind.TEXT, Kind.BINARY}:
        return LogicalType(kind, length=first)
    return LogicalType(kind)


def _kind_by_affinity(base: str) -> Kind:
    if "INT" in base:
        return Kind.INTEGER
    if any(part in base for part in ("CHAR", "CLOB", "TEXT")):
        return Kind.TEXT
    if "BLOB" in base:
        return Kind.BINARY
    if any(part in base for part in ("REAL", "FLOA", "DOUB")):
        return Kind.FLOAT
    return Kind.OTHER

"""From PostgreSQL's types, domains already followed to their base, to what masks need of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dbmimic.model.types import Kind, LogicalType

_BUILT_IN: Mapping[str, LogicalType] = {
    "bool": LogicalType(Kind.BOOLEAN),
    "int2": LogicalType(Kind.INTEGER, bits=15),
    "int4": LogicalType(Kind.INTEGER, bits=31),
    "int8": LogicalType(Kind.INTEGER, bits=63),
    "oid": LogicalType(Kind.INTEGER, bits=32, signed=False),
    "float4": LogicalType(Kind.FLOAT),
    "float8": LogicalType(Kind.FLOAT),
    "text": LogicalType(Kind.TEXT),
    "name": LogicalType(Kind.TEXT, length=63),
    "char": LogicalType(Kind.TEXT, length=1),
    "bytea": LogicalType(Kind.BINARY),
    "date": LogicalType(Kind.DATE),
    "time": LogicalType(Kind.TIME),
    "timetz": LogicalType(Kind.TIME),
    "timestamp": LogicalType(Kind.TIMESTAMP),
    "timestamptz": LogicalType(Kind.TIMESTAMPTZ),
    "interval": LogicalType(Kind.INTERVAL),
    "uuid": LogicalType(Kind.UUID),
    "json": LogicalType(Kind.JSON),
    "jsonb": LogicalType(Kind.JSON),
    "inet": LogicalType(Kind.NETWORK),
    "cidr": LogicalType(Kind.NETWORK),
    "macaddr": LogicalType(Kind.NETWORK),
    "macaddr8": LogicalType(Kind.NETWORK),
    "point": LogicalType(Kind.GEOMETRY),
    "line": LogicalType(Kind.GEOMETRY),
    "lseg": LogicalType(Kind.GEOMETRY),
    "box": LogicalType(Kind.GEOMETRY),
    "path": LogicalType(Kind.GEOMETRY),
    "polygon": LogicalType(Kind.GEOMETRY),
    "circle": LogicalType(Kind.GEOMETRY),
}
_OF_EXTENSIONS: Mapping[str, LogicalType] = {
    "citext": LogicalType(Kind.TEXT, caseless=True),
    "geometry": LogicalType(Kind.GEOMETRY),
    "geography": LogicalType(Kind.GEOMETRY),
}
_HEADER = 4  # a modifier of text and numeric types counts four bytes of header


@dataclass(frozen=True, slots=True)
class BaseType:
    """
    A type as the catalogue tells it; `modifier` is -1 where the type has no length or precision.

    `element` is what an array holds.
    """

    schema: str
    name: str
    typtype: str
    modifier: int
    is_array: bool
    members: tuple[str, ...]
    element: BaseType | None = None


def in_charset(column: LogicalType, charset: str) -> LogicalType:
    """Give the type in a database of a character set."""
    element = None if column.element is None else replace(column.element, charset=charset)
    return replace(column, charset=charset, element=element)


def logical(base: BaseType) -> LogicalType:
    """Give what masks need to know of a type."""
    if base.is_array:
        return LogicalType(Kind.ARRAY, element=None if base.element is None else logical(base.element))
    if base.typtype == "e":
        return LogicalType(Kind.ENUM, members=base.members)
    if base.schema != "pg_catalog":
        return _OF_EXTENSIONS.get(base.name, LogicalType(Kind.OTHER))
    return _measured(base) or _BUILT_IN.get(base.name, LogicalType(Kind.OTHER))


def _measured(base: BaseType) -> LogicalType | None:
    """Give the types that have a length or a precision; None for all others."""
    given = base.modifier - _HEADER if base.modifier >= _HEADER else None
    match base.name:
        case "varchar":
            return LogicalType(Kind.TEXT, length=given)
        case "bpchar":
            return LogicalType(Kind.TEXT, length=given, padded=True)
        case "bit" | "varbit":
            return LogicalType(Kind.BIT, length=base.modifier if base.modifier >= 0 else None)
        case "numeric":
            return _numeric(given)
        case _:
            return None


def _numeric(given: int | None) -> LogicalType:
    """Give precision and scale: the upper half, and the lower eleven bits as a signed number."""
    if given is None:
        return LogicalType(Kind.DECIMAL)
    scale = ((given & 0x7FF) ^ 0x400) - 0x400
    return LogicalType(Kind.DECIMAL, precision=given >> 16, scale=scale)

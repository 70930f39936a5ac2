"""What a column can hold, and the form in which its values travel without loss."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from dbmimic.engines import charsets
from dbmimic.engines.mysql import quoting
from dbmimic.model.schema import Column
from dbmimic.model.types import Kind, LogicalType

_INTEGER_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
_TEXT = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
_BINARY = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector"})
_GEOMETRY = frozenset(
    {
        "geometry",
        "point",
        "linestring",
        "polygon",
        "multipoint",
        "multilinestring",
        "multipolygon",
        "geometrycollection",
        "geomcollection",
    }
)
_SIMPLE = {
    "date": Kind.DATE,
    "time": Kind.TIME,
    "datetime": Kind.TIMESTAMP,
    "timestamp": Kind.TIMESTAMPTZ,
    "uuid": Kind.UUID,
    "inet4": Kind.NETWORK,
    "inet6": Kind.NETWORK,
    "json": Kind.JSON,
    **dict.fromkeys(_GEOMETRY, Kind.GEOMETRY),
}
_WIDEST = {"utf8mb4": 4, "utf8mb3": 3, "utf8": 3, "utf16": 4, "utf32": 4, "ucs2": 2}
_YEAR_BITS = 11
_MEMBER = re.compile(r"'((?:[^'\\]|''|\\.)*)'", re.DOTALL)
_ESCAPED = re.compile(r"''|\\(.)", re.DOTALL)
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}
_UNBOUNDED = 2**31


class Family(Enum):
    """How the values of a type travel."""

    NUMBER = auto()  # integers, decimals, years: digits
    FLOAT = auto()  # as the double that it is: a plain FLOAT is printed with six digits only
    DOUBLE = auto()
    MOMENT = auto()  # dates and times: ASCII text
    TEXT = auto()  # bytes in the column's own character set
    BINARY = auto()
    BIT = auto()  # as an unsigned number
    ENUM = auto()  # as the member's number, because the error value '' has no name of its own
    SET = auto()
    NATIVE = auto()  # uuid, inet, MySQL's JSON: read and written as text only
    GEOMETRY = auto()


_ASCII = frozenset({Family.NUMBER, Family.FLOAT, Family.DOUBLE, Family.MOMENT})


@dataclass(frozen=True, slots=True)
class Form:
    """One column with the expressions by which its values are read, written and named in a condition."""

    column: Column
    family: Family
    charset: str = ""

    @property
    def name(self) -> str:
        """The column's name, quoted."""
        return quoting.name(self.column.name)

    def exact(self, of: str = "") -> str:
        """Give the expression that reads the value without loss, in the column's own character set."""
        column = f"{of}.{self.name}" if of else self.name
        if self.family is Family.FLOAT:
            return f"CAST({column} AS DOUBLE)"
        if self.family is Family.BIT:
            return f"CAST({column} AS UNSIGNED)"
        if self.family is Family.ENUM:
            return f"{column} + 0"
        return column

    def text(self) -> str:
        """Give the expression that reads the value as UTF-8 text; bytes are hexadecimal digits."""
        if self.family in {Family.TEXT, Family.ENUM, Family.SET, Family.NATIVE}:
            return f"CONVERT({self.name} USING utf8mb4)"
        if self.family in {Family.BINARY, Family.GEOMETRY}:
            return f"LOWER(HEX({self.name}))"
        return self.exact()

    def from_exact(self, variable: str) -> str | None:
        """Give the expression that stores what `exact` reads, or None where the bytes are stored as they come."""
        if self.family in {Family.BIT, Family.ENUM}:
            return f"CAST({variable} AS UNSIGNED)"
        if self.family is Family.NATIVE:
            return f"CONVERT({variable} USING utf8mb4)"
        return None

    def from_text(self, variable: str) -> str | None:
        """Give the expression that stores what `text` reads, or None where the bytes are stored as they come."""
        if self.column.logical.years:
            return f"CAST({variable} AS UNSIGNED)"  # the year 0 is one only as a number: the text '0' is 2000
        if self.family in _ASCII or (self.family is Family.TEXT and self.charset == "utf8mb4"):
            return None
        if self.family in {Family.BINARY, Family.GEOMETRY}:
            return f"UNHEX({variable})"
        if self.family is Family.BIT:
            return f"CAST({variable} AS UNSIGNED)"
        return f"CONVERT({variable} USING utf8mb4)"

    def literal(self, value: bytes) -> str:
        """Give a literal for a value that `exact` has read, of the column's own type and character set."""
        if self.family is Family.TEXT:
            return f"_{self.charset} x'{value.hex()}'"
        if self.family in {Family.BINARY, Family.GEOMETRY}:
            return quoting.binary(value)
        if self.family in {Family.MOMENT, Family.NATIVE, Family.SET}:
            return quoting.text(value.decode())
        return _digits(value)


def _digits(value: bytes) -> str:
    """Give a number's own digits; float() refuses what is none, so that nothing else gets into a statement."""
    text = value.decode("ascii")
    float(text)
    return text


def form(column: Column, charset: str | None, *, is_mariadb: bool) -> Form:
    """Give the form of a column."""
    base = base_type(column.type)
    if base in _TEXT:
        return Form(column, Family.TEXT, charset or "binary")
    families = {
        "float": Family.FLOAT,
        "double": Family.DOUBLE,
        "bit": Family.BIT,
        "enum": Family.ENUM,
        "set": Family.SET,
        "uuid": Family.NATIVE,
        "inet4": Family.NATIVE,
        "inet6": Family.NATIVE,
    }
    if base == "json":
        return Form(column, Family.TEXT if is_mariadb else Family.NATIVE, charset or "utf8mb4")
    if base in families:
        return Form(column, families[base], charset or "")
    if base in _BINARY:
        return Form(column, Family.BINARY)
    if base in _GEOMETRY:
        return Form(column, Family.GEOMETRY)
    moments = {"date", "time", "datetime", "timestamp"}
    return Form(column, Family.MOMENT if base in moments else Family.NUMBER)


def base_type(column_type: str) -> str:
    """Give the type's name without length, sign and members."""
    return re.split(r"[ (]", column_type, maxsplit=1)[0].lower()


@dataclass(frozen=True, slots=True)
class Declared:
    """A column's type as information_schema tells it; numbers are None where they do not apply."""

    type: str
    characters: int | None
    precision: int | None
    scale: int | None
    charset: str | None
    is_json: bool
    collation: str | None = None

    @property
    def signed(self) -> bool:
        """Whether it holds negative numbers."""
        return "unsigned" not in self.type


def logical(declared: Declared) -> LogicalType:
    """Give what masks need to know of a type."""
    base = base_type(declared.type)
    if declared.is_json:
        return LogicalType(Kind.JSON)
    if base in _TEXT:
        return _text(base, declared)
    if base in _BINARY:
        return LogicalType(Kind.BINARY, length=_bounded(declared.characters))
    if base in {"enum", "set"}:
        return LogicalType(Kind.ENUM, members=members(declared.type), several=base == "set")
    return _number(base, declared) or LogicalType(_SIMPLE.get(base, Kind.OTHER))


def _number(base: str, declared: Declared) -> LogicalType | None:
    if base in _INTEGER_BITS:
        return _integer(base, declared.type)
    if base == "year":
        return LogicalType(Kind.INTEGER, bits=_YEAR_BITS, signed=False, years=True)
    if base == "decimal":
        return LogicalType(Kind.DECIMAL, precision=declared.precision, scale=declared.scale, signed=declared.signed)
    if base in {"float", "double"}:
        precision = declared.precision if declared.scale is not None else None  # of float(7, 2) alone
        return LogicalType(Kind.FLOAT, precision=precision, scale=declared.scale, signed=declared.signed)
    if base == "bit":
        return LogicalType(Kind.BIT, length=declared.precision, bits=declared.precision, signed=False)
    return None


def _integer(base: str, column_type: str) -> LogicalType:
    if column_type.lower() == "tinyint(1)":
        return LogicalType(Kind.BOOLEAN, bits=7)
    signed = "unsigned" not in column_type
    return LogicalType(Kind.INTEGER, bits=_INTEGER_BITS[base] - int(signed), signed=signed)


def _text(base: str, declared: Declared) -> LogicalType:
    """Give the characters that fit for certain: the limit of the TEXT types is one of bytes."""
    charset = charsets.of_mysql(declared.charset)
    folds = "ci" in (declared.collation or "").split("_")  # as utf8mb4_general_ci, utf8mb4_0900_as_ci
    if base in {"char", "varchar"} or declared.characters is None:
        return LogicalType(Kind.TEXT, declared.characters, padded=base == "char", charset=charset, folds=folds)
    length = _bounded(declared.characters // _WIDEST.get(declared.charset or "", 1))
    return LogicalType(Kind.TEXT, length=length, charset=charset, folds=folds)


def _bounded(length: int | None) -> int | None:
    return length if length is not None and length < _UNBOUNDED // 4 else None


def members(column_type: str) -> tuple[str, ...]:
    """Give the members of an ENUM or SET type, unescaped."""
    return tuple(_ESCAPED.sub(_unescaped, found) for found in _MEMBER.findall(column_type))


def _unescaped(match: re.Match[str]) -> str:
    escaped = match.group(1)
    return "'" if escaped is None else _CONTROLS.get(escaped, escaped)

"""What a column becomes in the target's engine: its type there, what is said of it, or why it cannot be had."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import types as sql
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeEngine

from dbmimic.engines.crossing.forms import is_single
from dbmimic.model.schema import Column
from dbmimic.model.types import Kind, LogicalType

_SQLITE_DIGITS = 15  # what a 64-bit floating-point number holds for certain
_MYSQL_DIGITS, _MYSQL_SCALE = 65, 30
_MYSQL_VARCHAR = 1000  # characters; longer ones would soon fill the 64 kB that a row may have
MYSQL_KEY = 768  # characters that an index holds
_MYSQL_SHORT = 255  # characters of a CHAR or of an enumeration's member; of text in keys that has no length
_BITS = 64
_NETWORK = 43  # characters of the longest IPv6 network
_UUID = 36


@dataclass(frozen=True, slots=True)
class Role:
    """
    What a column is used for.

    `keyed`: in a key or a foreign key, the widest of which has `key_width` columns of text or bytes. `counter`: numbers
    new rows. `alone`: the whole primary key.
    """

    keyed: bool = False
    key_width: int = 1
    counter: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """
    A column in the target.

    `kind` is what the target's own catalogue says of it. `note` says what is different, in words that fit after "kept
    as"; `barred` why no value can be carried.
    """

    sql: TypeEngine[Any]
    kind: Kind
    note: str = ""
    barred: str = ""


Choice = Callable[[Column, Role], Held]


def chosen(column: Column, role: Role, source: str, to: str) -> Held:
    """Give what a column of one engine becomes in the other."""
    if (source, to, column.logical.kind) == ("mysql", "sqlite", Kind.GEOMETRY):
        return Held(sql.LargeBinary(), Kind.BINARY, "bytes: geometry")
    choices, otherwise = _CHOICES[to]
    return choices.get(column.logical.kind, otherwise)(column, role)


def is_indexable(held: Held) -> bool:
    """Whether the target's engine keeps an index over the whole column."""
    return not held.barred and held.kind is not Kind.JSON and not type(held.sql).__name__.startswith("LONG")


def index_width(columns: list[Held], to: str) -> int:
    """Give how many characters an index in MySQL takes at most; 0 elsewhere, where there is no such limit."""
    lengths = (getattr(held.sql, "length", None) or 2 for held in columns)
    return sum(lengths) if to == "mysql" else 0


def _always(type_: TypeEngine[Any], kind: Kind, note: str = "") -> Choice:
    held = Held(type_, kind, note)
    return lambda _column, _role: held


def _named(column: Column) -> str:
    """Give a type's name without its length."""
    return re.sub(r"\(.*\)", "", column.type)


def _integer(bits: int) -> Held:
    sizes = ((15, sql.SmallInteger()), (31, sql.Integer()), (63, sql.BigInteger()))
    return Held(next(type_ for size, type_ in sizes if bits <= size), Kind.INTEGER)


def _is_huge(column: Column, role: Role) -> bool:
    """Whether it holds unsigned integers of 64 bits and is no key: keys are numbers whose upper half nobody reaches."""
    return column.logical.bits == _BITS and not (role.keyed or role.counter)


def _string(logical: LogicalType) -> Held:
    if logical.length is None:
        return Held(sql.Text(), Kind.TEXT)
    return Held(sql.CHAR(logical.length) if logical.padded else sql.String(logical.length), Kind.TEXT)


def _sqlite_integer(column: Column, role: Role) -> Held:
    if _is_huge(column, role):
        return Held(sql.Text(), Kind.TEXT, "text: unsigned integers of 64 bits")
    if role.alone:
        return Held(sql.Integer(), Kind.INTEGER)  # the very word that makes it the row's own number
    return _integer(min(column.logical.bits or 63, 63))


def _sqlite_decimal(column: Column, _role: Role) -> Held:
    """Give a number where its digits fit one: SQLite would round longer ones without a word."""
    logical = column.logical
    if (
        logical.precision is None
        or logical.precision > _SQLITE_DIGITS
        or not 0 <= (logical.scale or 0) <= _SQLITE_DIGITS
    ):
        return Held(sql.Text(), Kind.TEXT, "text: decimals of more than 15 digits")
    return Held(sql.Numeric(logical.precision, logical.scale), Kind.DECIMAL)


# What SQLite takes for a number it rewrites as one, so that all else has a type with TEXT or CHAR in its name.
_IN_SQLITE: Mapping[Kind, Choice] = {
    Kind.BOOLEAN: _always(sql.Boolean(), Kind.BOOLEAN),
    Kind.INTEGER: _sqlite_integer,
    Kind.DECIMAL: _sqlite_decimal,
    Kind.FLOAT: _always(sql.REAL(), Kind.FLOAT),
    Kind.TEXT: lambda column, _role: _string(column.logical),
    Kind.BINARY: _always(sql.LargeBinary(), Kind.BINARY),
    Kind.DATE: _always(sql.Date(), Kind.DATE),
    Kind.TIME: _always(sql.Time(), Kind.TIME),
    Kind.TIMESTAMP: _always(sql.TIMESTAMP(), Kind.TIMESTAMP),
    Kind.TIMESTAMPTZ: _always(sql.TIMESTAMP(), Kind.TIMESTAMP),
    Kind.UUID: _always(sql.Text(), Kind.TEXT),
    Kind.JSON: _always(sql.Text(), Kind.TEXT),
    Kind.ENUM: _always(sql.Text(), Kind.TEXT),
}


_AS_TEXT = {
    Kind.ARRAY: "arrays",
    Kind.BIT: "bits",
    Kind.GEOMETRY: "geometry",
    Kind.INTERVAL: "intervals",
    Kind.NETWORK: "network addresses",
}


def _sqlite_text(column: Column, _role: Role) -> Held:
    return Held(sql.Text(), Kind.TEXT, f"text: {_AS_TEXT.get(column.logical.kind, 'types that SQLite does not have')}")


def _postgresql_integer(column: Column, role: Role) -> Held:
    if _is_huge(column, role):
        return Held(sql.Numeric(20, 0), Kind.DECIMAL, "numeric(20): unsigned integers of 64 bits")
    return _integer(min(column.logical.bits or 63, 63))


def _postgresql_decimal(column: Column, _role: Role) -> Held:
    return Held(sql.Numeric(column.logical.precision, column.logical.scale), Kind.DECIMAL)


def _postgresql_float(column: Column, _role: Role) -> Held:
    return Held(sql.REAL() if is_single(column) else sql.DOUBLE_PRECISION(), Kind.FLOAT)


def _postgresql_string(column: Column, _role: Role) -> Held:
    measured = column.type.lower().startswith(("char", "varchar"))  # the TEXT types are measured in bytes
    return _string(column.logical) if measured else Held(sql.Text(), Kind.TEXT)


def _postgresql_enum(column: Column, _role: Role) -> Held:
    if not column.type.lower().startswith("enum"):
        return Held(sql.Text(), Kind.TEXT, "text: sets")
    return Held(postgresql.ENUM(*column.logical.members, name="enumeration"), Kind.ENUM)


_IN_POSTGRESQL: Mapping[Kind, Choice] = {
    Kind.BOOLEAN: _always(sql.Boolean(), Kind.BOOLEAN),
    Kind.INTEGER: _postgresql_integer,
    Kind.DECIMAL: _postgresql_decimal,
    Kind.FLOAT: _postgresql_float,
    Kind.TEXT: _postgresql_string,
    Kind.BINARY: _always(postgresql.BYTEA(), Kind.BINARY),
    Kind.DATE: _always(sql.Date(), Kind.DATE),
    Kind.TIME: _always(sql.Time(), Kind.TIME),
    Kind.TIMESTAMP: _always(sql.TIMESTAMP(), Kind.TIMESTAMP),
    Kind.TIMESTAMPTZ: _always(sql.TIMESTAMP(timezone=True), Kind.TIMESTAMPTZ),
    Kind.UUID: _always(postgresql.UUID(), Kind.UUID),
    Kind.NETWORK: _always(postgresql.INET(), Kind.NETWORK),
    Kind.JSON: _always(postgresql.JSON(), Kind.JSON),
    Kind.ENUM: _postgresql_enum,
    Kind.BIT: lambda column, _role: Held(postgresql.BIT(column.logical.length or 1), Kind.BIT),
}


def _postgresql_none(column: Column, _role: Role) -> Held:
    return Held(sql.Text(), Kind.TEXT, barred=f"PostgreSQL has no counterpart of {_named(column)}")


def _mysql_integer(column: Column, _role: Role) -> Held:
    return _integer(column.logical.bits or 63) if column.logical.signed else Held(sql.BigInteger(), Kind.INTEGER)


def _mysql_decimal(column: Column, role: Role) -> Held:
    precision, scale = column.logical.precision, column.logical.scale or 0
    if precision is None:
        note = "decimal(65,30): numeric without a precision"
        return Held(mysql.DECIMAL(_MYSQL_DIGITS, _MYSQL_SCALE), Kind.DECIMAL, note)
    if precision > _MYSQL_DIGITS or not 0 <= scale <= _MYSQL_SCALE:
        return _mysql_none(column, role)
    return Held(mysql.DECIMAL(precision, scale), Kind.DECIMAL)


def _mysql_float(column: Column, _role: Role) -> Held:
    return Held(mysql.FLOAT() if is_single(column) else mysql.DOUBLE(), Kind.FLOAT)


def _mysql_string(column: Column, role: Role) -> Held:
    logical = column.logical
    longest = MYSQL_KEY // role.key_width if role.keyed else _MYSQL_VARCHAR
    if logical.length is not None and logical.length <= (_MYSQL_SHORT if logical.padded else longest):
        return _string(logical)
    if not role.keyed:
        return Held(mysql.LONGTEXT(), Kind.TEXT)
    longest = min(longest, _MYSQL_SHORT)
    return Held(sql.String(longest), Kind.TEXT, f"at most {longest} characters: long text in keys")


def _mysql_binary(_column: Column, role: Role) -> Held:
    if role.keyed:
        return Held(mysql.VARBINARY(_MYSQL_SHORT), Kind.BINARY, f"at most {_MYSQL_SHORT} bytes: bytea in keys")
    return Held(mysql.LONGBLOB(), Kind.BINARY)


def _mysql_time(column: Column, role: Role) -> Held:
    return _mysql_none(column, role) if "with time zone" in column.type else Held(mysql.TIME(fsp=6), Kind.TIME)


def _mysql_enum(column: Column, _role: Role) -> Held:
    """Give the same members, where MySQL takes no two of them for one and none for another."""
    members = column.logical.members
    apart = len({member.casefold() for member in members}) == len(members)
    plain = all(each == each.strip() and "\\" not in each and 0 < len(each) <= _MYSQL_SHORT for each in members)
    if apart and plain and members:
        return Held(mysql.ENUM(*members), Kind.ENUM)
    return Held(sql.String(_MYSQL_SHORT), Kind.TEXT, "text: enumerations whose members MySQL takes for one another")


def _mysql_bit(column: Column, role: Role) -> Held:
    length = column.logical.length or 0
    fixed = column.type.startswith("bit(") and length <= _BITS
    return Held(mysql.BIT(length), Kind.BIT) if fixed else _mysql_none(column, role)


def _mysql_none(column: Column, role: Role) -> Held:
    stand_in = sql.String(_MYSQL_SHORT) if role.keyed else mysql.LONGTEXT()
    return Held(stand_in, Kind.TEXT, barred=f"MySQL has no counterpart of {column.type}")


_IN_MYSQL: Mapping[Kind, Choice] = {
    Kind.BOOLEAN: _always(sql.Boolean(), Kind.BOOLEAN),
    Kind.INTEGER: _mysql_integer,
    Kind.DECIMAL: _mysql_decimal,
    Kind.FLOAT: _mysql_float,
    Kind.TEXT: _mysql_string,
    Kind.BINARY: _mysql_binary,
    Kind.DATE: _always(sql.Date(), Kind.DATE),
    Kind.TIME: _mysql_time,
    Kind.TIMESTAMP: _always(mysql.DATETIME(fsp=6), Kind.TIMESTAMP),
    # TIMESTAMP, which knows of time zones, ends in 2038.
    Kind.TIMESTAMPTZ: _always(mysql.DATETIME(fsp=6), Kind.TIMESTAMP, "DATETIME in UTC: timestamp with time zone"),
    Kind.UUID: _always(sql.CHAR(_UUID), Kind.TEXT),
    Kind.JSON: _always(mysql.LONGTEXT(), Kind.TEXT, "LONGTEXT, letter by letter: json"),
    Kind.NETWORK: _always(sql.String(_NETWORK), Kind.TEXT, "text: network addresses"),
    Kind.ENUM: _mysql_enum,
    Kind.BIT: _mysql_bit,
}

_CHOICES: Mapping[str, tuple[Mapping[Kind, Choice], Choice]] = {
    "sqlite": (_IN_SQLITE, _sqlite_text),
    "postgresql": (_IN_POSTGRESQL, _postgresql_none),
    "mysql": (_IN_MYSQL, _mysql_none),
}

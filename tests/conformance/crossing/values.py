"""Every shared type with its nasty values on two servers, and what a copy in any engine must hold of them."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np

from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer

Rows = list[tuple[object, ...]]

TEXTS = ("", "NULL", "\\N", "quote ' \" ` \\ \\\\ \t\n\r\b\f\v end", "🐘 é ü 漢字", " blanks ", "x" * 200_000)
EVERY_BYTE = bytes(range(256))

# By column: what it holds, as far as telling one value from another needs it, and PostgreSQL's type.
COLUMNS = {
    "id": ("number", "integer"),
    "truth": ("truth", "boolean"),
    "small": ("number", "smallint"),
    "whole": ("number", "integer"),
    "big": ("number", "bigint"),
    "exact": ("number", "numeric(12,3)"),
    "long_exact": ("number", "numeric(30,10)"),
    "single": ("single", "real"),
    "twice": ("float", "double precision"),
    "name": ("text", "varchar(60)"),
    "padded": ("padded", "char(6)"),
    "long": ("text", "text"),
    "bytes": ("bytes", "bytea"),
    "day": ("moment", "date"),
    "hour": ("moment", "time"),
    "moment": ("moment", "timestamp"),
    "moment_tz": ("moment", "timestamptz"),
    "token": ("text", "uuid"),
    "doc": ("text", "json"),
    "mood": ("text", "mood"),
    "flags": ("bits", "bit(5)"),
}
LOWEST = (
    1, False, -(2**15), -(2**31), -(2**63), "-999999999.999", "-12345678901234567890.1234567891", "-0", "-0", "", "a", "",
    b"", "0001-01-01", "00:00:00", "0001-01-01 00:00:00", "0001-01-01 00:00:00+00", "00000000-0000-0000-0000-000000000000",
    '{"a": 1.50,   "b": [null, "\\u00e9"]}', "sad", "00000",
)  # fmt: skip
HIGHEST = (
    2, True, 2**15 - 1, 2**31 - 1, 2**63 - 1, "999999999.999", "12345678901234567890.1234567891", "3.4028234663852886e38",
    "1.7976931348623157e308", TEXTS[3], "ÄÖ€", TEXTS[6], EVERY_BYTE, "9999-12-31", "23:59:59.999999",
    "9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999+00", "ffffffff-ffff-ffff-ffff-ffffffffffff", "7",
    "it's \"so\"", "11111",
)  # fmt: skip
SMALL = (
    3, True, 0, 0, 0, "0.000", "0.0000000001", "0.1", "5e-324", TEXTS[4], "x  y", TEXTS[1], b"\\", "2000-02-29",
    "12:00:00.5", "2024-03-31 02:30:00.1", "2024-03-31 02:30:00.12+00", "0b1e8f2a-4c6d-4e8f-9a0b-1c2d3e4f5a6b",
    "1.0", "", "00001",
)  # fmt: skip
EMPTY = (4, *(None,) * (len(COLUMNS) - 1))
ROWS = (LOWEST, HIGHEST, SMALL, EMPTY, *((5 + n, *SMALL[1:9], text[:60], *SMALL[10:]) for n, text in enumerate(TEXTS)))
POSTGRESQL = (
    "CREATE TYPE mood AS ENUM ('sad', 'it''s \"so\"', '', 'ok')",
    f"CREATE TABLE every ({', '.join(f'{name} {type_}' for name, (_, type_) in COLUMNS.items())}, PRIMARY KEY (id))",
    "CREATE TABLE empty (id serial PRIMARY KEY, every_id int REFERENCES every (id), note text)",
)

# The same in MySQL's words. Its TIMESTAMP has its own two ends, and '' is its word for a wrong member.
_MYSQL_TYPES = {
    "truth": "boolean", "single": "float", "twice": "double", "long": "longtext", "bytes": "longblob", "hour": "time(6)",
    "moment": "datetime(6)", "moment_tz": "timestamp(6) NULL", "token": "char(36)", "doc": "json",
    "mood": "enum('sad', 'it''s \"so\"', 'ok')",
}  # fmt: skip
_MYSQL_ENDS = {1: "1970-01-01 00:00:01", 2: "2038-01-19 03:14:07.999999"}
_LISTED = ", ".join(f"`{name}` {_MYSQL_TYPES.get(name, type_)}" for name, (_, type_) in COLUMNS.items())
MYSQL = (
    f"CREATE TABLE every ({_LISTED}, PRIMARY KEY (id))",
    "CREATE TABLE empty (id int AUTO_INCREMENT PRIMARY KEY, every_id int REFERENCES every (id), note text)",
)


def _in_mysql(row: tuple[object, ...]) -> tuple[object, ...]:
    """Give a row with what MySQL's types hold."""
    held = dict(zip(COLUMNS, row, strict=True))
    if held["truth"] is None:
        return row
    zone = str(held["moment_tz"]).removesuffix("+00")
    held["moment_tz"] = _MYSQL_ENDS.get(int(str(held["id"])), zone)
    held["mood"] = held["mood"] or "ok"
    return tuple(held.values())


MYSQL_ROWS = tuple(map(_in_mysql, ROWS))


def plain(kind: str, value: object) -> object:
    """Give a value in one form whichever driver gave it."""
    if value is None:
        return None
    if kind == "bytes":
        return bytes.fromhex(value) if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]
    return _FORMS.get(kind, str)(str(value))


def _moment(text: str) -> str:
    text = re.sub(r"\+00(:00)?", "", text)
    return text.rstrip("0").rstrip(".") if "." in text else text


_FORMS: dict[str, Callable[[str], object]] = {
    "truth": lambda text: {"t": 1, "true": 1, "1": 1, "f": 0, "false": 0, "0": 0}[text.lower()],
    "number": lambda text: Decimal(text) if text.lower() != "nan" else "nan",
    "float": lambda text: repr(float(text) + 0.0),
    "single": lambda text: repr(float(np.float32(text)) + 0.0),
    "padded": lambda text: text.rstrip(" "),
    "moment": _moment,
}


def plains(kinds: Sequence[str], rows: Rows) -> Rows:
    return [tuple(plain(kind, value) for kind, value in zip(kinds, row, strict=True)) for row in rows]


def in_order(kinds: Sequence[str], rows: Rows) -> Rows:
    return sorted(plains(kinds, rows), key=repr)


def table_of_sqlite(path: Path, table: str, columns: Mapping[str, str]) -> Rows:
    """Read a table, its columns by kind."""
    listed = ", ".join(f'"{name}"' for name in columns)
    return in_order(list(columns.values()), of_sqlite(path, f'SELECT {listed} FROM "{table}"'))


def of_sqlite(path: Path, question: str) -> Rows:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(question).fetchall()


def of_postgresql(server: PostgresServer, database: str, table: str, columns: Mapping[str, str]) -> Rows:
    """Read a table by the server's own text forms, its columns by kind; bytes as hexadecimal digits."""
    listed = ", ".join(
        f"encode(\"{name}\", 'hex')" if kind == "bytes" else f'"{name}"::text' for name, kind in columns.items()
    )
    rows = server.execute(f"SET TimeZone = 'UTC'; SELECT {listed} FROM {table}", database=database)
    return in_order(list(columns.values()), rows)


def of_mysql(server: MariadbServer, database: str, table: str, columns: Mapping[str, str]) -> Rows:
    """Read a table by the server's own text forms, its columns by kind; bytes as hexadecimal digits."""
    forms = {"bytes": "LOWER(HEX({}))", "bits": "LPAD(BIN({}), 5, '0')", "single": "{} * 1e0"}
    listed = ", ".join(
        forms.get(kind, "CONVERT({} USING utf8mb4)").format(f"`{name}`") for name, kind in columns.items()
    )
    rows = server.execute("SET time_zone = '+00:00'", f"SELECT {listed} FROM `{table}`", database=database)
    return in_order(list(columns.values()), rows)

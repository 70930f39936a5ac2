"""
The driver's errors become ours: number and place, never the text, which holds values.

Source:
    Error numbers: MySQL 8.4 Reference Manual, "Server Error Message Reference"; MariaDB Knowledge Base, "MariaDB
    Error Code Reference".
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pymysql

from dbmimic.errors import (
    DbmimicError,
    ServerFull,
    SnapshotLost,
    SourceError,
    SourceUnreachable,
    TargetError,
    TargetLost,
    TryAgainError,
)

NOT_REACHABLE = frozenset({1045, 1130, 1698, 2002, 2003, 2005, 2026, 2054, 2059, 2061})
SILENT = frozenset({2002, 2003})
CONNECTION_LOST = frozenset({0, 2006, 2013, 2014, 2055, 1927})
SERVER_FULL = frozenset({1040, 1203, 1226})
SERVER_BUSY = SERVER_FULL | {1053}
TABLE_FULL = 1114
DISK_FULL = frozenset({3, 28, 1021, TABLE_FULL})
FILE_FAILED = frozenset({1004, 1005, 1006, 1025, 1026, 1030})
NO_ROOM = frozenset({28, 122, 135})  # ENOSPC, EDQUOT, and the storage engine's own word for it
NOT_COMMITTED = 1180
LOCKED = frozenset({1205, 1213})
UNSAFE_LOG = frozenset({1418, 1419})  # with a binary log the server trusts nobody's functions
DENIED = frozenset({1044, 1142, 1143, 1227, 1290, 1370, 1410})
READ_ONLY = 1290
NO_TLS = 2026
UNKNOWN_THERE = {1115: "character set", 1273: "collation", 1286: "storage engine"}
UNKNOWN_DATABASE = 1049
UNKNOWN_TABLE = 1146
TABLE_CHANGED = 1412
NOT_THERE = frozenset({1054, UNKNOWN_TABLE, 1305, 1356})  # what a view names
NO_LOCAL = frozenset({1148, 2068, 3948, 4166})
DATA_REFUSED = {
    1062: "two rows have the same value in a unique key",
    NOT_COMMITTED: "two rows have the same value in a unique key, or the indexes could not be built",
    1416: "a value is no geometry",
    1526: "no partition takes a row",
    3819: "a CHECK constraint refuses a row",
    4025: "a CHECK constraint refuses a row",
}
_LOGGED = (
    "the target's server writes a binary log, and lets the role make no functions and triggers",
    "as its administrator: SET GLOBAL log_bin_trust_function_creators = 1, and so in the server's option file",
)
_DENIALS = {
    0: (
        "permission denied on the target",
        "`dbmimic grants --for target` prints what the role needs on the target and its neighbours, and for sandboxes",
    ),
    READ_ONLY: (
        "the target's server lets nobody write",
        "a replica is read-only, and so is what the setting read_only makes so: give the address of the primary",
    ),
    **dict.fromkeys(UNSAFE_LOG, _LOGGED),
}
_STRANGERS = frozenset({1045, 1698})
_FAILED = "a statement failed on the target"
FITTING_MASK = "if the column is masked, choose a mask that fits its type, keys and constraints"


@dataclass(frozen=True, slots=True)
class Side:
    """Which database an error speaks of: `source` or `target`, and its name for people."""

    role: str
    place: str

    @property
    def is_source(self) -> bool:
        """Whether it is the database that is read."""
        return self.role == "source"


def number(error: BaseException) -> int:
    """Give the error number of a driver's exception; 0 where it has none."""
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else 0


def _cause(error: BaseException) -> int:
    """
    Give the error number. Why a file could not grow or a COMMIT failed stands in the text, and only that is read there.

    Rows that MariaDB takes in bulk it checks at the end, and says no more then than that it could not commit them.
    """
    code = number(error)
    if code == NOT_COMMITTED and len(error.args) > 1:
        told = re.search(r"\berror (\d+)", str(error.args[1]))
        return TABLE_FULL if told and int(told[1]) in NO_ROOM else code
    found = re.search(r"\berrno: (\d+)", str(error.args[1])) if code in FILE_FAILED and len(error.args) > 1 else None
    return TABLE_FULL if found and int(found[1]) in NO_ROOM else code


def translated(error: BaseException, side: Side, place: str = "") -> DbmimicError:
    """Give our error for a driver's exception."""
    code = _cause(error)
    where = place or side.place
    if code in SERVER_BUSY:
        if code in SERVER_FULL:
            hint = "try again, or raise max_connections or max_user_connections: a run takes several"
            return ServerFull("DM703", f"the {side.role} has no connection left ({code})", place=where, hint=hint)
        message = f"the {side.role}'s server is shutting down ({code})"
        return TryAgainError("DM703", message, place=where, hint="try again when it accepts connections")
    if code in LOCKED:
        hint = "another session holds a lock; run the same command again later"
        return TryAgainError("DM702", f"a lock on the {side.role} was not had in time ({code})", place=where, hint=hint)
    return _source(code, where) if side.is_source else _target(code, where)


def _source(code: int, where: str, *, silent: bool = False) -> SourceError:
    if silent or code in NOT_REACHABLE:
        kind = SourceUnreachable if silent or code in SILENT else SourceError
        return kind("DM401", f"the source {_why_not(code)} ({code})", place=where, hint=_reach_hint(code))
    if code == UNKNOWN_DATABASE:
        return SourceError(
            "DM401", f"the source's database does not exist ({code})", place=where, hint="check its name"
        )
    if code in DENIED:
        hint = "the role needs SELECT, SHOW VIEW, TRIGGER, EVENT on all of it: see `dbmimic grants --for source`"
        return SourceError("DM402", f"permission denied on the source ({code})", place=where, hint=hint)
    if code in CONNECTION_LOST or code == TABLE_CHANGED:
        hint = "run the same command again; a new snapshot is taken"
        return SnapshotLost("DM403", f"the source's snapshot was lost ({code})", place=where, hint=hint)
    return SourceError("DM404", f"a statement failed on the source (error {code})", place=where, hint=_manual(code))


def _target(code: int, where: str, *, silent: bool = False) -> TargetError:
    if silent or code in NOT_REACHABLE:
        refused = TargetLost if silent or code in SILENT else TargetError
        return refused("DM501", f"the target {_why_not(code)} ({code})", place=where, hint=_reach_hint(code))
    if code == UNKNOWN_DATABASE:
        message = f"the target's database does not exist ({code})"
        return TargetError("DM501", message, place=where, hint="check its name, or run `dbmimic copy` first")
    if code in CONNECTION_LOST:
        hint = "run the same command again; if it stays, the server's log and its max_allowed_packet may tell why"
        return TargetLost("DM501", f"the connection to the target was lost ({code})", place=where, hint=hint)
    last, reason, hint = _refusal(code)
    return TargetError(f"DM50{last}", f"{reason} ({code})", place=where, hint=hint)


def _refusal(code: int) -> tuple[int, str, str]:
    """Give the end of our code, the reason and the next step for what a target that answers has against a statement."""
    if code in DENIED | UNSAFE_LOG:
        return 2, *_DENIALS.get(code, _DENIALS[0])
    if code in DISK_FULL:
        hint = "free some space: the new copy stands beside the old one until it is verified"
        return 3, "the target's disk or table space is full", hint
    if code in DATA_REFUSED:
        return 4, DATA_REFUSED[code], FITTING_MASK
    if code in NOT_THERE:
        hint = "what stands in other databases is not copied: put it onto the target's server, or leave the object out"
        return 4, "it names a table, a column or a function that is not there", hint
    what = UNKNOWN_THERE.get(code)
    hint = "copy into a server of the source's kind and version, or change it in the source"
    reason = f"the target's server does not know a {what} that the source uses" if what else _FAILED
    return 4, reason, hint if what else _manual(code)


def _why_not(code: int) -> str:
    return "answers, but it refused the user's name or password" if code in _STRANGERS else "is not reachable"


def _reach_hint(code: int) -> str:
    if code in _STRANGERS:
        return "check user and password, and from where the account may come"
    if code == NO_TLS:
        return "the two did not agree on TLS: check the server's certificate, and what the URL says of it (ssl_ca, ...)"
    return "check host, port and that the server runs"


def _manual(code: int) -> str:
    return f"the server's manual explains error {code}" if code else ""


@contextmanager
def connecting(side: Side) -> Iterator[None]:
    """Let no driver's exception out where a connection is made: what is cut there has lost nothing, nobody answered."""
    try:
        yield
    except (pymysql.MySQLError, OSError) as error:
        code = NO_TLS if _is_tls(error) else number(error)
        end = _source if side.is_source else _target
        silent = code in CONNECTION_LOST
        failure = end(code, side.place, silent=silent) if silent or code == NO_TLS else translated(error, side)
    else:
        return
    raise failure from None


def _is_tls(error: BaseException) -> bool:
    """
    Tell whether a connection failed for the sake of TLS: a certificate, or the file of one.

    The driver tells of most failures as of a server that does not answer.
    """
    cause = getattr(error, "original_exception", error)
    return isinstance(cause, ssl.SSLError) or (isinstance(error, OSError) and not isinstance(error, pymysql.MySQLError))


@contextmanager
def speaking_of(side: Side, place: str = "") -> Iterator[None]:
    """Let no driver's exception out: inside, each becomes ours."""
    try:
        yield
    except (pymysql.MySQLError, OSError) as error:
        failure = translated(error, side, place)
    else:
        return
    raise failure from None

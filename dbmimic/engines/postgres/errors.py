"""
From PostgreSQL's error codes to our errors: the code and the names of objects, never the text.

A driver's message may quote row values ("Key (email)=(...) already exists"), so nothing of it is passed on.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

import psycopg
from psycopg.pq import ConnStatus, DiagnosticField, PGconn, Ping
from psycopg.pq.abc import PGresult

from dbmimic.errors import (
    DbmimicError,
    ServerFull,
    SnapshotLost,
    SourceError,
    SourceUnreachable,
    TargetError,
    TargetLost,
    TextRefused,
    TryAgainError,
    UnreadableText,
)


class Side(StrEnum):
    """Which end of the copy a connection serves; the word that stands in messages."""

    SOURCE = "source"
    TARGET = "target"

    @property
    def error(self) -> type[SourceError | TargetError]:
        """The kind of error whose owner can act."""
        return SourceError if self is Side.SOURCE else TargetError

    def code(self, last: int) -> str:
        """Give the code of this side: `DM404` for 4 on the source, `DM504` on the target."""
        return f"DM{4 if self is Side.SOURCE else 5}{last:02}"


@dataclass(frozen=True, slots=True)
class Fault:
    """What a failed statement told: its SQLSTATE ('' when the connection broke) and the objects that it named."""

    state: str
    table: str = ""
    column: str = ""
    constraint: str = ""
    broken: bool = False
    stalled: DbmimicError | None = None  # why we hung up ourselves

    @classmethod
    def of(cls, error: psycopg.Error, connection: psycopg.Connection | None = None) -> Fault:
        """Give what a driver's exception tells, without its text."""
        names = error.diag
        table = ".".join(name for name in (names.schema_name, names.table_name) if name)
        broken = connection is not None and (connection.closed or connection.broken)
        column, constraint = names.column_name or "", names.constraint_name or ""
        return cls(error.sqlstate or "", table, column, constraint, broken, getattr(connection, "stalled", None))

    @classmethod
    def of_result(cls, connection: psycopg.Connection, result: PGresult | None, columns: Collection[str] = ()) -> Fault:
        """
        Give what a failed result tells; None is what libpq gives when the connection broke.

        `columns` are those of a COPY, of which the context may name one.
        """
        if result is None:
            return cls("", broken=True, stalled=getattr(connection, "stalled", None))

        def told(what: DiagnosticField) -> str:
            return (result.error_field(what) or b"").decode(errors="replace")

        table = ".".join(filter(None, (told(DiagnosticField.SCHEMA_NAME), told(DiagnosticField.TABLE_NAME))))
        column, constraint = told(DiagnosticField.COLUMN_NAME), told(DiagnosticField.CONSTRAINT_NAME)
        column = column or copied_column(told(DiagnosticField.CONTEXT), columns)
        broken = connection.pgconn.status != ConnStatus.OK
        return cls(told(DiagnosticField.SQLSTATE), table, column, constraint, broken)

    @property
    def about(self) -> str:
        """The objects that the server named, as a place."""
        place = f"{self.table}.{self.column}" if self.table and self.column else self.table
        return f"{place} ({self.constraint})" if self.constraint else place


_COPYING = re.compile(r"^(?:CONTEXT:  )?COPY .*?, line \d+, column (.+?)(?:: \"|: null input|$)", re.MULTILINE)


def copied_column(context: str, columns: Collection[str]) -> str:
    """Give the one of these columns at which a COPY stopped; nothing else of what the server says of it may be told."""
    return next((name for name in _COPYING.findall(context) if name in columns), "")


_TRY_AGAIN = {
    "53300": (
        "DM703",
        "the {side} has no connection left",
        "try again, or raise max_connections, or the CONNECTION LIMIT of the role or the database: a run takes several",
    ),
    "57P03": ("DM703", "the {side} is starting up or shutting down", "try again when it accepts connections"),
    "55P03": (
        "DM702",
        "a lock on the {side} was not had in time",
        "try again when nobody changes the table's structure",
    ),
    "40P01": ("DM702", "the {side} chose this session to end a deadlock", "try again"),
    "40001": (
        "DM703",
        "the {side} cancelled the snapshot to replay changes of its primary",
        "try again; hot_standby_feedback or a larger max_standby_streaming_delay prevents it",
    ),
}
_REASONS = {
    "53100": (3, "the {side}'s disk is full", "free some space, or move the database to a larger disk"),
    "42501": (2, "permission denied on the {side}", "grant the role what it lacks"),
    "0A000": (5, "the {side} does not support this for the object", "exclude the table"),
    "55006": (5, "the {side} is in use by other sessions", "end them and try again"),
    "25006": (
        4,
        "the {side} lets the role read only",
        "give the address of the primary, or take default_transaction_read_only off the role",
    ),
    "53200": (4, "the {side} has no room left for locks", "raise max_locks_per_transaction and start it anew"),
}
_UNQUALIFIED = "a function of the schema may name things without their schema; ALTER FUNCTION ... SET search_path helps"
_LOADING = {
    "22021": "a mask's value has a character that no text may hold, as NUL; choose another mask",
    "22P05": "a mask's value has a character that the database's encoding lacks; choose another mask or locale",
    "22": "a mask's value does not fit the column; choose another mask",
    "42704": "a mask may lead a row to a partition that is a foreign table; choose a mask that keeps it where it is",
    "23514": "a value breaks a check or fits no partition; choose a mask that keeps to it, or keep the column",
    "23": "a mask's value breaks the constraint; choose another mask for its columns",
}
_HINTS = {
    "42P01": _UNQUALIFIED,
    "42883": _UNQUALIFIED,
    "22021": "the database holds bytes that are no text in its encoding; mend them, or leave their rows out",
    "XX000": "the log of its server tells why; a disk that has no room for a checkpoint is told like this, too",
    "57014": "somebody cancelled the statement; run again",
    "2BP01": "something depends on it; what was given to a role in another database, DROP OWNED BY takes from it there",
}
_NO_TEXT = frozenset({"22021", "22P05"})
_LOST = frozenset({"57P01", "57P02", "57P05", "25P03", "25P04"})  # sessions that the server ended


def translated(fault: Fault, side: Side, doing: str, place: str = "") -> DbmimicError:
    """
    Give our error for a failed statement.

    `doing` completes the sentence "... while <doing>"; `place` is the object at hand, if the server names none: at the
    least it is the side.
    """
    near = f"{place}.{fault.column}" if place and fault.column else place
    where = fault.about or near or side.value
    if fault.stalled is not None:
        return fault.stalled
    if fault.broken or fault.state in _LOST or fault.state.startswith("08"):
        if side is Side.SOURCE:
            message = f"the connection to the source was lost while {doing}, and the snapshot with it"
            return SnapshotLost("DM403", message, place=where, hint="run the command again for a new snapshot")
        message = f"the connection to the target was lost while {doing}"
        return TargetLost("DM501", message, place=where, hint="run again")
    if fault.state in _TRY_AGAIN:
        code, reason, hint = _TRY_AGAIN[fault.state]
        kind = ServerFull if fault.state == "53300" else TryAgainError
        return kind(code, f"{reason.format(side=side)} (SQLSTATE {fault.state})", place=where, hint=hint)
    if fault.state in _REASONS:
        last, reason, hint = _REASONS[fault.state]
        if side is Side.SOURCE and fault.state in {"53100", "55006"}:
            last = 4
        message = f"{reason.format(side=side)} while {doing} (SQLSTATE {fault.state})"
        return side.error(side.code(last), message, place=where, hint=hint)
    state = fault.state or "none"
    message = f"the {side} failed while {doing} (SQLSTATE {state})"
    failed = side.error
    if state in _NO_TEXT:
        failed = UnreadableText if side is Side.SOURCE else TextRefused
    return failed(side.code(4), message, place=where, hint=_next_step(fault.state, side))


def _next_step(state: str, side: Side) -> str:
    """Give the hint for a code, by the whole of it or by its class; the server's log tells what we may not."""
    known = _HINTS if side is Side.SOURCE else _HINTS | _LOADING
    return known.get(state) or known.get(state[:2]) or f"the log of the {side}'s server tells more"


@contextlib.contextmanager
def speaking(connection: psycopg.Connection | None, side: Side, doing: str, place: object = "") -> Iterator[None]:
    """Turn what the driver raises inside into our errors."""
    try:
        yield
    except psycopg.Error as error:
        raise translated(Fault.of(error, connection), side, doing, str(place)) from None


_REFUSED = (
    (re.compile("password|authentication|pg_hba", re.IGNORECASE), "it refused the user's name or password"),
    (re.compile("database .* does not exist"), "it has no database of that name"),
    (re.compile("role .* does not exist"), "it has no role of that name"),
    (re.compile("SSL|certificate", re.IGNORECASE), "the two did not agree on TLS"),
    (re.compile("permission denied|not permitted to log in"), "the role may not connect"),
)


_TLS = re.compile("SSL error|support SSL|SSL was required|server certificate|certificate file")
_CUT = re.compile(
    r"reset by peer|broken pipe|closed the connection|could not (receive|send) data|SYSCALL|\bEOF\b|timeout",
    re.IGNORECASE,
)


def unreachable(error: psycopg.Error, conninfo: str, side: Side, place: str) -> DbmimicError:
    """
    Give our error for a connection that could not be made.

    libpq gives no code for these, so the server is asked once more by a ping; of the message only the kind is used.
    """
    text = str(error)
    answer = PGconn.ping(conninfo.encode())
    if "too many" in text or "remaining connection slots" in text:
        return translated(Fault("53300"), side, "connecting", place)
    if answer == Ping.REJECT:
        reason, hint = "is starting up or shutting down", "try again when it accepts connections"
        return TryAgainError("DM703", f"the {side} {reason}", place=place, hint=hint)
    if answer != Ping.OK and _TLS.search(text) and not _CUT.search(text):  # a ping does not come so far
        hint = "check sslmode and sslrootcert in the URL, and the server's certificate"
        message = f"the {side} answers, but the two did not agree on TLS"
        return side.error(side.code(1), message, place=place, hint=hint)
    if answer == Ping.OK and not _CUT.search(text):
        why = next((why for pattern, why in _REFUSED if pattern.search(text)), "it refused the connection")
        hint = "check user, password and database in the URL, and the server's pg_hba.conf"
        return side.error(side.code(1), f"the {side} answers, but {why}", place=place, hint=hint)
    hint = "check host and port in the URL, and that the server runs"
    silent = SourceUnreachable if side is Side.SOURCE else TargetLost
    return silent(side.code(1), f"the {side} could not be reached", place=place, hint=hint)

"""SQLite's error codes told as errors of ours: by code and object name, never by the driver's text."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from dbmimic.errors import DbmimicError, SourceError, TargetError, TryAgainError

_PRIMARY = 0xFF  # an extended result code carries the primary one in its low byte


@dataclass(frozen=True, slots=True)
class Side:
    """Which database an error is about: its class and the codes for the usual reasons."""

    noun: str
    error: type[DbmimicError]
    unreachable: str
    denied: str
    full: str
    failed: str
    unsupported: str
    busy: str

    def fault(self, error: sqlite3.Error, place: str) -> DbmimicError:
        """Give our error for the driver's. Anything the table does not know is a failed statement."""
        extended = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        title = getattr(error, "sqlite_errorname", type(error).__name__)
        reasons = self._reasons()
        reason = reasons.get(extended) or reasons.get(extended & _PRIMARY)
        if reason is None:
            return self.error(self.failed, f"SQLite refused a statement on the {self.noun} ({title})", place=place)
        raised, code, message, hint = reason
        return raised(code, message, place=place, hint=hint)

    def _reasons(self) -> Mapping[int, tuple[type[DbmimicError], str, str, str]]:
        """Give class, code, reason and next step by SQLite's result code, primary or extended."""
        noun, error = self.noun, self.error
        locked = (
            TryAgainError,
            self.busy,
            f"the {noun} is locked by another connection",
            "wait for the writer to commit, then run again",
        )
        denied = (
            error,
            self.denied,
            f"the {noun} does not permit this",
            "check the permissions of the file and of its folder",
        )
        unfinished = (
            error,
            self.unreachable,
            f"a crashed writer left the {noun} in the middle of a transaction, and reading cannot end that",
            "open it once with a program that may write to it, such as the sqlite3 shell",
        )
        full = (error, self.full, "the disk is full", "make room, or copy a smaller slice")
        return {
            sqlite3.SQLITE_BUSY: locked,
            sqlite3.SQLITE_LOCKED: locked,
            sqlite3.SQLITE_PERM: denied,
            sqlite3.SQLITE_AUTH: denied,
            sqlite3.SQLITE_READONLY: denied,
            sqlite3.SQLITE_READONLY_ROLLBACK: unfinished,
            sqlite3.SQLITE_READONLY_RECOVERY: unfinished,
            sqlite3.SQLITE_FULL: full,
            sqlite3.SQLITE_IOERR_WRITE: (
                error,
                self.full,
                "the disk takes no more: it, a quota or a limit on file sizes is full, or it fails",
                "make room, or copy a smaller slice",
            ),
            sqlite3.SQLITE_CANTOPEN: (
                error,
                self.unreachable,
                f"the {noun} cannot be opened",
                "check the path and the permissions of the file, of its folder and of the files beside it",
            ),
            sqlite3.SQLITE_NOTADB: (
                error,
                self.unreachable,
                f"the {noun} is not an SQLite database",
                "check the path; an encrypted file has to be decrypted first",
            ),
            sqlite3.SQLITE_CORRUPT: (
                error,
                self.unreachable,
                f"the {noun} is damaged",
                "run `PRAGMA integrity_check` on it",
            ),
            sqlite3.SQLITE_ERROR_MISSING_COLLSEQ: (
                error,
                self.failed,
                f"the {noun} sorts by a collation that only its own application knows",
                "such tables cannot be built without it; give their columns one of SQLite's own",
            ),
            sqlite3.SQLITE_CONSTRAINT: (
                error,
                self.failed,
                f"a constraint of the {noun} refused a row",
                "look at the masks of this table's unique, checked and NOT NULL columns",
            ),
        }


SOURCE = Side("source", SourceError, "DM401", "DM402", "DM404", "DM404", "DM405", "DM703")
TARGET = Side("target", TargetError, "DM501", "DM502", "DM503", "DM504", "DM506", "DM702")


@contextmanager
def told(side: Side, place: str) -> Iterator[None]:
    """Run a block whose driver errors become ours, about this place."""
    try:
        yield
    except sqlite3.Error as error:
        fault = side.fault(error, place)
    except (OverflowError, UnicodeError):
        # What a value cannot be bound as: the driver's text would hold the value.
        fault = side.error(side.failed, f"a value does not fit SQLite on the {side.noun}", place=place)
    else:
        return
    raise fault from None

"""
Every error that dbmimic raises, by who can act on it.

    DbmimicError                     exit  who acts
     ├─ UsageError            DM1xx    2   the caller: a flag or an argument is wrong
     ├─ ConfigError           DM2xx    3   the author of the configuration or the rules
     ├─ RefusedError          DM3xx    4   we stopped on purpose: a column is undecided, a target not cleared
     ├─ SourceError           DM4xx    5   the owner of the source database
     ├─ TargetError           DM5xx    6   the owner of the target database
     ├─ VerificationFailed    DM6xx    7   the copy is not fit to use and was not swapped in
     ├─ TryAgainError         DM7xx   75   nobody: the same command may succeed later
     ├─ HookError             DM8xx    8   the author of a hook: the new copy is verified and in place
     └─ InternalError         DM9xx    1   us

An error has a code, a place, a reason and a next step. It holds coordinates, never contents: no row value may
stand in any of its fields, so adapters build these from a driver's error code and object names, never from its
text, and raise them `from None`.

Codes, so that one word has one meaning:

    DM101 wrong flag or argument          DM102 nothing to work on (no configuration, no source, no target,
                                                no sandbox of that name)
    DM103 the result could not be written
    DM201 the file is not valid YAML      DM202 repeated key         DM203 unknown key or option
    DM204 a value of the wrong type       DM205 unknown table        DM206 unknown column
    DM207 unknown mask                    DM208 a mask does not fit the column
    DM209 the secret is missing or unfit  DM210 an environment variable or file is missing
    DM211 unknown rule pack               DM212 the slice contradicts itself
    DM213 known to the format, not to this version               DM214 the connection URL is unfit
    DM215 the slice leaves a table empty  DM216 one foreign key brings most of the slice
    DM217 a masked column has few values  DM218 outliers stay recognisable
    DM219 what is kept may tell a person apart                   DM220 a kept text may repeat what is masked
    DM221 a function of the user's own masks a column           DM222 the slice does not hold all that it was to cover
    DM223 the slice cannot meet its budget
    DM224 a hook is no command and no SQL                        DM225 a hook's SQL file cannot be read
    DM226 nobody can be told of a run's end: the address is unfit
    DM227 a time that says nothing
    DM235 what is told of runs has no place to be written        DM236 two clocks differ
    DM231 a mask gives values of other rows
    DM233 a unique index is over something made of a masked column
    DM234 a mask tells keys apart by case, and their collation does not
    DM301 columns are undecided           DM302 source and target are the same database
    DM303 the target is not empty and not stamped                DM304 a value no mask could take
    DM305 the source changed during the run                      DM306 the source would need more than reading
    DM307 nothing to roll back to         DM308 a question was not answered with yes
    DM309 the target's engine has no place for a name or a column's values
    DM310 the slice has more rows than it may have               DM311 masks would not be as pinned
    DM313 masked rows break a check       DM314 a check could not be tried on masked rows
    DM316 a column cannot be drawn from
    DM317 a kept column may hold something else than at the last copy
    DM318 the source's structure changed since the last copy
    DM321 no golden copy to make a sandbox from                  DM322 the sandboxes would be too many or too large
    DM323 the sandbox is protected        DM324 not made by dbmimic, so it is left alone
    DM331 a hook before the run failed
    DM334 what came and what left since the last copy            DM335 all of it was copied in full after all
    DM336 all of one table was copied
    DM337 a killed run's new copy was gone on with                  DM338 it was not, and all is copied
    DM401 not reachable                   DM402 permission denied    DM403 the snapshot was lost
    DM404 statement failed                DM405 unsupported object   DM406 a needed tool is missing
    DM407 no room on disk for which rows are chosen
    DM408 a pool lends its sessions by transaction               DM409 rows come in clear text
    DM415 the source's server may end the snapshot by itself
    DM501 not reachable                   DM502 permission denied    DM503 disk full
    DM504 statement failed                DM505 in use by others
    DM506 a needed tool or extension is missing                  DM508 a pool lends its sessions by transaction
    DM509 what is loaded stands in the target's binary log, or cannot be kept out of it
    DM515 the target's server is older than the source's         DM516 left by a run that was cut short
    DM601 rows dangle                     DM602 row counts differ
    DM603 a masked column still holds the source's value
    DM604 the schemas differ              DM605 rows could not be compared
    DM606 the copy does not hold what was sent                   DM607 a mask could not read some values
    DM608 texts were none in the source's encoding, and were mended
    DM611 a hook's SQL failed             DM612 a hook's SQL left the copy less than whole
    DM623 rows of the copy are new that were not sent, or were sent and are not there
    DM701 another run holds the target    DM702 a lock was not had in time
    DM703 source or target is starting up, full or shutting down
    DM704 workers were lost again and again                      DM705 the golden copy cannot be copied now
    DM706 somebody works on the sandbox   DM707 a session of production waited for us
    DM708 reading paused, or for too long DM709 production cannot be watched in full
    DM710 the snapshot became too old
    DM711 a server answers nobody         DM712 a connection was cut off, and nobody was told
    DM801 a hook after the run failed
    DM901 a broken invariant
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import ClassVar

__all__ = [
    "ConfigError",
    "DbmimicError",
    "HookError",
    "InternalError",
    "Problem",
    "RefusedError",
    "ServerFull",
    "SnapshotLost",
    "SourceError",
    "SourceUnreachable",
    "SwapInDoubt",
    "TargetError",
    "TargetLost",
    "TextRefused",
    "TryAgainError",
    "UnreadableText",
    "UsageError",
    "VerificationFailed",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: its code, where it is, why it is wrong and what to do next."""

    code: str
    message: str
    place: str = ""
    hint: str = ""

    def __str__(self) -> str:
        return _told(self.code, self.message, self.hint, [self.place])


def _told(code: str, message: str, hint: str, places: Sequence[str]) -> str:
    """Give a problem as lines; one that stands in several places is told once."""
    lines = [f"{code}: {message}", *(f"  at:  {place}" for place in places if place)]
    return "\n".join([*lines, f"  try: {hint}"] if hint else lines)


class DbmimicError(Exception):
    """
    The root. Holds one problem or several; the first one gives the error its code.

    `exit_status` is what a command ends with; see the table at the head of this module.
    """

    exit_status: ClassVar[int] = 1

    def __init__(
        self,
        code: str,
        message: str,
        *,
        place: str = "",
        hint: str = "",
        others: Sequence[Problem] = (),
    ) -> None:
        self.problems: tuple[Problem, ...] = (Problem(code, message, place, hint), *others)
        super().__init__(message)

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> DbmimicError:
        """Give one error that holds all of these problems, in their order."""
        first, *others = problems
        return cls(first.code, first.message, place=first.place, hint=first.hint, others=others)

    @property
    def __context__(self) -> BaseException | None:
        """
        Nothing: what was being handled when this was raised may hold a row's value.

        `from None` hides that from a traceback, but not from whatever pickles exceptions with all that hangs on them.
        """
        return None

    @__context__.setter
    def __context__(self, value: BaseException | None) -> None:
        del value

    @property
    def code(self) -> str:
        """The stable code of the first problem, as `DM301`."""
        return self.problems[0].code

    @property
    def message(self) -> str:
        """The first problem's reason, a sentence that stands alone."""
        return self.problems[0].message

    @property
    def place(self) -> str:
        """Where the first problem is: `file:line:column`, a table, a column or a database."""
        return self.problems[0].place

    @property
    def hint(self) -> str:
        """The next step for the first problem."""
        return self.problems[0].hint

    def __str__(self) -> str:
        groups = groupby(self.problems, key=lambda problem: (problem.code, problem.message, problem.hint))
        return "\n".join(
            _told(code, message, hint, [p.place for p in group]) for (code, message, hint), group in groups
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self).of, (self.problems,))


class UsageError(DbmimicError):
    """The command line, or a call of the library, is wrong."""

    exit_status = 2


class ConfigError(DbmimicError):
    """The configuration, the rules or the secret is wrong; all problems of a file are told at once."""

    exit_status = 3


class RefusedError(DbmimicError):
    """We stopped on purpose, before anything was written."""

    exit_status = 4


class SourceError(DbmimicError):
    """The source could not be reached or read."""

    exit_status = 5


class SnapshotLost(SourceError):  # noqa: N818 - the name says what happened, as the others do
    """The snapshot that everything is read under is gone: what was read so far and what could be read now differ."""


class SourceUnreachable(SourceError):  # noqa: N818 - the name says what happened, as the others do
    """Nobody answered where the source should be: its server may be starting anew."""


class UnreadableText(SourceError):  # noqa: N818 - the name says what happened, as the others do
    """A text is none in the encoding that it should be in; which one is not known yet."""


class TargetError(DbmimicError):
    """The target could not be reached or written; what it served before, it still serves."""

    exit_status = 6


class TargetLost(TargetError):  # noqa: N818 - the name says what happened, as the others do
    """Nobody answers where the target should be, or no longer: its server may be starting anew."""


class TextRefused(TargetError):  # noqa: N818 - the name says what happened, as the others do
    """The target does not take some bytes for text: the source's, or a mask's."""


class SwapInDoubt(TargetLost):
    """
    The target failed us while the new copy took its place, so it serves the old one or the new one.

    `cause` tells how, `run` is the number that the new one is stamped with, and `report` the run's report, which is
    right where the new one is served.
    """

    cause: DbmimicError
    run: str
    report: object = None


class VerificationFailed(DbmimicError):  # noqa: N818 - the name says what happened, as the others do
    """The new copy is not what was promised and was not swapped in; `report` is the run's report, if there is one."""

    exit_status = 7
    report: object = None


class TryAgainError(DbmimicError):
    """The same command may succeed later, as it is."""

    exit_status = 75


class ServerFull(TryAgainError):  # noqa: N818 - the name says what happened, as the others do
    """A server has no connection left for us: a run may do with fewer."""


class HookError(DbmimicError):
    """
    The new copy is verified and in place, and a command that follows it failed; `report` is the run's report.

    Of all errors it is the only one after which the target certainly serves another copy than before.
    """

    exit_status = 8
    report: object = None


class InternalError(DbmimicError):
    """A broken invariant: our bug."""

    exit_status = 1

    @classmethod
    def unexpected(cls, error: BaseException) -> InternalError:
        """
        Give the error for what should not have happened.

        It tells where, and not what the exception said, because that may hold a row's value.
        """
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else ""
        reason = f"something happened that should not: {type(error).__name__}"
        return cls("DM901", reason, place=place, hint="please report this, with the command and the place")


_FAMILIES: tuple[type[DbmimicError], ...] = (
    UsageError,
    ConfigError,
    RefusedError,
    SourceError,
    TargetError,
    VerificationFailed,
    TryAgainError,
    HookError,
    InternalError,
)


def status_of(code: str) -> int:
    """Give the exit status of the family that a code (`DM301`) belongs to."""
    return _FAMILIES[int(code[2]) - 1].exit_status

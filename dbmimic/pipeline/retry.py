"""What passes by itself, so that the same run is worth trying again."""

from __future__ import annotations

from dbmimic.errors import DbmimicError, SnapshotLost, SourceUnreachable, TargetLost, TryAgainError

# A lock that was not had or a deadlock; a server that is starting up, full, or cancelled the snapshot; a connection
# that was cut off. Not: another run (that is waited for), a run that stepped back (production wants it so), workers
# that were lost again and again, a server that answers nobody (it was waited for long enough).
_PASSING = frozenset({"DM702", "DM703", "DM712"})
_UNHEARD = "DM711"


def passes(error: DbmimicError) -> bool:
    """
    Tell whether what ended a run is over after a while.

    Safe to try again: whatever was built is discarded, the old copy is served on, and the next try is a whole run on a
    snapshot of its own.
    """
    if isinstance(error, TryAgainError):
        return error.code in _PASSING
    return isinstance(error, SnapshotLost | SourceUnreachable | TargetLost)


def doubts(error: DbmimicError) -> bool:
    """Tell whether what was asked of a server when this came may have been done all the same."""
    return passes(error) or error.code == _UNHEARD

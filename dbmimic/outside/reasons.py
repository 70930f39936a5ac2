"""Why a request failed, in words that hold no address."""

from __future__ import annotations


def told(error: Exception) -> str:
    """Give why a request failed, without its address."""
    reason = getattr(error, "reason", None)
    cause = reason if isinstance(reason, Exception) else error
    if isinstance(cause, TimeoutError):
        return "it gave no answer in time"
    words = getattr(cause, "strerror", None)
    return words if isinstance(words, str) else type(cause).__name__

"""The next step for a word that is not known."""

from __future__ import annotations

from collections.abc import Iterable

from dbmimic.model.names import nearest


def suggestion(word: str, known: Iterable[str]) -> str:
    """Give the known word that was most likely meant, else all of them."""
    words = sorted(known)
    close = nearest(word, words)
    return f"did you mean '{close}'?" if close is not None else f"known here: {', '.join(words)}"

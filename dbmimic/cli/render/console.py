"""Where results are printed: standard output, as wide as it is needed."""

from __future__ import annotations

from rich.console import Console

_WIDEST = 10_000  # columns: more than the longest names and addresses take


def output() -> Console:
    """Give a console on standard output; what is no terminal gets lines as long as they are, for they are searched."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_WIDEST)

"""A checkup as a list on standard output."""

from __future__ import annotations

from rich.markup import escape

from dbmimic.cli.render.console import output
from dbmimic.model.amount import amount
from dbmimic.model.checkup import Checkup, Outcome

_COLOURS = {Outcome.OK: "green", Outcome.WARNING: "yellow", Outcome.ERROR: "red", Outcome.SKIPPED: "dim"}
_WIDEST = 20


def show_checkup(checkup: Checkup, *, verbose: bool) -> None:
    """
    Print a line for each check, with the next step where one is needed, and what a copy would come to.

    A step that several checks share is told once, after the last of them.
    """
    console = output()
    for check, following in zip(checkup.checks, (*checkup.checks[1:], None), strict=True):
        wrong = check.outcome in {Outcome.WARNING, Outcome.ERROR}
        place = f"{check.place}: " if check.place and check.code else ""
        told = " ".join(filter(None, (check.code, f"{place}{check.message}")))
        word = f"[{_COLOURS[check.outcome]}]{check.outcome:7}[/]"
        console.print(f"{word} {escape(f'{check.name:{_WIDEST}}')} {escape(told)}".rstrip(), soft_wrap=True)
        told_next = following is not None and (following.name, following.hint) == (check.name, check.hint)
        if check.hint and (wrong or verbose) and not told_next:
            console.print(escape(f"{'':8}try: {check.hint}"), soft_wrap=True)
    outcomes = [check.outcome for check in checkup.checks]
    kinds = (Outcome.ERROR, Outcome.WARNING)
    counts = ", ".join(amount(outcomes.count(kind), kind.value) for kind in kinds)
    if checkup.exit:
        console.print(f"[red]a copy would end with status {checkup.exit}[/]: {counts}")
    else:
        console.print(f"[green]a copy should succeed[/]: {counts}")

"""`dbmimic rollback`"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dbmimic.cli.options import ConfigFile, Json, Source, Target, loaded
from dbmimic.model.target import KeptCopy

_SHOWN = 8  # digits of a run's number


def rollback(
    run: Annotated[
        str | None, typer.Argument(help="The run whose copy to put back: the first digits of its number.")
    ] = None,
    config: ConfigFile = None,
    source: Source = None,
    target: Target = None,
    listed: Annotated[bool, typer.Option("--list", help="Tell which copies are kept, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    json: Json = False,
) -> None:
    """Put the copy that the last run replaced back in the target's place; a second rollback undoes the first."""
    from dbmimic import wiring
    from dbmimic.reporting.json import text

    settings = loaded(config, source=source, target=target)
    name = wiring.target_name(settings)
    if listed:
        kept = wiring.kept_copies(settings)
        if json:
            print(text({"kept": [_told(each) for each in kept]}))
        for each in () if json else kept:
            print(_line(each))
        return
    if sys.stdin.isatty() and not yes:
        typer.confirm(f"Put the old copy back at {name}?", abort=True, err=True)
    wiring.rollback(settings, run)
    print(text({"rolled_back": name}) if json else f"{name} is the copy from before again")


def _told(copy: KeptCopy) -> dict[str, str | None]:
    run, made_at = (copy.stamp.run, copy.stamp.made_at) if copy.stamp is not None else (None, None)
    return {"name": copy.name, "run": run, "made_at": made_at}


def _line(copy: KeptCopy) -> str:
    if copy.stamp is None:
        return f"{'-':{_SHOWN}}  {copy.name}, which dbmimic did not make"
    return f"{copy.stamp.run[:_SHOWN]}  {copy.name}, made at {copy.stamp.made_at}"

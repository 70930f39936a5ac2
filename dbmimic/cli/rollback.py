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
        str | None,
        typer.Argument(help="The run whose copy to put back, by the beginning of its number; default: the last."),
    ] = None,
    config: ConfigFile = None,
    source: Source = None,
    target: Target = None,
    listed: Annotated[bool, typer.Option("--list", help="Tell which copies are kept, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    json: Json = False,
) -> None:
    """
    Put a kept copy back in the target's place: what was served before what is served now, or the copy of RUN.

    What is served now is kept in its stead, so that `dbmimic rollback` without RUN undoes a rollback.
    """
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
        comes = wiring.to_come_back(settings, run)
        told = "a copy from before" if comes is None else _named(comes)
        stays = "what is served now is kept, and `dbmimic rollback` takes it back"
        typer.confirm(f"Put {told} back at {name}? ({stays})", abort=True, err=True)
    wiring.rollback(settings, run)
    again = "what it replaced is kept, and `dbmimic rollback` takes it back"
    print(text({"rolled_back": name}) if json else f"{name} is the copy from before again; {again}")


def _told(copy: KeptCopy) -> dict[str, str | None]:
    run, made_at = (copy.stamp.run, copy.stamp.made_at) if copy.stamp is not None else (None, None)
    return {"name": copy.name, "run": run, "made_at": made_at}


def _named(copy: KeptCopy) -> str:
    """Give which copy it is, in the middle of a sentence."""
    if copy.stamp is None:
        return "what stood there before dbmimic"
    return f"the copy of run {copy.stamp.run[:_SHOWN]}, made at {copy.stamp.made_at},"


def _line(copy: KeptCopy) -> str:
    if copy.stamp is None:
        return f"{'-':{_SHOWN}}  {copy.name}, which dbmimic did not make"
    return f"{copy.stamp.run[:_SHOWN]}  {copy.name}, made at {copy.stamp.made_at}"

"""`dbmimic rollback`"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dbmimic.cli.options import ConfigFile, Json, Source, Target


def rollback(
    config: ConfigFile = None,
    source: Source = None,
    target: Target = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    json: Json = False,
) -> None:
    """Put the copy that the last run replaced back in the target's place; a second rollback undoes the first."""
    from dbmimic import hosting, wiring
    from dbmimic.reporting.json import text

    settings = hosting.load_config(config, source=source, target=target)
    name = wiring.target_name(settings)
    if sys.stdin.isatty() and not yes:
        typer.confirm(f"Put the old copy back at {name}?", abort=True, err=True)
    wiring.rollback(settings)
    print(text({"rolled_back": name}) if json else f"{name} is the copy from before again")

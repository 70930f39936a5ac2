"""`dbmimic init`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dbmimic.cli.options import ConfigFile, Json, Source, tell_of_passwords


def init(
    config: ConfigFile = None,
    source: Source = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    json: Json = False,
) -> None:
    """Write a first configuration from the source's schema; columns that no pack decides are listed to be filled in."""
    from dbmimic import wiring
    from dbmimic.errors import UsageError
    from dbmimic.model.amount import amount
    from dbmimic.reporting.json import text

    path = config or Path("dbmimic.yaml")
    if path.exists() and not force:
        hint = "write elsewhere with -c FILE, or over it with --force"
        raise UsageError("DM101", "the configuration is there already", place=str(path), hint=hint)
    tell_of_passwords(source)
    written, undecided = wiring.first_config(source=source)
    try:
        path.write_text(written, encoding="utf-8")
    except OSError as error:
        hint = "write elsewhere with -c FILE"
        message = f"the configuration cannot be written: {error.strerror}"
        raise UsageError("DM101", message, place=str(path), hint=hint) from None
    if json:
        print(text({"written": str(path), "undecided": [str(column) for column in undecided]}))
    else:
        print(f"wrote {path}; {amount(len(undecided), 'column waits', 'columns wait')} for a decision there")

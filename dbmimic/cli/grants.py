"""`dbmimic grants`"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from dbmimic.cli.options import ConfigFile, Json, Source, Target, loaded


class Side(StrEnum):
    """Whose role the rights are for."""

    SOURCE = "source"
    TARGET = "target"


def grants(
    config: ConfigFile = None,
    source: Source = None,
    target: Target = None,
    side: Annotated[
        Side | None, typer.Option("--for", metavar="source|target", help="One side alone; default: both.")
    ] = None,
    role: Annotated[
        str | None, typer.Option("--role", metavar="NAME", help="Whom to grant; default: the role that connects.")
    ] = None,
    json: Json = False,
) -> None:
    """Print the least rights that dbmimic needs, as SQL to paste. Whoever owns the databases runs it."""
    from dbmimic import hosting
    from dbmimic.reporting.grants import grants_document, grants_sql
    from dbmimic.reporting.json import text

    settings = loaded(config, source=source, target=target)
    wanted = [side.value] if side is not None else ["source", *(["target"] if settings.target is not None else [])]
    found = [hosting.grants(settings, each, role or "") for each in wanted]
    print(text(grants_document(found)) if json else grants_sql(found))

"""`dbmimic why`"""

from __future__ import annotations

from typing import Annotated

import typer

from dbmimic.cli.options import ConfigFile, Json, Quiet, Source, Target, loaded


def why(
    table: Annotated[str, typer.Argument(help="The row's table, as schema.table or table.")],
    key: Annotated[list[str], typer.Argument(help="The row's key: a value for each of its columns.")],
    config: ConfigFile = None,
    source: Source = None,
    target: Target = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say why a row is in the slice: the chain of foreign keys from a seed to it. Nothing is written."""
    from dbmimic import wiring
    from dbmimic.cli.render.progress import watching
    from dbmimic.cli.render.tables import show_explanation
    from dbmimic.reporting.json import explanation_document, text

    settings = loaded(config, source=source, target=target)
    with watching(quiet=quiet) as listener:
        explanation = wiring.why(settings, table, tuple(key), listener=listener)
    if json:
        print(text(explanation_document(explanation)))
    else:
        show_explanation(explanation)

"""`dbmimic graph`"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from dbmimic.cli.options import ConfigFile, Json, Source, Target, loaded


class Form(StrEnum):
    """How the graph is written."""

    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"


def graph(
    form: Annotated[Form, typer.Option("--format", "-f", help="What to write.")] = Form.MERMAID,
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Find keys that nobody declared, as YAML to paste.")
    ] = False,
    config: ConfigFile = None,
    source: Source = None,
    target: Target = None,
    json: Json = False,
) -> None:
    """Draw the foreign keys with the slice's policies on them. Nothing is written."""
    from dbmimic import wiring
    from dbmimic.reporting import diagram
    from dbmimic.reporting.json import diagram_document, suggestions_document, text
    from dbmimic.reporting.yaml import suggestions_yaml

    if suggest:
        keys = wiring.suggest(loaded(config, source=source, target=target))
        print(text(suggestions_document(keys)) if json else suggestions_yaml(keys))
        return
    found = wiring.graph(loaded(config, source=source, target=target))
    drawn = {Form.MERMAID: diagram.mermaid, Form.DOT: diagram.dot, Form.SVG: diagram.svg}[form]
    print(text(diagram_document(found)) if json else drawn(found))

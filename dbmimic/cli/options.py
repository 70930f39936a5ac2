"""The options that every command has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[
    Path | None, typer.Option("-c", "--config", metavar="FILE", help="The configuration; default: dbmimic.yaml here.")
]
Source = Annotated[str | None, typer.Option("--source", metavar="URL", help="The database to read.")]
Target = Annotated[str | None, typer.Option("--target", metavar="URL", help="The database to replace.")]
Executor = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="Who copies: inline (this process), processes, dask://local or dask://host:port."
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(metavar="N", help="How many workers copy at a time; default: one for each processor, four at most."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, and nothing else there.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more: every column, every finding.")]

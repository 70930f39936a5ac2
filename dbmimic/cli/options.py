"""The options that every command has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from dbmimic.cli.render.voice import voice
from dbmimic.model.events import LogFormat
from dbmimic.model.settings import Settings

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
Log = Annotated[
    LogFormat | None,
    typer.Option(
        "--log-format",
        envvar="DBMIMIC_LOG_FORMAT",
        metavar="auto|text|json",
        show_envvar=False,
        help="What goes to standard error: bars on a terminal and lines elsewhere, lines, or lines of JSON.",
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more: every column, every finding.")]

_PASSWORD = re.compile(r"[^:/]+://[^:@/]*:([^@]+)@|[^?]+\?(?:.*&)?password=([^&]+)")
_FILLED_IN = re.compile(r"(?:\$\{[^}]*\})+")  # from the environment, by us


def settings_of(config: Path | None, source: str | None, target: str | None, log: LogFormat | None) -> Settings:
    """Load the configuration, and speak as it, the environment or a flag wants."""
    from dbmimic import hosting

    voice.choose(log or LogFormat.AUTO)
    settings = hosting.load_config(config, source=source, target=target)
    voice.choose(log or settings.log_format)
    tell_of_passwords(source, target)
    return settings


def loaded(config: Path | None, *, source: str | None = None, target: str | None = None) -> Settings:
    """Load the configuration, for a command that speaks in words alone."""
    from dbmimic import hosting

    settings = hosting.load_config(config, source=source, target=target)
    tell_of_passwords(source, target)
    return settings


def tell_of_passwords(source: str | None, target: str | None = None) -> None:
    """Tell of passwords on the command line."""
    for flag, url in (("source", source), ("target", target)):
        found = _PASSWORD.match(url or "")
        if found and not _FILLED_IN.fullmatch(found[1] or found[2]):
            voice.complain(
                f"the password in --{flag} is seen by everybody on this machine who lists its processes;"
                f" DBMIMIC_{flag.upper()}, ~/.pgpass and ~/.my.cnf keep it secret"
            )

"""`dbmimic doctor`"""

from __future__ import annotations

from typing import Annotated

import typer

from dbmimic.cli.options import ConfigFile, Json, Log, Quiet, Source, Target, Verbose, Workers, settings_of


def doctor(
    config: ConfigFile = None,
    source: Source = None,
    target: Target = None,
    confirm_target: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The target's name, as `copy` will be given it."),
    ] = None,
    accept_drift: Annotated[bool, typer.Option("--accept-drift", help="As `copy` will be told.")] = False,
    workers: Workers = None,
    json: Json = False,
    log_format: Log = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Tell all that could end a copy or harm production, at once, with the status that a copy would end with."""
    from dbmimic import hosting, wiring
    from dbmimic.cli.render.checks import show_checkup
    from dbmimic.cli.render.progress import watching
    from dbmimic.reporting.json import checkup_document, text
    from dbmimic.workers import how_many

    settings = settings_of(config, source, target, log_format)
    with watching(quiet=quiet) as listener:
        found = wiring.doctor(
            settings,
            workers=how_many(workers),
            confirm_target=confirm_target,
            accept_drift=accept_drift,
            listener=listener,
            known=hosting.known(settings),
        )
    if json:
        print(text(checkup_document(found)))
    else:
        show_checkup(found, verbose=verbose)
    raise typer.Exit(found.exit)

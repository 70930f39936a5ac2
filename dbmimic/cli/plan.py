"""`dbmimic plan`"""

from __future__ import annotations

import typer

from dbmimic.cli.options import ConfigFile, Json, Log, Quiet, Source, Target, Verbose, settings_of


def plan(
    config: ConfigFile = None,
    source: Source = None,
    target: Target = None,
    json: Json = False,
    log_format: Log = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Show what a copy would do, and the status that it would be refused with, if it would be. Nothing is written."""
    from dbmimic import hosting, wiring
    from dbmimic.cli.render.progress import watching
    from dbmimic.cli.render.tables import show_preview
    from dbmimic.reporting.json import preview_document, text

    settings = settings_of(config, source, target, log_format)
    with watching(quiet=quiet) as listener:
        preview = wiring.plan(settings, listener=listener, known=hosting.known(settings))
    if json:
        print(text(preview_document(preview)))
    else:
        show_preview(preview, verbose=verbose)
    raise typer.Exit(preview.exit)

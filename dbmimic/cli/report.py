"""`dbmimic report`"""

from __future__ import annotations

from typing import Annotated

import typer

from dbmimic.cli.options import ConfigFile, Json, Verbose


def report(
    run: Annotated[
        str,
        typer.Argument(
            metavar="[RUN]", help="The run, by the beginning of its name; default: the last one.", show_default=False
        ),
    ] = "last",
    config: ConfigFile = None,
    json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown on standard output.")] = False,
    html: Annotated[
        bool, typer.Option("--html", help="One HTML file on standard output, which needs nothing beside it.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Show a run's report again, from what this machine remembers of it."""
    from dbmimic import hosting
    from dbmimic.cli.render.tables import show_report
    from dbmimic.errors import UsageError
    from dbmimic.reporting.json import read_report
    from dbmimic.reporting.notice import verdict
    from dbmimic.runs import drift

    if json + markdown + html > 1:
        raise UsageError("DM101", "one form at a time", place="--json, --markdown, --html", hint="give one of them")
    history = hosting.history(hosting.load_config(config))
    wanted, kept = history.reported(run)
    if json:
        print(kept)
        return
    try:
        told = read_report(kept)
    except (KeyError, TypeError, ValueError):
        hint = "`dbmimic report --json` prints it as it is"
        message = "its report was written by another version, which this one does not understand"
        raise UsageError("DM102", message, place=f"run {wanted.run}", hint=hint) from None
    if not (markdown or html):
        show_report(told, verbose=verbose)
        print(f"{verdict(wanted)}; run {wanted.run}, began {wanted.started_at}")
        return
    from dbmimic.reporting.html import html as as_html
    from dbmimic.reporting.markdown import markdown as as_markdown
    from dbmimic.reporting.page import page

    runs = history.runs()
    any(each.run == wanted.run for each in runs)  # what is left are those before it
    found = page(wanted, told, drift(wanted, list(runs)))
    print(as_html(found) if html else as_markdown(found))

"""`dbmimic runs`"""

from __future__ import annotations

from typing import Annotated

import typer

from dbmimic.cli.options import ConfigFile, Json


def runs(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="The run to tell everything of, by the beginning of its name.")
    ] = None,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """List the runs of this machine, the newest first; of one run (or `last`), tell everything."""
    from dbmimic import hosting
    from dbmimic.cli.render.runs import show_run, show_runs
    from dbmimic.cli.render.voice import voice
    from dbmimic.reporting.json import text
    from dbmimic.reporting.runs import run_document, runs_document
    from dbmimic.runs import drift

    history = hosting.history(hosting.load_config(config))
    if hidden := history.hidden():
        voice.complain(hidden)
    known = list(history.runs())
    told = [(each, drift(each, known[number:])) for number, each in enumerate(known, 1)]
    if run is None:
        if json:
            print(text(runs_document(told)))
        else:
            show_runs(told)
        return
    wanted = history.run(run).run
    found, changed = next((each, changed) for each, changed in told if each.run == wanted)
    if json:
        print(text(run_document(found, changed)))
    else:
        show_run(found, changed)

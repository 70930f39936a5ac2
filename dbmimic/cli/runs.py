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
    from dataclasses import asdict

    from dbmimic import hosting
    from dbmimic.cli.render.runs import show_run, show_runs
    from dbmimic.reporting.json import text

    history = hosting.history(hosting.load_config(config))
    if run is None:
        found = list(history.runs())
        if json:
            print(text({"schema": "dbmimic/runs/1", "runs": [asdict(each) for each in found]}))
        else:
            show_runs(found)
    elif json:
        print(text(asdict(history.run(run))))
    else:
        show_run(history.run(run))

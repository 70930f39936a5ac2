"""`dbmimic copy`"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dbmimic.cli.options import ConfigFile, Executor, Json, Quiet, Source, Target, Verbose, Workers
from dbmimic.model.report import RunReport
from dbmimic.ports.listener import Listener

_PATIENCE_SECONDS = 3600.0
_WORTH_A_CREW = 512 << 20  # bytes; what starting processes takes is saved again from about here


def copy(
    config: ConfigFile = None,
    source: Source = None,
    target: Target = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    confirm_target: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The target's name, once, where it is not empty and not made by dbmimic."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait up to an hour for another run into the target.")] = False,
    executor: Executor = "processes",
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Copy the slice, masked and verified, and put it in the target's place. Status 0 means verified."""
    from dbmimic import hosting, wiring
    from dbmimic.cli.render.outcome import conclude

    settings = hosting.load_config(config, source=source, target=target)
    if sys.stdin.isatty() and not yes:
        typer.confirm(f"Replace {wiring.target_name(settings)}?", abort=True, err=True)
    with wiring.workers(executor, workers) as crew, hosting.recorded(settings, _complain) as remember:

        def run(listener: Listener) -> RunReport:
            report = wiring.copy(
                settings,
                executor=crew,
                least_bytes=_WORTH_A_CREW if executor == "processes" else 0,
                listener=listener,
                confirm_target=confirm_target,
                wait=_PATIENCE_SECONDS if wait else 0.0,
            )
            remember(report)
            return report

        conclude(run, json=json, quiet=quiet, verbose=verbose)


def _complain(sentence: str) -> None:
    print(sentence, file=sys.stderr)

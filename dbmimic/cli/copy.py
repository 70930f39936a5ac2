"""`dbmimic copy`"""

from __future__ import annotations

import contextlib
import sys
from typing import Annotated

import typer

from dbmimic.cli.options import ConfigFile, Executor, Json, Log, Quiet, Source, Target, Verbose, Workers, settings_of
from dbmimic.cli.render.voice import voice
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
    delta: Annotated[
        bool, typer.Option("--delta", help="Copy only what changed since the last copy with --delta; the same result.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with what a killed run had loaded; the same result."),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Put nothing in place that there is a warning of.")] = False,
    accept_drift: Annotated[
        bool, typer.Option("--accept-drift", help="Copy although kept columns may hold something else than before.")
    ] = False,
    executor: Executor = "processes",
    workers: Workers = None,
    json: Json = False,
    log_format: Log = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Copy the slice, masked and verified, and put it in the target's place. Status 0 means verified."""
    from dbmimic import hosting, refresh, wiring
    from dbmimic.cli.render.outcome import conclude
    from dbmimic.executors import heap
    from dbmimic.workers import executor_of

    settings = settings_of(config, source, target, log_format)
    if sys.stdin.isatty() and not yes:
        typer.confirm(f"Replace {wiring.target_name(settings)}?", abort=True, err=True)
    heap.share_one()

    # Workers are called once the run is remembered, for that may take its time, and a signal then leaves an entry; they
    # go when it is remembered how it ended, for that may fail, too, and the copy is in place by then.
    with contextlib.ExitStack() as called:

        def run(listener: Listener, number: str, lead: refresh.Lead | None) -> RunReport:
            return wiring.copy(
                settings,
                executor=called.enter_context(executor_of(executor, workers)),
                least_bytes=_WORTH_A_CREW if executor == "processes" else 0,
                listener=listener,
                confirm_target=confirm_target,
                wait=_PATIENCE_SECONDS if wait else 0.0,
                delta=delta,
                resume=resume,
                strict=strict,
                run=number,
                lead=lead,
                known=hosting.known(settings),
                accept_drift=accept_drift,
            )

        conclude(
            lambda listener: refresh.refresh(settings, run, listener, voice.complain),
            json=json,
            quiet=quiet,
            verbose=verbose,
        )

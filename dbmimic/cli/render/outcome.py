"""How a run that ends in a report is told: as tables or as JSON, verified or not."""

from __future__ import annotations

from collections.abc import Callable

from dbmimic.cli.render.progress import watching
from dbmimic.cli.render.tables import show_report
from dbmimic.errors import HookError, VerificationFailed
from dbmimic.model.report import RunReport
from dbmimic.ports.listener import Listener
from dbmimic.reporting.json import report_document, text


def conclude(run: Callable[[Listener], RunReport], *, json: bool, quiet: bool, verbose: bool) -> None:
    """
    Run, and tell the report.

    Raises:
        VerificationFailed: the report was told, and says so.
        HookError: the report was told; what should have followed failed.
    """
    try:
        with watching(quiet=quiet) as listener:
            report = run(listener)
    except (VerificationFailed, HookError) as error:
        if isinstance(error.report, RunReport) and not json:
            show_report(error.report, verbose=verbose)
        raise
    if json:
        print(text(report_document(report)))
    else:
        show_report(report, verbose=verbose)

"""Runs as tables on standard output."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dbmimic.model.run import Run, RunStatus

_COLOURS = {RunStatus.VERIFIED: "green", RunStatus.RUNNING: "cyan"}
_SHORT = 8  # characters of a name that tell runs apart


def show_runs(runs: Sequence[Run]) -> None:
    """Print a line for each."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("run", "began", "into", "ended", "rows", "seconds", ""):
        table.add_column(title, justify="right" if title in {"rows", "seconds"} else "left", overflow="fold")
    for run in runs:
        rows = "" if run.rows is None else f"{run.rows:,}"
        seconds = f"{run.seconds['total']:.1f}" if run.seconds and "total" in run.seconds else ""
        colour = _COLOURS.get(run.status, "red")
        began = run.started_at[:19].replace("T", " ")
        cells = (run.run[:_SHORT], began, escape(run.target), f"[{colour}]{run.status}[/]", rows, seconds, run.code)
        table.add_row(*cells)
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    console.print(f"{len(runs)} runs")


def show_run(run: Run) -> None:
    """Print all that is known of one."""
    told = [
        ("run", run.run),
        ("from", run.source),
        ("into", run.target),
        ("began", run.started_at),
        ("ended", run.ended_at or ""),
        ("status", f"{run.status}" if run.exit is None else f"{run.status}, exit status {run.exit}"),
        ("rows", "" if run.rows is None else f"{run.rows:,} in {run.tables} tables"),
        ("seconds", ", ".join(f"{name} {taken:.2f}" for name, taken in (run.seconds or {}).items())),
        ("findings", ", ".join(f"{count} {code}" for code, count in (run.findings or {}).items())),
        ("problem", f"{run.code}: {run.message} ({run.place})" if run.code else ""),
        ("on", f"{run.host}, dbmimic {run.version}"),
    ]
    console = Console(highlight=False, soft_wrap=True)
    for title, text in told:
        if text:
            console.print(f"{title + ':':10} {escape(text)}")

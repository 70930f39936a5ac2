"""Runs as tables on standard output."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from dbmimic.cli.render.console import output
from dbmimic.model.amount import amount
from dbmimic.model.run import Drift, Run, RunStatus
from dbmimic.reporting.runs import drift_lines

_COLOURS = {RunStatus.VERIFIED: "green", RunStatus.RUNNING: "cyan"}
_SHORT = 8  # characters of a name that tell runs apart


def show_runs(runs: Sequence[tuple[Run, Drift]]) -> None:
    """Print a line for each, with how much changed since the one before."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("run", "began (UTC)", "into", "ended", "rows", "seconds", "changed", ""):
        table.add_column(title, justify="right" if title in {"rows", "seconds"} else "left", overflow="fold")
    for run, drift in runs:
        rows = "" if run.rows is None else f"{run.rows:,}"
        seconds = f"{run.seconds['total']:.1f}" if run.seconds and "total" in run.seconds else ""
        colour = _COLOURS.get(run.status, "red")
        began = run.started_at[:19].replace("T", " ")
        cells = (run.run[:_SHORT], began, escape(run.target), f"[{colour}]{_ended(run)}[/]", rows, seconds)
        table.add_row(*cells, _changed(drift), run.code)
    console = output()
    console.print(table)
    console.print(amount(len(runs), "run"))


def _ended(run: Run) -> str:
    """Give how it ended; where nobody knows what the target serves since then, it says so."""
    return f"{run.status}, in doubt" if run.in_doubt else run.status.value


def _changed(drift: Drift) -> str:
    """Give what changed in a few words."""
    came_and_went = (
        ("table", drift.new_tables, drift.gone_tables),
        ("column", drift.new_columns, drift.gone_columns),
        ("foreign key", drift.new_foreign_keys, drift.gone_foreign_keys),
    )
    told = []
    for what, came, went in came_and_went:
        signs = [f"{sign}{amount(len(names), what)}" for sign, names in (("+", came), ("-", went)) if names]
        told += [" ".join(signs)] if signs else []
    told += [amount(len(drift.changed_columns), "column changed", "columns changed")] if drift.changed_columns else []
    return ", ".join([*told, *([f"rows of {len(drift.rows)}"] if drift.rows else [])])


def show_run(run: Run, drift: Drift) -> None:
    """Print all that is known of one, and what changed since the one before."""
    told = [
        ("run", run.run),
        ("from", run.source),
        ("into", run.target),
        ("began", run.started_at),
        ("ended", run.ended_at or ""),
        ("status", _ended(run) if run.exit is None else f"{_ended(run)}, exit status {run.exit}"),
        ("rows", "" if run.rows is None else f"{run.rows:,} in {amount(run.tables or 0, 'table')}"),
        ("seconds", ", ".join(f"{name} {taken:.2f}" for name, taken in (run.seconds or {}).items())),
        ("findings", ", ".join(f"{count} {code}" for code, count in (run.findings or {}).items())),
        ("problem", f"{run.code}: {run.message} ({run.place})" if run.code else ""),
        *(("changed", line) for line in drift_lines(drift)),
        ("on", f"{run.host}, dbmimic {run.version}"),
    ]
    console = output()
    for title, text in told:
        if text:
            console.print(f"{title + ':':10} {escape(text)}", soft_wrap=True)

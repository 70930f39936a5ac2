"""Runs as documents: what scripts read of the history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from dbmimic.model.run import Drift, Run


def run_document(run: Run, drift: Drift) -> dict[str, object]:
    """Give a run's JSON document; the source's structure is left out, and what changed of them is told."""
    document = asdict(run)
    del document["known"]
    return {**document, "drift": _drift(drift)}


def runs_document(runs: Iterable[tuple[Run, Drift]]) -> dict[str, object]:
    """Give the JSON document of several."""
    return {"schema": "dbmimic/runs/1", "runs": [run_document(run, drift) for run, drift in runs]}


def _drift(drift: Drift) -> dict[str, object]:
    rows = [{"table": table, "before": before, "now": now} for table, before, now in drift.rows]
    changed = [{"column": column, "before": before, "now": now} for column, before, now in drift.changed_columns]
    return {**asdict(drift), "changed_columns": changed, "rows": rows}


def drift_lines(drift: Drift) -> list[str]:
    """Give what changed as lines for people."""
    told = (
        ("new table", drift.new_tables),
        ("table gone", drift.gone_tables),
        ("new column", drift.new_columns),
        ("column gone", drift.gone_columns),
        ("new foreign key", drift.new_foreign_keys),
        ("foreign key gone", drift.gone_foreign_keys),
    )
    lines = [f"{what} {name}" for what, names in told for name in names]
    lines += [f"column {column}: {before} before, {now} now" for column, before, now in drift.changed_columns]
    return lines + [f"rows of {table}: {before:,} before, {now:,} now" for table, before, now in drift.rows]

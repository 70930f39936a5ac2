"""How a run ended, on one screen: as words for people and as a document for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, fields

from dbmimic.model.amount import amount
from dbmimic.model.findings import Severity
from dbmimic.model.report import RunReport
from dbmimic.model.run import Drift, Run
from dbmimic.reporting.runs import drift_lines, run_document

_MOST = 10  # lines of a kind


def first_screen(run: Run, report: RunReport | None, drift: Drift) -> str:
    """Give what somebody wants to know first: how it ended, what it came to, what to look at."""
    lines = [verdict(run)]
    if run.code:
        lines += [f"{run.code}: {run.message}", *([f"  at:  {run.place}"] if run.place else [])]
    if report is not None:
        lines += _counts(run, report)
        findings = sorted(each for each in report.findings if each.severity is not Severity.INFO)
        lines += _few([f"{each.severity} {each.code} {each.place}: {each.message}" for each in findings])
    lines += _few(drift_lines(drift))
    lines.append(f"run {run.run} on {run.host}, dbmimic {run.version}")
    return "\n".join(lines)


def notice_document(run: Run, report: RunReport | None, drift: Drift) -> dict[str, object]:
    """
    Give the same as a JSON document; its `text` are the words, which is where chat programs look for them. It is
    short however large the database is.
    """
    first = Drift(*(getattr(drift, each.name)[: 2 * _MOST] for each in fields(drift)))
    told = {key: value for key, value in run_document(run, first).items() if key not in {"schema", "row_counts"}}
    document: dict[str, object] = {
        "schema": "dbmimic/notice/1",
        "text": first_screen(run, report, drift),
        "run": told,
    }
    if report is not None:
        counts = {"foreign_keys": {**asdict(report.foreign_keys), "details": []}, "leaks": asdict(report.leaks)}
        masks = {**asdict(report.masks), "invalid": sum(report.masks.invalid.values())}
        findings = [asdict(each) for each in sorted(report.findings)[: 2 * _MOST]]
        document["report"] = {"status": report.status, **counts, "masks": masks, "findings": findings}
    return document


def verdict(run: Run) -> str:
    """Give how a run ended, and what the target serves, as a sentence."""
    target = run.target or "the target"
    if run.good and not run.exit:
        return f"dbmimic: {target} is a new copy, verified"
    if run.good:
        return f"dbmimic: {target} is a new copy, verified, but what was to follow failed (status {run.exit})"
    status = "" if run.exit is None else f" (status {run.exit})"
    if run.in_doubt:
        lost = f"the run {run.status}{status} while it put the new copy in place"
        return f"dbmimic: what {target} serves is in doubt, the new copy or what it served before: {lost}"
    return f"dbmimic: no new copy for {target}: the run {run.status}{status}; what it served before, it still serves"


def _counts(run: Run, report: RunReport) -> Iterator[str]:
    rows = sum(table.rows for table in report.tables)
    held = sum(1 for table in report.tables if table.rows)
    took = f", in {run.seconds['total']:.1f} s" if run.seconds and "total" in run.seconds else ""
    yield f"{amount(rows, 'row')} in {amount(held, 'table')}{took}"
    yield f"foreign keys: {report.foreign_keys.checked} checked, {amount(report.foreign_keys.orphans, 'orphan')}"
    yield f"columns: {report.masks.columns_masked} masked, {report.masks.columns_kept} kept"
    yield f"masked values: {report.leaks.values_checked:,} compared with the source, {report.leaks.found} equal"


def _few(lines: list[str]) -> list[str]:
    more = [f"and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
    return lines[:_MOST] + more

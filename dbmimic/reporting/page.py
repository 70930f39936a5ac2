"""What a report says, as sections for people to read: headings, facts and tables, in no markup yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dbmimic.model.amount import amount
from dbmimic.model.findings import Severity
from dbmimic.model.report import RunReport
from dbmimic.model.run import Drift, Run
from dbmimic.reporting.notice import verdict
from dbmimic.reporting.runs import drift_lines

_GRAVEST = (Severity.ERROR, Severity.WARNING, Severity.INFO)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with a table under it; facts have no `columns`. `figures` are the columns that hold numbers."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    figures: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A report: how it ended in a sentence, and its sections, those with nothing in them left out."""

    title: str
    good: bool
    sections: tuple[Section, ...]


def page(run: Run, report: RunReport, drift: Drift) -> Page:
    """Give the page of a run's report."""
    found = (section for section in _sections(run, report, drift) if section.rows)
    return Page(verdict(run), run.good and not run.exit, tuple(found))


def _sections(run: Run, report: RunReport, drift: Drift) -> Iterator[Section]:
    yield Section("Run", (), tuple(_facts(run, report)))
    yield Section("What was checked", (), tuple(_checked(report)))
    findings = sorted(report.findings, key=lambda each: (_GRAVEST.index(each.severity), each.place, each.code))
    told = tuple((each.severity.value, each.code, each.place, each.message, each.hint) for each in findings)
    yield Section("Findings", ("severity", "code", "place", "what", "next step"), told)
    yield Section("Changed since the run before", (), tuple((line,) for line in drift_lines(drift)))
    titles = ("table", "rows", "of", "own", "need", "bytes", "seconds")
    tables = tuple(
        (
            each.table,
            *(f"{count:,}" for count in (each.rows, each.source_rows, each.own, each.need, each.bytes)),
            f"{each.seconds:.2f}",
        )
        for each in report.tables
    )
    yield Section("Tables", titles, tables, tuple(range(1, len(titles))))
    details = report.foreign_keys.details
    keys = tuple((each.foreign_key, f"{each.orphans:,}", f"{each.source_orphans:,}") for each in details)
    yield Section("Foreign keys with orphans", ("foreign key", "in the copy", "in the source"), keys, (1, 2))
    invalid = tuple((name, f"{count:,}") for name, count in report.masks.invalid.items())
    yield Section("Values that masks could not read", ("column", "values"), invalid, (1,))
    covered = tuple(
        (each.table, each.kind, *(f"{n:,}" for n in (each.covered, each.tuples, each.covered_without, each.too_rare)))
        for each in report.coverage
    )
    heads = ("table", "what", "held", "of", "without the rows chosen for it", "too rare")
    yield Section("Coverage", heads, covered, (2, 3, 4, 5))
    seconds = tuple((name, f"{taken:.2f}") for name, taken in report.seconds.items())
    yield Section("Seconds", ("stage", "seconds"), seconds, (1,))
    yield Section("Versions", (), tuple(report.versions.items()))


def _facts(run: Run, report: RunReport) -> Iterator[tuple[str, str]]:
    yield "status", report.status
    yield "run", run.run
    yield "from", run.source
    yield "into", run.target
    yield "began", run.started_at
    if run.ended_at:
        yield "ended", run.ended_at
    yield "on", run.host
    if run.code:
        yield "problem", f"{run.code}: {run.message}" + (f" ({run.place})" if run.place else "")


def _checked(report: RunReport) -> Iterator[tuple[str, str]]:
    keys, masks, leaks = report.foreign_keys, report.masks, report.leaks
    held = sum(1 for table in report.tables if table.rows)
    rows, empty = sum(table.rows for table in report.tables), len(report.tables) - held
    yield "rows", f"{rows:,} in {amount(held, 'table')}, {empty:,} empty"
    orphans = f"{amount(keys.orphans, 'orphan')}, {keys.source_orphans:,} in the source"
    yield "foreign keys", f"{keys.checked} checked, {orphans}"
    dropped = f", {masks.columns_dropped} dropped" if masks.columns_dropped else ""
    yield "columns", f"{masks.columns_masked} masked, {masks.columns_kept} kept{dropped}"
    yield "masked values", f"{leaks.values_checked:,} compared with the source, {leaks.found} equal"
    if report.budget is not None:
        budget = report.budget
        factor = f"percents multiplied by {budget.factor:g}"
        yield "budget", f"{budget.reached:,} of {budget.asked:,} {budget.unit}; {factor}"

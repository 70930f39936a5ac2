"""Plans and reports as tables on standard output."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dbmimic.cli.render.console import output
from dbmimic.model.amount import amount
from dbmimic.model.budget import BudgetOutcome
from dbmimic.model.coverage import TableCoverage
from dbmimic.model.explanation import Explanation
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.preview import Preview, RulesCheck
from dbmimic.model.report import RunReport

_COLOURS = {Severity.INFO: "dim", Severity.WARNING: "yellow", Severity.ERROR: "red"}


def show_report(report: RunReport, *, verbose: bool) -> None:
    """Print what a run came to."""
    console = output()
    table = _table("table", "rows", "of", "own", "need", "seconds")
    for row in report.tables:
        if row.rows or verbose:
            cells = (f"{row.rows:,}", f"{row.source_rows:,}", f"{row.own:,}", f"{row.need:,}", f"{row.seconds:.2f}")
            table.add_row(escape(row.table), *cells)
    console.print(table)
    rows = sum(row.rows for row in report.tables)
    held = sum(1 for row in report.tables if row.rows)
    _budget(console, report.budget)
    _coverage(console, report.coverage)
    keys, masks, leaks = report.foreign_keys, report.masks, report.leaks
    console.print(f"{amount(rows, 'row')} in {amount(held, 'table')}, {len(report.tables) - held:,} empty")
    orphans = f"{amount(keys.orphans, 'orphan')}, {keys.source_orphans:,} in the source"
    console.print(f"foreign keys: {keys.checked} checked, {orphans}")
    console.print(f"columns: {masks.columns_masked} masked, {masks.columns_kept} kept")
    console.print(f"masked values: {leaks.values_checked:,} compared with the source, {leaks.found} equal")
    _findings(console, report.findings, verbose=verbose)
    colour = "green" if report.verified else "red"
    console.print(f"[{colour}]{report.status}[/] in {report.seconds.get('total', 0):.1f} s")


def show_preview(preview: Preview, *, verbose: bool) -> None:
    """Print what a copy would do, and first what it would be refused for."""
    console = output()
    if preview.exit:
        wrong = [(preview.errors, "error"), (preview.undecided, "undecided column")]
        told = ", ".join(amount(len(found), what) for found, what in wrong if found)
        console.print(f"[red]a copy would end with status {preview.exit}[/]: {told}")
    table = _table("table", "rows", "of", "own", "need", "size", "masked", "kept", "undecided", label="why")
    for row in preview.tables:
        counts = (row.rows, row.source_rows, row.own, row.need)
        columns = (row.columns_masked, row.columns_kept, row.columns_undecided)
        cells = (*(f"{count:,}" for count in counts), _size(row.bytes), *(f"{count:,}" for count in columns))
        table.add_row(escape(row.table), *cells, row.role)
    console.print(table)
    if verbose:
        _columns(console, preview)
    edges, cycles = amount(len(preview.edges), "foreign key"), sum(1 for edge in preview.edges if edge.cycle)
    size = _size(preview.bytes)
    console.print(f"{preview.mode}: {amount(preview.rows, 'row')}, about {size}; {edges}, {cycles:,} in cycles")
    _budget(console, preview.budget)
    _coverage(console, preview.coverage)
    if verbose:
        _edges(console, preview)
    for cut in preview.cuts:
        saved = f"{amount(cut.rows, 'row')}, about {_size(cut.bytes)}"
        console.print(f"cut {escape(cut.edge)} ({cut.policy}) and save {saved}")
    for finding in preview.findings:
        _findings(console, (finding,), verbose=verbose)
        if finding.severity is Severity.ERROR and finding.hint:  # a copy is refused for it
            console.print(escape(f"  try: {finding.hint}"), soft_wrap=True)
    _undecided(console, preview)


def show_rules_check(checked: RulesCheck) -> None:
    """Print what the rules come to, with the next step for each finding."""
    console = output()
    for finding in checked.findings:
        _findings(console, (finding,), verbose=True)
        console.print(escape(f"  try: {finding.hint}"))
    console.print(f"every column is decided: {checked.columns_masked} masked, {checked.columns_kept} kept")


def show_explanation(explanation: Explanation) -> None:
    """Print the chain that brings a row."""
    console = output()
    if not explanation.in_slice:
        console.print(escape(f"this row of {explanation.table} is not in the slice"))
    for link in explanation.chain:
        row = escape(f"{link.table} ({', '.join(link.key)})")
        reason = f"{link.came} over {link.edge}" if link.edge else link.reason
        console.print(f"[bold]{row}[/]  {escape(reason)}")


def _budget(console: Console, budget: BudgetOutcome | None) -> None:
    """Print what the slice came to, held against its budget."""
    if budget is not None:
        console.print(
            f"budget: {budget.reached:,} of {budget.asked:,} {budget.unit}; percents multiplied by {budget.factor:g}"
        )


def _coverage(console: Console, coverage: tuple[TableCoverage, ...]) -> None:
    """Print what of the source's values and pairs the slice holds."""
    for each in coverage:
        what = "values and pairs" if each.kind == "pairs" else "values"
        console.print(
            f"cover {escape(each.table)}: {each.covered:,} of {each.tuples:,} {what} are held, by "
            f"{amount(each.rows, 'row')} chosen for that; {each.covered_without:,} without them; "
            f"{each.too_rare:,} are too rare (under {amount(each.min_count, 'row')})"
        )


def _edges(console: Console, preview: Preview) -> None:
    """Print what each foreign key brought, those first that brought most."""
    table = _table("foreign key", "children", "parents", label="policy")
    for edge in sorted(preview.edges, key=lambda edge: -(edge.children + edge.parents)):
        marks = [word for word in ("nullable", "cycle", "virtual") if getattr(edge, word)]
        words = ", ".join(filter(None, [edge.policy, *marks]))
        table.add_row(escape(edge.edge), f"{edge.children:,}", f"{edge.parents:,}", escape(words))
    console.print(table)


def _columns(console: Console, preview: Preview) -> None:
    table = _table("column", label="decision")
    for column in preview.columns:
        colour = {"masked": "green", "undecided": "red"}.get(column.outcome, "default")
        name = escape(f"{column.table}.{column.column}")
        table.add_row(name, f"[{colour}]{column.outcome}[/]: {escape(column.why)}")
    console.print(table)


def _undecided(console: Console, preview: Preview) -> None:
    if preview.undecided:
        console.print(
            f"[red]undecided: {amount(len(preview.undecided), 'column')}[/]; a copy is refused until each has a rule:"
        )
        for column in preview.undecided:
            console.print(escape(f"  {column.table}.{column.column}: redact   # {column.type}"))
    else:
        console.print("every column is decided" if preview.exit else "[green]every column is decided[/]")


def _findings(console: Console, findings: tuple[Finding, ...], *, verbose: bool) -> None:
    for finding in findings:
        if verbose or finding.severity is not Severity.INFO:
            colour = _COLOURS[finding.severity]
            line = f"{finding.code} {escape(finding.place)}: {escape(finding.message)}"
            console.print(f"[{colour}]{finding.severity}[/] {line}")


def _size(count: int) -> str:
    """Give a number of bytes with its unit."""
    for power, unit in ((3, "GB"), (2, "MB"), (1, "kB")):
        if count >= 1000**power:
            return f"{count / 1000**power:.1f} {unit}"
    return f"{count} B"


def _table(first: str, *numbers: str, label: str | None = None) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right")
    if label:
        table.add_column(label, overflow="fold")
    return table


def show_rows(title: str, columns: list[str], rows: list[tuple[object, ...]]) -> None:
    """Print rows of a database that holds nobody's data: the demo's own."""
    console = output()
    table = _table(columns[0], label=None)
    for name in columns[1:]:
        table.add_column(name)
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row))
    console.print(f"\n[bold]{title}[/]")
    console.print(table)

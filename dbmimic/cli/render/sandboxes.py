"""Sandboxes as a table on standard output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dbmimic.model.amount import amount
from dbmimic.model.sandbox import Sandbox

_WIDEST = 10_000  # columns: more than the longest names take


def show_sandboxes(sandboxes: Sequence[Sandbox], sizes: Mapping[str, int]) -> None:
    """Print a line for each."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("name", "database", "made (UTC)", "until (UTC)", "MB", ""):
        table.add_column(title, justify="right" if title == "MB" else "left", no_wrap=True)
    for each in sandboxes:
        size = sizes.get(each.database)
        until = f"{each.expires_at:%Y-%m-%d %H:%M}" if each.expires_at is not None else "for ever"
        state = "not ready" if not each.ready else "protected" if each.protected else "spare" if each.spare else ""
        megabytes = "" if size is None else f"{size / 1e6:,.1f}"
        made = f"{each.created_at:%Y-%m-%d %H:%M}"
        table.add_row(escape(each.name), escape(each.database), made, until, megabytes, state)
    console = Console(highlight=False)
    needed = console.measure(table, options=console.options.update(max_width=_WIDEST)).maximum
    console.width = max(console.width, needed)  # names are pasted: one that is cut in two is none
    console.print(table)
    console.print(amount(len(sandboxes), "sandbox", "sandboxes"))

"""A report's page as Markdown, with the tables that GitHub, GitLab and chat programs show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dbmimic.reporting.page import Page, Section

_MARKUP = re.compile(r"([\\`*_{}\[\]<>|~#&])")


def markdown(page: Page) -> str:
    """Give the page; whatever names hold, it is shown as text."""
    return "\n".join(_lines(page))


def _lines(page: Page) -> Iterator[str]:
    yield f"# {_plain(page.title)}"
    for section in page.sections:
        yield from ("", f"## {section.heading}", "")
        yield from _table(section)


def _table(section: Section) -> Iterator[str]:
    if not section.columns:
        for first, *others in section.rows:
            yield f"- **{_plain(first)}**: {_plain(*others)}" if others else f"- {_plain(first)}"
        return
    yield _row(section.columns)
    yield _row("---:" if number in section.figures else "---" for number in range(len(section.columns)))
    for cells in section.rows:
        yield _row(map(_plain, cells))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """Give a text on one line, with what Markdown would take for markup written out."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))

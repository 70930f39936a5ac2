"""
A report's page as HTML: one file, without scripts and without anything from elsewhere, light or dark as the reader
likes it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape

from dbmimic.reporting.page import Page, Section

_STYLE = """
:root { color-scheme: light dark; --page: #ffffff; --ink: #1b1f24; --line: #d0d4da; --quiet: #59616c;
  --good: #1a7f37; --bad: #b3261e; --odd: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --page: #16181c; --ink: #e4e7eb; --line: #40454d; --quiet: #9aa3af;
  --good: #57c26f; --bad: #ff8a80; --odd: #e5b567; } }
body { background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 0 auto;
  max-width: 72rem; overflow-wrap: anywhere; padding: 1.5rem; }
h1 { font-size: 1.35rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
h1.good { color: var(--good); } h1.bad { color: var(--bad); }
div { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .9rem .25rem 0; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--quiet); font-weight: 600; } .figure { text-align: right; white-space: nowrap; }
.error { color: var(--bad); } .warning { color: var(--odd); } .info { color: var(--quiet); }
"""
# Nothing is loaded and nothing runs, whatever a name in the report says: the one style is known by its digest.
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"
_KINDS = frozenset({"error", "warning", "info"})


def html(page: Page) -> str:
    """Give the page as a whole document."""
    return "\n".join(_lines(page))


def _lines(page: Page) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(page.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>"
    yield f'<h1 class="{"good" if page.good else "bad"}">{escape(page.title)}</h1>'
    for section in page.sections:
        yield f"<h2>{escape(section.heading)}</h2>"
        yield from _table(section)
    yield "</body>\n</html>"


def _table(section: Section) -> Iterator[str]:
    yield "<div><table>"
    if section.columns:
        heads = (f"<th{_figure(section, number)}>{escape(title)}</th>" for number, title in enumerate(section.columns))
        yield f"<tr>{''.join(heads)}</tr>"
    for cells in section.rows:
        kind = f' class="{cells[0]}"' if section.columns and cells[0] in _KINDS else ""
        first, others = escape(cells[0]), cells[1:]
        head = f"<td{kind}>{first}</td>" if section.columns or not others else f"<th>{first}</th>"
        rest = (f"<td{_figure(section, number)}>{escape(text)}</td>" for number, text in enumerate(others, 1))
        yield f"<tr>{head}{''.join(rest)}</tr>"
    yield "</table></div>"


def _figure(section: Section, number: int) -> str:
    return ' class="figure"' if number in section.figures else ""

"""A run's report again: the same document, and pages that hold nothing but what it says."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dbmimic.model.findings import Finding, Severity
from dbmimic.model.run import Drift, Run
from dbmimic.reporting.html import html
from dbmimic.reporting.json import read_report
from dbmimic.reporting.markdown import markdown
from dbmimic.reporting.page import page
from tests.command_line import Ended, Forks
from tests.places import Place, place
from tests.small_shop import RULES

NAMES = ('<script src="x.js">alert(1)</script>', "a | b `c` [d](http://e)\n# f", '" onload="g')


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("told")


@pytest.fixture(scope="module")
def copied(request: pytest.FixtureRequest, dbmimic_command: Forks, folder: Path) -> Ended:
    """A copy that is remembered, and after it one that failed before it had a report."""
    here: Place = place(request, "sqlite", "told", folder)
    runs = {"folder": str(folder / "runs")}
    here.configure(folder, runs=runs)
    ended = dbmimic_command.run("copy", "--json", "-q", cwd=folder)
    here.configure(folder, runs=runs, rules={**RULES, "columns": {}})
    assert (ended.status, dbmimic_command.run("copy", "-q", cwd=folder).status) == (0, 4)
    return ended


class Tags(HTMLParser):
    """Collects the tags and attributes of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_same_document_in_four_forms(dbmimic_command: Forks, copied: Ended, folder: Path) -> None:
    listed = dbmimic_command.run("runs", "--json", cwd=folder).document["runs"]
    good = next(run["run"] for run in listed if run["exit"] == 0)

    def again(*words: str) -> str:
        ended = dbmimic_command.run("report", good[:8], *words, cwd=folder)
        assert (ended.status, ended.err) == (0, "")
        return ended.out

    assert again("--json") == copied.out
    assert re.search(r"customers +60 +60", again())
    assert f"run {good}" in again()
    assert re.search(r"^\| customers \| 60 \| 60 \|", again("--markdown"), re.MULTILINE)
    tags = Tags(again("--html"))
    assert not tags.tags & {"script", "link", "img", "iframe", "object"}
    assert not tags.attributes & {"src", "href", "style"}
    assert "prefers-color-scheme: dark" in tags.text
    assert "customers" in tags.text


def test_a_run_without_a_report_says_why(dbmimic_command: Forks, copied: Ended, folder: Path) -> None:
    del copied
    ended = dbmimic_command.run("report", "--json", cwd=folder)
    assert (ended.status, ended.document["error"]["code"]) == (2, "DM102")
    assert "DM301" in ended.document["error"]["message"]
    both = dbmimic_command.run("report", "--html", "--markdown", cwd=folder)
    assert (both.status, "DM101" in both.err) == (2, True)


def test_a_report_of_another_version_is_no_internal_error(dbmimic_command: Forks, copied: Ended, folder: Path) -> None:
    path = next(folder.rglob("*.report"))
    kept = path.read_bytes()
    path.write_bytes(gzip.compress(copied.out.replace('"leaks"', '"leeks"').encode()))
    name = path.stem.partition("+0000-")[2]
    ended = dbmimic_command.run("report", name, "--html", cwd=folder)
    path.write_bytes(kept)
    assert (ended.status, "DM102" in ended.err, "--json" in ended.err) == (2, True, True), ended.err


def test_names_are_text_in_every_form(copied: Ended) -> None:
    report = read_report(copied.out)
    findings = tuple(Finding("DM312", Severity.WARNING, name, name, name) for name in NAMES)
    tables = tuple(replace(table, table=name) for table, name in zip(report.tables, NAMES, strict=False))
    run = Run("0" * 32, NAMES[0], NAMES[1], "0", NAMES[2], "2024-01-01T00:00:00+00:00")
    found = page(run, replace(report, findings=findings, tables=tables), Drift(new_tables=NAMES))
    tags = Tags(html(found))
    assert "script" not in tags.tags
    assert "onload" not in tags.attributes
    assert all(name in tags.text for name in NAMES)
    text = markdown(found)
    assert "<script" not in text.replace("\\<script", "")
    assert {line.count(" | ") for line in text.splitlines() if line.startswith("| warning")} == {4}
    assert not re.search(r"^# f", text, re.MULTILINE)
    assert "](http" not in text.replace("\\](http", "")

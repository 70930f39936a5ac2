"""`dbmimic graph --suggest`: what is printed can be pasted, and is the key that was meant."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from dbmimic import wiring
from dbmimic.cli.app import app
from dbmimic.introspect.likeness import words
from tests.copying import configured, copied, rows_of, write_config

TRACKER = (
    "CREATE TABLE issues (id INTEGER PRIMARY KEY, title VARCHAR(40))",
    "CREATE TABLE people (id INTEGER PRIMARY KEY, boss_id INTEGER, email VARCHAR(40) UNIQUE)",
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, issue_id INTEGER, email VARCHAR(40), kind_id INTEGER)",
    "CREATE TABLE votes (id INTEGER PRIMARY KEY, voted_type VARCHAR(20), voted_id INTEGER)",
    "CREATE TABLE unrelated (id INTEGER PRIMARY KEY, issue_id INTEGER)",
    "INSERT INTO issues VALUES (1, 'one'), (2, 'two'), (3, 'three')",
    "INSERT INTO people VALUES (1, NULL, 'a@x.example'), (2, 1, 'b@x.example'), (3, 2, 'c@x.example')",
    "INSERT INTO notes VALUES (1, 1, 'a@x.example', 1), (2, 2, 'b@x.example', 2), (3, 77, NULL, 3), (4, NULL, NULL, 1)",
    "INSERT INTO votes VALUES (1, 'Issue', 3), (2, 'Person', 2), (3, 'App.Issue', 1), (4, 'it''s', 9), (5, 'an''Issue', 2)",
    "INSERT INTO unrelated VALUES (1, 1000), (2, 2000), (3, 3000)",
)


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def tracker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URLs of a source without any key, and of a target."""
    if request.param == "sqlite":
        with contextlib.closing(sqlite3.connect(tmp_path / "tracker.db")) as connection, connection:
            for statement in TRACKER:
                connection.execute(statement)
        yield f"sqlite:///{tmp_path}/tracker.db", f"sqlite:///{tmp_path}/copy.db"
        return
    server: Any = request.getfixturevalue("postgres15" if request.param == "postgresql" else "mariadb")
    server.create_database("suggest")
    server.execute(*(TRACKER if request.param == "mysql" else ["; ".join(TRACKER)]), database="suggest")
    yield server.url("suggest"), server.url("suggest_copy")
    for name in ("suggest", "suggest_copy"):
        server.execute(f"DROP DATABASE IF EXISTS {name}{' WITH (FORCE)' if request.param == 'postgresql' else ''}")


def test_what_is_printed_can_be_pasted(tracker: tuple[str, str], tmp_path: Path) -> None:
    source, target = tracker
    path = write_config(tmp_path, source, target)
    printed = CliRunner().invoke(app, ["graph", "--suggest", "-c", str(path)], catch_exceptions=False).stdout
    pasted = yaml.safe_load(printed)["slice"]
    keys = [(each["child"], each["parent"], each.get("when", "")) for each in pasted["virtual_keys"]]
    assert [tuple(part.replace("public.", "") for part in key) for key in keys] == [
        ("notes(issue_id)", "issues(id)", ""),
        ("people(boss_id)", "people(id)", ""),
        ("votes(voted_id)", "issues(id)", "voted_type = 'App.Issue'"),
        ("votes(voted_id)", "issues(id)", "voted_type = 'Issue'"),
        ("votes(voted_id)", "people(id)", "voted_type = 'Person'"),
    ]
    assert "33.3% of 3 rows dangle" in printed
    report = copied(tmp_path, source, target, slice={**pasted, "seeds": [{"table": "votes", "ids": [1, 2]}]})
    assert rows_of(report) == {"issues": 1, "people": 2, "votes": 2}
    assert wiring.suggest(configured(tmp_path, source, target, slice=pasted)).keys == ()


def test_as_json(tracker: tuple[str, str], tmp_path: Path) -> None:
    path = write_config(tmp_path, *tracker)
    printed = CliRunner().invoke(app, ["graph", "--suggest", "--json", "-c", str(path)], catch_exceptions=False).stdout
    document = json.loads(printed)
    assert document["schema"] == "dbmimic/suggest/1"
    first = document["virtual_keys"][0]
    assert (first["tested"], first["orphans"], first["orphan_share"]) == (3, 1, 0.333333)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("InvoiceLines", ("invoice", "line")),
        ("order_details", ("order", "detail")),
        ("HTTPStatusID", ("http", "status", "id")),
        ("Categories2", ("category", "2")),
        ("addresses", ("address",)),
        ("", ()),
    ],
)
def test_words_are_small_and_in_the_singular(name: str, parts: tuple[str, ...]) -> None:
    assert words(name) == parts

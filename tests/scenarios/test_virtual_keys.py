"""Foreign keys that no database declares: followed, masked and audited like those that one does."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dbmimic
from dbmimic.errors import ConfigError
from dbmimic.model.report import RunReport
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests.copying import configured, copied, rows_of

# A tracker as Rails makes them: values belong to issues or to people, by a word beside the number.
TRACKER = (
    "CREATE TABLE issues (id INTEGER PRIMARY KEY, title VARCHAR(40))",
    "CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(40))",
    "CREATE TABLE vals (id INTEGER PRIMARY KEY, of_type VARCHAR(10), of_id INTEGER, word VARCHAR(10))",
    "INSERT INTO issues VALUES (1, 'one'), (2, 'two'), (3, 'three')",
    "INSERT INTO people VALUES (1, 'Ann'), (2, 'Ben'), (3, 'Cid')",
    (
        "INSERT INTO vals VALUES (10, 'Issue', 1, 'a'), (11, 'Issue', 2, 'b'), (12, 'Person', 1, 'c'),"
        " (13, 'Person', 3, 'd'), (14, 'Issue', 77, 'e'), (15, 'Wiki', 1, 'f')"
    ),
)
KEYS = [
    {"child": "vals(of_id)", "parent": "issues(id)", "when": "of_type = 'Issue'"},
    {"child": "vals(of_id)", "parent": "people(id)", "when": "of_type = 'Person'"},
]

Run = Callable[[str], list[tuple[Any, ...]]]
Place = tuple[str, str, Run]


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def tracker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """The source's URL, the target's, and how to ask the copy."""
    if request.param == "sqlite":
        with contextlib.closing(sqlite3.connect(tmp_path / "tracker.db")) as connection, connection:
            for statement in TRACKER:
                connection.execute(statement)

        def ask(select: str) -> list[tuple[Any, ...]]:
            with contextlib.closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
                return connection.execute(select).fetchall()

        yield f"sqlite:///{tmp_path}/tracker.db", f"sqlite:///{tmp_path}/copy.db", ask
    elif request.param == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres15")
        postgres.create_database("tracker")
        postgres.execute("; ".join(TRACKER), database="tracker")
        yield (
            postgres.url("tracker"),
            postgres.url("tracker_copy"),
            lambda select: postgres.execute(select, database="tracker_copy"),
        )
        postgres.execute('DROP DATABASE "tracker" WITH (FORCE)')
    else:
        mariadb: MariadbServer = request.getfixturevalue("mariadb")
        mariadb.create_database("tracker")
        mariadb.execute(*TRACKER, database="tracker")
        yield (
            mariadb.url("tracker"),
            mariadb.url("tracker_copy"),
            lambda select: mariadb.execute(select, database="tracker_copy"),
        )


def test_they_are_walked_both_ways_for_the_rows_that_they_hold_for(tmp_path: Path, tracker: Place) -> None:
    source, target, ask = tracker

    def of(**seed: Any) -> RunReport:
        return copied(tmp_path, source, target, slice={"seeds": [seed], "virtual_keys": KEYS})

    assert rows_of(of(table="issues", ids=[1])) == {"issues": 1, "vals": 1}
    assert rows_of(of(table="people", ids=[1, 2])) == {"people": 2, "vals": 1}
    assert rows_of(of(table="vals", ids=[13, 15])) == {"people": 1, "vals": 2}
    assert ask("SELECT name FROM people") == [("Cid",)]


def test_what_dangles_in_the_source_is_told_apart(tmp_path: Path, tracker: Place) -> None:
    source, target, _ = tracker
    report = copied(tmp_path, source, target, slice={"virtual_keys": KEYS})
    assert (report.foreign_keys.checked, report.foreign_keys.orphans, report.foreign_keys.source_orphans) == (2, 0, 1)
    (finding,) = [finding for finding in report.findings if finding.code == "DM601"]
    assert "1 row dangles in the source" in finding.message


def test_the_audit_finds_what_is_not_there(tmp_path: Path, tracker: Place) -> None:
    """A key that nobody follows may dangle, and the report says how many rows do."""
    source, target, _ = tracker
    stopped = [{"edge": "vals(of_id) -> issues", "parent": "stop"}]
    slice_ = {"seeds": [{"table": "vals", "ids": [10, 11, 14]}], "virtual_keys": KEYS, "edges": stopped}
    report = copied(tmp_path, source, target, slice=slice_)
    assert rows_of(report) == {"vals": 3}
    assert (report.foreign_keys.orphans, report.foreign_keys.source_orphans) == (0, 1)
    told = {finding.message.partition(" row")[0] for finding in report.findings if finding.code == "DM601"}
    assert told == {"1", "2"}


def test_references_become_null_where_the_parent_is_not_there(tmp_path: Path, tracker: Place) -> None:
    source, target, ask = tracker
    cut = [{"edge": "vals(of_id) -> issues(id)", "parent": None}]
    seeds = [{"table": "vals", "ids": [10, 11, 12, 14]}, {"table": "issues", "ids": [2]}]
    copied(tmp_path, source, target, slice={"seeds": seeds, "virtual_keys": KEYS, "edges": cut, "children": "stop"})
    assert ask("SELECT id, of_id FROM vals ORDER BY id") == [(10, None), (11, 2), (12, 1), (14, 77)]


def test_masks_follow_them(tmp_path: Path, tracker: Place) -> None:
    source, target, ask = tracker
    columns = {"issues.id": "integer_key", "people.id": "integer_key"}
    rules = {"default": "keep", "columns": columns}
    report = copied(tmp_path, source, target, slice={"virtual_keys": KEYS}, rules=rules)
    assert report.foreign_keys.orphans == 0
    joined = "SELECT vals.id, name FROM vals JOIN people ON people.id = of_id WHERE of_type = 'Person' ORDER BY 1"
    assert ask(joined) == [(12, "Ann"), (13, "Cid")]
    assert ask("SELECT count(*) FROM vals WHERE of_id < 100") == [(0,)]


@pytest.mark.parametrize(
    ("key", "code", "place", "said"),
    [
        ("{child: vals(of_it), parent: issues(id)}", "DM206", "5:15", "of_id"),
        ("{child: vals(of_id), parent: isues(id)}", "DM205", "5:36", "issues"),
        ("{child: vals, parent: issues(id)}", "DM204", "5:15", "table(column)"),
        ("{child: vals(word), parent: issues(id)}", "DM212", "5:15", "cannot be compared"),
        ("{child: 'vals(of_id, id)', parent: issues(id)}", "DM212", "5:15", "2 columns"),
        ("{child: vals(of_id), parent: issues(id), when: kind = 'x'}", "DM212", "5:54", "condition"),
        ("{child: vals(of_id), parent: issues(id), when: '1 = 1); DROP TABLE vals'}", "DM212", "5:54", "condition"),
    ],
)
def test_what_cannot_be_is_told_by_plan_with_its_place(
    tmp_path: Path, tracker: Place, key: str, code: str, place: str, said: str
) -> None:
    path = tmp_path / "dbmimic.yaml"
    path.write_text(
        f"source: {tracker[0]}\nrules: {{default: keep}}\nslice:\n  virtual_keys:\n    - {key}\n", encoding="utf-8"
    )
    with pytest.raises(ConfigError) as caught:
        dbmimic.plan(dbmimic.load_config(path))
    (problem,) = caught.value.problems
    assert (problem.code, problem.place.split(" ")[0]) == (code, f"{path}:{place}")
    assert said in f"{problem.message} {problem.hint}"


def test_a_key_that_is_declared_is_refused(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, up INTEGER REFERENCES t (id))")
    keys = [{"child": "t(up)", "parent": "t(id)"}]
    settings = configured(tmp_path, f"sqlite:///{tmp_path}/a.db", "sqlite:///x", slice={"virtual_keys": keys})
    with pytest.raises(ConfigError, match="is there already"):
        dbmimic.plan(settings)

"""
A slice that cannot be meant is told by `plan` on every engine: what, where, and what to write instead.

Bad virtual keys stand in `test_virtual_keys.py`, more of what no engine is asked for in `test_policies.py`.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import dbmimic
from dbmimic.errors import ConfigError
from tests.copying import configured

TABLES = (
    "CREATE TABLE parents (id INTEGER PRIMARY KEY, born DATE, word VARCHAR(20))",
    (
        "CREATE TABLE children (id INTEGER PRIMARY KEY, p INTEGER NOT NULL, q INTEGER, word VARCHAR(20),"
        " FOREIGN KEY (p) REFERENCES parents (id), FOREIGN KEY (q) REFERENCES parents (id))"
    ),
    "INSERT INTO parents VALUES (1, '2020-02-02', 'a'), (2, NULL, 'secret-4711')",
    "INSERT INTO children VALUES (1, 1, 2, 'x'), (2, 2, NULL, 'secret-4711')",
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mysql"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of the source."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("bad") / "bad.db"
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            for statement in TABLES:
                connection.execute(statement)
        return f"sqlite:///{path}"
    server = request.getfixturevalue("postgres15" if request.param == "postgresql" else "mariadb")
    server.create_database("bad")
    server.execute(*(TABLES if request.param == "mysql" else ["; ".join(TABLES)]), database="bad")
    return str(server.url("bad"))


def edge(name: str, **policy: Any) -> dict[str, Any]:
    return {"edges": [{"edge": name, **policy}]}


def seeds(where: str) -> dict[str, Any]:
    return {"seeds": [{"table": "children", "where": where}]}


@pytest.mark.parametrize(
    ("slice_", "code", "said"),
    [
        (edge("children(pp)", children="stop"), "DM205", "did you mean"),
        (edge("children(p)", parent=None), "DM212", "NOT NULL"),
        (edge("children(p)", parent="stop"), "DM212", "not in the slice"),
        (edge("children(p)", where="id"), "DM212", "condition"),
        (edge("children(p)", where="id > 1; DELETE FROM children"), "DM212", "semicolon"),
        (edge("children(p)", where="id > 1 -- "), "DM212", "comment"),
        (edge("children(p)", where="id = 1 UNION SELECT 1"), "DM212", "condition"),
        (seeds("wrod = 'secret-4711'"), "DM212", "condition"),
        (seeds("DELETE FROM children"), "DM212", "condition"),
        (seeds("word"), "DM212", "condition"),
        (seeds("q IS NULL AND (NOT (id + 1))"), "DM212", "condition"),
    ],
)
def test_what_cannot_be_meant(slice_: dict[str, Any], code: str, said: str, source: str, tmp_path: Path) -> None:
    asked = {"seeds": [{"table": "children", "ids": [1]}], **slice_}
    with pytest.raises(ConfigError) as caught:
        dbmimic.plan(configured(tmp_path, source, f"sqlite:///{tmp_path}/none.db", slice=asked))
    problems = caught.value.problems
    assert any(problem.code.startswith(code) and said in f"{problem.message} {problem.hint}" for problem in problems)
    assert all("dbmimic.yaml:" in problem.place for problem in problems)
    assert "4711" not in str(caught.value)
    assert not (tmp_path / "none.db").exists()

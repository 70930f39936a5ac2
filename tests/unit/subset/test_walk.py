"""Deep chains: the questions do not grow with their length, and what is refused stays refused."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dbmimic.engines.sqlite.source import SqliteSource
from dbmimic.introspect import link
from dbmimic.model.names import TableId
from dbmimic.model.request import Children, Parent
from dbmimic.model.settings import EdgeSpec, Named, SeedSpec, SliceSpec
from dbmimic.subset import Arrow, Walked, plan, resolve, walk

LENGTH = 20_000
CHAIN = f"""
CREATE TABLE node (id INTEGER PRIMARY KEY, up INTEGER REFERENCES node (id), twin INTEGER REFERENCES pair (id));
CREATE TABLE pair (id INTEGER PRIMARY KEY, node INTEGER REFERENCES node (id));
CREATE INDEX of_up ON node (up);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {LENGTH})
INSERT INTO node SELECT i, nullif(i - 1, 0), i FROM n;
INSERT INTO pair SELECT id, CASE WHEN id % 2 = 0 THEN id - 1 END FROM node;
"""
NODE, PAIR = TableId("", "node"), TableId("", "pair")


class Counted:
    """A walker that counts the questions it is asked."""

    def __init__(self, source: SqliteSource) -> None:
        self._source = source
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        self.asked[name] += 1
        return getattr(self._source, name)


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    with contextlib.closing(sqlite3.connect(tmp_path / "chain.db")) as connection, connection:
        connection.executescript(CHAIN)
    return tmp_path / "chain.db"


def walked(path: Path, where: str, *edges: EdgeSpec, children: Children = Children.FOLLOW) -> tuple[Walked, int]:
    source = SqliteSource(path)
    counted = Counted(source)
    try:
        schema = source.schema()
        graph = link(schema)
        spec = SliceSpec(seeds=(SeedSpec(Named("node", "here"), where=where),), edges=edges, children=children)
        found = walk(plan(schema, graph, resolve(spec, schema, graph)), schema, counted, None)  # type: ignore[arg-type]
    finally:
        source.close()
    return found, sum(counted.asked.values())


def test_a_chain_is_followed_up_with_few_questions(chain: Path) -> None:
    found, questions = walked(chain, f"id = {LENGTH}", children=Children.STOP)
    assert (len(found.slices[NODE].own), len(found.slices[NODE].need)) == (1, LENGTH - 1)
    assert len(found.slices[PAIR].need) == LENGTH
    assert questions < 100
    assert sum(found.brought.values()) == 2 * LENGTH - 1


def test_a_chain_is_followed_down_with_few_questions(chain: Path) -> None:
    found, questions = walked(chain, "id = 1")
    assert len(found.slices[NODE].own) == LENGTH
    assert questions < 200


def test_a_chain_is_cut_where_a_row_leaves(chain: Path) -> None:
    """Node 1 has no pair, so it leaves, and pair 2 with it, and so on: nothing holds without another that leaves."""
    drop = EdgeSpec(Named("node(twin)", "here"), parent=Parent.DROP_CHILD)
    found, _ = walked(chain, "id < 10", drop)
    assert not found.slices[NODE].own


def test_what_each_edge_brought_is_counted_once(chain: Path) -> None:
    found, _ = walked(chain, "id = 30", children=Children.STOP)
    brought = {(arrow.edge.child_columns[0], arrow.down): rows for arrow, rows in found.brought.items()}
    assert brought == {("up", False): 29, ("twin", False): 30}
    assert all(isinstance(arrow, Arrow) for arrow in found.brought)


def test_rows_that_came_down_are_not_asked_for_the_parents_they_came_from(tmp_path: Path) -> None:
    """A key with one parent a row leads nowhere new upwards; one with several parents a row may."""
    with contextlib.closing(sqlite3.connect(tmp_path / "family.db")) as connection, connection:
        connection.executescript(
            "CREATE TABLE node (id INTEGER PRIMARY KEY);"
            "CREATE TABLE leaf (id INTEGER PRIMARY KEY, node INTEGER REFERENCES node (id), other INTEGER REFERENCES node);"
            "INSERT INTO node VALUES (1), (2), (3);"
            "INSERT INTO leaf VALUES (1, 1, 2), (2, 1, NULL), (3, 3, 1);"
        )
    asked: list[tuple[str, int]] = []

    class Parents(Counted):
        def parents(self, edge: Any, children: Any) -> Any:
            asked.append((edge.child_columns[0], len(children)))
            return self._source.parents(edge, children)

    source = SqliteSource(tmp_path / "family.db")
    with contextlib.closing(source):
        schema = source.schema()
        graph = link(schema)
        spec = SliceSpec(seeds=(SeedSpec(Named("node", "here"), where="id = 1"),))
        found = walk(plan(schema, graph, resolve(spec, schema, graph)), schema, Parents(source), None)  # type: ignore[arg-type]
    assert {str(table): (len(rows.own), len(rows.need)) for table, rows in found.slices.items()} == {
        "node": (1, 2),
        "leaf": (3, 0),
    }
    assert sorted(asked) == [("node", 1), ("other", 2)]

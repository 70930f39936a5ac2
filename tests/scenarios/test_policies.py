"""Policies of edges from the configuration file to the copy, and what is told of those that do not fit."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import dbmimic
from dbmimic.errors import ConfigError, RefusedError, UsageError
from dbmimic.wiring import graph, why
from tests.copying import configured, copied, rows_of

SHOP = """
CREATE TABLE staff (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    rep_id INTEGER REFERENCES staff (id),
    note TEXT
);
CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id), size INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) INSERT INTO staff SELECT i, 'S' || i FROM n;
INSERT INTO customers SELECT id, 'C' || id FROM staff;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 89)
INSERT INTO orders SELECT i, 1 + i % 9, CASE WHEN i % 5 THEN 1 + i % 9 END, 'note ' || i FROM n;
INSERT INTO lines SELECT id, id, id % 4 FROM orders;
"""
MASKS: dict[str, Any] = {
    "default": "keep",
    "columns": {"staff.id": "integer_key", "staff.name": "full_name", "orders.note": "redact"},
}


@pytest.fixture
def shop(tmp_path: Path) -> str:
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as connection, connection:
        connection.executescript(SHOP)
    return f"sqlite:///{tmp_path}/shop.db"


def held(folder: Path, select: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(folder / "copy.db")) as connection:
        return connection.execute(select).fetchall()


def test_references_become_null_beside_masks_and_the_copy_is_verified_twice(tmp_path: Path, shop: str) -> None:
    """Order 0 has no representative; of the others, those of staff 2 keep theirs, masked."""
    sections = {
        "slice": {
            "seeds": [{"table": "orders", "where": "id < 20"}, {"table": "staff", "ids": [2]}],
            "children": "stop",
            "edges": [{"edge": "orders(rep_id)", "parent": None}],
        },
        "rules": MASKS,
    }
    target = f"sqlite:///{tmp_path}/copy.db"
    report = copied(tmp_path, shop, target, **sections)
    assert rows_of(report) == {"customers": 9, "orders": 20, "staff": 1}
    assert report.foreign_keys.orphans == 0
    assert held(tmp_path, "SELECT count(*), count(rep_id), count(DISTINCT rep_id) FROM orders") == [(20, 2, 1)]
    assert held(tmp_path, "SELECT count(*) FROM orders JOIN staff ON staff.id = rep_id") == [(2,)]
    assert held(tmp_path, "SELECT count(*) FROM orders WHERE rep_id = 2 OR note LIKE 'note%'") == [(0,)]
    assert dbmimic.verify(configured(tmp_path, shop, target, **sections)).verified


def test_limits_and_conditions_choose_the_same_children_every_time(tmp_path: Path, shop: str) -> None:
    def chosen(**policy: Any) -> set[tuple[int, int]]:
        edges = [{"edge": "orders(customer_id)", **policy}]
        seeds = {"seeds": [{"table": "customers", "where": "id < 4"}], "edges": edges}
        copied(tmp_path, shop, f"sqlite:///{tmp_path}/copy.db", slice=seeds)
        return set(held(tmp_path, "SELECT customer_id, id FROM orders"))

    few, more = chosen(limit=2), chosen(limit=3)
    assert few < more == chosen(limit=3)
    assert sorted(customer for customer, _ in few) == [1, 1, 2, 2, 3, 3]
    assert chosen(ratio=0.2) < chosen(ratio=0.7)
    assert {order for _, order in chosen(where="id > 80")} == {81, 82, 83}
    assert {order for _, order in chosen(where="id > 80", limit=0)} == set()


def test_restrict_keeps_what_loses_no_parent(tmp_path: Path, shop: str) -> None:
    restrict = {"mode": "restrict", "seeds": [{"table": "customers", "ids": [1, 2]}]}
    report = copied(tmp_path, shop, f"sqlite:///{tmp_path}/copy.db", slice=restrict)
    assert rows_of(report) == {"staff": 9, "customers": 2, "orders": 20, "lines": 20}


def test_one_table_is_sliced_otherwise(tmp_path: Path, shop: str) -> None:
    """Orders of chosen customers come where their representatives are there, and bring nobody."""
    mixed = {
        "seeds": [{"table": "customers", "ids": [1, 2]}, {"table": "staff", "ids": [1]}],
        "tables": [{"table": "orders", "mode": "restrict"}],
    }
    report = copied(tmp_path, shop, f"sqlite:///{tmp_path}/copy.db", slice=mixed)
    assert rows_of(report) == {"staff": 1, "customers": 2, "orders": 12, "lines": 12}


@pytest.mark.parametrize(
    ("edge", "code", "place", "said"),
    [
        ("{edge: orders(customer), children: stop}", "DM205", "6:14", "orders(customer_id)"),
        ("{edge: orders(customer_id), parent: null}", "DM212", "6:14", "NOT NULL"),
        ("{edge: orders(rep_id), parent: stop}", "DM212", "6:14", "9 rows"),
        ("{edge: lines(order_id), where: size > 1; DROP TABLE lines}", "DM212", "6:38", "semicolon"),
        ("{edge: lines(order_id), where: SELECT 1}", "DM212", "6:38", "statement"),
        ("{edge: lines(order_id), where: sise > 1}", "DM212", "6:38", "condition"),
        ("{edge: lines(order_id), where: '1) OR (1 = 1'}", "DM212", "6:38", "parentheses"),
    ],
)
def test_what_does_not_fit_is_told_by_plan_with_its_place(
    tmp_path: Path, shop: str, edge: str, code: str, place: str, said: str
) -> None:
    path = tmp_path / "dbmimic.yaml"
    path.write_text(
        f"source: {shop}\nrules: {{default: keep}}\nslice:\n  seeds: [{{table: orders, where: id < 50}}]\n"
        f"  edges:\n    - {edge}\n"
    )
    with pytest.raises(ConfigError) as caught:
        dbmimic.plan(dbmimic.load_config(path))
    (problem,) = caught.value.problems
    assert problem.code == code
    assert problem.place.startswith(f"{path}:{place}")
    assert said in f"{problem.message} {problem.hint}"


def test_a_limit_without_a_secret_is_refused(tmp_path: Path, shop: str) -> None:
    path = tmp_path / "dbmimic.yaml"
    path.write_text(
        f"source: {shop}\nrules: {{default: keep}}\n"
        "slice: {seeds: [{table: orders, ids: [1]}], edges: [{edge: lines(order_id), limit: 1}]}\n"
    )
    with pytest.raises(ConfigError, match="no secret") as caught:
        dbmimic.plan(dbmimic.load_config(path))
    assert caught.value.code == "DM209"


def test_a_slice_of_too_many_rows_is_refused_before_anything_moves(tmp_path: Path, shop: str) -> None:
    sections = {"slice": {"seeds": [{"table": "customers", "ids": [1]}], "max_rows": 20}}
    target = f"sqlite:///{tmp_path}/copy.db"
    with pytest.raises(RefusedError) as caught:
        copied(tmp_path, shop, target, **sections)
    assert (caught.value.code, caught.value.exit_status) == ("DM310", 4)
    assert "22 rows" in caught.value.message
    assert not (tmp_path / "copy.db").exists()
    preview = dbmimic.plan(configured(tmp_path, shop, target, **sections))
    assert [(finding.code, finding.severity) for finding in preview.findings] == [("DM310", "error")]
    sections["slice"]["max_rows"] = 22
    assert copied(tmp_path, shop, target, **sections).verified


def told(tmp_path: Path, shop: str, **slice_: Any) -> dict[str, str]:
    preview = dbmimic.plan(configured(tmp_path, shop, "sqlite:///x", slice=slice_))
    return {finding.code: f"{finding.place}: {finding.message}" for finding in preview.findings}


def test_a_table_that_is_left_empty_is_told_by_name(tmp_path: Path, shop: str) -> None:
    nobody = {"edge": "orders(rep_id)", "parent": "drop-child"}
    seeds = [{"table": "customers", "ids": [1]}]
    found = told(tmp_path, shop, seeds=seeds, edges=[nobody, {"edge": "lines(order_id)", "children": "stop"}])
    assert "DM215" not in found  # orders without a representative stay, and nobody leads to lines
    missed = told(tmp_path, shop, seeds=[{"table": "customers", "ids": [1]}], edges=[
        {"edge": "orders(customer_id)", "where": "note = 'gone'"}])  # fmt: skip
    assert missed["DM215"].startswith("orders: the table is empty in the slice and not in the source")


def test_a_key_that_brings_most_of_the_slice_is_told(tmp_path: Path, shop: str) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as connection, connection:
        connection.executescript(
            "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
            " INSERT INTO lines SELECT i, 0, 0 FROM n"
        )
    seeds = [{"table": "customers", "ids": [1]}]
    assert told(tmp_path, shop, seeds=seeds)["DM216"].startswith("lines(order_id) -> orders(id): 1,911 of")
    assert told(tmp_path, shop, seeds=seeds, edges=[{"edge": "lines(order_id)", "limit": 5}]) == {}


def test_plan_tells_what_each_foreign_key_brought(tmp_path: Path, shop: str) -> None:
    limited = [{"edge": "lines(order_id)", "limit": 1}, {"edge": "orders(rep_id)", "children": "stop"}]
    slice_ = {"seeds": [{"table": "customers", "ids": [1]}], "edges": limited}
    preview = dbmimic.plan(configured(tmp_path, shop, "sqlite:///x", slice=slice_))
    edges = {edge.edge: (edge.children, edge.parents, edge.policy) for edge in preview.edges}
    assert edges == {
        "lines(order_id) -> orders(id)": (10, 0, "limit: 1"),
        "orders(customer_id) -> customers(id)": (10, 0, ""),
        "orders(rep_id) -> staff(id)": (0, 1, "children: stop"),
    }


TENANTS = """
CREATE TABLE tenant (id INTEGER PRIMARY KEY);
CREATE TABLE a (id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL REFERENCES tenant (id));
CREATE TABLE b (id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL REFERENCES tenant (id));
CREATE TABLE c (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a (id), b INTEGER REFERENCES b (id), up INTEGER REFERENCES c (id));
INSERT INTO tenant VALUES (1), (2);
INSERT INTO a VALUES (1, 1), (2, 2);
INSERT INTO b VALUES (1, 1), (2, 2);
INSERT INTO c VALUES (1, 1, 1, NULL), (2, 1, 2, NULL), (3, 2, 1, NULL), (4, 2, 2, NULL), (5, 1, NULL, NULL),
                     (6, 1, 1, 1), (7, 1, 1, 2), (8, NULL, NULL, 6), (9, NULL, NULL, 4);
"""


@pytest.mark.parametrize(
    ("how", "held_rows"),
    [
        ({}, {1, 2, 3, 5, 6, 7, 8}),
        ({"enter": "any"}, {1, 2, 3, 5, 6, 7, 8}),
        ({"enter": "all"}, {1, 5, 6, 8}),
        ({"enter": "owner", "owner": "c(a)"}, {1, 2, 5, 6, 7}),
    ],
)
def test_a_child_of_several_parents_comes_by_any_all_or_one_of_them(
    tmp_path: Path, how: dict[str, Any], held_rows: set[int]
) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as connection, connection:
        connection.executescript(TENANTS)
    slice_: dict[str, Any] = {"seeds": [{"table": "tenant", "ids": [1]}]}
    if how:
        slice_["tables"] = [{"table": "c", "mode": "closure", **how}]
    copied(tmp_path, f"sqlite:///{tmp_path}/shop.db", f"sqlite:///{tmp_path}/copy.db", slice=slice_)
    assert {row[0] for row in held(tmp_path, "SELECT id FROM c")} == held_rows


def test_tables_that_do_not_fit_are_told(tmp_path: Path, shop: str) -> None:
    def refused(*tables: dict[str, Any], **more: Any) -> str:
        seeds = {"seeds": [{"table": "orders", "ids": [1]}], "tables": list(tables), **more}
        with pytest.raises(ConfigError) as caught:
            dbmimic.plan(configured(tmp_path, shop, "sqlite:///x", slice=seeds))
        return str(caught.value)

    assert "belong together" in refused({"table": "orders", "enter": "owner"})
    assert "says nothing" in refused({"table": "orders"})
    assert "stands here twice" in refused({"table": "orders", "enter": "all"}, {"table": "orders", "mode": "restrict"})
    assert "is none of table" in refused({"table": "lines", "enter": "owner", "owner": "orders(rep_id)"})
    assert "come over" in refused(
        {"table": "orders", "enter": "owner", "owner": "orders(customer_id)"},
        edges=[{"edge": "orders(rep_id)", "where": "id > 1"}],
    )


def test_why_a_row_is_there_is_told_from_the_seed_on(tmp_path: Path, shop: str) -> None:
    sections = {"slice": {"seeds": [{"table": "customers", "ids": [1]}]}, "rules": MASKS}
    settings = configured(tmp_path, shop, "sqlite:///x", **sections)
    found = why(settings, "staff", ("1",))
    assert [(link.table, link.came, link.edge) for link in found.chain] == [
        ("customers", "", ""),
        ("orders", "child", "orders(customer_id) -> customers(id)"),
        ("staff", "parent", "orders(rep_id) -> staff(id)"),
    ]
    assert found.chain[0].reason.startswith("seed at ")
    assert not why(settings, "staff", ("2",)).in_slice
    full = why(configured(tmp_path, shop, "sqlite:///x", rules=MASKS), "staff", ("2",))
    assert [link.reason for link in full.chain] == ["the copy is full, so every row comes"]
    for table, key, said in (("stuff", "1", "staff"), ("staff", "77", "no row"), ("staff", "1 2", "does not fit")):
        with pytest.raises((UsageError, ConfigError)) as caught:
            why(settings, table, (key,))
        assert said in str(caught.value)


def test_why_hides_keys_that_are_masked_texts(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as connection, connection:
        connection.executescript(
            "CREATE TABLE people (email TEXT PRIMARY KEY);"
            "CREATE TABLE posts (id INTEGER PRIMARY KEY, author TEXT REFERENCES people (email));"
            "INSERT INTO people VALUES ('ann@real.example'); INSERT INTO posts VALUES (1, 'ann@real.example');"
        )
    rules = {"default": "keep", "columns": {"people.email": "email"}}
    slice_ = {"seeds": [{"table": "people", "where": "1 = 1"}]}
    settings = configured(tmp_path, f"sqlite:///{tmp_path}/shop.db", "sqlite:///x", slice=slice_, rules=rules)
    assert [link.key for link in why(settings, "posts", ("1",)).chain] == [("(masked)",), ("1",)]


def test_the_graph_shows_roles_and_policies(tmp_path: Path, shop: str) -> None:
    slice_ = {
        "seeds": [{"table": "customers", "percent": 5}],
        "static": ["staff"],
        "edges": [{"edge": "lines(order_id)", "limit": 2}],
        "virtual_keys": [{"child": "lines(size)", "parent": "staff(id)"}],
    }
    found = graph(configured(tmp_path, shop, "sqlite:///x", slice=slice_))
    assert [(node.table, node.role, node.layer) for node in found.nodes] == [
        ("customers", "seed", 0),
        ("staff", "static", 0),
        ("orders", "table", 1),
        ("lines", "table", 2),
    ]
    assert [(arc.child, arc.parent, arc.columns, arc.policy, arc.virtual) for arc in found.arcs] == [
        ("lines", "orders", "order_id", "limit: 2", False),
        ("lines", "staff", "size", "", True),
        ("orders", "customers", "customer_id", "", False),
        ("orders", "staff", "rep_id", "", False),
    ]

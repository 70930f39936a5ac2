"""What `plan` tells of sizes: bytes with their interval, and which edge to cut and what that would save."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import dbmimic
from dbmimic.cli.app import app
from tests.copying import configured, write_config

NUMBERS = ", ".join(f"({number})" for number in range(3000))
SHOP = (
    "CREATE TABLE numbers (n INTEGER PRIMARY KEY)",
    f"INSERT INTO numbers VALUES {NUMBERS}",
    "CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(20))",
    "CREATE TABLE agents (id INTEGER PRIMARY KEY, name VARCHAR(20))",
    (
        "CREATE TABLE events (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, agent_id INTEGER, body VARCHAR(200),"
        " FOREIGN KEY (customer_id) REFERENCES customers (id), FOREIGN KEY (agent_id) REFERENCES agents (id))"
    ),
    "INSERT INTO customers SELECT n, 'customer' FROM numbers WHERE n < 10",
    "INSERT INTO agents SELECT n, 'agent' FROM numbers WHERE n < 1500",
    "INSERT INTO events SELECT n, n % 10, n / 2 - 0.25, substr('{}', 1, n % 100 + 1) FROM numbers".format("x" * 200),
)
HALF = {"seeds": [{"table": "customers", "where": "id < 5"}]}


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mysql"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a source."""
    made = [statement.replace("n / 2 - 0.25", "(n - n % 2) / 2") for statement in SHOP]
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("sizes") / "shop.db"
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            for statement in made:
                connection.execute(statement)
        return f"sqlite:///{path}"
    server: Any = request.getfixturevalue("postgres15" if request.param == "postgresql" else "mariadb")
    server.create_database("sizes")
    server.execute(*(made if request.param == "mysql" else ["; ".join(made)]), database="sizes")
    return str(server.url("sizes"))


def width(number: int) -> int:
    """Give how many characters an event takes, with one between its values."""
    return len(f"{number} {number % 10} {number // 2} {'x' * (number % 100 + 1)} ")


def test_bytes_lie_in_their_interval(shop: str, tmp_path: Path) -> None:
    """About 1 in 20 of the intervals would miss; these are always of the same rows."""
    for slice_, chosen in ((HALF, [n for n in range(3000) if n % 10 < 5]), ({}, list(range(3000)))):
        preview = dbmimic.plan(configured(tmp_path, shop, "sqlite:///x", slice=slice_))
        tables = {table.table.rpartition(".")[2]: table for table in preview.tables}
        events = tables["events"]
        wanted = sum(map(width, chosen))
        assert events.rows == len(chosen)
        assert events.bytes_low <= wanted <= events.bytes_high
        assert events.bytes == pytest.approx(wanted, rel=0.05)
        assert events.bytes_high - events.bytes_low < 0.25 * wanted
        few = tables["customers"]
        assert few.bytes_low == few.bytes == few.bytes_high == len("0 customer ") * few.rows


def test_which_edge_to_cut_and_what_it_saves(shop: str, tmp_path: Path) -> None:
    """The numbers are those of the slice that is cut."""
    preview = dbmimic.plan(configured(tmp_path, shop, "sqlite:///x", slice=HALF))
    whole = preview.rows
    assert [(cut.edge.replace("public.", ""), cut.policy) for cut in preview.cuts] == [
        ("events(customer_id) -> customers(id)", "children: stop"),
        ("events(agent_id) -> agents(id)", "parent: null"),
    ]
    for cut, policy in zip(preview.cuts, ({"children": "stop"}, {"parent": None}), strict=True):
        edges = [{"edge": cut.edge, **policy}]
        smaller = dbmimic.plan(configured(tmp_path, shop, "sqlite:///x", slice={**HALF, "edges": edges}))
        assert whole - smaller.rows == cut.rows > 0
        assert preview.bytes - smaller.bytes == pytest.approx(cut.bytes, rel=0.02)


def test_they_are_printed(shop: str, tmp_path: Path) -> None:
    path = write_config(tmp_path, shop, "sqlite:///x", slice=HALF)
    printed = CliRunner().invoke(app, ["plan", "-q", "-c", str(path)], catch_exceptions=False).stdout
    assert "events(customer_id)" in printed
    assert "(children: stop) and save 2,400 rows, about" in printed.replace("public.", "")

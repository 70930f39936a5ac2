"""The same in, the same out: on every engine, in two runs and two processes, tonight and tomorrow."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from dbmimic.subset import choice
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.conftest import ROOT
from tests.copying import copied, write_config
from tests.small_shop import RULES, Shop

READ = "SELECT * FROM customers ORDER BY id", "SELECT id, customer_id, note, total FROM orders ORDER BY id"


def masked(shop: Shop, name: str) -> list[list[list[str]]]:
    """Give the rows as text, so that a date of one engine equals another's."""
    return [[[str(value) for value in row] for row in shop.run(name, [read])] for read in READ]


def test_three_engines_two_runs_two_processes(
    postgres15: PostgresServer, postgres18: PostgresServer, mariadb: MariadbServer, tmp_path: Path
) -> None:
    shops = [
        small_shop.on_postgres(postgres15),
        small_shop.on_postgres(postgres18),
        small_shop.on_mariadb(mariadb),
        small_shop.on_sqlite(tmp_path),
    ]
    found = []
    for shop in shops:
        source = shop.build("same")
        copied(tmp_path, source, shop.url("same_stage"), rules=RULES)
        first = masked(shop, "same_stage")
        config = write_config(tmp_path, source, shop.url("same_stage"), rules=RULES)
        command = [sys.executable, "-m", "dbmimic", "copy", "--yes", "--json", "-q", "-c", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        assert json.loads(done.stdout)["status"] == "verified"
        assert masked(shop, "same_stage") == first
        found.append(first)
    before = masked(shops[-1], "same")
    customers, orders = found[0]
    assert len(customers) == small_shop.CUSTOMERS
    assert not {row[2] for row in customers} & {row[2] for row in before[0]}
    assert {row[1] for row in orders} <= {row[0] for row in customers}
    # SQLite keeps a decimal as a number, so its spelling differs where the others have zeros at the end
    assert found[1] == found[0]
    assert found[2] == found[0]
    assert [row[:3] for row in found[3][1]] == [row[:3] for row in orders]
    assert found[3][0] == customers


def chosen(shop: Shop, folder: Path, percent: float, name: str = "share") -> set[str]:
    slice_ = {"children": "stop", "seeds": [{"table": "orders", "percent": percent}]}
    copied(folder, shop.url(name), shop.url(f"{name}_stage"), slice=slice_)
    return {str(row[0]) for row in shop.run(f"{name}_stage", ["SELECT id FROM orders"])}


def test_a_percent_is_the_same_rows_on_every_engine_and_a_larger_one_holds_a_smaller(
    postgres15: PostgresServer, mariadb: MariadbServer, tmp_path: Path
) -> None:
    shops = [small_shop.on_postgres(postgres15), small_shop.on_mariadb(mariadb), small_shop.on_sqlite(tmp_path)]
    shares = []
    for shop in shops:
        shop.build("share")
        shares.append({percent: chosen(shop, tmp_path, percent) for percent in (5, 20, 50)})
    assert shares[0] == shares[1] == shares[2]
    five, twenty, fifty = (shares[0][percent] for percent in (5, 20, 50))
    assert five < twenty < fifty
    assert 20 <= len(twenty) <= 60


def test_a_percent_changes_only_where_the_data_changed(postgres15: PostgresServer, tmp_path: Path) -> None:
    shop = small_shop.on_postgres(postgres15)
    shop.build("moving")
    before = chosen(shop, tmp_path, 30, "moving")
    shop.run("moving", ["UPDATE orders SET total = total + 1", "DELETE FROM orders WHERE id > 190"])
    postgres15.execute("VACUUM FULL orders", database="moving")
    assert chosen(shop, tmp_path, 30, "moving") == {id_ for id_ in before if int(id_) <= 190}


NIGHT_ONE = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers (id), total INTEGER);
CREATE TABLE events (id INTEGER PRIMARY KEY, orders INTEGER REFERENCES orders (id), seen TEXT);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
INSERT INTO customers SELECT i, 'name ' || i FROM n;
INSERT INTO orders SELECT id, 1 + id * 7919 % 3000, id FROM customers;
INSERT INTO orders SELECT 3000 + id, 1 + id * 104729 % 3000, id FROM customers;
INSERT INTO events SELECT id, 1 + id * 31 % 900, 'a' FROM orders;
CREATE INDEX of_customer ON orders (customer); CREATE INDEX of_orders ON events (orders);
"""
# Of each table 1 % of the rows: a third each goes, comes, and is changed (orders and events move to other parents).
NIGHT_TWO = """
DELETE FROM customers WHERE id % 300 = 5 AND id NOT IN (SELECT customer FROM orders);
DELETE FROM events WHERE id % 300 = 11;
DELETE FROM orders WHERE id % 300 = 17 AND id NOT IN (SELECT orders FROM events);
INSERT INTO customers SELECT id + 10000, name FROM customers WHERE id % 300 = 1;
INSERT INTO orders SELECT id + 10000, customer, total FROM orders WHERE id % 300 = 2;
INSERT INTO events SELECT id + 10000, orders, seen FROM events WHERE id % 300 = 3;
UPDATE customers SET name = 'another' WHERE id % 300 = 7;
UPDATE orders SET customer = 1 + customer % 3000, total = 0 WHERE id % 300 = 8 AND customer % 300 <> 4;
UPDATE events SET orders = 1 + orders % 900 WHERE id % 300 = 9 AND orders % 300 <> 16;
VACUUM;
"""


def test_the_slice_of_the_second_night_is_nearly_that_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    With 1 % of production changed, 97 % of a slice with a percent, a limit and a ratio are the same rows; asking for a
    few parents at a time changes none.
    """
    tables = ("customers", "orders", "events")
    nights = []
    slice_ = {
        "seeds": [{"table": "customers", "percent": 10}],
        "edges": [{"edge": "events(orders)", "limit": 3}, {"edge": "orders(customer)", "ratio": 0.5}],
    }
    for script in (NIGHT_ONE, NIGHT_TWO):
        with contextlib.closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as connection:
            connection.executescript(script)
        copied(tmp_path, f"sqlite:///{tmp_path}/shop.db", f"sqlite:///{tmp_path}/stage.db", slice=slice_)
        with contextlib.closing(sqlite3.connect(tmp_path / "stage.db")) as connection:
            nights.append({(table, *row) for table in tables for row in connection.execute(f"SELECT id FROM {table}")})
    first, second = nights
    assert min(sum(1 for table, _ in first if table == each) for each in tables) > 100
    assert first != second
    assert len(first & second) >= 0.97 * max(len(first), len(second))
    monkeypatch.setattr(choice, "_PARENTS_AT_ONCE", 7)
    copied(tmp_path, f"sqlite:///{tmp_path}/shop.db", f"sqlite:///{tmp_path}/stage.db", slice=slice_)
    with contextlib.closing(sqlite3.connect(tmp_path / "stage.db")) as connection:
        again = {(table, *row) for table in tables for row in connection.execute(f"SELECT id FROM {table}")}
    assert again == second

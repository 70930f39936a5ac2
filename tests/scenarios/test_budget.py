"""A slice of the size that was asked for, where the data allow it; where they do not, the plan says why."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import dbmimic
from dbmimic.errors import ConfigError
from dbmimic.reporting.json import read_report, report_document, text
from tests.copying import SECRET, configured, copied, rows_of

Slice = dict[str, Any]
CUSTOMERS, PRODUCTS = 3000, 400
PERCENT: Slice = {"table": "customers", "percent": 1}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Customers with few orders and some with hundreds, products that many share, reviews of every length."""
    rng = random.Random(11)
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    orders = [number for number in range(CUSTOMERS) for _ in range(min(300, int(rng.paretovariate(1.1))))]
    products = [min(PRODUCTS - 1, int(rng.expovariate(1 / 40))) for _ in range(2 * len(orders))]
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("""
            CREATE TABLE country (id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE customers (id INTEGER PRIMARY KEY, country_id INTEGER REFERENCES country (id), name TEXT);
            CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers (id), kind TEXT);
            CREATE TABLE lines (
                id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders (id),
                product_id INTEGER REFERENCES products (id), text TEXT
            );
            CREATE INDEX of_customer ON orders (customer_id);
            CREATE INDEX of_order ON lines (order_id);
        """)
        for table, rows in {
            "country": [(n, f"country {n}") for n in range(50)],
            "customers": [(n, n * n % 50, f"customer {n}") for n in range(CUSTOMERS)],
            "products": [(n, f"product {n}") for n in range(PRODUCTS)],
            "orders": [(n, customer, "abcdefgh"[n % 8]) for n, customer in enumerate(orders)],
            "lines": [(n, n // 2, product, "x" * (n * n % 300)) for n, product in enumerate(products)],
        }.items():
            connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    return path


def planned(folder: Path, shop: Path, **slice_: Any) -> dbmimic.Preview:  # type: ignore[name-defined]
    return dbmimic.plan(configured(folder, f"sqlite:///{shop}", "sqlite:///nowhere.db", slice=slice_))


@pytest.mark.parametrize("rows", [300, 2_000, 9_000])
@pytest.mark.parametrize("percent", [0.01, 50])
def test_rows_are_met_within_a_tenth_from_whatever_percent(
    tmp_path: Path, shop: Path, rows: int, percent: float
) -> None:
    seeds = [{"table": "orders", "where": "id < 20"}, {"table": "customers", "percent": percent}]
    preview = planned(tmp_path, shop, seeds=seeds, budget={"rows": rows})
    assert abs(preview.rows - rows) <= rows / 10
    assert preview.budget.reached == preview.rows
    assert preview.findings == ()


def test_bytes_are_met_and_the_copy_is_what_the_plan_said(tmp_path: Path, shop: Path) -> None:
    target = tmp_path / "copy.db"
    sections: Slice = {"seeds": [PERCENT, {"table": "products", "percent": 2}], "static": ["country"]}
    sections["budget"] = {"size": "250 kB"}
    report = copied(tmp_path, f"sqlite:///{shop}", f"sqlite:///{target}", slice=sections)
    size = 0
    with contextlib.closing(sqlite3.connect(target)) as connection:
        for table in ("country", "customers", "products", "orders", "lines"):
            size += sum(len(str(value)) + 1 for row in connection.execute(f"SELECT * FROM {table}") for value in row)
    assert abs(size - 250_000) <= 25_000
    assert report.budget is not None
    assert abs(report.budget.reached - size) <= size / 20
    assert read_report(text(report_document(report))) == report
    preview = dbmimic.plan(configured(tmp_path, f"sqlite:///{shop}", f"sqlite:///{target}", slice=sections))
    assert preview.rows == sum(rows_of(report).values())
    assert preview.budget == report.budget


@pytest.mark.parametrize("cover", [None, {"values": ["orders", "lines"]}, {"pairs": ["lines"], "min_count": 2}])
def test_a_larger_budget_holds_the_smaller_one_and_rows_that_cover_count(
    tmp_path: Path, shop: Path, cover: Slice | None
) -> None:
    held: list[set[tuple[str, int]]] = []
    for rows in (2_400, 2_700, 6_000):
        target = tmp_path / f"{rows}.db"
        slice_: Slice = {"seeds": [PERCENT], "budget": {"rows": rows}, **({"cover": cover} if cover else {})}
        report = copied(tmp_path, f"sqlite:///{shop}", f"sqlite:///{target}", slice=slice_)
        assert abs(sum(rows_of(report).values()) - rows) <= rows / 10
        for table in report.coverage:
            assert table.covered == table.tuples
            assert table.covered_without <= table.covered
        with contextlib.closing(sqlite3.connect(target)) as connection:
            ids = {table: connection.execute(f"SELECT id FROM {table}") for table in ("customers", "orders", "lines")}
            held.append({(table, row[0]) for table, found in ids.items() for row in found})
    assert held[0] < held[1] < held[2]


def test_what_comes_in_lumps_is_told(tmp_path: Path, shop: Path) -> None:
    """Each country brings some sixty customers with all of theirs, so that nothing is near to 200 rows."""
    preview = planned(tmp_path, shop, seeds=[{"table": "country", "percent": 1}], budget={"rows": 200})
    (told,) = (finding for finding in preview.findings if finding.code == "DM223")
    assert str(told.severity) == "warning"
    assert preview.rows == preview.budget.reached


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ("seeds: [{table: customers, ids: [1]}], budget: {rows: 10}", "no seed of this slice is a percent"),
        ("seeds: [{table: customers, percent: 5}], budget: {rows: 900000}", "with every row of its percent seeds"),
        ("seeds: [{table: customers, percent: 5}], budget: {size: 2GB}", "bytes with every row of its percent seeds"),
        ("seeds: [{table: customers, percent: 5}], static: [products], budget: {rows: 300}", "has 400 rows without"),
        (
            "seeds: [{table: customers, percent: 5}], cover: {values: [lines]}, budget: {rows: 90}",
            "rows that cover something are among them",
        ),
    ],
)
def test_a_budget_that_cannot_be_met_is_refused_by_plan(tmp_path: Path, shop: Path, sections: str, said: str) -> None:
    path = tmp_path / "dbmimic.yaml"
    path.write_text(f"source: sqlite:///{shop}\nsecret: {SECRET}\nslice: {{{sections}}}\nrules: {{default: keep}}\n")
    with pytest.raises(ConfigError) as caught:
        dbmimic.plan(dbmimic.load_config(path))
    (problem,) = caught.value.problems
    assert problem.code == "DM223"
    assert problem.place.startswith(f"{path}:3:")
    assert said in problem.message
    assert problem.hint

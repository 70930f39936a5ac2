"""Slices of real databases whose exact rows are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests.copying import copied, rows_of

CHINOOK = {
    "invoiceline": 2,
    "invoice": 1,
    "customer": 1,
    "employee": 3,
    "track": 2,
    "album": 2,
    "artist": 1,
    "genre": 1,
    "mediatype": 1,
}


def stop(table: str, where: str) -> dict[str, object]:
    return {"children": "stop", "seeds": [{"table": table, "where": where}]}


def folded(rows: dict[str, int]) -> dict[str, int]:
    return {name.replace("_", "").casefold(): count for name, count in rows.items()}


def test_pagila_has_exactly_82_rows(postgres: PostgresServer, tmp_path: Path) -> None:
    urls = postgres.url("pagila"), postgres.url("pagila_slice")
    report = copied(tmp_path, *urls, slice=stop("public.rental", "rental_id <= 10"))
    assert rows_of(report) == {
        "rental": 10, "customer": 10, "inventory": 10, "film": 10, "language": 1,
        "staff": 2, "store": 2, "address": 14, "city": 12, "country": 11,
    }  # fmt: skip
    assert sum(rows_of(report).values()) == 82
    assert report.foreign_keys.orphans == 0


def test_pagila_meets_a_budget_beside_what_covers(postgres: PostgresServer, tmp_path: Path) -> None:
    """A film that covers something brings all that was ever rented of it."""
    budget = 4_000
    film = {"table": "public.film", "columns": ["rating", "rental_duration", "rental_rate"]}
    slice_ = {
        "seeds": [{"table": "public.customer", "percent": 1}, {"table": "public.customer", "ids": [42]}],
        "cover": {"pairs": [film]},
        "budget": {"rows": budget},
    }
    report = copied(tmp_path, postgres.url("pagila"), postgres.url("pagila_slice"), slice=slice_)
    (told,) = report.coverage
    assert told.covered == told.tuples > 50
    assert told.rows > 0
    assert abs(sum(rows_of(report).values()) - budget) <= budget / 10
    assert report.foreign_keys.orphans == 0


def test_sakila_has_exactly_57_rows(mysql: MariadbServer, tmp_path: Path) -> None:
    report = copied(tmp_path, mysql.url("sakila"), mysql.url("sakila_slice"), slice=stop("payment", "payment_id <= 10"))
    assert rows_of(report) == {
        "payment": 10, "rental": 10, "inventory": 10, "film": 10, "language": 1, "customer": 1,
        "staff": 2, "store": 2, "address": 5, "city": 3, "country": 3,
    }  # fmt: skip
    assert sum(rows_of(report).values()) == 57


def test_chinook_has_the_same_14_rows_on_postgresql(postgres: PostgresServer, tmp_path: Path) -> None:
    urls = postgres.url("chinook"), postgres.url("chinook_slice")
    assert folded(rows_of(copied(tmp_path, *urls, slice=stop("invoice_line", "invoice_id = 1")))) == CHINOOK


def test_chinook_has_the_same_14_rows_on_mariadb(mysql: MariadbServer, tmp_path: Path) -> None:
    urls = mysql.url("Chinook"), mysql.url("chinook_slice")
    assert folded(rows_of(copied(tmp_path, *urls, slice=stop("InvoiceLine", "InvoiceId = 1")))) == CHINOOK


def test_chinook_has_the_same_14_rows_on_sqlite(chinook_file: Path, tmp_path: Path) -> None:
    urls = f"sqlite:///{chinook_file}", f"sqlite:///{tmp_path / 'slice.db'}"
    assert folded(rows_of(copied(tmp_path, *urls, slice=stop("InvoiceLine", "InvoiceId = 1")))) == CHINOOK


def test_northwind_order_10248_has_16_rows_in_8_tables(postgres: PostgresServer, tmp_path: Path) -> None:
    urls = postgres.url("northwind"), postgres.url("northwind_slice")
    rows = rows_of(copied(tmp_path, *urls, slice=stop("order_details", "order_id = 10248")))
    assert (sum(rows.values()), len(rows)) == (16, 8)


def test_the_bakery_is_sliced_through_its_cycle(postgres: PostgresServer, tmp_path: Path) -> None:
    """Task states and workflow states reference each other; all keys of this database are deferrable."""
    urls = postgres.url("bakery"), postgres.url("bakery_slice")
    seeds = [{"table": "wagtailcore_workflowstate", "percent": 100}, {"table": "breads_breadpage", "where": "true"}]
    report = copied(tmp_path, *urls, slice={"children": "stop", "seeds": seeds})
    rows = rows_of(report)
    whole = {name: postgres.execute(f"SELECT count(*) FROM {name}", database="bakery")[0][0] for name in rows}
    assert rows["breads_breadpage"] == whole["breads_breadpage"]
    assert 0 < rows["wagtailcore_page"] < whole["wagtailcore_page"]
    assert report.foreign_keys.checked == 148
    assert report.foreign_keys.orphans == 0


@pytest.mark.parametrize("children", ["follow", "stop"])
def test_the_database_made_for_subsetting_stays_whole(postgres: PostgresServer, tmp_path: Path, children: str) -> None:
    tables = postgres.execute(
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2",
        database="subsetting",
    )
    schema, name = tables[0]
    urls = postgres.url("subsetting"), postgres.url(f"subsetting_{children}")
    report = copied(
        tmp_path, *urls, slice={"children": children, "seeds": [{"table": f"{schema}.{name}", "percent": 40}]}
    )
    assert report.verified
    assert report.foreign_keys.checked == 38


def test_pagila_covers_a_table_of_many_types_and_partitions(postgres: PostgresServer, tmp_path: Path) -> None:
    """Domains, an enum, text[], tsvector; payments in partitions, with their customers' stores."""
    cover = {
        "pairs": ["film"],
        "values": [
            {
                "table": "payment",
                "columns": ["amount", "payment_date"],
                "parents": [{"edge": "payment(customer_id)", "columns": ["store_id", "activebool"]}],
            }
        ],
    }
    slice_ = {"cover": cover, "children": "stop"}
    report = copied(tmp_path, postgres.url("pagila"), postgres.url("pagila_slice"), slice=slice_)
    assert rows_of(report)["payment"] < 200
    assert [each.table for each in report.coverage] == ["public.payment", "public.film"]
    assert all(each.covered == each.tuples > 20 for each in report.coverage)
    ratings = "SELECT count(DISTINCT rating), count(DISTINCT rental_duration) FROM film"
    assert postgres.execute(ratings, database="pagila_slice") == postgres.execute(ratings, database="pagila")


def test_sakila_is_held_to_a_size(mysql: MariadbServer, tmp_path: Path) -> None:
    slice_ = {"seeds": [{"table": "payment", "percent": 1}], "children": "stop", "budget": {"size": "300 kB"}}
    report = copied(tmp_path, mysql.url("sakila"), mysql.url("sakila_slice"), slice=slice_)
    assert report.budget is not None
    assert abs(report.budget.reached - 300_000) <= 30_000
    assert rows_of(report)["payment"] > 160

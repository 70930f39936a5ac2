"""Keys of real databases, found again as if nobody had declared them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from dbmimic.engines.catalog import Engines
from dbmimic.introspect import link, suggest
from dbmimic.model.address import Address
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer


def found(address: Address) -> tuple[int, int, set[str]]:
    """Give how many keys of one column are declared, how many of these are found, and the other ones that are."""
    with closing(Engines().of(address.engine).open_source(address)) as source:
        schema = source.schema()
        declared = {str(edge) for edge in schema.foreign_keys if len(edge.child_columns) == 1}
        bare = replace(schema, foreign_keys=())
        told = {f"{key.child} -> {key.parent}".replace("public.", "") for key in suggest(bare, link(bare), source)}
    declared = {edge.replace("public.", "") for edge in declared}
    return len(declared), len(declared & told), told - declared


# References that these databases have and do not declare, or declare of a page's own part instead of the page.
PAGILA = {"store(manager_staff_id) -> staff(staff_id)"}
SAKILA = {"film_text(film_id) -> film(film_id)"}
BAKERY = {
    "base_formfield(page_id) -> wagtailcore_page(id)",
    "blog_blogpersonrelationship(page_id) -> wagtailcore_page(id)",
    "recipes_recipepersonrelationship(page_id) -> wagtailcore_page(id)",
    "wagtailcore_modellogentry(revision_id) -> wagtailcore_revision(id)",
    "wagtailcore_modellogentry(user_id) -> auth_user(id)",
    "wagtailcore_pagelogentry(page_id) -> wagtailcore_page(id)",
    "wagtailcore_pagelogentry(revision_id) -> wagtailcore_revision(id)",
    "wagtailcore_pagelogentry(user_id) -> auth_user(id)",
}


@pytest.mark.parametrize(
    ("name", "declared", "again", "others"),
    [
        ("pagila", 21, 21, PAGILA),
        ("northwind", 13, 12, set()),
        ("bakery", 148, 129, BAKERY),
        ("chinook", 11, 10, set()),
    ],
)
def test_postgresql(name: str, declared: int, again: int, others: set[str], postgres: PostgresServer) -> None:
    assert found(Address("postgresql", name, "127.0.0.1", postgres.port, "postgres")) == (declared, again, others)


@pytest.mark.parametrize(
    ("name", "declared", "again", "others"), [("sakila", 22, 22, SAKILA), ("Chinook", 11, 10, set())]
)
def test_mariadb(name: str, declared: int, again: int, others: set[str], mysql: MariadbServer) -> None:
    assert found(Address("mysql", name, "127.0.0.1", mysql.port, "root")) == (declared, again, others)


def test_sqlite(chinook_file: Path) -> None:
    """Nothing tells that a `SupportRepId` is the number of an employee."""
    assert found(Address("sqlite", str(chinook_file))) == (11, 10, set())

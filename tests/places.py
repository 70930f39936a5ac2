"""One place for each engine: a shop to copy, a copy of it that is served, and whatever else stands around the two."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import dbmimic
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.copying import write_config
from tests.small_shop import RULES, Shop

ENGINES = ("postgresql", "mysql", "sqlite")
ABSENT_PORT = 1  # nobody listens there


@dataclass(frozen=True)
class Place:
    """
    One engine's shop `source`, and `target`, a verified copy of it.

    `names` gives every database of the server or every file of the folder; `folder` is for configurations.
    """

    shop: Shop
    source: str
    target: str
    folder: Path
    names: Callable[[], list[str]]

    @property
    def engine(self) -> str:
        return self.shop.engine

    def configure(self, folder: Path, **sections: object) -> str:
        """Write the configuration of this copy with other sections, and give its text."""
        sections = {"rules": RULES, **sections}
        source, target = (str(sections.pop(key, self.shop.url(getattr(self, key)))) for key in ("source", "target"))
        return write_config(folder, source, target, **sections).read_text()

    def all(self) -> tuple[list[str], str, str]:
        """Give all that must stay as it is: the names around, the source and the target."""
        return self.names(), self.shop.state(self.source), self.shop.state(self.target)

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """See to it that nothing inside changes the source, the target, or what stands around them."""
        before = self.all()
        yield
        assert self.all() == before

    def leftovers(self) -> list[str]:
        """Give the names of copies that were begun and not put in place."""
        return [name for name in self.names() if "dbmimic_new" in name or "dbmimic-new" in name]


def place(request: pytest.FixtureRequest, engine: str, name: str, folder: Path) -> Place:
    """Build a shop of that name on an engine, and copy it."""
    shop, names = shops(request, engine, folder)
    return filled(shop, names, name, folder)


def filled(shop: Shop, names: Callable[[], list[str]], name: str, folder: Path) -> Place:
    """Build a shop of that name where it is told, and copy it."""
    source, target = (f"{name}.db", f"{name}_stage.db") if shop.engine == "sqlite" else (name, f"{name}_stage")
    shop.build(source)
    dbmimic.copy(dbmimic.load_config(write_config(folder, shop.url(source), shop.url(target), rules=RULES)))
    return Place(shop, source, target, folder, names)


def shops(request: pytest.FixtureRequest, engine: str, folder: Path) -> tuple[Shop, Callable[[], list[str]]]:
    """Give where shops can be built on an engine, and what lists all that is there."""
    if engine == "postgresql":
        return on_postgres(request.getfixturevalue("postgres15"))
    if engine == "mysql":
        mariadb: MariadbServer = request.getfixturevalue("mariadb")
        return small_shop.on_mariadb(mariadb), lambda: _column(mariadb.execute("SHOW DATABASES"))
    # the file that a run locks is empty and stays: removing it would let two runs hold two of them
    return small_shop.on_sqlite(folder), lambda: [
        _told(path) for path in sorted(folder.glob("*.db*")) if not path.name.endswith(".dbmimic-lock")
    ]


def on_postgres(server: PostgresServer) -> tuple[Shop, Callable[[], list[str]]]:
    """Give the server as a place for shops, and what lists its databases."""
    listed = "SELECT datname FROM pg_database ORDER BY 1"
    return small_shop.on_postgres(server), lambda: _column(server.execute(listed))


def _column(rows: list[tuple[object, ...]]) -> list[str]:
    return [str(row[0]) for row in rows]


def _told(path: Path) -> str:
    return f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}"

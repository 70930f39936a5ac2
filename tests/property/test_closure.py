"""
Random databases with random slices, copied whole through every engine, against the brute-force oracle.

More of them: `python -m pytest tests/property/test_closure.py --databases 2000` (a tenth on PostgreSQL, a
twentieth on MariaDB); without it, a tenth of these. A world that fails is found again by its number. The oracle's set
is the least one, so that equal is minimal; `test_why.py` proves of single rows that something led to them.
"""

from __future__ import annotations

import contextlib
import importlib
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import dbmimic
from dbmimic.engines import numbers
from dbmimic.engines.postgres import walk as postgres_walk
from dbmimic.errors import ConfigError
from dbmimic.masks.keyed import parse_secret
from dbmimic.model import bits
from dbmimic.model.request import Children, Enter, Mode
from dbmimic.model.ruleset import Ruleset, Undecided
from dbmimic.model.settings import EdgeSpec, Named, SeedSpec, Settings, SliceSpec, TableSpec, VirtualKeySpec
from dbmimic.subset import choice
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.oracle import closure, colours, missing
from dbmimic.testing.postgres_server import PostgresServer
from dbmimic.testing.world_maker import make_world
from dbmimic.testing.world_policies import with_policies, with_virtual_keys
from dbmimic.testing.worlds import World, WorldForeignKey
from tests.copying import SECRET

# Every third world is sliced as it comes, the others by policies too; every fifth has virtual keys.
# In every fourth, rings are followed in memory after one round.
PLAIN = 3

WALK = importlib.import_module("dbmimic.subset.walk")

Rows = Callable[[str], Counter[tuple[object, ...]]]


def world_of(number: int) -> World:
    world = make_world(number)
    if number % 5 == 0:
        world = with_virtual_keys(world)
    return with_policies(world) if number % PLAIN else world


def settings(world: World, engine: str, source: str, target: str) -> Settings:
    """Give the world's slice as a configuration would say it, with every column kept."""
    return Settings(
        place="here",
        source=Named(source, "source"),
        target=Named(target, "target"),
        secret=Named(SECRET, "secret"),
        slice=SliceSpec(
            mode=Mode.RESTRICT if world.restrict else Mode.CLOSURE,
            children=Children.FOLLOW if world.follow else Children.STOP,
            seeds=tuple(
                SeedSpec(Named(seed.table, "seed"), where=seed.condition.sql(engine))
                if seed.condition
                else SeedSpec(Named(seed.table, "seed"), ids=seed.ids)
                for seed in world.seeds
            ),
            static=tuple(Named(name, "static") for name in sorted(world.static)),
            exclude=tuple(Named(name, "exclude") for name in sorted(world.excluded)),
            virtual_keys=tuple(virtual_key(key, engine) for key in world.foreign_keys if key.virtual),
            tables=tables(world),
            edges=tuple(edge_spec(world, key, engine) for key in world.foreign_keys if key.name in world.policies),
        ),
        rules=Ruleset(layers=(), default=Undecided.KEEP),
    )


def tables(world: World) -> tuple[TableSpec, ...]:
    if world.restrict:
        return ()
    return tuple(
        TableSpec(
            Named(name, "tables"),
            Mode.RESTRICT if name in world.restricted else None,
            Enter.ALL if name in world.joint else Enter.ANY,
        )
        for name in sorted(world.restricted | world.joint)
    )


def edge_spec(world: World, key: WorldForeignKey, engine: str) -> EdgeSpec:
    policy = world.policies[key.name]
    return EdgeSpec(
        edge=Named(world.edge_name(key), key.name),
        parent=policy.parent,
        children=policy.children,
        limit=policy.limit,
        ratio=policy.ratio,
        where=Named(policy.where.sql(engine), key.name) if policy.where else None,
    )


def virtual_key(key: WorldForeignKey, engine: str) -> VirtualKeySpec:
    return VirtualKeySpec(
        Named(f"{key.child}({', '.join(key.child_columns)})", key.name),
        Named(f"{key.parent}({', '.join(key.parent_columns)})", key.name),
        Named(key.when.sql(engine), key.name) if key.when else None,
    )


def agree(world: World, engine: str, source: str, target: str, rows: Rows) -> None:
    """Copy the world and compare every row of every table, and the colours, with the oracle."""
    secret = parse_secret(SECRET)
    if dangling := missing(world, secret):
        with pytest.raises(ConfigError) as caught:
            dbmimic.copy(settings(world, engine, source, target))
        assert {problem.place for problem in caught.value.problems} == dangling, f"world {world.seed}"
        return
    report = dbmimic.copy(settings(world, engine, source, target))
    for name, wanted in closure(world, secret).items():
        assert rows(name) == wanted, f"world {world.seed}, table {name}"
    found = colours(world, secret)
    own = Counter(name for name, _ in found.own)
    need = Counter(name for name, _ in found.included - found.own)
    for table in report.tables:
        name = table.table.rpartition(".")[2]
        if name not in world.static | world.restricted:
            assert (table.own, table.need) == (own[name], need[name]), f"world {world.seed}, table {name}"


def walk_as(number: int, patched: pytest.MonkeyPatch) -> None:
    """Let some of the worlds be walked as deep ones are, and some with key sets on disk and few rows at a time."""
    patched.setattr(WALK, "_ROUNDS", 1 if number % 4 == 1 else 24)
    cramped = number % 3 == 2
    patched.setattr(bits, "_PIECE", 2 if cramped else 1 << 18)
    patched.setattr(bits.SPILL, "limit", 0 if cramped else 1 << 27)
    patched.setattr(choice, "_PAIRS_AT_ONCE", 4 if cramped else 1 << 20)
    patched.setattr(postgres_walk, "_FEW_ROWS", -1 if cramped else 10_000_000)
    patched.setattr(numbers, "_IN_MEMORY", 3 if cramped else 1 << 20)
    patched.setattr(numbers, "_BLOCK", 2 if cramped else 256)


def test_sqlite(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(request.config.getoption("--databases")):
        world = world_of(number)
        walk_as(number, monkeypatch)
        source, target = tmp_path / f"{number}.db", tmp_path / "target.db"
        with contextlib.closing(sqlite3.connect(source)) as connection, connection:
            for statement in world.script("sqlite"):
                connection.execute(statement)
        agree(world, "sqlite", f"sqlite:///{source}", f"sqlite:///{target}", reader_of(world, sqlite_rows(target)))
        source.unlink()


def test_postgresql(
    request: pytest.FixtureRequest, postgres15: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(request.config.getoption("--databases") // 10):
        world = world_of(number)
        walk_as(number, monkeypatch)
        postgres15.create_database("world")
        postgres15.execute("; ".join(world.script("postgresql")), database="world")

        def run(select: str) -> list[tuple[object, ...]]:
            return postgres15.execute(select, database="world_copy")

        agree(world, "postgresql", postgres15.url("world"), postgres15.url("world_copy"), reader_of(world, run))
        postgres15.execute('DROP DATABASE "world" WITH (FORCE)')


def test_mariadb(request: pytest.FixtureRequest, mariadb: MariadbServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(request.config.getoption("--databases") // 20):
        world = world_of(number)
        walk_as(number, monkeypatch)
        mariadb.create_database("world")
        mariadb.execute(*world.script("mysql"), database="world")

        def run(select: str) -> list[tuple[object, ...]]:
            return mariadb.execute(select, database="world_copy")

        agree(world, "mysql", mariadb.url("world"), mariadb.url("world_copy"), reader_of(world, run))


def reader_of(world: World, run: Callable[[str], list[tuple[object, ...]]]) -> Rows:
    """Give a function that reads a table of the copy, its columns in the world's order."""

    def rows(name: str) -> Counter[tuple[object, ...]]:
        columns = ", ".join(column.name for column in world.by_name[name].columns)
        return Counter(run(f"SELECT {columns} FROM {name}"))

    return rows


def sqlite_rows(path: Path) -> Callable[[str], list[tuple[object, ...]]]:
    def run(select: str) -> list[tuple[object, ...]]:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return connection.execute(select).fetchall()

    return run

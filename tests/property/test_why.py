"""Why a row is in the slice: in random databases every chain is one of real links, from a real beginning."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from pathlib import Path

from dbmimic import wiring
from dbmimic.masks.keyed import parse_secret
from dbmimic.model.explanation import Explanation
from dbmimic.model.request import Children, Parent
from dbmimic.testing.oracle import Colours, colours, missing
from dbmimic.testing.worlds import World, WorldTable
from tests.copying import SECRET
from tests.property.test_closure import settings, world_of

WORLDS = 60


def test_chains_are_real(tmp_path: Path) -> None:
    lengths: set[int] = set()
    for number in range(WORLDS):
        world = world_of(number)
        if missing(world, parse_secret(SECRET)):
            continue
        path = tmp_path / f"{number}.db"
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            for statement in world.script("sqlite"):
                connection.execute(statement)
        told = colours(world, parse_secret(SECRET))
        for table, row in random.Random(number).sample(keyed_rows(world), k=min(4, len(keyed_rows(world)))):
            key = tuple(str(value) for value in table.values(table.rows[row], table.primary_key))
            found = wiring.why(settings(world, "sqlite", f"sqlite:///{path}", "sqlite:///x"), table.name, key)
            assert found.in_slice is ((table.name, row) in told.included), f"world {number}, {table.name} {key}"
            if found.in_slice:
                check(world, found, told)
                assert (found.chain[-1].table, found.chain[-1].key) == (table.name, key)
                lengths.add(len(found.chain))
    assert {1, 2, 3} <= lengths


def keyed_rows(world: World) -> list[tuple[WorldTable, int]]:
    return [(table, row) for table in world.tables if table.primary_key for row in range(len(table.rows))]


def check(world: World, found: Explanation, told: Colours) -> None:
    """Every row but the first is a child or parent of the one before; children come from own rows only."""
    edges = {world.edge_name(key): key for key in world.foreign_keys}
    first, *others = found.chain
    assert first.reason
    assert not first.edge
    if first.reason.startswith("seed"):
        assert first.table in {seed.table for seed in world.seeds}
    else:
        assert first.table in world.static | world.restricted
    descending = True
    for before, link in zip(found.chain, others, strict=False):
        key = edges[link.edge]
        policy = world.policies.get(key.name)
        if link.came == "child":
            assert descending, "a row that is needed only brought a child"
            assert (key.parent, key.child) == (before.table, link.table)
            assert policy is None or policy.children is not Children.STOP
        else:
            descending = False
            assert (key.child, key.parent) == (before.table, link.table)
            assert policy is None or policy.parent in {None, Parent.FOLLOW}
        pairs = {
            (shown(world, child, key.child), shown(world, parent, key.parent))
            for child in range(len(world.by_name[key.child].rows))
            for parent in range(len(world.by_name[key.parent].rows))
            if (key.child, child) in told.included and (key.parent, parent) in told.included
            if linked(world, key.name, child, parent)
        }
        ends = (link.key, before.key) if link.came == "child" else (before.key, link.key)
        assert ends in pairs


def shown(world: World, row: int, name: str) -> tuple[str, ...]:
    table = world.by_name[name]
    return tuple(str(value) for value in table.values(table.rows[row], table.primary_key))


def linked(world: World, name: str, child: int, parent: int) -> bool:
    key = next(key for key in world.foreign_keys if key.name == name)
    held = world.by_name[key.child].values(world.by_name[key.child].rows[child], key.child_columns)
    wanted = world.by_name[key.parent].values(world.by_name[key.parent].rows[parent], key.parent_columns)
    return None not in held and held == wanted

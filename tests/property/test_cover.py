"""Covered tables of random databases: nothing that is not too rare is missing, and the slice is the closure of the rows."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dbmimic import subset
from dbmimic.engines.sqlite.source import SqliteSource
from dbmimic.errors import ConfigError
from dbmimic.introspect import link
from dbmimic.masks.keyed import parse_secret
from dbmimic.model.keys import KeySet
from dbmimic.model.names import TableId
from dbmimic.model.request import Parent
from dbmimic.model.settings import CoverSpec, Named
from dbmimic.subset.features import Feature
from dbmimic.subset.tuples import Candidates, TupleSpace
from dbmimic.testing.oracle import colours, missing, tuples
from dbmimic.testing.worlds import World, WorldSeed, WorldTable
from tests.copying import SECRET
from tests.property.test_closure import settings, world_of


def test_slices_hold_what_they_cover_and_nothing_else(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    tried = whole = added = 0
    for number in range(request.config.getoption("--databases") // 20):
        world = world_of(number)
        chosen = coverable(world)
        if not chosen:
            continue
        rng = random.Random(f"cover {number}")
        table, min_count = rng.choice(chosen), rng.choice([1, 1, 2, 3])
        columns = [column.name for column in table.columns if column.name not in table.primary_key]
        spec = CoverSpec(Named(table.name, "here"), True, min_count, tuple(Named(name, "here") for name in columns))
        path = tmp_path / f"{number}.db"
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            for statement in world.script("sqlite"):
                connection.execute(statement)
        found = walked(world, path, spec)
        if found is None:
            continue
        own, need, covered, (told,) = found
        seeded = table.name in {seed.table for seed in world.seeds} or table.name not in world.restricted
        extra = WorldSeed(table.name, ids=tuple(table.values(table.rows[row], table.primary_key) for row in covered))  # type: ignore[misc]
        started = replace(world, seeds=(*world.seeds, extra)) if seeded else world
        assert not missing(started, parse_secret(SECRET))
        wanted = colours(started, parse_secret(SECRET))
        assert own | need == wanted.included, f"world {number}"
        uncoloured = {row for row in need if row[0] in world.static | world.restricted}
        assert own - uncoloured == wanted.own - uncoloured, f"world {number}"
        held = [row for name, row in wanted.included if name == table.name]
        there = tuples(table, held, columns)
        absent = [
            each
            for each, count in tuples(table, range(len(table.rows)), columns).items()
            if count >= min_count and not there[each]
        ]
        rows_leave = world.restricted or any(each.parent is Parent.DROP_CHILD for each in world.policies.values())
        assert (not absent and told.covered == told.tuples) or rows_leave, f"world {number}, {table.name}: {absent}"
        assert told.covered < told.tuples or not absent, f"world {number}"
        assert len(covered) == told.rows <= told.tuples - told.covered_without
        tried += 1
        whole += told.covered == told.tuples
        added += bool(covered)
    assert whole > tried / 2
    assert added > tried / 4


def coverable(world: World) -> list[WorldTable]:
    """Give the tables that can be compared by their keys."""
    return [
        table
        for table in world.tables
        if table.primary_key
        and len(table.columns) > len(table.primary_key) + 1
        and table.name not in world.excluded | world.static
    ]


def walked(world: World, path: Path, spec: CoverSpec):
    """Walk the world with a table covered; give the rows by colour and those chosen to cover, by their numbers."""
    config = replace(settings(world, "sqlite", "here", "there").slice, cover=(spec,))
    secret = parse_secret(SECRET)
    source = SqliteSource(path)
    try:
        schema = source.schema()
        graph = link(schema, subset.virtual_keys(config.virtual_keys, schema, source))
        plan = subset.plan(schema, graph, subset.resolve(config, schema, graph))
        try:
            found = subset.walk(plan, schema, source, secret)
        except ConfigError:  # an edge that is not to be followed is needed
            return None

        def numbers(table: TableId, rows: KeySet) -> set[tuple[str, int]]:
            held = world.by_name[table.name]
            if rows and not held.primary_key:
                return {(table.name, row - 2**63 - 1) for row in rows.bits(table)}
            key = held.primary_key
            places = {tuple(map(str, held.values(row, key))): number for number, row in enumerate(held.rows)}
            read = [each for each in source.keyed(schema.table(table), key, rows) if len(each.ids)] if rows else []
            return {
                (table.name, places[values])
                for each in read
                for values in zip(*(column.to_pylist() for column in each.columns), strict=True)
            }

        own, need = set(), set()
        for table, chosen in found.slices.items():
            everything = {(table.name, row) for row in range(len(world.by_name[table.name].rows))}
            if chosen.whole:
                need |= everything
            else:
                own |= numbers(table, chosen.own)
                need |= numbers(table, chosen.need)
        covered = [row for table, rows in found.covered.items() for _, row in numbers(table, rows)]
        return own, need, covered, found.coverage
    finally:
        source.close()


def test_no_chosen_row_can_be_left_out() -> None:
    """By brute force over random codes: all wanted tuples are held, each row holds one alone, equal runs are equal."""
    leaf = TableId("", "t")
    for seed in range(20):
        rng = np.random.default_rng(seed)
        sizes = rng.integers(1, 7, 5)
        features = [
            Feature(np.arange(size, dtype=np.uint64), alone=bool(place % 2), paired=place != 1)
            for place, size in enumerate(sizes)
        ]
        space = TupleSpace(features, [0, 0, 1, 2, 3])
        codes = np.stack([rng.integers(-(place == 2), size, 400) for place, size in enumerate(sizes)]).astype(np.int32)
        held = [{*space.of_row(codes[:, row]).tolist()} for row in range(400)]
        counts = np.zeros(space.size, dtype=np.int64)
        space.count(codes, counts)
        assert counts.tolist() == [sum(each in of_row for of_row in held) for each in range(space.size)]
        wanted = counts >= 3
        hashes = rng.integers(0, 2**63, 400).astype(np.uint64)
        found = []
        for batch in (400, 37):
            candidates = Candidates(space, counts, wanted)
            for start in range(0, 400, batch):
                ids = np.arange(start, min(start + batch, 400))
                candidates.add(leaf, ids.astype(np.uint64), hashes[ids], codes[:, ids])
            found.append(set(candidates.fewest().bits(leaf)))
        chosen, again = found
        assert chosen == again
        needed = set(np.flatnonzero(wanted).tolist())
        assert needed <= set().union(*(held[row] for row in chosen))
        for row in chosen:
            assert not needed <= set().union(*(held[other] for other in chosen - {row}))

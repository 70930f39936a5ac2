"""Which of the shapes that slices go wrong over a world has, found by looking at it."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from dbmimic.testing.worlds import World, WorldForeignKey, WorldTable


class Shape(StrEnum):
    """One trait of a schema or its data that a subsetter may stumble over."""

    NO_KEY = "a table without any key"
    REPEATED_ROWS = "rows that equal each other in every column"
    COMPOUND_KEY = "a compound primary key"
    TEXT_KEY = "a text primary key"
    EMPTY_TABLE = "a table without rows"
    COMPOUND_EDGE = "a compound foreign key"
    REORDERED_EDGE = "a compound foreign key in another order than the key"
    SELF_EDGE = "a table that references itself"
    SELF_ROW = "a row that references itself"
    NULLABLE_PAIR = "two tables that reference each other, nullable"
    SOLID_PAIR = "two tables that reference each other, NOT NULL"
    NULLABLE_RING = "three tables in a ring, nullable"
    SOLID_RING = "three tables in a ring, NOT NULL"
    PARALLEL_EDGES = "two foreign keys to one parent"
    UNIQUE_PARENT = "a foreign key to a unique key"
    NULL_IN_PARENT = "a NULL in a referenced unique key"
    KEY_IS_EDGE = "a foreign key that is the primary key"
    KEY_HAS_EDGE = "a foreign key that is a part of the primary key"
    SHARED_COLUMN = "two foreign keys that share a column"
    NULL_EDGE = "a foreign key that is NULL"
    PARTLY_NULL_EDGE = "a compound foreign key that is NULL in part"
    MATCH_FULL = "MATCH FULL"
    PARTITIONED = "a partitioned table"
    PARTITIONED_PARENT = "a partitioned table that is referenced"
    IDS = "a seed by ids"
    WHERE = "a seed by a condition"
    FOLLOW = "children followed"
    STOP = "children not followed"
    STATIC = "a static table"
    EXCLUDED = "an excluded table"
    EXCLUDED_CHILD = "an excluded table that references others"


def shapes(world: World) -> frozenset[Shape]:
    """Give the shapes that this world has."""
    found = {
        Shape.FOLLOW: world.follow,
        Shape.STOP: not world.follow,
        Shape.STATIC: bool(world.static),
        Shape.EXCLUDED: bool(world.excluded),
        Shape.EXCLUDED_CHILD: any(key.child in world.excluded for key in world.foreign_keys),
        Shape.IDS: any(seed.ids for seed in world.seeds),
        Shape.WHERE: any(seed.condition is not None for seed in world.seeds),
    }
    shapes = {shape for shape, there in found.items() if there}
    for table in world.tables:
        shapes |= _of_table(table)
    for key in world.foreign_keys:
        shapes |= _of_edge(world, key)
    return frozenset(shapes | _of_rings(world) | _of_pairs_of_edges(world))


def _of_table(table: WorldTable) -> set[Shape]:
    kinds = {column.name: column.kind for column in table.columns}
    found = {
        Shape.NO_KEY: not table.primary_key and not table.unique_keys,
        Shape.REPEATED_ROWS: any(count > 1 for count in Counter(table.rows).values()),
        Shape.COMPOUND_KEY: len(table.primary_key) > 1,
        Shape.TEXT_KEY: any(kinds[column] == "text" for column in table.primary_key),
        Shape.EMPTY_TABLE: not table.rows,
        Shape.PARTITIONED: table.partitioning is not None,
    }
    return {shape for shape, there in found.items() if there}


def _of_edge(world: World, key: WorldForeignKey) -> set[Shape]:
    child, parent = world.by_name[key.child], world.by_name[key.parent]
    held = [child.values(row, key.child_columns) for row in child.rows]
    compound = len(key.child_columns) > 1
    orders = [other for other in (parent.primary_key, *parent.unique_keys) if set(other) == set(key.parent_columns)]
    is_self = key.child == key.parent
    unique = set(key.parent_columns) != set(parent.primary_key)
    found = {
        Shape.COMPOUND_EDGE: compound,
        Shape.REORDERED_EDGE: compound and key.parent_columns not in orders,
        Shape.SELF_EDGE: is_self,
        Shape.SELF_ROW: is_self
        and any(
            None not in value and value == parent.values(row, key.parent_columns)
            for value, row in zip(held, child.rows, strict=True)
        ),
        Shape.UNIQUE_PARENT: unique,
        Shape.NULL_IN_PARENT: any(None in parent.values(row, key.parent_columns) for row in parent.rows),
        Shape.KEY_IS_EDGE: key.child_columns == child.primary_key,
        Shape.KEY_HAS_EDGE: set(key.child_columns) < set(child.primary_key),
        Shape.NULL_EDGE: any(set(value) == {None} for value in held),
        Shape.PARTLY_NULL_EDGE: any(None in value and set(value) != {None} for value in held),
        Shape.MATCH_FULL: key.match_full,
        Shape.PARTITIONED_PARENT: parent.partitioning is not None,
    }
    return {shape for shape, there in found.items() if there}


def _of_pairs_of_edges(world: World) -> set[Shape]:
    found: set[Shape] = set()
    for place, one in enumerate(world.foreign_keys):
        for other in world.foreign_keys[place + 1 :]:
            if one.child == other.child and one.parent == other.parent:
                found.add(Shape.PARALLEL_EDGES)
            if one.child == other.child and set(one.child_columns) & set(other.child_columns):
                found.add(Shape.SHARED_COLUMN)
    return found


def _of_rings(world: World) -> set[Shape]:
    found: set[Shape] = set()
    for solid, pair, ring in (
        (False, Shape.NULLABLE_PAIR, Shape.NULLABLE_RING),
        (True, Shape.SOLID_PAIR, Shape.SOLID_RING),
    ):
        arrows = {
            (key.child, key.parent)
            for key in world.foreign_keys
            if key.child != key.parent and _is_solid(world, key) is solid
        }
        for a, b in arrows:
            if (b, a) in arrows:
                found.add(pair)
            if any((b, c) in arrows and (c, a) in arrows for c in world.by_name if c not in {a, b}):
                found.add(ring)
    return found


def _is_solid(world: World, key: WorldForeignKey) -> bool:
    columns = {column.name: column for column in world.by_name[key.child].columns}
    return not any(columns[column].nullable for column in key.child_columns)

"""Adds policies to a world: how its edges and tables are treated, drawn from the world's own seed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from dbmimic.model.request import Children, Parent
from dbmimic.testing.worlds import (
    Comparison,
    Condition,
    Kind,
    World,
    WorldForeignKey,
    WorldPolicy,
    WorldTable,
)


def with_policies(world: World) -> World:
    """Give the world with another slice of it: policies for some edges, `restrict` for all or some tables."""
    return _Maker(world).make()


def with_virtual_keys(world: World) -> World:
    """Give the world with up to three foreign keys that nobody declared, and that many a row breaks."""
    rng = random.Random(f"virtual {world.seed}")
    kept = [table for table in world.tables if table.name not in world.excluded]
    keys: dict[tuple[object, ...], WorldForeignKey] = {}
    for _ in range(rng.randint(1, 3)):
        child, parent = rng.choice(kept), rng.choice(kept)
        columns = parent.primary_key or ("n",)
        kinds = {column.name: column.kind for column in parent.columns}
        matching = [[column.name for column in child.columns if column.kind is kinds[name]] for name in columns]
        if not all(matching):
            continue
        ours = tuple(rng.choice(names) for names in matching)
        when = _condition(child, rng) if rng.random() < 0.4 else None  # noqa: PLR2004 -- a share
        key = WorldForeignKey(f"v{len(keys)}", child.name, ours, parent.name, columns, virtual=True, when=when)
        if len(set(ours)) == len(ours) and _pairs(key) not in set(map(_pairs, world.foreign_keys)):
            keys.setdefault(_pairs(key), key)
    return replace(world, foreign_keys=(*world.foreign_keys, *keys.values()))


class _Maker:
    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = random.Random(f"policies {world.seed}")

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def make(self) -> World:
        world = self._world
        restrict = self._chance(0.25)
        others = [table.name for table in world.tables if table.name not in world.static | world.excluded]
        restricted = frozenset(name for name in others if restrict or self._chance(0.15))
        policies = {key.name: self._policy(key, restrict=restrict) for key in world.foreign_keys}
        excluded = world.excluded | set(self._excluded(policies))
        return replace(
            world,
            restrict=restrict,
            restricted=restricted - excluded,
            joint=frozenset() if restrict else self._joint() - excluded,
            policies={name: policy for name, policy in policies.items() if policy is not None},
            excluded=excluded,
        )

    def _joint(self) -> frozenset[str]:
        """Give some of the tables that several foreign keys lead to."""
        into = Counter(key.child for key in self._world.foreign_keys)
        return frozenset(name for name, count in sorted(into.items()) if count > 1 and self._chance(0.3))

    def _policy(self, key: WorldForeignKey, *, restrict: bool) -> WorldPolicy | None:
        if self._chance(0.3):
            return None
        ways = [None, None, Parent.FOLLOW, Parent.DROP_CHILD, Parent.DROP_CHILD, Parent.STOP]
        if nulls := null_columns(self._world, key):
            ways += [Parent.NULL] * 5
        parent = self._rng.choice(ways)
        if parent is Parent.DROP_CHILD and key.child in self._world.static:
            parent = None
        policy = WorldPolicy(parent=parent, nulls=nulls if parent is Parent.NULL else ())
        if not restrict:
            policy = self._thinned(key, policy)
        return None if policy == WorldPolicy() else policy

    def _thinned(self, key: WorldForeignKey, policy: WorldPolicy) -> WorldPolicy:
        children = self._rng.choice([None, None, None, Children.FOLLOW, Children.FOLLOW, Children.STOP])
        if children is Children.STOP:
            return replace(policy, children=children)
        return replace(
            policy,
            children=children,
            limit=self._rng.randint(0, 3) if self._chance(0.35) else None,
            ratio=self._rng.choice([0.2, 0.5, 0.8]) if self._chance(0.2) else None,
            where=_condition(self._world.by_name[key.child], self._rng) if self._chance(0.2) else None,
        )

    def _excluded(self, policies: dict[str, WorldPolicy | None]) -> Iterator[str]:
        """Give a table now and then that others reference over edges which do without it."""
        started = {seed.table for seed in self._world.seeds} | self._world.static
        for table in self._world.tables:
            into = [key for key in self._world.foreign_keys if key.parent == table.name != key.child]
            known = [policy for key in into if (policy := policies[key.name]) is not None]
            loose = all(policy.parent in {Parent.NULL, Parent.DROP_CHILD} for policy in known)
            if into and len(known) == len(into) and loose and table.name not in started and self._chance(0.3):
                yield table.name


def _pairs(key: WorldForeignKey) -> tuple[object, ...]:
    return key.child, key.parent, frozenset(zip(key.child_columns, key.parent_columns, strict=True))


def null_columns(world: World, key: WorldForeignKey) -> tuple[str, ...]:
    """Give the columns of a key that can become NULL for its sake alone; none where that cannot be done everywhere."""
    child = world.by_name[key.child]
    if child.partitioning is not None and child.partitioning.column in key.child_columns:
        return ()
    others = {name for other in world.foreign_keys if other is not key and other.child == key.child
              for name in other.child_columns}  # fmt: skip
    others |= {name for other in world.foreign_keys if other.parent == key.child for name in other.parent_columns}
    nullable = {column.name for column in child.columns if column.nullable}
    free = tuple(c for c in key.child_columns if c in nullable and c not in others and c not in child.primary_key)
    return () if key.match_full and len(free) < len(key.child_columns) else free


def _condition(table: WorldTable, rng: random.Random) -> Condition:
    column = rng.choice(table.columns)
    known = [value for row in table.rows if (value := row[table.place[column.name]]) is not None]
    if known and column.kind is Kind.INT and rng.choice([True, False]):
        return Condition(column.name, Comparison.AT_MOST, (rng.choice(known),))
    if known:
        return Condition(column.name, Comparison.IN, tuple(dict.fromkeys(rng.choices(known, k=4))))
    return Condition(column.name, Comparison.IS_NULL)

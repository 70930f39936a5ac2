"""
Which rows a world's slice holds, found the plainest way.

Every row has its number in its table. A row is `own` if it is a seed or is brought along by an `own` parent; whatever
an included row needs is included. The rules are applied to all rows until none adds a row. Where a row then is without
a parent that it must have, it is banished and everything begins anew. It is slow, and right by inspection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import pyarrow as pa

from dbmimic.masks import canonical
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.address import Secret
from dbmimic.model.request import Children, Parent
from dbmimic.model.types import Kind as LogicalKind
from dbmimic.model.types import LogicalType
from dbmimic.testing.worlds import Kind, Row, Value, World, WorldForeignKey, WorldPolicy, WorldSeed, WorldTable

RowNumber = tuple[str, int]  # the table's name, and the place of the row in it
Link = tuple[RowNumber, RowNumber]  # a child and the parent that it references

_NO_POLICY = WorldPolicy()


@dataclass(frozen=True, slots=True)
class Colours:
    """The rows of the slice: `own` ones, and all of them."""

    own: frozenset[RowNumber]
    included: frozenset[RowNumber]


def closure(world: World, secret: Secret | None = None) -> dict[str, Counter[Row]]:
    """Give the rows of the slice: for every table, excluded and empty ones too, each row with how often it occurs."""
    oracle = _Oracle(world, secret)
    included = oracle.colours().included
    return {
        table.name: Counter(
            oracle.as_copied(table, number, included)
            for number in range(len(table.rows))
            if (table.name, number) in included
        )
        for table in world.tables
    }


def colours(world: World, secret: Secret | None = None) -> Colours:
    """Give the rows of the slice by colour."""
    return _Oracle(world, secret).colours()


def tuples(table: WorldTable, numbers: Iterable[int], columns: Sequence[str]) -> Counter[object]:
    """Give each value of some columns, and each pair of two columns' values, with how many of these rows hold it."""
    found: Counter[object] = Counter()
    for number in numbers:
        values = tuple(zip(columns, table.values(table.rows[number], columns), strict=True))
        found.update(values)
        found.update(combinations(values, 2))
    return found


def missing(world: World, secret: Secret | None = None) -> set[str]:
    """Give the edges that nobody is to follow and that lead out of the slice all the same."""
    oracle = _Oracle(world, secret)
    included = oracle.colours().included
    return {
        key.name
        for key in world.foreign_keys
        if oracle.parent_policy(key) is Parent.STOP
        and not key.virtual
        and any(child in included and parent not in included for child, parent in oracle.links[key.name])
    }


class _Oracle:
    def __init__(self, world: World, secret: Secret | None) -> None:
        self.world = world
        self.secret = secret
        self.links = {key.name: _links(world, key) for key in world.foreign_keys}
        self.seeds = {row for seed in world.seeds for row in _seeded(world, seed)}
        self.own_tables = self._own_tables()
        self.bringing = {key.name: self._bringing(key) for key in world.foreign_keys}

    def parent_policy(self, key: WorldForeignKey) -> Parent:
        written = self.world.policies.get(key.name, _NO_POLICY).parent
        return written or (Parent.DROP_CHILD if key.child in self.world.restricted else Parent.FOLLOW)

    def colours(self) -> Colours:
        banished: set[RowNumber] = set()
        while True:
            own, included = self._closed(banished)
            leaving = set(self._leaving(included))
            if not leaving:
                return Colours(frozenset(own | (self._starts(self.world.restricted) & included)), frozenset(included))
            banished |= leaving

    def _closed(self, banished: set[RowNumber]) -> tuple[set[RowNumber], set[RowNumber]]:
        world = self.world
        own = {row for row in self.seeds if row[0] not in world.restricted} - banished
        included = self._starts(world.static | world.restricted) - banished
        while True:
            led = {child for links in self.bringing.values() for child, parent in links if parent in own}
            more_own = own | {child for child in led if self._is_joined(child, own)} - banished
            needed = {
                parent
                for key in world.foreign_keys
                if self.parent_policy(key) is Parent.FOLLOW
                for child, parent in self.links[key.name]
                if child in included | own
            }
            more = included | more_own | (needed - banished)
            if more_own == own and more == included:
                return own, included
            own, included = more_own, more

    def _is_joined(self, child: RowNumber, own: set[RowNumber]) -> bool:
        """Tell whether all that a row of a joint table references has brought it; a row of another table need not."""
        if child[0] not in self.world.joint:
            return True
        return all(
            any(link in self.bringing[key.name] and link[1] in own for link in links)
            for key in self.world.foreign_keys
            if key.child == child[0] and self._may_bring(key)
            if (links := [link for link in self.links[key.name] if link[0] == child])
        )

    def _may_bring(self, key: WorldForeignKey) -> bool:
        """Tell whether rows may come downwards over a key at all, going by the tables."""
        return self._descends(key) and key.parent in self.own_tables and key.parent not in self.world.static

    def _descends(self, key: WorldForeignKey) -> bool:
        children = self.world.policies.get(key.name, _NO_POLICY).children
        wanted = children or (Children.FOLLOW if self.world.follow else Children.STOP)
        return wanted is Children.FOLLOW and key.child not in self.world.excluded

    def _own_tables(self) -> set[str]:
        found = {seed.table for seed in self.world.seeds} - self.world.restricted
        while (
            more := {key.child for key in self.world.foreign_keys if key.parent in found and self._descends(key)}
            - found
        ):
            found |= more
        return found

    def _leaving(self, included: set[RowNumber]) -> Iterator[RowNumber]:
        """Give the rows that are there without a parent that must be there with them."""
        for key in self.world.foreign_keys:
            if self.parent_policy(key) in {Parent.FOLLOW, Parent.DROP_CHILD}:
                for child, parent in self.links[key.name]:
                    if child in included and parent not in included:
                        yield child

    def _starts(self, tables: frozenset[str]) -> set[RowNumber]:
        """Give all rows of these tables; of restricted ones with seeds, the seeds."""
        seeded = {seed.table for seed in self.world.seeds} & self.world.restricted
        return {
            (name, number)
            for name in tables
            for number in range(len(self.world.by_name[name].rows))
            if name not in seeded or (name, number) in self.seeds
        }

    def _bringing(self, key: WorldForeignKey) -> list[Link]:
        """Give the links over which own parents bring children along."""
        world, policy = self.world, self.world.policies.get(key.name, _NO_POLICY)
        if not self._descends(key):
            return []
        table = world.by_name[key.child]
        links = self.links[key.name]
        if key.child in world.restricted:
            links = [link for link in links if link[0] in self._starts(world.restricted)]
        where = policy.where
        if where is not None:
            links = [link for link in links if where.holds(table.values(table.rows[link[0][1]], (where.column,))[0])]
        if policy.ratio is not None:
            links = [link for link in links if self._hash(table, link[0][1]) / 2.0**64 < policy.ratio]
        if policy.limit is not None:
            families: dict[RowNumber, list[Link]] = {}
            for link in sorted(links, key=lambda link: self._hash(table, link[0][1])):
                families.setdefault(link[1], []).append(link)
            links = [link for family in families.values() for link in family[: policy.limit]]
        return links

    def _hash(self, table: WorldTable, number: int) -> int:
        assert self.secret is not None
        names = table.primary_key or tuple(column.name for column in table.columns)
        kinds = {column.name: column.kind for column in table.columns}
        values = zip(table.values(table.rows[number], names), names, strict=True)
        text = b"\x1f".join(_canonical(value, kinds[name]) for value, name in values)
        keyed = KeyedFunction.derive(self.secret, f"slice:{table.name}")
        return int(keyed.uniform(pa.array([text], pa.binary()))[0])

    def as_copied(self, table: WorldTable, number: int, included: frozenset[RowNumber]) -> Row:
        """Give an included row with its references to what is not there NULL, where that is asked for."""
        values = dict(zip((column.name for column in table.columns), table.rows[number], strict=True))
        for key in self.world.foreign_keys:
            if key.child == table.name and self.parent_policy(key) is Parent.NULL:
                for child, parent in self.links[key.name]:
                    if child == (table.name, number) and parent not in included:
                        values.update(dict.fromkeys(self.world.policies[key.name].nulls))
        return tuple(values.values())


def _canonical(value: Value, kind: Kind) -> bytes:
    if value is None:
        return b"\x00"
    logical = LogicalType(LogicalKind.INTEGER if kind is Kind.INT else LogicalKind.TEXT)
    form = canonical.by_kind(pa.array([str(value)]), logical).cast(pa.binary())
    found: bytes = form[0].as_py()
    return found


def _links(world: World, key: WorldForeignKey) -> list[Link]:
    """Give each child row with the parent row that it references; a NULL in any column references nothing."""
    child, parent = world.by_name[key.child], world.by_name[key.parent]
    links = []
    for child_number, child_row in enumerate(child.rows):
        wanted = child.values(child_row, key.child_columns)
        if None in wanted or not _holds(key, child, child_row):
            continue
        for parent_number, parent_row in enumerate(parent.rows):
            if parent.values(parent_row, key.parent_columns) == wanted:
                links.append(((child.name, child_number), (parent.name, parent_number)))
    return links


def _holds(key: WorldForeignKey, child: WorldTable, row: Row) -> bool:
    return key.when is None or key.when.holds(child.values(row, (key.when.column,))[0])


def _seeded(world: World, seed: WorldSeed) -> list[RowNumber]:
    table = world.by_name[seed.table]
    condition = seed.condition
    if condition is None:
        return [(table.name, n) for n, row in enumerate(table.rows) if table.values(row, table.primary_key) in seed.ids]
    return [
        (table.name, n)
        for n, row in enumerate(table.rows)
        if condition.holds(table.values(row, (condition.column,))[0])
    ]

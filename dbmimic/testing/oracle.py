"""
Which rows a world's slice holds, found the plainest way.

Every row has its number in its table. A row is `own` if it is a seed or, where children are followed, references an
`own` row; everything that an included row references is included. The rules are applied to all rows until none adds a
row. It is slow, and right by inspection.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from dbmimic.testing.worlds import Row, World, WorldForeignKey, WorldSeed

RowNumber = tuple[str, int]  # the table's name, and the place of the row in it


@dataclass(frozen=True, slots=True)
class Colours:
    """The rows of the slice: `own` ones, and all of them."""

    own: frozenset[RowNumber]
    included: frozenset[RowNumber]


def closure(world: World) -> dict[str, Counter[Row]]:
    """Give the rows of the slice: for every table, excluded and empty ones too, each row with how often it occurs."""
    included = colours(world).included
    return {
        table.name: Counter(row for number, row in enumerate(table.rows) if (table.name, number) in included)
        for table in world.tables
    }


def colours(world: World) -> Colours:
    """Give the rows of the slice by colour."""
    links = [link for key in world.foreign_keys for link in _links(world, key)]
    own = {row for seed in world.seeds for row in _seeded(world, seed)}
    included = {(name, number) for name in world.static for number in range(len(world.by_name[name].rows))}
    while True:
        more_own = own | ({child for child, parent in links if parent in own} if world.follow else set())
        more_own = {(name, number) for name, number in more_own if name not in world.excluded}
        more = included | more_own | {parent for child, parent in links if child in included}
        if more_own == own and more == included:
            return Colours(frozenset(own), frozenset(included))
        own, included = more_own, more


def _links(world: World, key: WorldForeignKey) -> list[tuple[RowNumber, RowNumber]]:
    """Give each child row with the parent row that it references; a NULL in any column references nothing."""
    child, parent = world.by_name[key.child], world.by_name[key.parent]
    links = []
    for child_number, child_row in enumerate(child.rows):
        wanted = child.values(child_row, key.child_columns)
        if None in wanted:
            continue
        for parent_number, parent_row in enumerate(parent.rows):
            if parent.values(parent_row, key.parent_columns) == wanted:
                links.append(((child.name, child_number), (parent.name, parent_number)))
    return links


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

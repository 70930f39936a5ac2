"""Makes worlds from integers: the same integer gives the same world for ever, on any machine."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dbmimic.testing.worlds import (
    Comparison,
    Condition,
    Kind,
    Partitioning,
    Row,
    Value,
    World,
    WorldColumn,
    WorldForeignKey,
    WorldSeed,
    WorldTable,
)

# Text that breaks careless quoting, none of which another equals under any engine's binary collation.
_TEXTS = (
    "", "plain", "o'brien", 'say "x"', "back\\slash", "a,b;c", "100%_", "NULL", "\\N", "tab\tstop", "line\nbreak",
    "ünïcode", "🐘", "x'41'", "{1,2}", "--", "0", "007", "1.0", "e\u0301",
)  # fmt: skip


@dataclass
class _Draft:
    """A table while it is made: the cells are by column, all of the same length."""

    name: str
    size: int
    columns: dict[str, WorldColumn] = field(default_factory=dict)
    cells: dict[str, list[Value]] = field(default_factory=dict)
    primary_key: tuple[str, ...] = ()
    unique_keys: list[tuple[str, ...]] = field(default_factory=list)
    indexes: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, name: str, kind: Kind, cells: Sequence[Value], *, nullable: bool) -> None:
        self.columns[name] = WorldColumn(name, kind, nullable)
        self.cells[name] = list(cells)

    def referencable(self, key: tuple[str, ...]) -> list[tuple[int | str, ...]]:
        """Give the values of a key that a child may reference: those without a NULL."""
        rows = zip(*(self.cells[column] for column in key), strict=True)
        return [tuple(value for value in row if value is not None) for row in rows if None not in row]


def make_world(seed: int) -> World:
    """Give the world of this seed: one to eight tables of up to a dozen rows (now and then 40), and a slice."""
    return _Maker(seed).make()


class _Maker:
    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rng = random.Random(seed)
        self._tables: list[_Draft] = []
        self._foreign_keys: list[WorldForeignKey] = []

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def make(self) -> World:
        for number in range(self._rng.randint(1, 8)):
            self._tables.append(self._table(f"t{number}"))
        for _ in range(self._rng.randint(0, 2 * len(self._tables))):
            self._rng.choice(self._ways())()
        for draft in self._tables:
            self._repeat_rows(draft)
        tables = tuple(self._finished(draft) for draft in self._tables)
        return self._sliced(tables)

    # --- tables and their keys

    def _table(self, name: str) -> _Draft:
        size = 0 if self._chance(0.12) else self._rng.randint(1, 12)
        if self._chance(0.04):
            size = 40
        draft = _Draft(name, size)
        way = self._rng.choice(
            [self._int_key, self._int_key, self._text_key, self._pair_key, self._pair_key, self._no_key]
        )
        if self._tables and self._chance(0.3):
            way = self._rng.choice([self._inherited_key, self._joining_key])
        way(draft)
        if self._chance(0.35):
            self._unique(draft)
        draft.add("n", Kind.INT, [self._maybe(self._rng.randint(-2, 5)) for _ in range(draft.size)], nullable=True)
        if self._chance(0.6):
            draft.add(
                "note", Kind.TEXT, [self._maybe(self._rng.choice(_TEXTS)) for _ in range(draft.size)], nullable=True
            )
        return draft

    def _maybe(self, value: Value, share: float = 0.2) -> Value:
        return None if self._chance(share) else value

    def _int_key(self, draft: _Draft) -> None:
        draft.add("id", Kind.INT, self._rng.sample(range(-5, 60), draft.size), nullable=False)
        draft.primary_key = ("id",)

    def _text_key(self, draft: _Draft) -> None:
        draft.add(
            "code", Kind.TEXT, self._rng.sample([*_TEXTS, *(f"k{n}" for n in range(40))], draft.size), nullable=False
        )
        draft.primary_key = ("code",)

    def _pair_key(self, draft: _Draft) -> None:
        """Give a compound key whose values recur, and recur reversed, so that a swapped pair of columns is noticed."""
        kind = self._rng.choice([Kind.INT, Kind.TEXT])
        second: list[Value] = [*range(8)] if kind is Kind.INT else ["0", "1", "x", *_TEXTS[1:6]]
        pairs = self._rng.sample([(a, b) for a in range(8) for b in second], draft.size)
        columns: dict[str, tuple[Kind, list[Value]]] = {
            "b": (kind, [b for _, b in pairs]),
            "a": (Kind.INT, [a for a, _ in pairs]),
        }
        for name in self._rng.sample(sorted(columns), 2):
            draft.add(name, columns[name][0], columns[name][1], nullable=False)
        draft.primary_key = ("a", "b") if self._chance(0.5) else ("b", "a")

    def _no_key(self, draft: _Draft) -> None:
        draft.add("x", Kind.INT, [self._maybe(self._rng.randint(0, 2)) for _ in range(draft.size)], nullable=True)

    def _inherited_key(self, draft: _Draft) -> None:
        """Make the primary key a foreign key, as one-to-one tables do."""
        parent = self._rng.choice(self._tables)
        if not parent.primary_key:
            self._int_key(draft)
            return
        keys = parent.referencable(parent.primary_key)
        draft.size = min(draft.size, len(keys))
        chosen = self._rng.sample(keys, draft.size)
        names = tuple(f"{column}_of" for column in parent.primary_key)
        for place, (name, column) in enumerate(zip(names, parent.primary_key, strict=True)):
            draft.add(name, parent.columns[column].kind, [key[place] for key in chosen], nullable=False)
        draft.primary_key = names
        self._declare(draft, names, parent, parent.primary_key)

    def _joining_key(self, draft: _Draft) -> None:
        """Make a table that joins two others: its primary key is the two foreign keys."""
        single = [table for table in self._tables if len(table.primary_key) == 1]
        if not single:
            self._int_key(draft)
            return
        left, right = self._rng.choice(single), self._rng.choice(single)
        pairs = [
            (a[0], b[0]) for a in left.referencable(left.primary_key) for b in right.referencable(right.primary_key)
        ]
        draft.size = min(draft.size, len(pairs))
        chosen = self._rng.sample(pairs, draft.size)
        for place, (name, parent) in enumerate((("l", left), ("r", right))):
            kind = parent.columns[parent.primary_key[0]].kind
            draft.add(name, kind, [pair[place] for pair in chosen], nullable=False)
            self._declare(draft, (name,), parent, parent.primary_key)
        draft.primary_key = ("l", "r")

    def _unique(self, draft: _Draft) -> None:
        if self._chance(0.3):
            pairs = self._rng.sample([(a, b) for a in range(7) for b in range(7)], min(draft.size, 40))
            draft.add("v", Kind.INT, [self._maybe(a, 0.1) for a, _ in pairs], nullable=True)
            draft.add("u", Kind.INT, [self._maybe(b, 0.1) for _, b in pairs], nullable=True)
            draft.unique_keys.append(("u", "v"))
            return
        kind = self._rng.choice([Kind.INT, Kind.TEXT])
        pool: list[Value] = [*range(100, 160)] if kind is Kind.INT else [f"u{n}" for n in range(60)]
        draft.add("u", kind, [self._maybe(value) for value in self._rng.sample(pool, draft.size)], nullable=True)
        draft.unique_keys.append(("u",))

    # --- foreign keys

    def _ways(self) -> list[Callable[[], None]]:
        return [self._any_link, self._any_link, self._self_link, self._double_link, self._cycle, self._shared_column]

    def _any_link(self) -> None:
        self._link(self._rng.choice(self._tables), self._rng.choice(self._tables), nullable=self._chance(0.5))

    def _self_link(self) -> None:
        draft = self._rng.choice(self._tables)
        self._link(draft, draft, nullable=self._chance(0.7))

    def _double_link(self) -> None:
        child, parent = self._rng.choice(self._tables), self._rng.choice(self._tables)
        for _ in range(2):
            self._link(child, parent, nullable=self._chance(0.5))

    def _cycle(self) -> None:
        """Make two or three tables reference each other in a ring."""
        length = self._rng.choice([2, 3])
        if len(self._tables) < length:
            return
        ring = self._rng.sample(self._tables, length)
        nullable = self._chance(0.5)
        for child, parent in zip(ring, ring[1:] + ring[:1], strict=True):
            self._link(child, parent, nullable=nullable)

    def _shared_column(self) -> None:
        """Make two compound foreign keys that share their first column, as tables of several tenants do."""
        parents = [table for table in self._tables if set(table.primary_key) == {"a", "b"}]
        if not parents:
            return
        child, left, right = self._rng.choice(self._tables), self._rng.choice(parents), self._rng.choice(parents)
        number = len(self._foreign_keys)
        rows: list[Row] = []
        for _ in range(child.size):
            tenant, below = self._rng.choice(left.referencable(("a", "b")) or [(None, None)])
            fitting = [key[1] for key in right.referencable(("a", "b")) if key[0] == tenant]
            rows.append((tenant, below, self._rng.choice(fitting) if fitting and self._chance(0.8) else None))
        names = (f"s{number}", f"x{number}", f"y{number}")
        kinds = (Kind.INT, left.columns["b"].kind, right.columns["b"].kind)
        for place, name in enumerate(names):
            child.add(name, kinds[place], [row[place] for row in rows], nullable=True)
        self._declare(child, (names[0], names[1]), left, ("a", "b"))
        self._declare(child, (names[2], names[0]), right, ("b", "a"))

    def _link(self, child: _Draft, parent: _Draft, *, nullable: bool) -> None:
        """Give the child new columns that reference a key of the parent, in an order of their own."""
        keys = [key for key in (parent.primary_key, *parent.unique_keys) if key]
        if not keys:
            return
        key = self._rng.choice(keys)
        key = tuple(self._rng.sample(key, len(key)))
        choices = parent.referencable(key)
        nullable = nullable or (not choices and child.size > 0)
        full = len(key) > 1 and self._chance(0.3)
        rows = [self._reference(choices, len(key), nullable=nullable, full=full) for _ in range(child.size)]
        names = tuple(f"f{len(self._foreign_keys)}_{column}" for column in key)
        for place, (name, column) in enumerate(zip(names, key, strict=True)):
            child.add(name, parent.columns[column].kind, [row[place] for row in rows], nullable=nullable)
        self._declare(child, names, parent, key, full=full)

    def _reference(self, choices: Sequence[Row], width: int, *, nullable: bool, full: bool) -> Row:
        if not choices or (nullable and self._chance(0.25)):
            return (None,) * width
        values: list[Value] = list(self._rng.choice(choices))
        if nullable and not full and width > 1 and self._chance(0.3):
            if self._chance(0.3):
                values = [999 if isinstance(value, int) else "gone" for value in values]
            values[self._rng.randrange(width)] = None  # partly NULL: references nothing, whatever the rest says
        return tuple(values)

    def _declare(
        self, child: _Draft, columns: tuple[str, ...], parent: _Draft, key: tuple[str, ...], *, full: bool = False
    ) -> None:
        name = f"fk{len(self._foreign_keys)}"
        self._foreign_keys.append(WorldForeignKey(name, child.name, columns, parent.name, key, full))
        if self._chance(0.5):
            child.indexes.append(columns)

    # --- the finished tables and the slice

    def _repeat_rows(self, draft: _Draft) -> None:
        """Give a table without any key rows that equal each other in every column."""
        if draft.primary_key or draft.unique_keys or not draft.size:
            return
        for _ in range(self._rng.randint(0, 3)):
            number = self._rng.randrange(draft.size)
            for cells in draft.cells.values():
                cells.append(cells[number])

    def _finished(self, draft: _Draft) -> WorldTable:
        names = self._rng.sample(sorted(draft.columns), len(draft.columns))
        rows: list[Row] = list(zip(*(draft.cells[name] for name in names), strict=True))
        self._rng.shuffle(rows)
        partitioning = None
        if not draft.unique_keys and self._chance(0.2):
            column = draft.primary_key[0] if draft.primary_key else self._rng.choice(names)
            partitioning = Partitioning(column, self._rng.randint(1, 4))
        return WorldTable(
            draft.name,
            tuple(draft.columns[name] for name in names),
            draft.primary_key,
            tuple(draft.unique_keys),
            tuple(dict.fromkeys(draft.indexes)),
            tuple(rows),
            partitioning,
            without_rowid=bool(draft.primary_key) and self._chance(0.3),
        )

    def _sliced(self, tables: tuple[WorldTable, ...]) -> World:
        seeds = tuple(self._seeded(self._rng.choice(tables)) for _ in range(self._rng.choice([1, 1, 1, 2, 3])))
        static = frozenset(table.name for table in tables if self._chance(0.08))
        started = {seed.table for seed in seeds} | static
        # Only a table that no other references can be left out without a row that dangles.
        referenced = {key.parent for key in self._foreign_keys if key.child != key.parent}
        excluded = frozenset(
            table.name for table in tables if table.name not in started | referenced and self._chance(0.25)
        )
        return World(self._seed, tables, tuple(self._foreign_keys), seeds, self._chance(0.6), static, excluded)

    def _seeded(self, table: WorldTable) -> WorldSeed:
        if table.primary_key and table.rows and self._chance(0.35):
            rows = self._rng.sample(table.rows, min(len(table.rows), self._rng.randint(1, 3)))
            keys = [table.values(row, table.primary_key) for row in rows]
            return WorldSeed(table.name, ids=tuple(tuple(value for value in key if value is not None) for key in keys))
        return WorldSeed(table.name, self._condition(table))

    def _condition(self, table: WorldTable) -> Condition:
        column = self._rng.choice(table.columns)
        known = [value for row in table.rows if (value := row[table.place[column.name]]) is not None]
        ways = [Comparison.ANY, Comparison.NONE]
        if known:
            ways += [Comparison.IN] * 10
        if known and column.kind is Kind.INT:
            ways += [Comparison.AT_MOST] * 4
        if column.nullable:
            ways += [Comparison.IS_NULL] * 2
        way = self._rng.choice(ways)
        wanted = {Comparison.IN: self._rng.randint(1, 3), Comparison.AT_MOST: 1}.get(way, 0)
        chosen = self._rng.sample(known, min(len(known), wanted))
        return Condition(column.name, way, tuple(dict.fromkeys(chosen)))

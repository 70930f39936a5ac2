"""The generator makes what it says, and the oracle gives known answers on worlds made by hand."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from dataclasses import replace

from dbmimic.model.address import Secret
from dbmimic.model.request import Children, Parent
from dbmimic.testing.oracle import closure, colours, missing
from dbmimic.testing.world_maker import make_world
from dbmimic.testing.world_policies import with_policies
from dbmimic.testing.world_shapes import Shape, shapes
from dbmimic.testing.worlds import (
    Comparison,
    Condition,
    Kind,
    Row,
    World,
    WorldColumn,
    WorldForeignKey,
    WorldPolicy,
    WorldSeed,
    WorldTable,
    literal,
)

SEEDS = range(300)
PINNED = "73a5cc3ed094e008"


def loaded(world: World) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for statement in world.script("sqlite"):
        connection.execute(statement)
    return connection


def rows_of(connection: sqlite3.Connection, table: WorldTable, where: str = "1") -> Counter[Row]:
    columns = ", ".join(column.name for column in table.columns)
    return Counter(connection.execute(f"SELECT {columns} FROM {table.name} WHERE {where}"))


def test_every_world_loads_whole_and_without_orphans() -> None:
    for seed in SEEDS:
        world = make_world(seed)
        connection = loaded(world)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == [], seed
        for table in world.tables:
            assert rows_of(connection, table) == Counter(table.rows), seed
        connection.close()


def test_every_shape_is_made() -> None:
    made = Counter(shape for seed in SEEDS for shape in shapes(make_world(seed)))
    assert {shape for shape in Shape if made[shape] < 5} == set()


def test_the_same_seed_makes_the_same_world() -> None:
    assert [make_world(seed) for seed in range(20)] == [make_world(seed) for seed in range(20)]
    assert len({repr(make_world(seed)) for seed in range(20)}) == 20


def test_a_world_is_the_same_in_every_process_and_version() -> None:
    """A seed that failed once must make the same world when it is looked at later."""
    script = "\n".join(statement for seed in range(10) for statement in make_world(seed).script("postgresql"))
    assert hashlib.sha256(script.encode()).hexdigest()[:16] == PINNED


def test_match_full_keys_are_null_as_a_whole_or_not_at_all() -> None:
    for seed in SEEDS:
        world = make_world(seed)
        for key in world.foreign_keys:
            if key.match_full:
                child = world.by_name[key.child]
                for row in child.rows:
                    values = child.values(row, key.child_columns)
                    assert None not in values or set(values) == {None}, seed


def test_conditions_mean_in_sql_what_they_mean_in_python() -> None:
    checked = 0
    for seed in SEEDS:
        world = make_world(seed)
        connection = loaded(world)
        for start in world.seeds:
            table, condition = world.by_name[start.table], start.condition
            if condition is None:
                continue
            place = table.place[condition.column]
            expected = Counter(row for row in table.rows if condition.holds(row[place]))
            assert rows_of(connection, table, condition.sql("sqlite")) == expected, seed
            checked += len(expected)
        connection.close()
    assert checked > 500


def test_nothing_included_references_what_is_excluded() -> None:
    for seed in SEEDS:
        world = make_world(seed)
        rows = closure(world)
        assert not any(rows[name] for name in world.excluded)
        assert all(key.child == key.parent for key in world.foreign_keys if key.parent in world.excluded)


def test_closures_are_closed_and_hold_their_seeds() -> None:
    """Loaded alone, the slice has no orphans; and it is neither always nothing nor always everything."""
    sizes: Counter[str] = Counter()
    for seed in SEEDS:
        world = make_world(seed)
        rows = closure(world)
        tables = tuple(replace(table, rows=tuple(rows[table.name].elements())) for table in world.tables)
        connection = loaded(replace(world, tables=tables))
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == [], seed
        connection.close()
        for table in world.tables:
            assert rows[table.name] <= Counter(table.rows)
            if table.name in world.static:
                assert rows[table.name] == Counter(table.rows)
        chosen, all_rows = sum(map(len, tables_rows(tables))), sum(map(len, tables_rows(world.tables)))
        sizes["none" if not chosen else "all" if chosen == all_rows else "some"] += 1
    assert sizes["some"] > 150


def tables_rows(tables: tuple[WorldTable, ...]) -> list[tuple[Row, ...]]:
    return [table.rows for table in tables]


# --- the oracle on worlds made by hand


def table(name: str, columns: str, *rows: Row, key: str = "") -> WorldTable:
    """A table whose columns are all integers; without `key`, the first column is the primary key."""
    names = columns.split()
    made = tuple(WorldColumn(column, Kind.INT, nullable=column not in (key or names[0]).split()) for column in names)
    return WorldTable(name, made, tuple((key or names[0]).split()), (), (), rows)


def edge(child: str, parent: str) -> WorldForeignKey:
    """A foreign key, as `orders.customer` to `customers.id`; several columns stand apart by `,`."""
    (child_name, child_columns), (parent_name, parent_columns) = child.split("."), parent.split(".")
    columns = tuple(child_columns.split(",")), tuple(parent_columns.split(","))
    return WorldForeignKey(f"{child}>{parent}", child_name, columns[0], parent_name, columns[1])


def start(name: str, column: str, *values: int) -> WorldSeed:
    return WorldSeed(name, Condition(column, Comparison.IN, values))


SHOP = World(
    0,
    (
        table("country", "id", (1,), (2,), (3,)),
        table("customer", "id country", (1, 1), (2, 2), (3, None)),
        table("orders", "id customer", (10, 1), (11, 1), (12, 2)),
        table("line", "id orders", (100, 10), (101, 11), (102, 12)),
        table("audit", "id orders", (7, 10)),
    ),
    (
        edge("customer.country", "country.id"),
        edge("orders.customer", "customer.id"),
        edge("line.orders", "orders.id"),
        edge("audit.orders", "orders.id"),
    ),
    (start("orders", "id", 10),),
    follow=True,
)


def chosen(world: World) -> dict[str, set[object]]:
    """The first columns of the chosen rows."""
    return {name: {row[0] for row in rows} for name, rows in closure(world).items() if rows}


def test_parents_are_needed_and_children_follow_own_rows_only() -> None:
    # Customer 1 is needed by order 10; being needed only, it does not bring its other order, 11.
    assert chosen(SHOP) == {"orders": {10}, "line": {100}, "audit": {7}, "customer": {1}, "country": {1}}
    told = colours(SHOP)
    assert told.own == {("orders", 0), ("line", 0), ("audit", 0)}
    assert told.included - told.own == {("customer", 0), ("country", 0)}


def test_children_stop() -> None:
    assert chosen(replace(SHOP, follow=False)) == {"orders": {10}, "customer": {1}, "country": {1}}


def test_a_needed_row_that_is_also_a_seed_is_own() -> None:
    both = replace(SHOP, seeds=(*SHOP.seeds, start("customer", "id", 1)))
    assert chosen(both) == {"orders": {10, 11}, "line": {100, 101}, "audit": {7}, "customer": {1}, "country": {1}}


def test_static_tables_are_whole_and_bring_parents_only() -> None:
    static = replace(SHOP, seeds=(), static=frozenset({"orders"}))
    assert chosen(static) == {"orders": {10, 11, 12}, "customer": {1, 2}, "country": {1, 2}}


def test_excluded_tables_hold_nothing_and_lead_nowhere() -> None:
    assert chosen(replace(SHOP, excluded=frozenset({"audit", "line"}))) == {
        "orders": {10},
        "customer": {1},
        "country": {1},
    }


def test_no_seeds_no_rows() -> None:
    assert chosen(replace(SHOP, seeds=(start("orders", "id", 99),))) == {}


def test_seeds_by_ids_of_compound_keys() -> None:
    pairs = table("pair", "a b", (1, 2), (2, 1), (1, 1), key="a b")
    world = World(0, (pairs,), (), (WorldSeed("pair", ids=((2, 1),)),), follow=True)
    assert closure(world) == {"pair": Counter({(2, 1): 1})}


def test_rows_of_a_ring_with_a_row_that_references_itself() -> None:
    world = World(
        0,
        (
            table("a", "id b up", (1, 1, 1), (2, 2, 1), (3, 2, None)),
            table("b", "id a", (1, 2), (2, 1)),
        ),
        (edge("a.b", "b.id"), edge("b.a", "a.id"), edge("a.up", "a.id")),
        (start("a", "id", 1),),
        follow=False,
    )
    assert chosen(world) == {"a": {1, 2}, "b": {1, 2}}
    assert chosen(replace(world, seeds=(start("a", "id", 3),))) == {"a": {1, 2, 3}, "b": {1, 2}}
    assert chosen(replace(world, seeds=(start("b", "id", 2),), follow=True)) == {"a": {1, 2, 3}, "b": {1, 2}}


def test_compound_keys_in_another_order_and_partly_null() -> None:
    world = World(
        0,
        (
            table("pair", "a b", (1, 2), (2, 1), key="a b"),
            table("child", "id x y", (1, 1, 2), (2, 2, None), (3, None, None)),
        ),
        (edge("child.y,x", "pair.b,a"),),
        (start("child", "id", 1),),
        follow=False,
    )
    assert closure(world)["pair"] == Counter({(1, 2): 1})
    assert closure(replace(world, seeds=(start("child", "id", 2, 3),)))["pair"] == Counter()
    assert chosen(replace(world, seeds=(WorldSeed("pair", ids=((2, 1),)),), follow=True)) == {"pair": {2}}


def test_repeated_rows_count_each() -> None:
    twins = replace(table("twin", "p", (1,), (1,), (2,)), primary_key=())
    world = World(
        0, (table("p", "id", (1,), (2,)), twins), (edge("twin.p", "p.id"),), (start("p", "id", 1),), follow=True
    )
    assert closure(world)["twin"] == Counter({(1,): 2})


# --- how a world is told to an engine


def test_literals() -> None:
    assert literal(None, "mysql") == "NULL"
    assert literal(-3, "mysql") == "-3"
    assert literal("o'b\\s", "postgresql") == "'o''b\\s'"
    assert literal("o'b\\s", "mysql") == "'o''b\\\\s'"


def test_mysql_has_the_parents_columns_in_the_order_of_their_key() -> None:
    world = World(
        0,
        (table("pair", "a b", (1, 2), key="a b"), table("child", "id x y", (1, 1, 2))),
        (edge("child.y,x", "pair.b,a"),),
        (),
        follow=False,
    )
    (statement,) = world.foreign_key_statements("mysql")
    assert "FOREIGN KEY (x, y) REFERENCES pair (a, b)" in statement
    (statement,) = world.foreign_key_statements("postgresql")
    assert "FOREIGN KEY (y, x) REFERENCES pair (b, a)" in statement
    assert world.foreign_key_statements("sqlite") == []
    assert "FOREIGN KEY (y, x) REFERENCES pair (b, a)" in world.ddl("sqlite")[1]


# --- policies, by hand


def sliced(**policies: WorldPolicy) -> World:
    """The shop with policies, by the child's name and the parent's."""
    return replace(SHOP, policies={key.name: policies[name] for key in SHOP.foreign_keys
                                   if (name := f"{key.child}_{key.parent}") in policies})  # fmt: skip


def test_a_row_whose_parent_is_not_there_leaves_with_what_needs_it() -> None:
    # Orders 10 and 12 are asked for; only customer 1 is there (a seed), so 12 leaves, and its line with it.
    drop = sliced(orders_customer=WorldPolicy(parent=Parent.DROP_CHILD, children=Children.STOP))
    world = replace(drop, seeds=(start("orders", "id", 10, 12), start("customer", "id", 1), start("line", "id", 102)))
    assert chosen(world) == {"orders": {10}, "line": {100}, "audit": {7}, "customer": {1}, "country": {1}}


def test_what_is_there_only_for_a_row_that_leaves_is_not_there() -> None:
    # Country 2 is there for customer 2 alone, and it leaves because nothing brings a line's order.
    world = sliced(customer_country=WorldPolicy(parent=Parent.DROP_CHILD))
    assert chosen(replace(world, seeds=(start("line", "id", 102),))) == {}
    assert chosen(replace(world, seeds=(start("line", "id", 102), start("country", "id", 2)))) == {
        "line": {102},
        "orders": {12},
        "customer": {2},
        "country": {2},
    }


def test_a_ring_of_rows_that_have_each_other_stays() -> None:
    world = World(
        0,
        (table("a", "id b", (1, 1), (2, 2)), table("b", "id a", (1, 1), (2, 1))),
        (edge("a.b", "b.id"), edge("b.a", "a.id")),
        (start("a", "id", 1),),
        follow=True,
        restrict=True,
        restricted=frozenset({"a", "b"}),
    )
    assert chosen(world) == {"a": {1}, "b": {1, 2}}


def test_references_to_what_is_not_there_become_null() -> None:
    world = sliced(customer_country=WorldPolicy(parent=Parent.NULL, nulls=("country",)))
    assert closure(world)["customer"] == Counter({(1, None): 1})
    static = replace(world, static=frozenset({"country"}))
    assert closure(static)["customer"] == Counter({(1, 1): 1})


def test_an_edge_that_nobody_follows_and_somebody_needs_is_missing() -> None:
    world = sliced(customer_country=WorldPolicy(parent=Parent.STOP))
    assert missing(world) == {"customer.country>country.id"}
    assert missing(replace(world, static=frozenset({"country"}))) == set()


def test_restrict_keeps_all_that_loses_no_parent() -> None:
    world = replace(SHOP, restrict=True, restricted=frozenset(SHOP.by_name))
    assert chosen(world) == {
        "country": {1, 2, 3},
        "customer": {1, 2, 3},
        "orders": {10},
        "line": {100},
        "audit": {7},
    }


def test_a_limit_is_one_for_each_parent_and_smaller_ones_lie_in_larger_ones() -> None:
    many = replace(
        SHOP,
        tables=(
            *SHOP.tables[:2],
            table("orders", "id customer", *((n, 1 + n % 2) for n in range(20))),
            *SHOP.tables[3:],
        ),
        seeds=(start("customer", "id", 1, 2),),
    )
    key = next(key.name for key in SHOP.foreign_keys if key.child == "orders")
    secret = Secret(bytes(range(32)))
    held = [
        closure(replace(many, policies={key: WorldPolicy(limit=limit)}), secret)["orders"] for limit in (0, 3, 5, 99)
    ]
    assert [Counter(row[1] for row in rows) for rows in held] == [{}, {1: 3, 2: 3}, {1: 5, 2: 5}, {1: 10, 2: 10}]
    assert held[1] <= held[2]


def test_every_policy_is_made() -> None:
    worlds = [with_policies(make_world(seed)) for seed in SEEDS]
    written = [policy for world in worlds for policy in world.policies.values()]
    parents = Counter(policy.parent for policy in written)
    assert all(parents[policy] > 20 for policy in Parent)
    for attribute in ("limit", "ratio", "where"):
        assert sum(getattr(policy, attribute) is not None for policy in written) > 20
    assert sum(world.restrict for world in worlds) > 20
    assert sum(bool(world.restricted) and not world.restrict for world in worlds) > 20


def test_a_row_of_a_joint_table_comes_where_all_that_it_references_brings_it() -> None:
    world = World(
        0,
        (
            table("p", "id", (1,), (2,)),
            table("q", "id p", (1, 1), (2, 2)),
            table("c", "id p q", (1, 1, 1), (2, 1, 2), (3, 1, None), (4, None, 1)),
        ),
        (edge("q.p", "p.id"), edge("c.p", "p.id"), edge("c.q", "q.id")),
        (start("p", "id", 1),),
        follow=True,
    )
    assert chosen(world)["c"] == {1, 2, 3, 4}
    assert chosen(replace(world, joint=frozenset({"c"})))["c"] == {1, 3, 4}

"""The request and the plan: names found, contradictions told, each table in one step, parents first."""

import time

import pytest

from dbmimic.errors import ConfigError
from dbmimic.introspect import link
from dbmimic.model.names import TableId, nearest, split_name
from dbmimic.model.request import Children, Mode, SliceRequest
from dbmimic.model.schema import Schema
from dbmimic.model.settings import Named, SeedSpec, SliceSpec
from dbmimic.subset import plan, resolve
from tests.unit.schemas import INT, TEXT, edge, schema, table


def shop() -> Schema:
    ids = {"id": INT}
    return schema(
        [
            table("countries", ids, ("id",)),
            table("customers", {**ids, "country_id": INT, "address_id": INT}, ("id",)),
            table("addresses", {**ids, "customer_id": INT}, ("id",)),
            table("orders", {**ids, "customer_id": INT}, ("id",)),
            table("categories", {**ids, "parent_id": INT}, ("id",)),
            table("log", {"line": TEXT}),
        ],
        edge("customers", ("country_id",), "countries", ("id",)),
        edge("customers", ("address_id",), "addresses", ("id",)),
        edge("addresses", ("customer_id",), "customers", ("id",)),
        edge("orders", ("customer_id",), "customers", ("id",)),
        edge("categories", ("parent_id",), "categories", ("id",)),
    )


def named(text: str) -> Named:
    return Named(text, f"dbmimic.yaml:3:{len(text)}")


def seed(text: str, **how: object) -> SeedSpec:
    return SeedSpec(named(text), **(how or {"where": "true"}))


def asked(spec: SliceSpec, found: Schema) -> SliceRequest:
    return resolve(spec, found, link(found))


def test_each_table_stands_in_one_step_and_parents_come_first() -> None:
    found = shop()
    steps = plan(found, link(found), asked(SliceSpec(), found)).steps
    tables = [table.name for step in steps for table in step.tables]
    assert sorted(tables) == sorted(table.id.name for table in found.tables)
    assert tables.index("countries") < tables.index("customers") < tables.index("orders")
    together = next(step for step in steps if TableId("public", "customers") in step.tables)
    assert [table.name for table in together.tables] == ["addresses", "customers"]
    assert {edge.child.name for edge in together.inner} == {"addresses", "customers"}
    assert [edge.parent.name for edge in together.to_parents] == ["countries"]
    assert [edge.child.name for edge in together.to_children] == ["orders"]


def test_hundreds_of_tables_with_thousands_of_keys_are_planned_at_once() -> None:
    """500 tables, 2,000 keys, rings among them: a planner that follows every way would never end."""
    columns = {"id": INT, **{f"k{number}": INT for number in range(4)}}
    tables = [table(f"t{number:03}", columns, ("id",), nullable=("k3",)) for number in range(500)]
    keys = [
        edge(f"t{number:03}", (f"k{which}",), f"t{parent:03}", ("id",))
        for number in range(500)
        for which, parent in enumerate((max(0, number - 1), max(0, number - 2), number // 2, (number * 7 + 3) % 500))
    ]
    found = schema(tables, *keys)
    began = time.process_time()
    made = plan(found, link(found), asked(SliceSpec(seeds=(seed("t499"),)), found))
    assert time.process_time() - began < 10
    assert len(made.edges) == 2000
    assert sorted(table.name for table in made.tables) == [table.id.name for table in found.tables]


def test_the_mode_follows_from_the_seeds() -> None:
    found = shop()
    assert asked(SliceSpec(), found).mode is Mode.FULL
    assert asked(SliceSpec(seeds=(seed("orders"),)), found).mode is Mode.CLOSURE
    assert asked(SliceSpec(static=(named("log"),)), found).mode is Mode.CLOSURE


@pytest.mark.parametrize(
    ("spec", "code", "said"),
    [
        (SliceSpec(seeds=(seed("public.ordres"),)), "DM205", "public.orders"),
        (SliceSpec(static=(named("nowhere.orders"),)), "DM205", "orders"),
        (SliceSpec(static=(named("log"),), exclude=(named("public.log"),)), "DM212", "static"),
        (SliceSpec(seeds=(seed("log"),), exclude=(named("log"),)), "DM212", "excluded"),
        (SliceSpec(seeds=(seed("log", ids=((1,),)),)), "DM212", "where"),
        (SliceSpec(seeds=(seed("orders", ids=((1, 2),)),)), "DM212", "id"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(spec: SliceSpec, code: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        asked(spec, shop())
    assert caught.value.code == code
    assert caught.value.place.startswith("dbmimic.yaml:3:")
    assert said in f"{caught.value.message} {caught.value.hint}"


def test_all_wrong_names_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        asked(SliceSpec(seeds=(seed("a"),), static=(named("b"), named("c"))), shop())
    assert len(caught.value.problems) == 3


def test_an_excluded_table_that_the_slice_needs_is_refused() -> None:
    found = shop()
    spec = SliceSpec(seeds=(seed("orders"),), exclude=(named("countries"),), children=Children.STOP)
    with pytest.raises(ConfigError) as caught:
        plan(found, link(found), asked(spec, found))
    assert caught.value.code == "DM212"
    assert "public.customers(country_id)" in caught.value.place


def test_an_excluded_table_that_the_slice_does_not_reach_is_fine() -> None:
    found = shop()
    spec = SliceSpec(seeds=(seed("categories"),), exclude=(named("countries"), named("log")))
    steps = plan(found, link(found), asked(spec, found))
    assert TableId("public", "countries") not in steps.tables


def test_names_are_split_at_dots_outside_of_quotes() -> None:
    assert split_name("public.orders") == ("public", "orders")
    assert split_name("orders") == ("orders",)
    assert split_name('"a.b".c') == ("a.b", "c")
    assert split_name('public."say ""hi""".x') == ("public", 'say "hi"', "x")


def test_ids_print_as_they_are_written() -> None:
    for id_ in (TableId("public", "orders"), TableId("", "Order Details"), TableId("S'\"chema", "a.b")):
        parts = split_name(str(id_))
        assert parts == ((id_.schema, id_.name) if id_.schema else (id_.name,))


def test_the_nearest_word_is_found_without_case() -> None:
    assert nearest("Ordres", ["orders", "customers"]) == "orders"
    assert nearest("zzz", ["orders"]) is None
    assert nearest("retries", ["metrics", "retry"]) == "retry", "though more of its letters are those of metrics"

"""Policies of edges: names found, contradictions told with their place, and what they come to in the plan."""

import pytest

from dbmimic.errors import ConfigError
from dbmimic.introspect import link
from dbmimic.model.names import TableId
from dbmimic.model.request import Children, Mode, Parent, SliceRequest
from dbmimic.model.schema import ForeignKey, Schema
from dbmimic.model.settings import EdgeSpec, Named, SeedSpec, SliceSpec, TableSpec
from dbmimic.subset import plan, resolve
from tests.unit.schemas import INT, edge, schema, table

IDS = {"id": INT}


def shop() -> Schema:
    return schema(
        [
            table("customers", IDS, ("id",)),
            table("staff", IDS, ("id",)),
            table("orders", {**IDS, "customer_id": INT, "rep_id": INT}, ("id",), nullable=("rep_id",)),
            table("lines", {**IDS, "order_id": INT}, ("id",)),
            table("pairs", {"a": INT, "b": INT}, ("a", "b")),
            table("uses", {**IDS, "a": INT, "b": INT, "c": INT}, ("id",), nullable=("a", "b", "c")),
        ],
        edge("orders", ("customer_id",), "customers", ("id",)),
        edge("orders", ("rep_id",), "staff", ("id",), nullable=True),
        edge("lines", ("order_id",), "orders", ("id",)),
        edge("uses", ("a", "b"), "pairs", ("a", "b"), nullable=True),
        edge("uses", ("a", "c"), "pairs", ("a", "b"), nullable=True),
    )


def named(text: str) -> Named:
    return Named(text, f"dbmimic.yaml:7:{len(text)}")


def policy(text: str, **how: object) -> EdgeSpec:
    return EdgeSpec(named(text), **how)  # type: ignore[arg-type]


def asked(*edges: EdgeSpec, seed: str = "orders", **more: object) -> SliceRequest:
    found = shop()
    seeds = (SeedSpec(named(seed), where="true"),)
    return resolve(SliceSpec(seeds=seeds, edges=edges, **more), found, link(found))  # type: ignore[arg-type]


def refused(*edges: EdgeSpec, **more: object) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        asked(*edges, **more)
    return caught.value


@pytest.mark.parametrize(
    "name",
    [
        "orders_rep_id_fkey",
        "orders(rep_id)",
        "public.orders(rep_id)",
        '"orders" ("rep_id")',
        "orders(rep_id) -> staff",
        "orders(rep_id)->public.staff(id)",
    ],
)
def test_an_edge_is_named_by_its_constraint_or_its_columns(name: str) -> None:
    (found,) = asked(policy(name, parent=Parent.NULL)).edges
    assert found.child_columns == ("rep_id",)


def test_the_columns_of_an_edge_are_named_in_any_order_but_pair_by_pair() -> None:
    (found,) = asked(policy("uses(b, a) -> pairs(b, a)", limit=1)).edges
    assert found.child_columns == ("a", "b")
    assert refused(policy("uses(b, a) -> pairs(a, b)", limit=1)).code == "DM205"


def test_an_edge_that_names_nothing_is_told_with_the_nearest_name() -> None:
    error = refused(policy("orders(rep)", parent=Parent.NULL))
    assert (error.code, error.place) == ("DM205", "dbmimic.yaml:7:11")
    assert "orders(rep_id)" in error.problems[0].hint


def test_null_where_it_cannot_be_is_told_with_its_reason() -> None:
    error = refused(policy("orders(customer_id)", parent=Parent.NULL))
    assert (error.code, error.place) == ("DM212", "dbmimic.yaml:7:19")
    assert "customer_id is NOT NULL" in error.message


def test_null_is_refused_for_a_column_that_others_reference() -> None:
    found = schema(
        [table("a", {**IDS, "n": INT}, ("id",), ("n",), nullable=("n",)), table("b", {**IDS, "n": INT}, ("id",))],
        edge("a", ("n",), "a", ("id",), nullable=True),
        edge("b", ("n",), "a", ("n",)),
    )
    spec = SliceSpec(seeds=(SeedSpec(named("b"), where="true"),), edges=(policy("a(n)", parent=Parent.NULL),))
    with pytest.raises(ConfigError, match="is referenced by"):
        resolve(spec, found, link(found))


def test_null_takes_the_columns_that_no_other_key_shares() -> None:
    (found,) = asked(policy("uses(a, b)", parent=Parent.NULL)).edges.values()
    assert found.nulls == ("b",)


@pytest.mark.parametrize(
    ("edges", "more", "said"),
    [
        ((policy("lines(order_id)", limit=1), policy("lines(order_id)", limit=2)), {}, "two policies"),
        ((policy("lines(order_id)", parent=Parent.DROP_CHILD),), {"static": (named("lines"),)}, "static"),
        ((policy("lines(order_id)", limit=1),), {"mode": Mode.RESTRICT}, "restrict"),
    ],
)
def test_contradictions_are_told(edges: tuple[EdgeSpec, ...], more: dict[str, object], said: str) -> None:
    error = refused(*edges, **more)
    assert error.code == "DM212"
    assert said in error.message


def test_policies_in_a_full_copy_have_no_meaning() -> None:
    found = shop()
    with pytest.raises(ConfigError, match="full"):
        resolve(SliceSpec(edges=(policy("lines(order_id)", limit=1),)), found, link(found))


def planned(*edges: EdgeSpec, **more: object) -> object:
    found = shop()
    return plan(found, link(found), asked(*edges, **more))


def id_(name: str) -> TableId:
    return TableId("public", name)


def of(found: Schema, child: str) -> ForeignKey:
    return next(each for each in found.foreign_keys if each.child.name == child)


def test_what_is_written_for_an_edge_leaves_the_rest_as_it_is() -> None:
    request = asked(policy("lines(order_id)", limit=3), children=Children.STOP)
    (found,) = request.edges.values()
    assert (found.limit, found.parent, found.children) == (3, Parent.FOLLOW, Children.STOP)


def test_a_table_comes_whole_only_where_no_row_of_it_can_leave() -> None:
    restricted = planned(mode=Mode.RESTRICT)
    # `orders` is filtered by its seed, so `lines` may lose rows; nothing that these reference does.
    assert restricted.whole == {id_(name) for name in ("customers", "staff", "pairs", "uses")}  # type: ignore[attr-defined]
    mixed = planned(tables=(TableSpec(named("lines"), Mode.RESTRICT), TableSpec(named("pairs"), Mode.RESTRICT)))
    assert mixed.whole == {id_("pairs")}  # type: ignore[attr-defined]


def test_an_excluded_parent_is_fine_where_the_edge_is_cut() -> None:
    excluded = {"exclude": (named("staff"),)}
    with pytest.raises(ConfigError, match="excluded"):
        planned(**excluded)
    planned(policy("orders(rep_id)", parent=Parent.NULL), **excluded)

"""What the walk asks for first, and what it need not wait for."""

from __future__ import annotations

from dataclasses import replace

from dbmimic.introspect import link
from dbmimic.model.names import TableId
from dbmimic.model.settings import Named, SeedSpec, SliceSpec
from dbmimic.subset import plan, resolve
from dbmimic.subset.abreast import Turn
from dbmimic.subset.course import Course
from tests.unit.schemas import INT, edge, schema, table

ROWS = {"customers": 10, "events": 1_000, "orders": 800, "items": 300, "products": 5}


def course(*more: tuple[str, str]) -> Course:
    """Customers have events and orders, orders have items, items have a product; each `more` is a table's other key."""
    keys = [("events", "customers"), ("orders", "customers"), ("items", "orders"), ("items", "products"), *more]
    tables = [
        table(name, {"id": INT, **{parent: INT for child, parent in keys if child == name}}, ("id",)) for name in ROWS
    ]
    found = schema(
        [replace(each, estimated_rows=ROWS[each.id.name]) for each in tables],
        *(edge(child, (parent,), parent, ("id",)) for child, parent in keys),
    )
    graph = link(found)
    spec = SliceSpec(seeds=(SeedSpec(Named("customers", "here"), where="true"),))
    return Course(plan(found, graph, resolve(spec, found, graph)), found, frozenset({TableId("public", "customers")}))


def turn(of: Course, name: str, *, down: bool) -> Turn:
    (number,) = [at for at, step in enumerate(of.plan.steps) if step.tables[0].name == name]
    return Turn(number, down)


def test_what_has_most_to_read_before_it_is_asked_first() -> None:
    of = course()
    down = of.onward(turn(of, "customers", down=True))
    assert [arrow.end.name for arrow in down] == ["orders", "events"]  # 800 + 300 before 1,000
    assert [of.urgency(arrow) for arrow in down] == [1_101, 1_000]  # the product is one question more


def test_parents_of_which_all_children_came_from_them_are_not_waited_for() -> None:
    of = course()
    assert of.waits[turn(of, "orders", down=False)] == [turn(of, "orders", down=True)]
    assert turn(of, "items", down=False) in of.waits[turn(of, "products", down=False)]


def test_rows_that_came_up_need_parents_again_all_the_way() -> None:
    of = course(("products", "orders"))  # so that orders come up that no customer brought
    assert turn(of, "products", down=False) in of.waits[turn(of, "orders", down=False)]
    assert turn(of, "orders", down=False) in of.waits[turn(of, "customers", down=False)]

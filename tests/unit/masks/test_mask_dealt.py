"""Masks that hang on other rows: every row's value against plain Python, whatever the order of reading."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbmimic.masks.definition import ColumnContext, MaskError
from dbmimic.masks.hand import Gathering, UndealableError, numbers
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.registry import builtin
from dbmimic.model.address import Secret
from dbmimic.model.summary import Dealt
from dbmimic.model.types import Kind, LogicalType

SECRET = Secret(bytes(range(32)))
Rows = list[tuple[str, str, str | None]]  # key, group, value

rows_of_groups = st.lists(st.tuples(st.integers(0, 5), st.integers(-2000, 2000)), min_size=1, max_size=60).map(
    lambda those: [(f"key {place}", f"group {group}", str(value)) for place, (group, value) in enumerate(those)]
)


def dealt(name: str, rows: Rows, column: LogicalType, batch: int = 7, **options: object) -> Dealt:
    definition = builtin().get(name)
    gathering = Gathering(KeyedFunction.derive(SECRET, definition.domain))
    for start in range(0, len(rows), batch):
        keys, groups, values = (pa.array(each, pa.string()) for each in zip(*rows[start : start + batch], strict=True))
        gathering.add(values, keys, groups if "group" in options else None, np.ones(len(keys), dtype=np.bool_))
    context = ColumnContext(column, nullable=True, unique=False)
    return builtin().deal(name, definition.parse(options), context, SECRET, definition.domain, gathering)


def masked(name: str, rows: Rows, column: LogicalType, of: Dealt | None = None, **options: object) -> list[str | None]:
    definition = builtin().get(name)
    made = dealt(name, rows, column, **options) if of is None else of
    context = ColumnContext(column, nullable=True, unique=False, dealt=made)
    mask = builtin().bind(name, definition.parse(options), context, SECRET, definition.domain)
    keys, _, values = zip(*rows, strict=True)
    return mask(pa.array(values, pa.string()), pa.array(keys)).to_pylist()


def circles(rows: Rows, domain: str, least: int = 1) -> list[list[int]]:
    """Give by group the places of its rows in the order of their keyed numbers; small groups are one."""
    keyed = KeyedFunction.derive(SECRET, domain)
    number = {place: int(numbers(keyed, pa.array([key]))[0]) for place, (key, _, _) in enumerate(rows)}
    groups = defaultdict(list)
    for place in sorted(number, key=number.__getitem__):
        groups[rows[place][1]].append(place)
    pool = [place for group in groups.values() if len(group) < least for place in group]
    large = [group for group in groups.values() if len(group) >= least]
    if 0 < len(pool) < least and large:  # dictionaries keep order, so the first one holds the first row
        large[0] += pool
    elif pool:
        large.append(pool)
    return [sorted(group, key=number.__getitem__) for group in large]


@given(rows_of_groups, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_a_shuffle_hands_each_value_to_the_row_before_in_its_group_whatever_the_order_of_reading(rows, random):
    options = {"group": "g", "min_count": 3}
    if len(rows) < 3:
        with pytest.raises(UndealableError):
            dealt("shuffle", rows, LogicalType(Kind.TEXT), **options)
        return
    made = masked("shuffle", rows, LogicalType(Kind.TEXT), **options)
    expected: list[str | None] = [None] * len(rows)
    for circle in circles(rows, "shuffle", 3):
        assert len(circle) >= 3
        for place, following in zip(circle, [*circle[1:], circle[0]], strict=True):
            expected[place] = rows[following][2]
    assert made == expected
    mixed = random.sample(rows, len(rows))
    again = dict(
        zip([key for key, *_ in mixed], masked("shuffle", mixed, LogicalType(Kind.TEXT), **options), strict=True)
    )
    assert [again[key] for key, *_ in rows] == made


@given(rows_of_groups, st.sampled_from([0, 2, -2, None]), st.sampled_from([{"ratio": 0.5}, {"amount": 30}, {}]))
@settings(max_examples=150, deadline=None)
def test_balanced_noise_keeps_every_sum_and_sign_and_goes_no_further_than_it_may(rows, scale, options):
    column = (
        LogicalType(Kind.INTEGER, bits=31) if scale is None else LogicalType(Kind.DECIMAL, precision=9, scale=scale)
    )
    places = scale or 0
    rows = [(key, group, f"{Decimal(value).scaleb(-places):f}") for key, group, value in rows]
    made = masked("balanced_noise", rows, column, group="g", **options)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for (_, group, before), after in zip(rows, made, strict=True):
        was, now = Decimal(before), Decimal(after)
        sums[group] += now - was
        reach = (
            Decimal(options["amount"]) if "amount" in options else abs(was) * Decimal(str(options.get("ratio", 0.1)))
        )
        assert abs(now - was) <= max(reach, Decimal(1).scaleb(-places))
        assert (now > 0, now < 0) == (was > 0, was < 0)
    assert not any(sums.values())


def test_one_more_row_changes_what_one_other_gets():
    rows: Rows = [(str(number), "", f"{number}00") for number in range(1, 9)]
    made = masked("shuffle", rows, LogicalType(Kind.TEXT))
    more = masked("shuffle", [*rows, ("9", "", "900")], LogicalType(Kind.TEXT))
    assert sum(one != other for one, other in zip(made, more, strict=False)) == 1


def test_a_column_of_one_group_is_spread_over_all_of_it_and_amounts_move():
    rows: Rows = [(str(number), "", str(10_000 + number)) for number in range(5000)]
    made = masked("shuffle", rows, LogicalType(Kind.TEXT))
    assert Counter(made) == Counter(value for *_, value in rows)
    assert not any(after == value for after, (*_, value) in zip(made, rows, strict=True))
    was = np.array([int(value) for *_, value in rows])
    assert abs(np.corrcoef(was, np.array(made, dtype=np.int64))[0, 1]) < 0.05
    moved = np.array(masked("balanced_noise", rows, LogicalType(Kind.INTEGER, bits=31)), dtype=np.int64) - was
    assert (moved != 0).mean() > 0.99
    assert moved.sum() == 0
    assert moved.std() > 300
    assert abs(np.corrcoef(was, moved)[0, 1]) < 0.05


def test_blank_values_stay_and_what_cannot_be_read_is_no_part_of_a_sum():
    column = LogicalType(Kind.DECIMAL)
    rows: Rows = [("1", "", "10.25"), ("2", "", "20"), ("3", "", "NaN"), ("4", "", "9" * 40), ("5", "", "30")]
    made = masked("balanced_noise", rows, column, ratio=0.9)
    assert sum(Decimal(made[place]) for place in (0, 1, 4)) == Decimal("60.25")
    assert made[3] != rows[3][2]
    both = masked(
        "shuffle", [("a", "", ""), ("b", "", None)], LogicalType(Kind.TEXT), of=dealt("shuffle", rows, column)
    )
    assert both == ["", None]
    with pytest.raises(MaskError, match="not there when"):
        masked("shuffle", [("a", "", "x")], LogicalType(Kind.TEXT), of=dealt("shuffle", rows, column))


def test_a_column_that_is_too_large_to_know_at_once_is_refused():
    gathering = Gathering(KeyedFunction.derive(SECRET, "shuffle"), 100)
    with pytest.raises(UndealableError, match="takes more than"):
        gathering.add(pa.array(["12345678"] * 9), pa.array(list("123456789")), None, np.ones(9, dtype=np.bool_))

from __future__ import annotations

import datetime as dt

import pytest

from dbmimic.masks.definition import MaskError
from dbmimic.model.types import Kind, LogicalType

DATE = LogicalType(Kind.DATE)
STAMP = LogicalType(Kind.TIMESTAMP)
ZONED = LogicalType(Kind.TIMESTAMPTZ)
TEXT = LogicalType(Kind.TEXT)
EVERY_DAY = [dt.date(1999, 1, 1) + dt.timedelta(days=number) for number in range(2000)]


def distance(before: str, after: str) -> int:
    return (dt.date.fromisoformat(after[:10]) - dt.date.fromisoformat(before[:10])).days


@pytest.mark.parametrize("days", [1, 7, 30, 36_500])
def test_every_date_moves_by_at_most_that_many_days_and_never_by_none(apply, days):
    values = [day.isoformat() for day in EVERY_DAY]
    moves = [
        distance(before, after)
        for before, after in zip(values, apply("date_shift", values, DATE, days=days), strict=True)
    ]
    assert 0 not in moves
    assert max(map(abs, moves)) <= days
    assert min(moves) < 0 < max(moves)
    if days <= 30:
        assert set(moves) == {move for move in range(-days, days + 1) if move}


@pytest.mark.parametrize("days", [7, 20, 365])
def test_weeks_keep_the_day_of_the_week(apply, days):
    values = [day.isoformat() for day in EVERY_DAY]
    made = apply("date_shift", values, DATE, days=days, keep_weekday=True)
    moves = {distance(before, after) for before, after in zip(values, made, strict=True)}
    assert all(move % 7 == 0 and 0 < abs(move) <= days for move in moves)
    assert days > 20 or moves == {move for move in range(-days // 7 * 7, days + 1, 7) if move and abs(move) <= days}


@pytest.mark.parametrize("days", [1, 30, 182])
@pytest.mark.parametrize("of_entity", [False, True])
def test_a_day_of_the_same_year_keeps_the_age(apply, days, of_entity):
    values = [day.isoformat() for day in EVERY_DAY] + ["0001-01-01", "9999-12-31"]
    entity = [str(number % 50) for number in range(len(values))] if of_entity else None
    made = apply("date_shift", values, DATE, days=days, keep_year=True, entity=entity)
    for before, after in zip(values, made, strict=True):
        assert before[:4] == after[:4]
        assert 0 < abs(distance(before, after)) <= days


def test_weekday_and_year_can_both_stay(apply):
    values = [day.isoformat() for day in EVERY_DAY]
    for before, after in zip(
        values, apply("date_shift", values, DATE, days=90, keep_weekday=True, keep_year=True), strict=True
    ):
        assert before[:4] == after[:4]
        assert distance(before, after) % 7 == 0 != distance(before, after)


def test_what_cannot_be_kept_is_told(refusal):
    assert "at least 7" in refusal("date_shift", DATE, days=6, keep_weekday=True)
    assert "at most 182" in refusal("date_shift", DATE, days=183, keep_year=True)


@pytest.mark.parametrize("year", [1, 4, 100, 1600, 1899, 1900, 1970, 2000, 2024, 2100, 9999])
def test_the_calendar_is_right(apply, year):
    first = dt.date(year, 1, 1)
    values = [(first + dt.timedelta(days=number)).isoformat() for number in range(365)]
    for before, after in zip(values, apply("date_shift", values, DATE, days=3), strict=True):
        assert 0 < abs(distance(before, after)) <= 3


@pytest.mark.parametrize(
    "tail",
    ["", " 10:20:30", " 10:20:30.123456", " 23:59:59.9+02", " 00:00:00-04:30", "T10:20:30Z", "T10:20", " 10:20:30 UTC"],
)
@pytest.mark.parametrize("column", [STAMP, ZONED, TEXT])
def test_the_rest_stays_as_it_is_written(apply, column, tail):
    before = "2024-02-29" + tail
    (after,) = apply("date_shift", [before], column)
    assert after[10:] == tail
    assert 0 < abs(distance(before, after)) <= 30


def test_a_date_and_the_times_of_that_date_move_together(apply):
    (date,) = apply("date_shift", ["2024-02-29"], DATE)
    assert [value[:10] for value in apply("date_shift", ["2024-02-29 01:00:00", "2024-02-29 02:00:00"], STAMP)] == [
        date,
        date,
    ]


@pytest.mark.parametrize(
    "value",
    [
        "infinity",
        "-infinity",
        "0000-00-00",
        "0000-00-00 00:00:00",
        "0044-03-15 BC",
        "0044-03-15 12:00:00 BC",
        "12024-01-01",
        "294276-12-31 23:59:59",
    ],
)
@pytest.mark.parametrize("column", [DATE, STAMP, ZONED])
def test_what_is_no_day_of_a_life_stays(apply, column, value):
    assert apply("date_shift", [value, "", None], column, nullable=False) == [value, "", None]


@pytest.mark.parametrize(
    "value",
    [
        "2024-02-30",
        "2024-00-10",
        "2024-13-01",
        "31.12.2024",
        "soon",
        "2024-1-1",
        "2024-01-01x",
        "0000-01-01",
        "\uff12024-01-01",
    ],
)
@pytest.mark.parametrize("column", [DATE, STAMP, TEXT])
def test_what_is_no_date_becomes_null_or_stops_the_run(apply, column, value):
    before = [value, "2024-05-05"]
    assert apply("date_shift", before, column)[0] is None
    assert apply("date_shift", before, column)[1] is not None
    with pytest.raises(MaskError) as caught:
        apply("date_shift", before, column, nullable=False)
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["2024-01-01 met John", "Vancouver BC", "2024-01-01 10:20:30 at home", "infinity John"]
)
def test_words_beside_a_date_do_not_slip_through(apply, value):
    assert apply("date_shift", [value], TEXT) == [None]


class TestEntity:
    def test_everything_of_one_entity_moves_alike(self, apply):
        values = [day.isoformat() for day in EVERY_DAY]
        masked = apply("date_shift", values, DATE, entity=["42"] * len(values))
        assert len({distance(before, after) for before, after in zip(values, masked, strict=True)}) == 1

    def test_entities_move_differently(self, apply):
        entities = [str(number) for number in range(2000)]
        masked = apply("date_shift", ["2024-06-15"] * 2000, DATE, entity=entities)
        assert len(set(masked)) == 60

    def test_without_an_entity_the_value_decides(self, apply):
        alone = apply("date_shift", ["2024-06-15"], DATE)
        assert apply("date_shift", ["2024-06-15"], DATE, entity=[None]) == alone


@pytest.mark.parametrize("first", [dt.date(1, 1, 1), dt.date(9999, 12, 1)])
def test_shifts_do_not_leave_the_calendar(apply, first):
    values = [(first + dt.timedelta(days=number)).isoformat() for number in range(30)]
    for before, after in zip(values, apply("date_shift", values, DATE), strict=True):
        assert 0 < abs(distance(before, after)) <= 30


def test_timestamps_with_a_zone_stay_where_mysql_can_hold_them(apply):
    lowest = [(dt.date(1970, 1, 2) + dt.timedelta(days=number)).isoformat() for number in range(30)]
    highest = [(dt.date(2038, 1, 18) - dt.timedelta(days=number)).isoformat() for number in range(30)]
    assert min(apply("date_shift", lowest, ZONED)) >= "1970-01-02"
    assert max(apply("date_shift", highest, ZONED)) <= "2038-01-18"


@pytest.mark.parametrize("weekday", [False, True])
@pytest.mark.parametrize("days", [7, 182])
def test_in_the_last_year_of_a_timestamp_the_year_can_stay_and_it_fits(apply, days, weekday):
    values = [f"2038-01-{day:02} 03:14:07" for day in range(1, 20)] * 40
    entity = [str(n) for n in range(len(values))]
    made = apply("date_shift", values, ZONED, days=days, keep_year=True, keep_weekday=weekday, entity=entity)
    assert {value[:10] for value in made} == {f"2038-01-{day:02}" for day in range(1, 19)}
    moved = [distance(*pair) for pair in zip(values, made, strict=True)]
    assert all(1 <= abs(by) <= days and (not weekday or by % 7 == 0) for by in moved)


@pytest.mark.parametrize("moment", ["1970-01-01 00:00:01", "2038-01-19 03:14:07"])
def test_the_first_and_the_last_day_of_a_timestamp_stay_inside_of_what_it_holds(apply, moment):
    for days in range(1, 60):
        (after,) = apply("date_shift", [moment], ZONED, days=days)
        assert after != moment
        assert "1970-01-02" <= after[:10] <= "2038-01-18"

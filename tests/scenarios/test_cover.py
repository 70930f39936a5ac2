"""A slice that holds every value and pair of values which the source holds often enough, told by brute force."""

from __future__ import annotations

import bisect
import contextlib
import json
import random
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

import dbmimic
from dbmimic.engines.sqlite.source import SqliteSource
from dbmimic.errors import ConfigError
from dbmimic.introspect import link
from dbmimic.masks.keyed import parse_secret
from dbmimic.model.names import TableId
from dbmimic.model.report import RunReport
from dbmimic.model.settings import CoverSpec, Named, SliceSpec
from dbmimic.reporting.json import read_report, report_document
from dbmimic.subset import plan, resolve, walk
from dbmimic.subset.cover import Covering
from dbmimic.subset.features import Coding
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from dbmimic.wiring import why
from tests import census, small_shop
from tests.copying import SECRET, configured, copied

Row = dict[str, Any]
PAIRED = (*census.WORDS, "education_num")  # those of few values: each is a class
MIN_COUNT = 5
SEX = {"table": "member", "columns": ["sex"]}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The census, and beside it the same people with what is common to a household in a table of its own."""
    path = tmp_path_factory.mktemp("census") / "census.db"
    census.build(path, census.census())
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("""
            CREATE TABLE household (id INTEGER PRIMARY KEY, race TEXT, native_country TEXT, income TEXT, fnlwgt INTEGER);
            CREATE TABLE member (
                id INTEGER PRIMARY KEY, household_id INTEGER REFERENCES household (id),
                workclass TEXT, education TEXT, marital_status TEXT, occupation TEXT, relationship TEXT, sex TEXT,
                age INTEGER, hours_per_week INTEGER
            );
            INSERT INTO household SELECT id, race, native_country, income, fnlwgt FROM person WHERE id % 3 = 0;
            INSERT INTO member SELECT id, CASE WHEN id % 50 THEN 3 * (1 + (id * 7) % 16000) END,
                workclass, education, marital_status, occupation, relationship, sex, age, hours_per_week FROM person;
        """)
    return path


@pytest.fixture(scope="module")
def covered(people: Path) -> tuple[RunReport, Path, list[Coding]]:
    """A copy of the census that covers all pairs: its report, where it is, and how the columns were classed."""
    made: list[Covering] = []

    class Kept(Covering):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["dbmimic.subset.walk"], "Covering", Kept)
        target = people.parent / "copy.db"
        sections = {"cover": {"pairs": ["person"]}, "exclude": ["member"]}
        report = copied(people.parent, f"sqlite:///{people}", f"sqlite:///{target}", slice=sections)
    return report, target, made[0]._codings


def rows(path: Path, select: str) -> list[Row]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(select)]


def tuples(rows: list[Row], classes: dict[str, Callable[[Any], object]]) -> Counter[object]:
    """Count every value, and every pair of two columns' classes, one by one."""
    found: Counter[object] = Counter()
    for row in rows:
        classed = [(name, of(row[name])) for name, of in classes.items()]
        found.update(classed)
        found.update(combinations(classed, 2))
    return found


def value(one: Any) -> object:
    return one


def band(coding: Coding) -> Callable[[Any], object]:
    """Give what a number's class should be, going by where the bands were said to begin."""

    def of(one: int | None) -> object:
        if one is None:
            return "null"
        if one == 0:
            return "zero"
        if one <= coding.low:
            return "smallest"
        return "largest" if one >= coding.high else bisect.bisect_right(coding.bands.tolist(), one)

    return of


def missing(source: Counter[object], copy: Counter[object]) -> list[object]:
    return [each for each, count in source.items() if count >= MIN_COUNT and not copy[each]]


def test_the_census_keeps_all_pairs_with_few_rows(people: Path, covered: tuple[RunReport, Path, list[Coding]]) -> None:
    report, target, codings = covered
    (told,) = report.coverage
    everybody, held = rows(people, "SELECT * FROM person"), rows(target, "SELECT * FROM person")
    assert told.covered == told.tuples > 3000
    assert told.covered_without == 0
    assert told.rows == len(held) <= 0.015 * census.ROWS
    classes = {coding.column.name: value if coding.is_few else band(coding) for coding in codings}
    assert {name for name, of in classes.items() if of is value} == set(PAIRED)
    assert set(classes) == set(census.COLUMNS)
    counted = tuples(everybody, classes)
    assert not missing(counted, tuples(held, classes))
    assert sum(1 for each, count in counted.items() if count < MIN_COUNT) <= told.too_rare
    for coding in codings:
        if coding.is_few:
            continue
        ordered = sorted(row[coding.column.name] for row in everybody)
        here = {row[coding.column.name] for row in held}
        few = Counter(ordered)
        if len(few) <= 1000:
            assert {one for one, count in few.items() if count >= MIN_COUNT} <= here
        assert min(here) <= ordered[MIN_COUNT - 1]
        assert max(here) >= ordered[-MIN_COUNT]
    assert read_report(json.dumps(report_document(report))) == report


def test_a_row_that_covers_says_so_and_seeds_cover_first(tmp_path: Path, people: Path) -> None:
    """Somebody of each sex; the seed is one of them, so that one row more does."""
    target = tmp_path / "copy.db"
    sections = {"seeds": [{"table": "member", "ids": [7]}], "cover": {"values": [SEX]}}
    report = copied(tmp_path, f"sqlite:///{people}", f"sqlite:///{target}", slice=sections)
    (told,) = report.coverage
    assert (told.tuples, told.covered_without, told.covered, told.rows) == (3, 2, 3, 1)
    ids = {row["id"] for row in rows(target, "SELECT id FROM member")}
    (other,) = ids - {7}
    config = configured(tmp_path, f"sqlite:///{people}", f"sqlite:///{target}", slice=sections)
    seed, cover, absent = (why(config, "member", (str(one),)) for one in (7, other, max(ids) + 1))
    assert seed.chain[0].reason.startswith("seed at")
    assert cover.chain[0].reason.startswith("cover: ")
    assert f"values at {tmp_path}/dbmimic.yaml:" in cover.chain[0].reason
    assert not absent.in_slice


def test_the_rows_stay_where_the_data_do(tmp_path: Path, people: Path) -> None:
    """A hundredth of the rows change in one column each, and as many leave as come."""
    rng = random.Random(4)
    tonight = census.census()
    changed = rng.sample(range(census.ROWS), census.ROWS // 100)
    for row in changed:
        name = rng.choice(census.COLUMNS)
        tonight[name][row] = tonight[name][rng.randrange(census.ROWS)]
    for row in rng.sample(range(census.ROWS), census.ROWS // 200):
        tonight["id"][row] = census.ROWS + row + 1
    census.build(tmp_path / "tonight.db", tonight)
    before, after = chosen(people), chosen(tmp_path / "tonight.db")
    assert len(before & after) >= 0.97 * len(before)


def chosen(path: Path) -> set[int]:
    """Give the ids of the people that cover all pairs of the words."""
    columns = tuple(Named(name, "") for name in census.WORDS)
    spec = SliceSpec(cover=(CoverSpec(Named("person", ""), True, MIN_COUNT, columns),))
    source = SqliteSource(path)
    try:
        schema = source.schema()
        graph = link(schema)
        found = walk(plan(schema, graph, resolve(spec, schema, graph)), schema, source, parse_secret(SECRET))
        return set(found.slices[TableId("", "person")].own.bits(TableId("", "person")))
    finally:
        source.close()


def test_pairs_with_columns_of_the_parent(tmp_path: Path, people: Path) -> None:
    cover = {
        "pairs": [
            {
                "table": "member",
                "columns": ["workclass", "education", "marital_status", "occupation", "relationship", "sex"],
                "parents": [{"edge": "member(household_id)", "columns": ["race", "native_country", "income"]}],
            }
        ]
    }
    target = tmp_path / "copy.db"
    report = copied(
        tmp_path, f"sqlite:///{people}", f"sqlite:///{target}", slice={"cover": cover, "exclude": ["person"]}
    )
    joined = "SELECT * FROM member LEFT JOIN household ON household.id = household_id"
    held, everybody = rows(target, joined), rows(people, joined)
    assert len(held) <= 0.015 * census.ROWS
    classes = dict.fromkeys((*cover["pairs"][0]["columns"], *cover["pairs"][0]["parents"][0]["columns"]), value)  # type: ignore[index]
    counted = tuples(everybody, classes)
    assert not missing(counted, tuples(held, classes))
    (told,) = report.coverage
    assert told.too_rare >= sum(1 for count in counted.values() if count < MIN_COUNT)
    assert (told.covered, told.rows) == (told.tuples, len(held))
    assert report.foreign_keys.orphans == 0


def test_a_budget_holds_what_covers_and_is_met(tmp_path: Path, people: Path) -> None:
    """Members bring their household, which some thirty others share; the rows that cover are the same in both."""
    held: list[set[int]] = []
    for budget in (1_200, 2_400):
        target = tmp_path / f"{budget}.db"
        sections = {
            "seeds": [{"table": "member", "percent": 1}],
            "cover": {"pairs": [{"table": "member", "columns": ["workclass", "education", "sex", "age"]}]},
            "budget": {"rows": budget},
            "exclude": ["person"],
        }
        report = copied(tmp_path, f"sqlite:///{people}", f"sqlite:///{target}", slice=sections)
        (told,) = report.coverage
        assert told.covered_without < told.covered == told.tuples > 300
        assert abs(sum(table.rows for table in report.tables) - budget) <= budget / 10
        held.append({row["id"] for row in rows(target, "SELECT id FROM member")})
    assert held[0] < held[1]


def test_what_must_leave_covers_nothing_and_is_told(tmp_path: Path) -> None:
    """Lines of the kind c have no order that stays, since its customer is not there."""
    path = tmp_path / "lines.db"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("""
            CREATE TABLE owner (id INTEGER PRIMARY KEY);
            CREATE TABLE line (id INTEGER PRIMARY KEY, owner_id INTEGER REFERENCES owner (id), kind TEXT);
            INSERT INTO owner VALUES (1), (2), (3);
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 29)
            INSERT INTO line SELECT i, 1 + i % 3, substr('abc', 1 + i % 3, 1) FROM n;
        """)
    slice_ = {
        "seeds": [{"table": "owner", "ids": [1, 2]}],
        "edges": [{"edge": "line(owner_id)", "parent": "drop-child", "children": "stop"}],
        "cover": {"values": [{"table": "line", "columns": ["kind"]}]},
    }
    preview = dbmimic.plan(configured(tmp_path, f"sqlite:///{path}", "sqlite:///nowhere.db", slice=slice_))
    (told,) = preview.coverage
    assert (told.tuples, told.covered, told.covered_without) == (4, 3, 0)  # three kinds, and the longest
    assert [(found.code, found.place) for found in preview.findings] == [("DM222", "line")]


def test_too_many_pairs_are_refused(tmp_path: Path, people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["dbmimic.subset.cover"], "_MOST_TUPLES", 100)
    config = configured(
        tmp_path, f"sqlite:///{people}", "sqlite:///nowhere.db", slice={"cover": {"pairs": ["household"]}}
    )
    with pytest.raises(ConfigError, match="more than 100") as caught:
        dbmimic.plan(config)
    assert caught.value.place.startswith(f"{tmp_path}/dbmimic.yaml:")


def test_three_engines_choose_the_same_rows_and_keep_families_whole(
    postgres15: PostgresServer, mariadb: MariadbServer, tmp_path: Path
) -> None:
    """NULL, empty, zero, negative, moments; parents with none, one, many and most children; columns of a parent."""
    cover = {
        "pairs": [
            {
                "table": "sale",
                "columns": ["kind", "price", "diff", "sold", "made_at", "note"],
                "parents": [{"edge": "sale(shop_id)", "columns": ["country", "name"]}],
            },
        ],
        "values": ["shop"],
        "min_count": 2,
    }
    found = []
    for shop in (small_shop.on_postgres(postgres15), small_shop.on_mariadb(mariadb), small_shop.on_sqlite(tmp_path)):
        shop.create("sales")
        shop.run("sales", sales())
        report = copied(tmp_path, shop.url("sales"), shop.url("sales_copy"), slice={"cover": cover})
        families = "SELECT shop.id, count(sale.id) FROM shop LEFT JOIN sale ON shop.id = shop_id GROUP BY shop.id"
        ids = [str(row[0]) for row in shop.run("sales_copy", ["SELECT id FROM sale ORDER BY id"])]
        told = [(each.tuples, each.covered, each.covered_without, each.too_rare, each.rows) for each in report.coverage]
        source, copy = (dict(shop.run(name, [families])) for name in ("sales", "sales_copy"))
        found.append((told, ids, copy))
        assert all(tuples == covered for tuples, covered, *_ in told)
        of_copy = set(copy.values())
        assert {0, 1, max(source.values())} <= of_copy
        assert of_copy & {2, 3, 4}
        kept = shop.run(
            "sales_copy", ["SELECT count(*), count(note), min(price) FROM sale WHERE note = '' OR price <= 0"]
        )
        assert kept[0][2] < 0
    assert found[0] == found[1] == found[2]
    assert 20 < len(found[0][1]) < 500


def sales() -> list[str]:
    shops = [f"({n}, '{'ABCD'[n % 4]}', 'shop {n}')" for n in range(40)]
    rows = []
    for n in range(600):
        shop = (
            "NULL"
            if n % 97 == 0
            else [6, 6, 7, 10 + n % 5, 20 + n // 40][n % 5]
            if n < 550
            else 38
            if n == 550
            else 39
            if n == 551
            else 7
        )
        note = "NULL" if n % 7 == 0 else "''" if n % 11 == 0 else f"'{'x' * (n % 50)}{n}'"
        price = (n * 37 % 400) - 40 if n % 10 else 0
        day = f"2024-{1 + n % 12:02}-{1 + n * 7 % 28:02}"
        rows.append(
            f"({n}, {shop}, '{'abc'[n % 3]}', {price}.50, {n % 5 - 2}, '{day}', '{day} 0{n % 10}:30:0{n % 7}', {note})"
        )
    columns = "kind varchar(5), price decimal(8, 2), diff integer, sold date, made_at timestamp NULL, note varchar(80)"
    key = "FOREIGN KEY (shop_id) REFERENCES shop (id)"
    return [
        "CREATE TABLE shop (id integer NOT NULL PRIMARY KEY, country varchar(2), name varchar(20))",
        f"CREATE TABLE sale (id integer NOT NULL PRIMARY KEY, shop_id integer, {columns}, {key})",
        f"INSERT INTO shop VALUES {', '.join(shops)}",
        f"INSERT INTO sale VALUES {', '.join(rows)}",
    ]


@pytest.mark.parametrize(
    ("cover", "code", "wrong", "said"),
    [
        ("{pairs: [persons]}", "DM205", "persons", "did you mean person?"),
        ("{pairs: [{table: member, columns: [sexs]}]}", "DM206", "sexs", "did you mean sex?"),
        ("{pairs: [{table: member, columns: [sex]}]}", "DM212", "member", "two columns"),
        (
            "{values: [{table: member, parents: [{edge: member(race), columns: [x]}]}]}",
            "DM205",
            "member(r",
            "no foreign",
        ),
        (
            "{values: [{table: household, parents: [{edge: member(household_id), columns: [race]}]}]}",
            "DM212",
            "member",
            "begin",
        ),
        (
            "{values: [{table: member, parents: [{edge: member(household_id), columns: [rac]}]}]}",
            "DM206",
            "rac]",
            "race",
        ),
        ("{values: [{table: member, children: [member(household_id)]}]}", "DM212", "member(", "does not lead to"),
        ("{values: [{table: household, children: [member(household_id)]}]}", "DM212", "member(", "do not follow"),
        ("{values: [member, member]}", "DM212", "member]", "twice"),
    ],
)
def test_what_cannot_be_covered_is_told_by_plan_with_its_place(
    tmp_path: Path, people: Path, cover: str, code: str, wrong: str, said: str
) -> None:
    path = tmp_path / "dbmimic.yaml"
    line = f"slice: {{edges: [{{edge: member(household_id), children: stop}}], cover: {cover}}}"
    path.write_text(f"source: sqlite:///{people}\nsecret: {SECRET}\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        dbmimic.plan(dbmimic.load_config(path))
    (problem,) = caught.value.problems
    assert (problem.code, problem.place) == (code, f"{path}:3:{1 + line.rindex(wrong)}")
    assert said in f"{problem.message} {problem.hint}"

"""What a table's checks and indexes ask of masked values is known before anything is written, on every engine."""

from __future__ import annotations

from pathlib import Path

import pytest

import dbmimic
from dbmimic import wiring
from dbmimic.errors import ConfigError, RefusedError
from dbmimic.model.findings import Severity
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.copying import configured, copied
from tests.places import ENGINES, shops

MEMBERS = (
    "CREATE TABLE members (id integer NOT NULL PRIMARY KEY, badge varchar(200) NOT NULL CHECK ({length}(badge) <= 24),"
    " phone varchar(40) CHECK (phone LIKE '+49%'), state varchar(20) CHECK (state IN ('new', 'old')),"
    " born date, joined date, CONSTRAINT grown CHECK (joined >= born))"
)
ROWS = ", ".join(
    f"({n}, 'badge {n}', '+49 30 {10000 + n}', '{('new', 'old')[n % 2]}', '1980-01-{10 + n}', '1980-02-{10 + n}')"
    for n in range(1, 10)
)
FITTING = {
    "members.badge": "hash",
    "members.phone": "phone",
    "members.state": "redact",
    "members.born": {"mask": "date_shift", "days": 300, "entity": "id"},
    "members.joined": {"mask": "date_shift", "days": 300, "entity": "id"},
}


@pytest.mark.parametrize("engine", ENGINES)
def test_masks_fit_what_the_checks_ask_or_are_refused_before_anything_is_written(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    shop, names = shops(request, engine, tmp_path)
    shop.create("checked")
    length = "char_length" if engine == "mysql" else "length"
    shop.run("checked", [MEMBERS.format(length=length), f"INSERT INTO members VALUES {ROWS}"])
    source, target = shop.url("checked"), shop.url("checked_stage")

    before = names()
    loose = {**FITTING, "members.phone": "redact", "members.joined": {"mask": "date_shift", "days": 300}}
    config = configured(tmp_path, source, target, rules={"default": "keep", "columns": loose})
    errors = [each for each in dbmimic.plan(config).findings if each.severity is Severity.ERROR]
    assert {each.code for each in errors} == {"DM313"}
    assert sorted(each.place.rpartition(".")[2] for each in errors) == ["born", "phone"]
    with pytest.raises(RefusedError) as raised:
        dbmimic.copy(config)
    assert raised.value.code == "DM313"
    assert "redacted" not in str(raised.value)
    assert names() == before

    words = {**FITTING, "members.state": "first_name"}
    with pytest.raises(ConfigError, match="one of 2 words") as refused:
        copied(tmp_path, source, target, rules={"default": "keep", "columns": words})
    assert refused.value.code == "DM208"

    report = copied(tmp_path, source, target, rules={"default": "keep", "columns": FITTING})
    assert report.verified
    rows = shop.run("checked_stage", ["SELECT badge, phone, state FROM members ORDER BY id"])
    assert {len(str(row[0])) for row in rows} == {24}
    assert {row[2] for row in rows} == {"new"}


def test_domains_and_indexes_over_expressions_are_kept_to(postgres15: PostgresServer, tmp_path: Path) -> None:
    shop = small_shop.on_postgres(postgres15)
    shop.create("domains")
    shop.run(
        "domains",
        [
            "CREATE DOMAIN plate AS text CHECK (VALUE ~ '^[A-Z]{1,3}-[0-9]+$') CHECK (length(VALUE) < 12)",
            "CREATE TABLE cars (id int PRIMARY KEY, plate plate, owner text, note text, tag text, active bool)",
            "CREATE UNIQUE INDEX ON cars (lower(owner)); CREATE UNIQUE INDEX ON cars (note) WHERE active",
            "CREATE UNIQUE INDEX tag_md5 ON cars (md5(tag))",
            "INSERT INTO cars SELECT n, 'AB-' || n, 'Owner ' || n, 'note ' || n, 'tag ' || n, n > 0 FROM generate_series(1, 50) n",
        ],
    )
    source, target = shop.url("domains"), shop.url("domains_stage")

    def refusal(**columns: str) -> str:
        rules = {"default": "keep", "columns": {f"cars.{name}": mask for name, mask in columns.items()}}
        with pytest.raises((ConfigError, RefusedError)) as raised:
            copied(tmp_path, source, target, rules=rules)
        return f"{raised.value.code} {raised.value.message} {raised.value.place}"

    assert "public.cars.plate" in refusal(plate="token")
    assert refusal(plate="last_name").startswith("DM313 the check plate_check of public.cars refuses")
    assert refusal(owner="full_name").startswith(
        "DM208 mask full_name does not fit public.cars.owner: the column is part"
    )
    assert refusal(note="city").startswith("DM208 mask city does not fit public.cars.note: the column is part of a key")
    rules = {"cars.plate": "code", "cars.owner": "email", "cars.note": "token", "cars.tag": "token"}
    report = copied(tmp_path, source, target, rules={"default": "keep", "columns": rules})
    assert report.verified
    found = dbmimic.plan(configured(tmp_path, source, target, rules={"default": "keep", "columns": rules})).findings
    assert [each.place for each in found if each.code == "DM233"] == ["public.cars.tag"]


def test_a_mask_gives_no_characters_that_the_column_lacks(mariadb: MariadbServer, tmp_path: Path) -> None:
    shop = small_shop.on_mariadb(mariadb)
    shop.create("charsets")
    shop.run(
        "charsets",
        [
            "CREATE TABLE people (id int PRIMARY KEY, name varchar(40) CHARACTER SET latin1, more varchar(100) CHARACTER SET latin1)",
            "INSERT INTO people VALUES (1, 'Ren\u00e9', 'x'), (2, 'Zo\u00eb', 'y')",
            "CREATE TABLE codes (code varchar(40) PRIMARY KEY) COLLATE utf8mb4_general_ci",
            "CREATE TABLE uses (code varchar(40), FOREIGN KEY (code) REFERENCES codes (code)) COLLATE utf8mb4_general_ci",
            "CREATE TABLE tags (tag varchar(40) PRIMARY KEY) COLLATE utf8mb4_bin",
            "CREATE TABLE tagged (tag varchar(40), FOREIGN KEY (tag) REFERENCES tags (tag)) COLLATE utf8mb4_bin",
        ],
    )
    source, target = shop.url("charsets"), shop.url("charsets_stage")

    def columns(mask: dict[str, object]) -> dict[str, object]:
        return {"default": "keep", "columns": {"people.name": mask}}

    with pytest.raises(ConfigError, match="character set cp1252 lacks"):
        copied(tmp_path, source, target, rules=columns({"mask": "constant", "value": "\u0411\u043e\u0440\u0438\u0441"}))
    with pytest.raises(RefusedError, match="character set cp1252 lacks") as raised:
        copied(tmp_path, source, target, rules=columns({"mask": "faker", "provider": "last_name", "locale": "ru_RU"}))
    assert (raised.value.code, raised.value.place) == ("DM304", "people.name")
    planned = dbmimic.plan(
        configured(
            tmp_path, source, target, rules=columns({"mask": "faker", "provider": "last_name", "locale": "ru_RU"})
        )
    )
    assert (planned.exit, planned.rows, [each.code for each in planned.errors]) == (4, 2, ["DM304"])
    assert copied(tmp_path, source, target, rules=columns({"mask": "scramble"})).verified
    keyed = {"default": "keep", "columns": {"codes.code": "token", "tags.tag": "token"}}
    planned = dbmimic.plan(configured(tmp_path, source, target, rules=keyed))
    assert [(each.code, each.place) for each in planned.findings] == [("DM234", "codes.code")]
    undecided = configured(tmp_path, source, target, rules={**keyed, "default": "fail"})
    looked = {check.code for check in wiring.doctor(undecided).checks if check.name == "columns"}
    assert looked == {"DM234", "DM301"}


def test_a_check_that_writes_or_takes_long_is_not_tried_on_production(
    postgres15: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = small_shop.on_postgres(postgres15)
    shop.create("slow_checks")
    shop.run(
        "slow_checks",
        [
            "CREATE TABLE told (n int)",
            "CREATE FUNCTION slow(text) RETURNS bool LANGUAGE sql AS 'SELECT true'",
            "CREATE FUNCTION tells(text) RETURNS bool LANGUAGE sql AS 'SELECT true'",
            "CREATE TABLE t (id int PRIMARY KEY, a text CHECK (slow(a)), b text CHECK (tells(b)))",
            "INSERT INTO t SELECT n, repeat('a', 20), 'b' FROM generate_series(1, 200) n",
            "CREATE OR REPLACE FUNCTION slow(text) RETURNS bool LANGUAGE sql AS 'SELECT pg_sleep(0.05) IS NOT NULL'",
            "CREATE OR REPLACE FUNCTION tells(text) RETURNS bool LANGUAGE sql AS $$INSERT INTO told VALUES (1); SELECT true$$",
        ],
    )
    monkeypatch.setattr("dbmimic.engines.postgres.trial._PATIENCE", (("statement_timeout", "100ms"),))
    rules = {"default": "keep", "columns": {"t.a": "scramble", "t.b": "scramble"}}
    config = configured(tmp_path, shop.url("slow_checks"), shop.url("slow_stage"), rules=rules)
    found = dbmimic.plan(config).findings
    assert sorted(each.place for each in found if each.code == "DM314") == ["public.t.a", "public.t.b"]
    assert shop.run("slow_checks", ["SELECT count(*) FROM told"]) == [(0,)]


def refused(folder: Path, source: str, column: str, mask: object) -> str:
    """Plan, and give what is said against a mask of a column; the place of a trial's error is told, too."""
    rules = {"default": "keep", "columns": {column: mask}}
    try:
        found = dbmimic.plan(configured(folder, source, f"{source}_stage", rules=rules)).findings
    except (ConfigError, RefusedError) as error:
        return f"{error.code} {error.message} {error.place}"
    return " ".join(f"{each.code} {each.message} {each.place}" for each in found if each.severity is Severity.ERROR)


def test_what_mariadbs_own_types_hold_is_known_before(mariadb: MariadbServer, tmp_path: Path) -> None:
    shop = small_shop.on_mariadb(mariadb)
    shop.create("types")
    shop.run(
        "types",
        [
            "CREATE TABLE t (id int PRIMARY KEY, born year, tags set('a', 'b', 'c'), label varchar(20) CHARACTER SET utf8mb3)",
            "ALTER TABLE t ADD price decimal(5, 2) unsigned, ADD day date, ADD rate float(5, 2), ADD made year",
            "INSERT INTO t SELECT seq, 1990 + seq % 30, 'a,c', 'x', seq * 9.5, '2024-05-05', seq * 9.9, 2000 FROM seq_1_to_100",
        ],
    )
    source = shop.url("types")
    assert "no years" in refused(tmp_path, source, "t.born", "integer_key")
    assert "range" in refused(tmp_path, source, "t.born", {"mask": "constant", "value": 1066})
    assert "values" in refused(tmp_path, source, "t.tags", {"mask": "constant", "value": "a,d"})
    assert "utf8mb3 lacks" in refused(tmp_path, source, "t.label", {"mask": "constant", "value": "\U0001f600"})
    assert "below 0" in refused(tmp_path, source, "t.price", {"mask": "constant", "value": -1})
    assert "range" in refused(tmp_path, source, "t.price", {"mask": "constant", "value": 1000.5})
    assert "range" in refused(tmp_path, source, "t.rate", {"mask": "constant", "value": 1000.5})
    assert "no date" in refused(tmp_path, source, "t.day", {"mask": "constant", "value": "soon"})
    masks = {
        "t.born": {"mask": "noise", "ratio": 1},
        "t.tags": {"mask": "constant", "value": "a,b"},
        "t.price": {"mask": "ordered_noise", "step": 100},
        "t.rate": {"mask": "noise", "ratio": 1},
        "t.made": "redact",
    }
    report = copied(tmp_path, source, shop.url("types_stage"), rules={"default": "keep", "columns": masks})
    assert report.verified
    years, none, tags, moved = shop.run(
        "types_stage",
        [
            "SELECT min(born), max(made), group_concat(DISTINCT tags), (SELECT count(*) FROM types.t o WHERE o.id = n.id) FROM t n"
        ],
    )[0]
    assert (int(str(years)) >= 1901, int(str(none)), tags, moved) == (True, 0, "a,b", 1)  # and not 2000


def test_what_sqlite_computes_and_is_strict_about_is_known_before(tmp_path: Path) -> None:
    shop = small_shop.on_sqlite(tmp_path)
    shop.run(
        "strict.db",
        [
            "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER CHECK (n BETWEEN 1 AND 99), page BLOB, name TEXT) STRICT",
            "ALTER TABLE t ADD low TEXT GENERATED ALWAYS AS (lower(name)) VIRTUAL",
            "CREATE UNIQUE INDEX low ON t (low)",
            "INSERT INTO t (id, n, page, name) VALUES (1, 5, x'ff', 'Ann'), (2, 7, x'', 'Bob')",
        ],
    )
    source = shop.url("strict.db")
    assert "part of a key" in refused(tmp_path, source, "t.name", "first_name")
    assert refused(tmp_path, source, "t.n", "redact").startswith("DM313 the check CHECK 1 of t refuses")
    masks = {"t.n": "noise", "t.page": "redact", "t.name": "code"}
    report = copied(tmp_path, source, shop.url("strict_stage.db"), rules={"default": "keep", "columns": masks})
    assert report.verified
    held = shop.run("strict_stage.db", ["SELECT typeof(n), typeof(page), length(page), low = lower(name) FROM t"])
    assert held == [("integer", "blob", 0, 1)] * 2


def test_what_arrays_and_keys_with_one_null_hold_is_known_before(postgres15: PostgresServer, tmp_path: Path) -> None:
    shop = small_shop.on_postgres(postgres15)
    shop.create("arrays")
    shop.run(
        "arrays",
        [
            "CREATE DOMAIN plate AS text CHECK (VALUE ~ '^[A-Z]{2}-[0-9]+$'); CREATE DOMAIN few AS varchar(8)[] CHECK (cardinality(VALUE) < 4)",
            "CREATE TABLE t (id int PRIMARY KEY, sizes smallint[], mails varchar(20)[], plates plate[], few few, code text)",
            "ALTER TABLE t ADD UNIQUE NULLS NOT DISTINCT (code)",
            "INSERT INTO t SELECT n, ARRAY[n, 30000], ARRAY['a@b.de'], ARRAY['AB-' || n], ARRAY['x', 'y'], 'c' || n FROM generate_series(1, 50) n",
        ],
    )
    source = shop.url("arrays")

    def each(column: str, mask: object) -> str:
        return refused(tmp_path, source, f"t.{column}", {"mask": "array", "each": mask})

    assert "each: mask 'email' takes columns of kind text, and this one is integer" in each("sizes", "email")
    assert "and the column holds 20" in each("mails", {"mask": "constant", "value": "nobody@shop.example.com"})
    assert each("plates", "token").startswith("DM313 the check plate_check of public.t refuses")
    assert "and the column holds 8" in each("few", {"mask": "constant", "value": "far too long"})
    assert "may not" in refused(tmp_path, source, "t.code", "null")
    masks = {
        "t.sizes": {"mask": "array", "each": {"mask": "noise", "ratio": 0.5}},
        "t.mails": {"mask": "array", "each": "email"},
        "t.plates": {"mask": "array", "each": "code"},
        "t.few": {"mask": "array", "each": "first_name"},
        "t.code": "token",
    }
    report = copied(tmp_path, source, shop.url("arrays_stage"), rules={"default": "keep", "columns": masks})
    assert report.verified
    kept = shop.run("arrays_stage", ["SELECT count(*) FROM t WHERE sizes[2] = 30000 OR mails[1] = 'a@b.de'"])
    assert kept == [(0,)]


def test_masked_rows_have_a_partition_or_are_refused(postgres15: PostgresServer, tmp_path: Path) -> None:
    """A partition that is a foreign table is none of the copy's: what is loaded there would leave it."""
    shop = small_shop.on_postgres(postgres15)
    shop.create("split")
    shop.run(
        "split",
        [
            "CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw",
            "CREATE TABLE cars (id int PRIMARY KEY)",
            "CREATE TABLE visits (id int, region text, car int REFERENCES cars) PARTITION BY LIST (region)",
            "CREATE TABLE eu PARTITION OF visits FOR VALUES IN ('eu') PARTITION BY LIST (car)",
            "CREATE TABLE eu_1 PARTITION OF eu DEFAULT",
            "CREATE TABLE us (car int, region text, gone int, id int); ALTER TABLE us DROP COLUMN gone",
            "ALTER TABLE visits ATTACH PARTITION us FOR VALUES IN ('us')",
            "INSERT INTO cars VALUES (1); INSERT INTO visits VALUES (1, 'eu', 1), (2, 'us', 1), (3, 'us', NULL)",
        ],
    )
    away = "CREATE FOREIGN TABLE far_away PARTITION OF split_off FOR VALUES IN ('far') SERVER far"
    shop.run("split", ["CREATE TABLE split_off (id int, region text) PARTITION BY LIST (region)", away])
    shop.run("split", ["CREATE TABLE near PARTITION OF split_off FOR VALUES IN ('near')"])
    shop.run("split", ["INSERT INTO split_off VALUES (1, 'near')"])
    source, target = shop.url("split"), shop.url("split_stage")

    def rules(**columns: object) -> dict[str, object]:
        return {"default": "keep", "columns": {name.replace("__", "."): mask for name, mask in columns.items()}}

    for table, value in (("visits", "asia"), ("split_off", "far")):
        with pytest.raises(RefusedError, match=f"no partition of public.{table} that is copied") as refused:
            copied(tmp_path, source, target, rules=rules(**{f"{table}__region": {"mask": "constant", "value": value}}))
        assert (refused.value.code, refused.value.place) == ("DM313", f"public.{table}.region")

    to_us = rules(visits__region={"mask": "constant", "value": "us"})
    assert copied(tmp_path, source, target, rules=to_us).verified
    assert shop.run("split_stage", ["SELECT id, car FROM us ORDER BY id"]) == [(1, 1), (2, 1), (3, None)]

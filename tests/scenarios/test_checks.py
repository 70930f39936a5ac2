"""What a table's checks and indexes ask of masked values is known before anything is written, on every engine."""

from __future__ import annotations

from pathlib import Path

import pytest

import dbmimic
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
    assert copied(tmp_path, source, target, rules=columns({"mask": "scramble"})).verified


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

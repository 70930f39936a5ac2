"""Masks in a whole copy: verified, alike on every engine, and a value inside a document as in its column."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import dbmimic
from dbmimic.errors import ConfigError, RefusedError
from dbmimic.executors import ProcessExecutor
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.copying import configured, copied
from tests.places import shops
from tests.small_shop import Shop

PEOPLE = 40
COLUMNS = "id, email, card, iban, national, ip, born, salary, seen, note, doc, place"
TABLE = (
    "CREATE TABLE people (id int PRIMARY KEY, email varchar(60), card varchar(20), iban varchar(34), national varchar(12),"
    " ip varchar(45), born date, salary decimal(10, 2), seen varchar(40), note varchar(200), doc {json}, place char(40))"
)
# Keys between the last power of two and what twelve digits hold, referenced by columns that hold more and less.
LARGE = (7, 999_999_999, 8_600_000_000, 600_000_000_000, 999_999_999_999)
KEYS = [
    "CREATE TABLE owners (id decimal(12, 0) PRIMARY KEY)",
    "CREATE TABLE owned (id bigint PRIMARY KEY)",
    *(f"INSERT INTO {table} VALUES {', '.join(f'({key})' for key in LARGE)}" for table in ("owners", "owned")),
]
KEYED = {"virtual_keys": [{"child": "owned(id)", "parent": "owners(id)"}]}
RULES = {
    "default": "keep",
    "columns": {
        "people.email": {"mask": "email", "except": ["admin@shop.test"]},
        "people.card": "payment_card",
        "people.iban": "iban",
        "people.national": {"mask": "national_id", "country": "NL"},
        "people.ip": "ip",
        "people.born": {"mask": "date_truncate", "to": "year"},
        "people.salary": {"mask": "noise", "ratio": 0.2},
        "people.seen": "scramble",
        "people.note": {"mask": "free_text", "known": ["place"]},
        "people.place": "code",
        "owners.id": "integer_key",
        "people.doc": {"mask": "json", "paths": {"$.to[*].card": "payment_card"}, "keys": {"email": "email"}},
    },
}


def rows() -> list[str]:
    found = []
    for number in range(1, PEOPLE + 1):
        email = "admin@shop.test" if number == 1 else f"Person{number}@Example.org"
        card, iban = f"411111{number:010}", f"DE{number % 97 + 2:02}{number:018}"
        document = json.dumps({"n": number, "to": [{"email": email.lower(), "card": card, "left": "as it is"}]})
        place = f"Z\u00fcrich {number}" if number % 2 else f"Bay {number}"
        note = f"write to {email}, please, in {place}!"
        values = (email, card, iban, f"{123456780 + number}", f"10.1.2.{number}", f"19{number + 40}-05-06")
        texts = ", ".join(f"'{value}'" for value in values)
        found.append(
            f"({number}, {texts}, {1000 + number}.50, 'Seen {number} times', '{note}', '{document}', '{place}')"
        )
    return found


def masked(shop: Shop, folder: Path, json_type: str) -> list[list[str]]:
    source = shop.build("masks")
    shop.run("masks", [TABLE.format(json=json_type), f"INSERT INTO people ({COLUMNS}) VALUES {', '.join(rows())}"])
    shop.run("masks", KEYS)
    report = copied(folder, source, shop.url("masks_stage"), rules=RULES, slice=KEYED)
    assert report.verified
    assert report.leaks.found == 0
    owners, owned = (shop.run("masks_stage", [f"SELECT id FROM {table} ORDER BY id"]) for table in ("owners", "owned"))
    assert [int(str(key)) for (key,) in owners] == [int(str(key)) for (key,) in owned]
    read = shop.run("masks_stage", [f"SELECT {COLUMNS} FROM people ORDER BY id"])
    # an engine that pads its characters fills `place` up with blanks
    return [[json.dumps(value) if isinstance(value, dict) else str(value).rstrip() for value in row] for row in read]


def test_a_copy_is_masked_alike_on_every_engine(
    postgres15: PostgresServer, mariadb: MariadbServer, tmp_path: Path
) -> None:
    postgres = masked(small_shop.on_postgres(postgres15), tmp_path, "json")
    assert masked(small_shop.on_mariadb(mariadb), tmp_path, "json") == postgres
    sqlite = masked(small_shop.on_sqlite(tmp_path), tmp_path, "text")
    assert [[*row[:7], *row[8:]] for row in sqlite] == [[*row[:7], *row[8:]] for row in postgres]
    assert [float(row[7]) for row in sqlite] == [float(row[7]) for row in postgres]

    assert postgres[0][1] == "admin@shop.test"
    for number, (_, email, card, iban, _, ip, born, salary, seen, note, doc, place) in enumerate(postgres, start=1):
        recipient = json.loads(doc)["to"][0]
        assert recipient["card"] == card != f"411111{number:010}"
        assert recipient["left"] == "as it is"
        assert recipient["email"] == email or number == 1
        assert email in note or number == 1
        assert note.endswith(f", please, in {place}!")
        assert card.startswith("411111")
        assert iban.startswith("DE")
        assert ip.rsplit(".", 1)[0] == postgres[0][5].rsplit(".", 1)[0]
        assert born.endswith("-01-01")
        assert 0 < abs(float(salary) - 1000.5 - number) <= 220
        assert re.fullmatch("[0-9]{19}" if number % 2 else f"[A-Z][a-z]{{2}} [0-9]{{{len(str(number))}}}", place)
        assert seen != f"Seen {number} times"


def test_no_bytes_at_all_are_nothing_to_leak(postgres15: PostgresServer, tmp_path: Path) -> None:
    shop = small_shop.on_postgres(postgres15)
    source = shop.build("bytes")
    shop.run("bytes", ["CREATE TABLE scans (id int PRIMARY KEY, page bytea)"])
    shop.run("bytes", ["INSERT INTO scans VALUES (1, ''), (2, '\\xff'), (3, NULL)"])
    rules = {"default": "keep", "columns": {"scans.page": "redact"}}
    report = copied(tmp_path, source, shop.url("bytes_stage"), rules=rules)
    assert (report.verified, report.leaks.found) == (True, 0)
    held = shop.run("bytes_stage", ["SELECT page FROM scans ORDER BY id"])
    assert [row[0] for row in held] == [b"", b"", None]


@pytest.mark.parametrize("engine", ["postgresql", "mysql", "sqlite"])
def test_a_unique_address_that_the_column_cannot_hold_is_refused_before_anything_moves(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str
) -> None:
    shop, names = shops(request, engine, tmp_path)
    name = "narrow.db" if engine == "sqlite" else "narrow"
    source = shop.build(name)
    shop.run(name, ["CREATE TABLE logins (id integer PRIMARY KEY, email varchar(12) UNIQUE)"])
    rules = {"default": "keep", "columns": {"logins.email": "email"}}
    before = names()
    with pytest.raises(ConfigError) as refused:
        copied(tmp_path, source, shop.url("narrow_stage"), rules=rules)
    assert [problem.code for problem in refused.value.problems] == ["DM208"]
    reason = "e-mail addresses that cannot collide need 23 characters, and the column holds 12"
    assert refused.value.problems[0].message.endswith(reason)
    assert names() == before


def test_what_postgresql_nests_is_masked_inside(postgres15: PostgresServer, tmp_path: Path) -> None:
    """The server itself takes the masked literals apart again."""
    shop = small_shop.on_postgres(postgres15)
    source = shop.build("nested")
    shop.run(
        "nested",
        [
            "CREATE EXTENSION hstore",
            "CREATE EXTENSION citext",
            "CREATE TABLE accounts (login citext PRIMARY KEY)",
            "CREATE TABLE logins (login citext REFERENCES accounts)",
            "INSERT INTO accounts VALUES ('Ann'), ('ben')",
            "CREATE TABLE amounts (id int PRIMARY KEY, hundreds numeric(5, -2), thousands numeric(5, -2))",
            "INSERT INTO amounts SELECT n, n * 100000, n * 100000 FROM generate_series(-9, 99) AS n",
            "INSERT INTO logins VALUES ('ann'), ('ANN'), ('Ben')",
            "CREATE TYPE person AS (name text, born int)",
            "CREATE TABLE holders (id int PRIMARY KEY, mails text[], who person, more hstore, page xml, scan bytea)",
            """INSERT INTO holders VALUES
               (1, '{a@b.de,"x \\"y\\", z",NULL}', ROW('O''Neill, "Ann"', 7), 'mail=>a@b.de, n=>NULL',
                '<a mail="a@b.de">Ann</a>', '\\x89504e470d0a1a0a00'),
               (2, '[0:1]={a@b.de,c@d.de}', NULL, '', NULL, NULL)""",
        ],
    )
    columns = {
        "mails": {"mask": "array", "each": "email"},
        "who": {"mask": "composite", "fields": {1: "full_name"}},
        "more": {"mask": "hstore", "keys": {"mail": "email"}},
        "page": {"mask": "xml", "attributes": {"mail": "email"}, "rest": "scramble"},
        "scan": "file",
    }
    named = {f"holders.{name}": rule for name, rule in columns.items()}
    parted = {"default": "keep", "columns": {**named, "accounts.login": "token"}}
    with pytest.raises(ConfigError, match="compares these keys without case") as refused:
        copied(tmp_path, source, shop.url("nested_stage"), rules=parted)
    assert {problem.code for problem in refused.value.problems} == {"DM208"}
    numbers = {"amounts.hundreds": "noise", "amounts.thousands": {"mask": "round", "to": 1000}}
    rules = {"default": "keep", "columns": {**named, **numbers, "accounts.login": {"mask": "token", "fold": True}}}
    report = copied(tmp_path, source, shop.url("nested_stage"), rules=rules)
    assert (report.verified, report.leaks.found, report.foreign_keys.orphans) == (True, 0, 0)
    met = "SELECT count(*), count(DISTINCT l.login) FROM logins l JOIN accounts USING (login)"
    assert shop.run("nested_stage", [met]) == [(3, 2)]
    question = (
        "SELECT mails[1], array_length(mails, 1), mails[3], (who).name, (who).born, more -> 'mail', more ? 'n',"
        " (xpath('/a/@mail', page))[1]::text, (xpath('/a/text()', page))[1]::text, length(scan), mails[0]"
        " FROM holders ORDER BY id"
    )
    first, second = shop.run("nested_stage", [question])
    mail, length, none, name, born, again, has_null, third, text, size, _ = first
    assert mail == again == third == second[-1]
    assert mail.endswith("@example.com")
    assert (length, none, born, has_null, size) == (3, None, 7, True, 70)
    assert "Neill" not in name
    assert text != "Ann"


@pytest.mark.parametrize("engine", ["postgresql", "mysql", "sqlite"])
def test_a_picture_becomes_another_one(request: pytest.FixtureRequest, tmp_path: Path, engine: str) -> None:
    shop, _ = shops(request, engine, tmp_path)
    names = ("scans.db", "scans_stage.db") if engine == "sqlite" else ("scans", "scans_stage")
    source = shop.build(names[0])
    kind, written = ("bytea", "'\\x{}'") if engine == "postgresql" else ("blob", "x'{}'")
    picture = "89504e470d0a1a0a" + "00ff" * 40
    rows = ", ".join(f"({n}, {written.format(picture + f'{n:02}')})" for n in range(3))
    shop.run(names[0], [f"CREATE TABLE scans (id int PRIMARY KEY, page {kind})", f"INSERT INTO scans VALUES {rows}"])
    rules = {"default": "keep", "columns": {"scans.page": "file"}}
    report = copied(tmp_path, source, shop.url(names[1]), rules=rules)
    assert (report.verified, report.leaks.found) == (True, 0)
    held = {bytes(page) for (page,) in shop.run(names[1], ["SELECT page FROM scans"])}  # type: ignore[call-overload]
    assert [(page[:8], page[-8:-4]) for page in held] == [(bytes.fromhex(picture[:16]), b"IEND")]


def test_a_column_is_drawn_from_itself_alike_on_every_engine_and_by_any_number_of_workers(
    postgres15: PostgresServer, mariadb: MariadbServer, tmp_path: Path
) -> None:
    towns = [["Rome", "Oslo", "Bern"][number % 3] if number > 2 else f"Lonely {number}" for number in range(200)]
    parts = ["'north'", "'south'", "'east '", "NULL"]
    rows = ", ".join(
        f"({number}, '{town}', {number % 7}.50, {parts[number // 3 % 4]}, '{number}', {number * 97 % 1000}.25, {number % 2})"
        for number, town in enumerate(towns)
    )
    fields = "id int PRIMARY KEY, town char(20), fee decimal(10, 2), part varchar(9), note varchar(9), "
    fields += "paid decimal(10, 2), open int"
    build = [
        f"CREATE TABLE trips ({fields})",
        f"INSERT INTO trips VALUES {rows}",
    ]
    columns = {
        "trips.town": "resample",
        "trips.fee": {"mask": "resample", "group": ["part", "open"]},
        "trips.note": {"mask": "shuffle", "group": "part", "when": "open = 0", "except": ["6"]},
        "trips.paid": {"mask": "balanced_noise", "group": "part", "ratio": 0.5},
    }
    rules = {"default": "keep", "columns": columns}
    found = []
    for shop in (small_shop.on_postgres(postgres15), small_shop.on_mariadb(mariadb), small_shop.on_sqlite(tmp_path)):
        shop.create("drawn")
        shop.run("drawn", build)
        with ProcessExecutor(2) as workers:
            config = configured(tmp_path, shop.url("drawn"), shop.url("drawn_stage"), rules=rules)
            report = dbmimic.copy(config, executor=workers if shop.engine == "postgresql" else None)
        assert report.verified
        read = shop.run("drawn_stage", ["SELECT town, fee, part, note, paid, open FROM trips ORDER BY id"])
        found.append(
            [(str(row[0]).rstrip(), float(str(row[1])), row[2], row[3], float(str(row[4])), row[5]) for row in read]
        )
        sums = "SELECT part, round(sum(paid), 2) FROM trips GROUP BY part ORDER BY 1"
        assert shop.run("drawn", [sums]) == shop.run("drawn_stage", [sums])
        assert dbmimic.verify(config).verified
        shop.run("drawn", ["UPDATE trips SET town = 'Wien', note = 'new', paid = paid + 1 WHERE id > 150"])
        assert dbmimic.verify(config).verified, "what is drawn today is no leak of yesterday"
    assert found[0] == found[1] == found[2]
    assert {town for town, *_ in found[0]} == {"Rome", "Oslo", "Bern"}
    for part in ("north", "south", "east ", None):
        were = [number for number in range(200) if parts[number // 3 % 4] == (f"'{part}'" if part else "NULL")]
        assert sorted(int(row[3]) for row in found[0] if row[2] == part) == were
    assert [int(row[3]) == number for number, row in enumerate(found[0])] == [
        number % 2 == 1 or number == 6 for number in range(200)
    ]
    assert sum(row[4] == number * 97 % 1000 + 0.25 for number, row in enumerate(found[0])) < 5
    every = {"default": "keep", "columns": {"trips.town": {"mask": "resample", "min_count": 90}}}
    with pytest.raises(RefusedError) as raised:
        copied(tmp_path, shop.url("drawn"), shop.url("drawn_stage"), rules=every)
    assert (raised.value.code, raised.value.place) == ("DM316", "trips.town")
    assert "Lonely" not in str(raised.value)

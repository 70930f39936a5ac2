"""The options of every mask in a whole copy: alike on every engine, verified, and counted in the report."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import dbmimic
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.copying import configured, copied
from tests.small_shop import Shop

TABLE = (
    "CREATE TABLE staff (id int PRIMARY KEY, role char(9), name varchar(40), email varchar(60), iban varchar(40),"
    " born varchar(40), city varchar(40), boss varchar(40), contact varchar(60))"
)
BAD_IBAN, BAD_DATE = "my account at the bank", "some day in May"
ROWS = [
    f"({n}, {'NULL' if n == 9 else repr('admin' if n % 4 == 0 else 'user')}, 'Smith', 'Person{n}@shop.test',"
    f" '{BAD_IBAN if n % 5 == 0 else f'DE{n + 20}{n:018}'}', '{BAD_DATE if n % 10 == 0 else f'19{n + 40}-05-06'}',"
    f" {'NULL' if n % 2 else repr('Paris')}, '', 'smith{n}@shop.test')"
    for n in range(1, 41)
]
RULES = {
    "default": "keep",
    "columns": {
        "staff.name": {"mask": "last_name", "scope": "row"},
        "staff.email": {"mask": "email", "when": "role <> 'admin'"},
        "staff.iban": {"mask": "iban", "invalid": "null"},
        "staff.born": {"mask": "date_shift", "days": 9},
        "staff.city": {"mask": "city", "nulls": "mask", "scope": "run"},
        "staff.boss": {"mask": "full_name", "empty": "mask"},
        "staff.contact": {"mask": "template", "template": "{name|lower}+{role}@example.com", "when": "id > 1"},
    },
}
COLUMNS = "id, rtrim(role), name, email, iban, born, boss, contact, city"


def masked(shop: Shop, folder: Path) -> list[tuple[object, ...]]:
    source = shop.build("options")
    shop.run("options", [TABLE, f"INSERT INTO staff VALUES {', '.join(ROWS)}"])
    target = shop.url("options_stage")
    report = copied(folder, source, target, rules=RULES)
    assert report.verified
    assert report.leaks.found == 0
    found = {column.rpartition(".")[2]: count for column, count in report.masks.invalid.items()}
    assert found == {"iban": 8, "born": 4}
    told = [finding for finding in report.findings if finding.code == "DM607"]
    assert [finding.message.split()[0] for finding in told] == ["4", "8"]
    assert all(bad not in repr(report) for bad in (BAD_IBAN, BAD_DATE))
    assert dbmimic.verify(configured(folder, source, target, rules=RULES)).verified
    return shop.run("options_stage", [f"SELECT {COLUMNS} FROM staff ORDER BY id"])


@pytest.mark.postgres
@pytest.mark.mariadb
def test_options_do_the_same_on_every_engine(
    postgres15: PostgresServer, mariadb: MariadbServer, tmp_path: Path
) -> None:
    shops = [small_shop.on_sqlite(tmp_path), small_shop.on_postgres(postgres15), small_shop.on_mariadb(mariadb)]
    copies = [masked(shop, tmp_path) for shop in shops]
    assert [row[:-1] for row in copies[0]] == [row[:-1] for row in copies[1]] == [row[:-1] for row in copies[2]]

    rows = copies[0]
    assert len({row[2] for row in rows}) > 30
    for number, (_, role, name, email, iban, born, boss, contact, city) in enumerate(rows, start=1):
        assert name != "Smith"
        assert (email == f"Person{number}@shop.test") == (role == "admin")
        assert (iban is None) == (number % 5 == 0)
        assert str(born)[:4].isdigit() == (number % 10 != 0)
        assert boss not in {"", None}
        assert city not in {"Paris", None}
        assert contact == ("smith1@shop.test" if number == 1 else f"{name.lower()}+{role or ''}@example.com")
    cities = [{row[-1] for row in copy} for copy in copies]
    assert all(len(each) == 2 for each in cities)
    assert cities[0] != cities[1] != cities[2] != cities[0]


PEOPLE_TABLE = (
    "CREATE TABLE people (id int PRIMARY KEY, sex char(1), first_name varchar(30), name varchar(60),"
    " email varchar(80) UNIQUE, login varchar(60) UNIQUE, born date, place varchar(30))"
)
VISITS_TABLE = (
    "CREATE TABLE visits (id {number} PRIMARY KEY, person int, name varchar(60), mail varchar(80), seen date, place varchar(30)"
    "{key})"
)
BILLS_TABLE = (
    "CREATE TABLE bills (id int PRIMARY KEY, visit int, mail varchar(80), due date{key})",
    "CREATE TABLE reminders (id int PRIMARY KEY, bill int, login varchar(60), town varchar(30), sent date{key})",
)
PERSONS: dict[str, object] = {
    "default": "keep",
    "columns": {
        "people.id": "integer_key",
        **{
            f"people.{column}": {"mask": mask, "persona": "id"}
            for column, mask in {
                "sex": "gender", "first_name": "first_name", "name": "full_name", "email": "email",
                "login": "username", "born": "date_shift", "place": "city",
            }.items()
        },
        **{
            f"visits.{column}": {"mask": mask, "persona": "person"}
            for column, mask in {"name": "full_name", "mail": "email", "seen": "date_shift", "place": "city"}.items()
        },
        "bills.mail": {"mask": "email", "persona": "visit.person"},
        "bills.due": {"mask": "date_shift", "persona": "visit.person"},
        "reminders.login": {"mask": "username", "persona": "bill.visit.person"},
        "reminders.town": {"mask": "city", "persona": "bill.visit.person"},
        "reminders.sent": {"mask": "date_shift", "persona": "bill.visit.person"},
    },
}  # fmt: skip


def identities(shop: Shop, folder: Path) -> list[tuple[object, ...]]:
    source = shop.build("persons")
    people = [
        f"({n}, 'm', 'Bob', 'Bob {n}', 'b{n}@shop.test', 'b{n}', '1980-01-{n:02}', 'Paris')" for n in range(1, 21)
    ]
    visits = [
        f"({n}, {n % 20 + 1}, 'Mr B', 'other{n}@shop.test', '2020-01-{n % 20 + 1:02}', 'Rome')" for n in range(1, 41)
    ]
    shop.run(
        "persons",
        [
            PEOPLE_TABLE,
            # PostgreSQL writes a number as `1.00` there, and as `1` in the column that references it.
            VISITS_TABLE.format(
                key=", FOREIGN KEY (person) REFERENCES people (id)",
                number="numeric(6, 2)" if shop.engine == "postgresql" else "int",
            ),
            f"INSERT INTO people VALUES {', '.join(people)}",
            f"INSERT INTO visits VALUES {', '.join(visits)}",
            BILLS_TABLE[0].format(key=", FOREIGN KEY (visit) REFERENCES visits (id)"),
            BILLS_TABLE[1].format(key=", FOREIGN KEY (bill) REFERENCES bills (id)"),
            *(
                f"INSERT INTO {table} SELECT id + 100, {key}, {columns}, seen FROM visits"
                for table, key, columns in (("bills", "id", "mail"), ("reminders", "id + 100", "name, place"))
            ),
            "INSERT INTO bills VALUES (1, NULL, 'nobody@shop.test', '2020-01-01')",
        ],
    )
    report = copied(folder, source, shop.url("persons_stage"), rules=PERSONS)
    assert report.verified
    read = (
        "SELECT p.id, p.sex, p.first_name, p.name, p.email, p.login, p.born, p.place, v.name, v.mail, v.seen, v.place,"
        " b.mail, b.due, r.login, r.town, r.sent FROM people p JOIN visits v ON v.person = p.id"
        " JOIN bills b ON b.visit = v.id JOIN reminders r ON r.bill = b.id ORDER BY v.id"
    )
    assert shop.run("persons_stage", ["SELECT mail FROM bills WHERE visit IS NULL"]) != [("nobody@shop.test",)]
    return [tuple(map(str, row)) for row in shop.run("persons_stage", [read])]


@pytest.mark.postgres
@pytest.mark.mariadb
def test_one_person_is_one_identity_in_every_table(
    postgres15: PostgresServer, mariadb: MariadbServer, tmp_path: Path
) -> None:
    shops = [small_shop.on_sqlite(tmp_path), small_shop.on_postgres(postgres15), small_shop.on_mariadb(mariadb)]
    copies = [identities(shop, tmp_path) for shop in shops]
    assert copies[0] == copies[1] == copies[2]
    assert len(copies[0]) == 40
    for _, sex, first, name, email, login, born, place, visitor, mail, seen, seen_at, *reached in copies[0]:
        assert sex in {"F", "M"}
        assert (name, email, place) == (visitor, mail, seen_at)
        assert name.startswith(f"{first} ")
        assert email == f"{login}@example.com"
        assert (date.fromisoformat(seen) - date.fromisoformat(born)).days == 14610  # both were moved alike
        assert reached == [email, seen, login, place, seen]  # over one table, and over two

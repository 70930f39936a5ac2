"""The options of every mask in a whole copy: alike on every engine, verified, and counted in the report."""

from __future__ import annotations

from pathlib import Path

import pytest

import dbmimic
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.copying import configured, copied
from tests.small_shop import Shop

TABLE = (
    "CREATE TABLE staff (id int PRIMARY KEY, role varchar(9), name varchar(40), email varchar(60), iban varchar(40),"
    " born varchar(40), city varchar(40), boss varchar(40))"
)
BAD_IBAN, BAD_DATE = "my account at the bank", "some day in May"
ROWS = [
    f"({n}, {'NULL' if n == 9 else repr('admin' if n % 4 == 0 else 'user')}, 'Smith', 'Person{n}@shop.test',"
    f" '{BAD_IBAN if n % 5 == 0 else f'DE{n + 20}{n:018}'}', '{BAD_DATE if n % 10 == 0 else f'19{n + 40}-05-06'}',"
    f" {'NULL' if n % 2 else repr('Paris')}, '')"
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
    },
}
COLUMNS = "id, role, name, email, iban, born, boss, city"


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
    for number, (_, role, name, email, iban, born, boss, city) in enumerate(rows, start=1):
        assert name != "Smith"
        assert (email == f"Person{number}@shop.test") == (role == "admin")
        assert (iban is None) == (number % 5 == 0)
        assert str(born)[:4].isdigit() == (number % 10 != 0)
        assert boss not in {"", None}
        assert city not in {"Paris", None}
    cities = [{row[-1] for row in copy} for copy in copies]
    assert all(len(each) == 2 for each in cities)
    assert cities[0] != cities[1] != cities[2] != cities[0]

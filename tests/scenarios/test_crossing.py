"""Into another engine by the command line: plan, copy, verify, mask, slice, fail, roll back."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.command_line import Forks
from tests.copying import SECRET, copied, rows_of, write_config
from tests.scenarios.test_same_everywhere import masked
from tests.small_shop import RULES, Shop

PAIRS = [("postgresql", "sqlite"), ("mysql", "sqlite"), ("postgresql", "mysql"), ("mysql", "postgresql")]
SLICE = {"seeds": [{"table": "customers", "percent": 20}]}


@pytest.fixture
def shops(postgres15: PostgresServer, mariadb: MariadbServer, tmp_path: Path) -> dict[str, Shop]:
    made = (small_shop.on_postgres(postgres15), small_shop.on_mariadb(mariadb), small_shop.on_sqlite(tmp_path))
    return {shop.engine: shop for shop in made}


def test_copy_needs_no_more_than_two_addresses(shops: dict[str, Shop], dbmimic_command: Forks, tmp_path: Path) -> None:
    source = shops["postgresql"].build("laptop")
    ends = ("--source", source, "--target", f"sqlite:///{tmp_path}/laptop.db")
    (tmp_path / "dbmimic.yaml").write_text(f"secret: {SECRET}\nrules: {json.dumps(RULES)}\n")
    planned = dbmimic_command.run("plan", "--json", *ends, cwd=tmp_path)
    assert planned.status == 0
    told = {finding["place"]: finding["message"] for finding in planned.document["findings"]}
    assert told == {
        "views": "views are not carried into sqlite (1): public.big_orders",
        "triggers": "triggers are not carried into sqlite (1): public.orders audited",
        "functions": "functions are not carried into sqlite (1): public.note_it()",
    }
    for _ in range(2):
        done = dbmimic_command.run("copy", "--yes", "--json", *ends, cwd=tmp_path)
        assert (done.status, done.document["status"]) == (0, "verified")
        assert done.document["engine"] == {"source": "postgresql", "target": "sqlite"}
        assert {found["place"]: found["message"] for found in done.document["findings"]} == told
        assert done.document["leaks"]["found"] == 0
        assert done.document["leaks"]["values_checked"] > 0
    assert dbmimic_command.run("verify", "-q", *ends, cwd=tmp_path).status == 0
    with closing(sqlite3.connect(tmp_path / "laptop.db")) as connection, connection:
        connection.execute("UPDATE customers SET phone = NULL")
        connection.execute("DELETE FROM orders WHERE id = 1")
    assert dbmimic_command.run("verify", "-q", *ends, cwd=tmp_path).status == 0  # rows may have come since: a warning
    assert dbmimic_command.run("rollback", "--yes", *ends, cwd=tmp_path).status == 0
    with closing(sqlite3.connect(tmp_path / "laptop.db")) as connection:
        assert connection.execute("SELECT count(*), count(phone) FROM customers").fetchone() == (60, 60)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_masks_and_slices_are_those_of_a_copy_inside_one_engine(
    shops: dict[str, Shop], tmp_path: Path, source: str, target: str
) -> None:
    name = f"both_{source}_{target}"
    url, inside, across = shops[source].build(name), shops[source], shops[target]
    sections = {"rules": RULES, "slice": SLICE}
    one = copied(tmp_path, url, inside.url(f"{name}_inside"), **sections)
    hooks = {"after": [{"sql": "INSERT INTO audit VALUES (-1, 'hook')"}]}
    other = copied(tmp_path, url, across.url(f"{name}_across"), **sections, hooks=hooks)
    assert 0 < sum(rows_of(one).values()) < 261
    assert rows_of(other) == rows_of(one)
    assert other.foreign_keys == one.foreign_keys
    customers, orders = masked(inside, f"{name}_inside")
    crossed, theirs = masked(across, f"{name}_across")
    assert crossed == customers
    assert across.run(f"{name}_across", ["SELECT what FROM audit WHERE order_id = -1"]) == [("hook",)]
    assert [(*row[:3], float(row[3])) for row in theirs] == [(*row[:3], float(row[3])) for row in orders]


def test_plan_needs_no_target(shops: dict[str, Shop], dbmimic_command: Forks, tmp_path: Path) -> None:
    source = shops["postgresql"].build("planned")
    write_config(tmp_path, source, "${NOT_SET_ANYWHERE}", rules=RULES)
    done = dbmimic_command.run("plan", "--json", "-c", "dbmimic.yaml", cwd=tmp_path)
    assert done.status == 0
    assert done.document["findings"] == []

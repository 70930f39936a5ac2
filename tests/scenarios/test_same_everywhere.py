"""The same in, the same out: on every engine, in two runs and two processes, tonight and tomorrow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.conftest import ROOT
from tests.copying import copied, write_config
from tests.small_shop import RULES, Shop

READ = "SELECT * FROM customers ORDER BY id", "SELECT id, customer_id, note, total FROM orders ORDER BY id"


def masked(shop: Shop, name: str) -> list[list[list[str]]]:
    """Give the rows as text, so that a date of one engine equals another's."""
    return [[[str(value) for value in row] for row in shop.run(name, [read])] for read in READ]


def test_three_engines_two_runs_two_processes(
    postgres15: PostgresServer, postgres18: PostgresServer, mariadb: MariadbServer, tmp_path: Path
) -> None:
    shops = [
        small_shop.on_postgres(postgres15),
        small_shop.on_postgres(postgres18),
        small_shop.on_mariadb(mariadb),
        small_shop.on_sqlite(tmp_path),
    ]
    found = []
    for shop in shops:
        source = shop.build("same")
        copied(tmp_path, source, shop.url("same_stage"), rules=RULES)
        first = masked(shop, "same_stage")
        config = write_config(tmp_path, source, shop.url("same_stage"), rules=RULES)
        command = [sys.executable, "-m", "dbmimic", "copy", "--yes", "--json", "-q", "-c", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        assert json.loads(done.stdout)["status"] == "verified"
        assert masked(shop, "same_stage") == first
        found.append(first)
    before = masked(shops[-1], "same")
    customers, orders = found[0]
    assert len(customers) == small_shop.CUSTOMERS
    assert not {row[2] for row in customers} & {row[2] for row in before[0]}
    assert {row[1] for row in orders} <= {row[0] for row in customers}
    # SQLite keeps a decimal as a number, so its spelling differs where the others have zeros at the end
    assert found[1] == found[0]
    assert found[2] == found[0]
    assert [row[:3] for row in found[3][1]] == [row[:3] for row in orders]
    assert found[3][0] == customers


def chosen(shop: Shop, folder: Path, percent: float, name: str = "share") -> set[str]:
    slice_ = {"children": "stop", "seeds": [{"table": "orders", "percent": percent}]}
    copied(folder, shop.url(name), shop.url(f"{name}_stage"), slice=slice_)
    return {str(row[0]) for row in shop.run(f"{name}_stage", ["SELECT id FROM orders"])}


def test_a_percent_is_the_same_rows_on_every_engine_and_a_larger_one_holds_a_smaller(
    postgres15: PostgresServer, mariadb: MariadbServer, tmp_path: Path
) -> None:
    shops = [small_shop.on_postgres(postgres15), small_shop.on_mariadb(mariadb), small_shop.on_sqlite(tmp_path)]
    shares = []
    for shop in shops:
        shop.build("share")
        shares.append({percent: chosen(shop, tmp_path, percent) for percent in (5, 20, 50)})
    assert shares[0] == shares[1] == shares[2]
    five, twenty, fifty = (shares[0][percent] for percent in (5, 20, 50))
    assert five < twenty < fifty
    assert 20 <= len(twenty) <= 60


def test_a_percent_changes_only_where_the_data_changed(postgres15: PostgresServer, tmp_path: Path) -> None:
    shop = small_shop.on_postgres(postgres15)
    shop.build("moving")
    before = chosen(shop, tmp_path, 30, "moving")
    shop.run("moving", ["UPDATE orders SET total = total + 1", "DELETE FROM orders WHERE id > 190"])
    postgres15.execute("VACUUM FULL orders", database="moving")
    assert chosen(shop, tmp_path, 30, "moving") == {id_ for id_ in before if int(id_) <= 190}

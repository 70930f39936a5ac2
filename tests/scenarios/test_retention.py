"""As many replaced copies are kept as was said, any of them comes back, and nothing is dropped that is not ours."""

from __future__ import annotations

from pathlib import Path

import pytest

import dbmimic
from dbmimic import wiring
from dbmimic.errors import RefusedError
from tests import small_shop
from tests.command_line import Forks
from tests.copying import configured, write_config
from tests.small_shop import RULES, Shop


@pytest.fixture(params=["postgresql", "mysql", "sqlite"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    if request.param == "postgresql":
        return small_shop.on_postgres(request.getfixturevalue("postgres15"))
    if request.param == "mysql":
        return small_shop.on_mariadb(request.getfixturevalue("mariadb"))
    return small_shop.on_sqlite(tmp_path)


def amount(shop: Shop, name: str) -> float:
    return float(str(shop.run(name, ["SELECT total FROM orders WHERE id = 1"])[0][0]))


def test_so_many_are_kept_and_any_of_them_comes_back(shop: Shop, tmp_path: Path) -> None:
    source, stage = "retained.db", "retained_stage.db"
    url = shop.build(source)
    stranger = f"{stage}_dbmimic_old3"
    if shop.engine == "postgresql":
        shop.create(stranger)  # somebody else's, by the name that a third copy would have
    settings = configured(tmp_path, url, shop.url(stage), rules=RULES, retention={"copies": 2})
    if shop.engine == "sqlite":
        (tmp_path / stage).touch()
    else:
        shop.create(stage)
    for night in range(1, 5):
        shop.run(source, [f"UPDATE orders SET total = {night} WHERE id = 1"])
        assert dbmimic.copy(settings).verified
        assert night > 1 or wiring.kept_copies(settings) == (), "an empty database is nothing to go back to"
    kept = wiring.kept_copies(settings)
    assert len(kept) == 2
    assert all(each.stamp is not None for each in kept)
    runs = [each.stamp.run for each in kept if each.stamp]
    dbmimic.rollback(settings)
    assert amount(shop, stage) == 3
    dbmimic.rollback(settings)
    assert amount(shop, stage) == 4
    wiring.rollback(settings, runs[1][:8])
    assert amount(shop, stage) == 2
    for expected in (4, 2):  # without a run, back to what was served before, and back again
        dbmimic.rollback(settings)
        assert amount(shop, stage) == expected
    wiring.rollback(settings, runs[0])
    assert amount(shop, stage) == 3
    left = wiring.kept_copies(settings)
    assert len(left) == 2
    assert runs[0] not in {each.stamp.run for each in left if each.stamp}
    with pytest.raises(RefusedError) as caught:
        wiring.rollback(settings, "ffffffffffff")
    assert caught.value.code == "DM307"
    fewer = configured(tmp_path, url, shop.url(stage), rules=RULES)
    assert dbmimic.copy(fewer).verified
    assert len(wiring.kept_copies(fewer)) == 1
    dbmimic.rollback(fewer)
    assert amount(shop, stage) == 3
    if shop.engine == "postgresql":
        assert shop.run(stranger, ["SELECT 1"]) == [(1,)]


def test_the_list_is_for_people_and_for_scripts(dbmimic_command: Forks, tmp_path: Path) -> None:
    shop = small_shop.on_sqlite(tmp_path)
    shop.build("listed.db")
    write_config(
        tmp_path,
        shop.url("listed.db"),
        shop.url("listed_stage.db"),
        rules=RULES,
        runs={"folder": str(tmp_path / "runs")},
    )
    assert dbmimic_command.run("rollback", "--list", cwd=tmp_path).out == ""
    for _ in range(2):
        assert dbmimic_command.run("copy", cwd=tmp_path).status == 0
    [kept] = dbmimic_command.run("rollback", "--list", "--json", cwd=tmp_path).document["kept"]
    ran = [each["run"] for each in dbmimic_command.run("runs", "--json", cwd=tmp_path).document["runs"]]
    assert kept["run"] == ran[1], "whoever looks for a run in the history names it to go back"
    told = dbmimic_command.run("rollback", "--list", cwd=tmp_path).out
    assert kept["run"][:8] in told
    assert dbmimic_command.run("rollback", kept["run"][:8], "--yes", cwd=tmp_path).status == 0

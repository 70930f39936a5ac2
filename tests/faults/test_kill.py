"""Kill -9 at any moment: the target is the old copy or the new one, and the next run needs no cleaning up."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path

import pytest

from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.command_line import Ended, Forks
from tests.copying import write_config
from tests.small_shop import RULES, Shop

POINTS = 20
SIDE_BY_SIDE = 4
FOLDERS = {"postgresql": "postgres", "mysql": "mysql", "sqlite": "sqlite"}


@pytest.fixture
def forks(dbmimic_command: Forks) -> Forks:
    return dbmimic_command


def survive(forks: Forks, shop: Shop, folder: Path) -> None:
    """Change a source and kill a copy of it, twenty times over the run's length, its end more closely."""
    first = lane(shop, folder, 0)
    counted = killed(forks, shop, first, 0)
    assert counted.status == 0, counted.err
    calls = int(counted.out)
    half = POINTS // 2
    early = [1 + calls * n // half for n in range(half)]
    late = [calls - calls // 5 * n // half for n in range(half)]
    points = sorted({*early, *late})
    lanes = [first, *(lane(shop, folder, number) for number in range(1, SIDE_BY_SIDE))]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        shares = [points[number::SIDE_BY_SIDE] for number in range(SIDE_BY_SIDE)]
        list(pool.map(lambda each, share: survive_each(forks, shop, each, share), lanes, shares))


def lane(shop: Shop, folder: Path, number: int) -> Path:
    """Give the folder of a source and a target of their own, named after it."""
    place = folder / f"lane{number}"
    place.mkdir()
    write_config(place, shop.build(f"{place.name}_prod"), shop.url(f"{place.name}_stage"), rules=RULES)
    return place


def survive_each(forks: Forks, shop: Shop, place: Path, points: list[int]) -> None:
    """
    Kill at an early point, and the run that follows at a late one, before a run may end.

    What each kill leaves is met by the next run: that of the early ones by a run that gets nearly to its end.
    """
    source, target = f"{place.name}_prod", f"{place.name}_stage"
    assert forks.run("copy", "--yes", "-q", cwd=place).status == 0
    new = shop.state(target)
    half = (len(points) + 1) // 2
    for pair in zip_longest(points[:half], points[half:]):
        old = new
        shop.run(source, [f"UPDATE orders SET total = total + {pair[0]}"])
        found = {}
        for point in filter(None, pair):
            ended = killed(forks, shop, place, point)
            assert ended.status == -signal.SIGKILL, (point, ended)
            found[point] = shop.state(target)
        again = forks.run("copy", "--yes", "-q", cwd=place)
        assert again.status == 0, (pair, again.err)
        new = shop.state(target)
        assert [point for point in found if found[point] not in {old, new}] == []
        assert new != old
        assert shop.fires(target), pair


def killed(forks: Forks, shop: Shop, place: Path, point: int) -> Ended:
    return forks.run("dbmimic.yaml", FOLDERS[shop.engine], str(point), cwd=place, module="tests.faults.killed")


@pytest.mark.slow
def test_postgresql(forks: Forks, postgres15: PostgresServer, tmp_path: Path) -> None:
    survive(forks, small_shop.on_postgres(postgres15), tmp_path)


@pytest.mark.slow
def test_mariadb(forks: Forks, mariadb: MariadbServer, tmp_path: Path) -> None:
    survive(forks, small_shop.on_mariadb(mariadb), tmp_path)


@pytest.mark.slow
def test_sqlite(forks: Forks, tmp_path: Path) -> None:
    survive(forks, small_shop.on_sqlite(tmp_path), tmp_path)


@pytest.mark.parametrize(("point", "again"), [("open", ("--delta",)), ("settle", ())])
def test_the_kept_copy_was_taken(
    forks: Forks, postgres15: PostgresServer, tmp_path: Path, point: str, again: tuple[str, ...]
) -> None:
    """What changed goes into the copy that was kept, which is lost then: the target is not."""
    shop = small_shop.on_postgres(postgres15)
    source, target = f"taken_{point}", f"taken_{point}_stage"
    write_config(tmp_path, shop.build(source), shop.url(target), rules=RULES)
    for _ in range(2):
        assert forks.run("copy", "--yes", "-q", "--delta", cwd=tmp_path).status == 0
    old = shop.state(target)
    shop.run(source, ["UPDATE orders SET total = total + 1 WHERE id = 1"])
    ended = forks.run("dbmimic.yaml", "postgres", point, "delta", cwd=tmp_path, module="tests.faults.killed")
    assert ended.status == -signal.SIGKILL, ended
    beside = {name for (name,) in postgres15.execute("SELECT datname FROM pg_database")}
    assert f"{target}_dbmimic_old" not in beside, "the kept copy was taken"
    assert shop.state(target) == old
    ended = forks.run("copy", "--yes", "-q", *again, cwd=tmp_path)
    assert ended.status == 0, ended.err
    assert shop.state(target) != old

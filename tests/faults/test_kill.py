"""Kill -9 at any moment: the target is the old copy or the new one, and the next run needs no cleaning up."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import dbmimic
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.conftest import ROOT
from tests.copying import write_config
from tests.small_shop import RULES, Shop

POINTS = 20
FOLDERS = {"postgresql": "postgres", "mysql": "mysql", "sqlite": "sqlite"}


def run(config: Path, shop: Shop, point: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.faults.killed", str(config), FOLDERS[shop.engine], str(point)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def survive(shop: Shop, folder: Path) -> None:
    """Change the source and kill a copy of it, twenty times over the run's length, its end more closely."""
    config = write_config(folder, shop.build("prod"), shop.url("stage"), rules=RULES)
    first = run(config, shop, 0)
    assert first.returncode == 0, first.stderr
    calls = int(first.stdout)
    half = POINTS // 2
    early = [1 + calls * n // half for n in range(half)]
    late = [calls - calls // 5 * n // half for n in range(half)]
    for round_, point in enumerate(sorted({*early, *late}), 1):
        old = shop.state("stage")
        shop.run("prod", [f"UPDATE orders SET total = total + {round_}"])
        killed = run(config, shop, point)
        assert killed.returncode == -signal.SIGKILL, (point, killed.returncode, killed.stderr)
        found = shop.state("stage")
        assert dbmimic.copy(dbmimic.load_config(config)).verified, point
        new = shop.state("stage")
        assert found in {old, new}, point
        assert new != old
        assert shop.fires("stage"), point


@pytest.mark.slow
def test_postgresql(postgres15: PostgresServer, tmp_path: Path) -> None:
    survive(small_shop.on_postgres(postgres15), tmp_path)


@pytest.mark.slow
def test_mariadb(mariadb: MariadbServer, tmp_path: Path) -> None:
    survive(small_shop.on_mariadb(mariadb), tmp_path)


@pytest.mark.slow
def test_sqlite(tmp_path: Path) -> None:
    survive(small_shop.on_sqlite(tmp_path), tmp_path)

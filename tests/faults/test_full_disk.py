"""The target's disk is full: the run says so and what to do, the old copy is served on, and the next run succeeds."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pyroaring import BitMap64

from dbmimic.errors import SourceError
from dbmimic.model.spill import Spill
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.command_line import Forks
from tests.copying import write_config
from tests.faults.small_disk import fill, small_disk
from tests.small_shop import RULES, Shop

SOURCE, TARGET = "full.db", "full_stage.db"
MORE = 30_000  # orders of about 100 bytes
RECOVERY_SECONDS = 30.0


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def forks(dbmimic_command: Forks) -> Forks:
    return dbmimic_command


def grown(shop: Shop, name: str) -> None:
    """Give the shop so many orders that they do not fit on the target's disk."""
    for start in range(1000, 1000 + MORE, 5000):
        rows = ", ".join(f"({n}, 1, '{'call me again and again, ' * 8}', {n}.25)" for n in range(start, start + 5000))
        shop.run(name, [f"INSERT INTO orders VALUES {rows}"])


def served(shop: Shop, name: str, revive: Callable[[], None] = lambda: None) -> str:
    """Give the state of a copy, as soon as its server answers again."""
    deadline = time.monotonic() + RECOVERY_SECONDS
    while True:
        try:
            return shop.state(name)
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
            revive()


def survive(
    forks: Forks,
    folder: Path,
    source: tuple[Shop, str],
    target: tuple[Shop, str],
    disk: Path,
    codes: set[str],
    room: float,
    *,
    foreseen: bool = False,
) -> None:
    """Copy once, fill the disk, copy again in vain, make room, and copy."""
    shop, stage = target
    source_url = source[0].build(source[1])
    write_config(folder, source_url, shop.url(stage), rules=RULES)
    first = forks.run("copy", "--yes", "-q", cwd=folder)
    assert first.status == 0, first.err
    old = shop.state(stage)
    grown(*source)
    if foreseen:
        filling = fill(disk, 0.4)
        refused = forks.run("copy", "--yes", "--json", cwd=folder)
        assert (refused.status, refused.document["error"]["code"]) == (6, "DM503"), refused.err
        assert "does not fit" in refused.document["error"]["message"]
        assert shop.state(stage) == old
        filling.unlink()
    filling = fill(disk, room)
    failed = forks.run("copy", "--yes", "--json", cwd=folder)
    assert failed.status == 6, (failed.status, failed.err)
    error = failed.document["error"]
    assert error["code"] in codes, failed.err
    assert error["message"]
    assert error["hint"]
    assert error["place"]
    assert "Traceback" not in failed.err
    assert served(shop, stage) == old
    filling.unlink()
    again = forks.run("copy", "--yes", "-q", cwd=folder)
    assert again.status == 0, again.err
    assert shop.run(stage, ["SELECT count(*) FROM orders"]) == [(small_shop.ORDERS + MORE,)]
    assert shop.fires(stage)


@pytest.mark.slow
def test_sqlite(forks: Forks, cleanup: ExitStack, tmp_path: Path) -> None:
    disk = cleanup.enter_context(small_disk(24))
    source, target = small_shop.on_sqlite(tmp_path), small_shop.on_sqlite(disk)
    survive(forks, tmp_path, (source, SOURCE), (target, TARGET), disk, {"DM503"}, 1)
    assert not list(disk.glob("*dbmimic-new*"))


@pytest.mark.slow
def test_postgresql(forks: Forks, cleanup: ExitStack, postgres15: PostgresServer, tmp_path: Path) -> None:
    """The tables do not fit."""
    disk = cleanup.enter_context(small_disk(64))
    _open_to_servers(tmp_path)
    space = disk / "space"
    space.mkdir()
    space.chmod(0o777)
    server = cleanup.enter_context(PostgresServer("15"))
    cleanup.callback(server.close)  # before the disk goes
    shutil.chown(space, "postgres")
    server.execute(f"CREATE TABLESPACE small LOCATION '{space}'")
    server.execute("ALTER SYSTEM SET default_tablespace = 'small'")
    server.execute("SELECT pg_reload_conf()")
    shops = small_shop.on_postgres(postgres15), small_shop.on_postgres(server)
    survive(forks, tmp_path, (shops[0], "full"), (shops[1], "full_stage"), disk, {"DM503"}, 2, foreseen=True)
    assert not server.execute("SELECT 1 FROM pg_database WHERE datname LIKE '%dbmimic_new'")


@pytest.mark.slow
def test_postgresql_without_room_for_its_log(
    forks: Forks, cleanup: ExitStack, postgres15: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's log of changes does not fit, so it ends in the middle of the copy, and all connections with it."""
    disk = cleanup.enter_context(small_disk(160))
    _open_to_servers(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    server = cleanup.enter_context(PostgresServer("15", settings={"max_wal_size": "32MB", "min_wal_size": "32MB"}))
    monkeypatch.undo()
    source, target = small_shop.on_postgres(postgres15), small_shop.on_postgres(server)
    url = source.build("full_log")
    write_config(tmp_path, url, target.url("log_stage"), rules=RULES)
    assert forks.run("copy", "--yes", "-q", cwd=tmp_path).status == 0
    old = target.state("log_stage")
    grown(source, "full_log")
    filling = fill(disk, 5)
    failed = forks.run("copy", "--yes", "--json", cwd=tmp_path)
    error = failed.document["error"]
    assert (failed.status, error["code"]) in {(6, "DM501"), (6, "DM503"), (75, "DM703")}, failed.err
    assert error["hint"]
    assert "Traceback" not in failed.err
    filling.unlink()
    # PostgreSQL gives up where it has no room to recover; its owner starts it again
    assert served(target, "log_stage", server.revive) == old
    write_config(tmp_path, url, target.url("log_stage"), rules=RULES)
    again = forks.run("copy", "--yes", "-q", cwd=tmp_path)
    assert again.status == 0, again.err
    assert not server.execute("SELECT 1 FROM pg_database WHERE datname LIKE '%dbmimic_new'")


@pytest.mark.slow
def test_mariadb(
    forks: Forks, cleanup: ExitStack, mariadb: MariadbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = cleanup.enter_context(small_disk(300))
    _open_to_servers(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    # the server's own file is made large enough beforehand: where that one cannot grow, MariaDB 10.11 crashes
    server = cleanup.enter_context(MariadbServer("--innodb-data-file-path=ibdata1:12M;ibdata2:48M:autoextend"))
    monkeypatch.undo()
    shops = small_shop.on_mariadb(mariadb), small_shop.on_mariadb(server)
    survive(forks, tmp_path, (shops[0], "full"), (shops[1], "full_stage"), disk, {"DM503"}, 1)
    assert not [row for row in server.execute("SHOW DATABASES") if "dbmimic_new" in str(row[0])]


def _open_to_servers(folder: Path) -> None:
    """Let the servers' accounts get to a folder."""
    for each in (folder, folder.parent, folder.parent.parent):
        each.chmod(0o755)


def test_key_sets_that_fit_nowhere(cleanup: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk for temporary files is full, or there is none: the error says so, and what fitted is still there."""
    disk = cleanup.enter_context(small_disk(1))
    spill = Spill(limit=0)
    cleanup.callback(spill.clear)
    rows = BitMap64(range(0, 400_000, 3))
    monkeypatch.setattr(tempfile, "tempdir", str(disk / "gone"))
    with pytest.raises(SourceError) as caught:
        spill.put(rows)
    assert (caught.value.code, caught.value.place) == ("DM407", str(disk / "gone"))
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    kept: list[int] = []
    with pytest.raises(SourceError) as caught:
        kept.extend(spill.put(rows) for _ in range(100))
    error = caught.value
    assert (error.code, error.place, error.exit_status) == ("DM407", str(disk), 5)
    assert "No space left on device" in error.message
    assert "TMPDIR" in error.hint
    assert kept
    assert all(spill.get(number) == rows for number in kept)
    assert not list(disk.iterdir())
    spill.drop(kept.pop())
    assert spill.get(spill.put(rows)) == rows

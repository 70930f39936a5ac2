"""The benchmark works, at a scale that measures nothing; its baselines are true copies; its check finds what differs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.bench import checking, copying, data, key_sets, sandboxes, servers, slicing
from tests.bench.__main__ import parser
from tests.bench.meter import CommandFailed, measure
from tests.bench.rounds import Results, document, table
from tests.bench.servers import POSTGRES_PROGRAMS, Mariadb, Postgres, mariadb_program
from tests.conftest import missing

SCALE = 0.0002
BASELINES = {
    "postgresql": ("raw-text-2", "raw-binary-1", "pg_dump-Fd"),
    "mysql": ("raw-client-exact", "dump-load"),
    "sqlite": ("vacuum-into", "dump-load"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that a server's unprivileged user can reach, where servers and databases stay from test to test."""
    folder = tmp_path_factory.mktemp("bench")
    for path in (folder, *folder.parents):
        if not path.stat().st_mode & 0o001:  # what everybody can reach already is not ours to change
            path.chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the disk, as nothing is measured."""
    monkeypatch.setattr(Postgres, "settle", lambda _: None)
    monkeypatch.setattr(Mariadb, "settle", lambda _: None)
    monkeypatch.setitem(servers.POSTGRES_SETTINGS, "fsync", "off")
    monkeypatch.setitem(servers.MARIADB_SETTINGS, "innodb-log-file-size", "32M")
    monkeypatch.setitem(servers.MARIADB_SETTINGS, "innodb-flush-method", "nosync")


def needs(engine: str) -> None:
    if engine == "postgresql" and not (POSTGRES_PROGRAMS / "initdb").exists():
        missing("no PostgreSQL 15")
    if engine == "mysql":
        try:
            mariadb_program("mariadbd")
        except RuntimeError as error:
            missing(str(error))


@pytest.mark.parametrize("engine", data.ENGINES)
def test_ours_and_the_baselines_copy(
    engine: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The baselines are true copies, and our copy is masked where it should be and only there."""
    needs(engine)
    told = tmp_path / "found.json"
    options = ["--engine", engine, "--scale", str(SCALE), "--folder", str(folder), "--rounds", "1", "--json", str(told)]
    parsed = parser().parse_args(["copy", *options, "--case", "ours"])
    with data.place(engine, folder) as server:
        source = data.ensure(engine, server, folder, SCALE)
        assert copying.copy(parsed, server, source) == 0
        assert checking.check(parsed, server, source) == 0
        written = capsys.readouterr().out
        assert "| ours | 1 |" in written
        assert ": 0 problems" in written
        assert "verify" in json.loads(told.read_text())["cases"]["ours"]["chapters"]
        asked = ["sandbox", *options, "--many", "4", "--callers", "2"]
        assert sandboxes.sandbox(parser().parse_args(asked), server, source) == 0
        assert "4 by 2 callers at once" in capsys.readouterr().out
        assert json.loads(told.read_text())["many"]["problems"] == []
        known, _ = copying.cases_of(server, source, data.TABLES, tmp_path, folder, 0)
        target = str(Path(source).with_name("bench_plain.db")) if engine == "sqlite" else "bench_plain"
        for name in BASELINES[engine]:
            case = known[name]()
            case.prepare()
            measure(case.command, environment=dict(case.environment), folder=tmp_path, server=server)
            with checking.opened(server, source) as before, checking.opened(server, target) as after:
                assert checking.compare(before, after, data.TABLES, {}) == [], name
                unmasked = checking.compare(before, after, ["customers"], {"customers": {"email": ""}})
                assert unmasked == ["customers.email: 200 masked values are unchanged"]
            case.clean()


def test_a_slice_is_exact_and_what_passes_is_counted(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ours and the hand-written slice are the same rows; the comparison finds what differs."""
    needs("postgresql")
    told = tmp_path / "found.json"
    options = ["slice", "--scale", str(SCALE), "--folder", str(folder), "--rounds", "1", "--json", str(told)]
    parsed = parser().parse_args([*options, "--case", "ours"])
    with data.place("postgresql", folder) as server:
        source = data.ensure("postgresql", server, folder, SCALE)
        assert slicing.slice_(parsed, server, source) == 0, capsys.readouterr()
        server.execute(f"CREATE DATABASE other TEMPLATE {source}")
        server.execute("DELETE FROM item_returns WHERE id = 1; UPDATE orders SET total = 0 WHERE id = 1", "other")
        server.execute("ALTER TABLE customers DROP CONSTRAINT customers_address", "other")
        server.execute("UPDATE customers SET address_id = 0 WHERE id < 3", "other")
        rows = sum(data.counts(SCALE).values()) - 1
        assert slicing.against(server, source, source, "x", "other") == slicing.Exactness("x", rows, 4, 3, 2)
    found = json.loads(told.read_text())
    ours, hand = found["exact"]["ours"], found["exact"]["hand-sql"]
    assert ours["rows"] == hand["rows"] > 50
    assert (ours["missing"], ours["wrong"], ours["broken"]) == (0, 0, 0)
    assert found["traffic"]["source"]["walking"] > 10
    assert found["traffic"]["target"]["sent"] > 10_000


def test_many_keys_take_little_memory(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two million keys, one in a hundred places, in two sets and all that is made of them."""
    needs("postgresql")
    parsed = parser().parse_args(["keys", "--count", "2000000", "--folder", str(folder)])
    with data.place("postgresql", folder) as server:
        assert key_sets.keys(parsed, server) == 0
    told = capsys.readouterr().out
    assert "2,000,000 keys" in told
    assert float(told.split(" MB more")[0].split()[-1]) < 150


def test_a_failing_command_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="status 3: some output"):
        measure(["bash", "-c", "echo some output; exit 3"], environment={}, folder=tmp_path, server=None)


def test_memory_and_cpu_of_all_processes_are_seen(tmp_path: Path) -> None:
    """Two processes that work and hold 30 MB each, one of them left behind by its parent."""
    work = "import sys, time; held = b'x' * 30_000_000; end = time.process_time() + 0.3\n"
    work += "while time.process_time() < end: pass\n"
    (tmp_path / "work.py").write_text(work)
    script = f"({sys.executable} work.py &) ; {sys.executable} work.py; sleep 0.3"
    cost = measure(["bash", "-c", script], environment={}, folder=tmp_path, server=None)
    assert 0.6 <= cost.client_cpu < 1.5
    assert 60 <= cost.peak_mb < 120
    assert 30 <= cost.largest_mb < 60
    assert cost.wall >= 0.6


def test_nothing_measured_is_told_as_nothing() -> None:
    found = document(Results(failed={"ours": "no such thing"}), [], 10, {})
    assert found["cases"] == {}
    assert "ours FAILED: no such thing" in table(found)

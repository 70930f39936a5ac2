"""A killed run is gone on with: the same rows as a copy made in one go, and told where all was copied after all."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import psycopg
import pytest

import dbmimic
from dbmimic.errors import RefusedError, TargetError
from dbmimic.model.events import Event, RowsCopied
from dbmimic.model.report import RunReport
from dbmimic.pipeline.making import Work
from dbmimic.pipeline.resume import Resumed, resumed
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.command_line import Forks
from tests.copying import SECRET, configured
from tests.scenarios.test_delta import RULES, SLICE, TABLES, Pair, of_table

MORE = (
    "INSERT INTO orders (customer_id, note, total) SELECT 1 + n % 80, 'call me', n FROM generate_series(1, 2000) n",
    "INSERT INTO items SELECT 1 + n % 2200, n / 2200 + 10, 'sku' || n FROM generate_series(0, 2999) n",
    "ANALYZE",
)
_END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How many random rounds: one, and more with --databases."""
    return max(1, request.config.getoption("--databases") // 200)


class Begun(Pair):
    """A pair whose larger tables take some pages."""

    @property
    def new(self) -> str:
        """The golden copy under construction."""
        return f"{self.golden}_dbmimic_new"


def begun(server: PostgresServer, folder: Path, name: str, **sections: object) -> Begun:
    """Give a pair of copies to come, and leave its configuration in the folder."""
    pair = Begun(server, folder, name, **sections)
    pair.change(*MORE)
    configured(folder, server.url(name), server.url(pair.golden), rules=RULES, **sections)
    return pair


def killed(forks: Forks, folder: Path, point: str, *flags: str) -> None:
    """Copy in portions of a page, and be killed there."""
    ended = forks.run("dbmimic.yaml", "postgres", point, "portions", *flags, cwd=folder, module="tests.faults.killed")
    assert ended.status == -signal.SIGKILL, ended.err


def told(report: RunReport) -> dict[str, dict[str, str]]:
    """Give what was told of what was kept and what was not, by code and place."""
    found: dict[str, dict[str, str]] = {}
    for finding in report.findings:
        if finding.code in {"DM336", "DM337", "DM338"}:
            found.setdefault(finding.code, {})[finding.place.removeprefix("public.")] = finding.message
    return found


def kept(found: dict[str, dict[str, str]]) -> int:
    """Give how many rows were kept."""
    return int(found["DM337"]["--resume"].split(" rows ")[0].rpartition(" ")[2].replace(",", ""))


@pytest.mark.parametrize("sliced", [False, True], ids=["whole", "slice"])
def test_what_was_loaded_is_kept_and_the_rest_comes(
    dbmimic_command: Forks, postgres15: PostgresServer, tmp_path: Path, rounds: int, *, sliced: bool
) -> None:
    """
    Rows come, go and change their keys in between. The run that goes on is killed, too, or loses its snapshot; and a
    process of the first one is still there. What `--delta` notes of the copy is right.
    """
    sections = {"retry": {"attempts": 2, "pause": 0.05}, **({"slice": SLICE} if sliced else {})}
    pair = begun(postgres15, tmp_path, f"resume_{sliced}", **sections)
    lost: list[object] = []

    def lose(event: Event) -> None:
        if sliced and isinstance(event, RowsCopied) and not lost:
            lost.append(postgres15.execute(_END_SESSIONS.format(pair.source)))

    rng = random.Random(20261126 + sliced)
    for _ in range(rounds):
        killed(dbmimic_command, tmp_path, f"loaded:{rng.randrange(14, 20) if sliced else rng.randrange(35, 50)}")
        pair.change(*(of_table(rng, table) for table in TABLES))
        if not sliced:
            killed(dbmimic_command, tmp_path, rng.choice(["loaded:3", "intend", "finish"]), "resume")
            pair.change(*(of_table(rng, table) for table in TABLES))
        with psycopg.connect(postgres15.url(pair.new)) as left:
            left.execute("INSERT INTO visits VALUES ('by a process of the killed run that still lives')")
            found = told(dbmimic.copy(pair.settings, resume=True, delta=not sliced, listener=lose))
            with pytest.raises(psycopg.OperationalError):
                left.execute("SELECT 1")
        assert bool(lost) == sliced
        lost.clear()
        assert "DM338" not in found, found
        assert kept(found) > (100 if sliced else 1000)
        assert found.get("DM336", {}).keys() <= {"customers", "coupons", "events", "visits"}, "these have no such key"
        if not sliced:  # what was noted of it tells the next run what changed
            pair.change(*(of_table(rng, table) for table in TABLES))
            assert "DM334" in {finding.code for finding in pair.refresh().findings}
        assert pair.alike()


def test_it_begins_anew_where_rows_would_come_out_otherwise(
    dbmimic_command: Forks, postgres15: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another secret, other rules, a row that somebody changed in the new copy; and a database that is not ours."""
    pair = begun(postgres15, tmp_path, "resume_not")
    urls = postgres15.url(pair.source), postgres15.url(pair.golden)
    killed(dbmimic_command, tmp_path, "loaded:45")
    answers: list[Resumed] = []

    def only_asked(work: Work) -> Resumed:
        answers.append(resumed(work))
        raise RefusedError("DM308", "the test has seen enough")

    with monkeypatch.context() as patched:
        patched.setattr("dbmimic.pipeline.resume.resumed", only_asked)
        with pytest.raises(RefusedError):
            dbmimic.copy(configured(tmp_path, *urls, rules=RULES, secret=SECRET[::-1]), resume=True)
    assert answers[0].made is None
    assert "the secret changed since it was begun" in answers[0].findings[0].message
    pair.tester("UPDATE orders SET note = 'changed by somebody' WHERE id = 1", database=pair.new)
    report = dbmimic.copy(pair.settings, resume=True)
    assert told(report)["DM336"].keys() == {"orders"}
    assert kept(told(report)) > 1000
    assert postgres15.execute("SELECT note FROM orders WHERE id = 1", database=pair.golden) != [
        ("changed by somebody",)
    ]
    others = {**RULES, "columns": {**RULES["columns"], "items.sku": "redact"}}
    configured(tmp_path, *urls, rules=RULES)
    killed(dbmimic_command, tmp_path, "loaded:20")
    found = told(dbmimic.copy(configured(tmp_path, *urls, rules=others), resume=True))
    assert found.keys() == {"DM338"}
    assert "what the rules say of a column changed since it was begun" in found["DM338"]["--resume"]
    postgres15.create_database(pair.new)
    pair.tester("CREATE TABLE theirs (id int)", database=pair.new)
    with pytest.raises(TargetError, match="DM505"):
        dbmimic.copy(pair.settings, resume=True)
    assert postgres15.execute("SELECT count(*) FROM theirs", database=pair.new) == [(0,)]


def test_another_engine_begins_anew_and_says_so(tmp_path: Path) -> None:
    shop = small_shop.on_sqlite(tmp_path)
    settings = configured(tmp_path, shop.build("shop.db"), shop.url("copy.db"), rules=small_shop.RULES)
    assert told(dbmimic.copy(settings, resume=True)).keys() == {"DM338"}

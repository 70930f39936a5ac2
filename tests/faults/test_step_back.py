"""Production goes first: a run lets go of its snapshot when somebody waits for it, and pauses when it is too much."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import dbmimic
from dbmimic.errors import TryAgainError
from dbmimic.executors import ProcessExecutor
from dbmimic.model.events import Event, Noticed, RowsCopied, Stage, StageStarted
from dbmimic.pipeline import units
from dbmimic.pipeline.throttle import Throttle
from dbmimic.ports.watch import Sight
from tests import small_shop
from tests.copying import configured
from tests.small_shop import RULES, Shop

MIGRATION = "ALTER TABLE orders ADD COLUMN urgent integer"
PATIENCE = 20.0


@pytest.fixture(params=["postgresql", "mysql"])
def shop(request: pytest.FixtureRequest) -> Shop:
    if request.param == "postgresql":
        return small_shop.on_postgres(request.getfixturevalue("postgres15"))
    return small_shop.on_mariadb(request.getfixturevalue("mariadb"))


def reader(shop: Shop, name: str) -> str:
    """Give the source's URL for a role that may read it and nothing else."""
    if shop.engine == "mysql":
        return shop.url(name)  # PROCESS is needed to see who waits
    shop.run(
        name,
        [
            "DO $$ BEGIN CREATE ROLE steps_back LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO steps_back",
        ],
    )
    return shop.url(name).replace("postgres@", "steps_back@")


class Migration:
    """Changes a table of the source from the moment of an event on, and holds the run's own thread until it is done."""

    def __init__(self, shop: Shop, name: str, begins: Callable[[Event], bool]) -> None:
        self._thread = threading.Thread(target=lambda: shop.run(name, [MIGRATION]))
        self._begins = begins
        self._begun = False

    def __call__(self, event: Event) -> None:
        if not self._begun and self._begins(event):
            self._begun = True
            self._thread.start()
            self._thread.join(PATIENCE)

    @property
    def done(self) -> bool:
        return self._begun and not self._thread.is_alive()


def test_a_migration_that_waits_for_the_run_goes_first(shop: Shop, tmp_path: Path) -> None:
    shop.build("migrated")
    throttle = {"give_way": 0.4}
    settings = configured(
        tmp_path, reader(shop, "migrated"), shop.url("migrated_stage"), rules=RULES, throttle=throttle
    )
    migration = Migration(shop, "migrated", lambda event: event == StageStarted(Stage.FINISH))
    with pytest.raises(TryAgainError) as caught:
        dbmimic.copy(settings, listener=migration)
    assert migration.done, "the run kept its lock, though its own thread had nothing to do with the source"
    assert (caught.value.code, caught.value.exit_status) == ("DM707", 75)
    assert caught.value.place == {"postgresql": "public.orders", "mysql": "source"}[shop.engine]
    assert "migration" in caught.value.hint
    with pytest.raises(Exception, match="migrated_stage"):
        shop.run("migrated_stage", ["SELECT 1"])  # nothing was put in place


def test_one_that_is_quick_does_not_end_the_run(shop: Shop, tmp_path: Path) -> None:
    shop.build("patient")
    settings = configured(tmp_path, shop.url("patient"), shop.url("patient_stage"), rules=RULES)
    waiting: list[threading.Thread] = []

    def begin(event: Event) -> None:
        if event == StageStarted(Stage.VERIFY):
            waiting.append(threading.Thread(target=lambda: shop.run("patient", [MIGRATION])))
            waiting[0].start()

    assert dbmimic.copy(settings, listener=begin).verified
    waiting[0].join(PATIENCE)
    assert not waiting[0].is_alive()


def test_workers_let_go_too(
    postgres15: small_shop.PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "_SMALLEST_ORDER", 1 << 20)
    shop = small_shop.on_postgres(postgres15)
    shop.build("crowded")
    more = "INSERT INTO orders SELECT n, 1, repeat('x', 150), 1 FROM generate_series(1000, 40000) n"
    shop.run("crowded", [more])
    throttle = {"give_way": 0.4, "nice_ratio": 0}
    settings = configured(tmp_path, shop.url("crowded"), shop.url("crowded_stage"), rules=RULES, throttle=throttle)
    migration = Migration(shop, "crowded", lambda event: isinstance(event, RowsCopied))
    executor = ProcessExecutor(2)
    try:
        with pytest.raises(TryAgainError) as caught:
            dbmimic.copy(settings, executor=executor, listener=migration)
    finally:
        executor.shutdown(wait=False)
    assert migration.done
    assert caught.value.code == "DM707"


def test_what_an_account_cannot_see_is_told_once(mariadb: small_shop.MariadbServer, tmp_path: Path) -> None:
    shop = small_shop.on_mariadb(mariadb)
    shop.build("unseen")
    shop.run(
        "unseen",
        [
            "CREATE OR REPLACE USER looker",
            "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON unseen.* TO looker",
        ],
    )
    heard: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Noticed) and event.finding.code == "DM709":
            heard.append(event.finding.message)

    url = shop.url("unseen").replace("root@", "looker@")
    assert dbmimic.copy(configured(tmp_path, url, shop.url("unseen_stage"), rules=RULES), listener=listen).verified
    assert len(heard) == 2
    assert "PROCESS" in heard[0]


def test_an_account_that_may_have_one_session_reads_without_a_watch(
    mariadb: small_shop.MariadbServer, tmp_path: Path
) -> None:
    shop = small_shop.on_mariadb(mariadb)
    shop.build("lonely")
    shop.run(
        "lonely",
        [
            "CREATE OR REPLACE USER single WITH MAX_USER_CONNECTIONS 1",
            "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON lonely.* TO single",
        ],
    )
    heard: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Noticed):
            heard.append(event.finding.message)

    url = shop.url("lonely").replace("root@", "single@")
    settings = configured(tmp_path, url, shop.url("lonely_stage"), rules=RULES, retry={"attempts": 1})
    assert dbmimic.copy(settings, listener=listen).verified
    assert sum("nobody watches" in message for message in heard) == 1


def test_an_idle_server_is_read_at_full_speed(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the run itself asks the server is not taken for somebody else's work."""
    shop.build("idle")
    seen: list[bool] = []
    take = Throttle.take

    def taking(self: Throttle, sight: Sight) -> None:
        take(self, sight)
        seen.append(self.busy)

    monkeypatch.setattr(Throttle, "take", taking)

    def linger(event: Event) -> None:
        if event == StageStarted(Stage.FINISH):
            time.sleep(2.5)  # until the statistics of the run's own sessions have come in

    settings = configured(tmp_path, shop.url("idle"), shop.url("idle_stage"), rules=RULES)
    assert dbmimic.copy(settings, listener=linger).verified
    assert len(seen) > 4
    assert not any(seen)

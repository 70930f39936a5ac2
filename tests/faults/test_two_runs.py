"""Two runs into one target at once: the second is told to come again, and the first is not disturbed."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import dbmimic
from dbmimic.errors import TryAgainError
from dbmimic.model.events import Event, Stage, StageStarted
from tests import small_shop
from tests.copying import configured
from tests.small_shop import RULES, Shop


@pytest.fixture(params=["postgresql", "mysql", "sqlite"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    if request.param == "postgresql":
        return small_shop.on_postgres(request.getfixturevalue("postgres15"))
    if request.param == "mysql":
        return small_shop.on_mariadb(request.getfixturevalue("mariadb"))
    return small_shop.on_sqlite(tmp_path)


def test_the_second_of_two_runs_is_told_to_come_again(shop: Shop, tmp_path: Path) -> None:
    settings = configured(tmp_path, shop.build("twice"), shop.url("twice_stage"), rules=RULES)
    halfway, over = threading.Event(), threading.Event()

    def hold(event: Event) -> None:
        if isinstance(event, StageStarted) and event.stage is Stage.FINISH:
            halfway.set()
            over.wait(30)

    reports = []
    first = threading.Thread(target=lambda: reports.append(dbmimic.copy(settings, listener=hold)))
    first.start()
    try:
        assert halfway.wait(30)
        with pytest.raises(TryAgainError) as caught:
            dbmimic.copy(settings)
    finally:
        over.set()
        first.join(60)
    assert caught.value.code == "DM701"
    assert caught.value.exit_status == 75
    assert caught.value.hint
    assert [report.verified for report in reports] == [True]
    assert dbmimic.copy(settings).verified

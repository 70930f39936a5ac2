"""Two runs into one target at once: the second is told to come again, and the first is not disturbed."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import pytest

import dbmimic
from dbmimic.errors import TryAgainError
from dbmimic.model.events import Event, Noticed, Stage, StageStarted
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
    heard: list[Event] = []

    def wait(event: Event) -> None:
        heard.append(event)
        if isinstance(event, Noticed):
            over.set()

    first = threading.Thread(target=lambda: reports.append(dbmimic.copy(settings, listener=hold)))
    first.start()
    try:
        assert halfway.wait(30)
        with pytest.raises(TryAgainError) as caught:
            dbmimic.copy(settings, listener=heard.append)
        # It is told before the source is asked what belongs to the slice.
        assert [event.stage for event in heard if isinstance(event, StageStarted)] == [Stage.INTROSPECT]
        assert dbmimic.copy(settings, wait=60, listener=wait).verified
    finally:
        over.set()
        first.join(60)
    assert caught.value.code == "DM701"
    assert caught.value.exit_status == 75
    assert caught.value.hint
    who = {
        "postgresql": r"role postgres from 127\.0\.0\.1, server process \d+, since 20\d\d-",
        "mysql": r"account root from \S+, connection \d+$",
        "sqlite": rf"process {os.getpid()} on \S+, since 20\d\d-",
    }
    assert re.search(rf"another run holds the target: {who[shop.engine]}", caught.value.message)
    assert [report.verified for report in reports] == [True]
    assert dbmimic.copy(settings).verified

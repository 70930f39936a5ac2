"""A peer of which nothing comes is found out by asking its server, and a statement that takes long is not taken for one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

import dbmimic
from dbmimic.engines.postgres.connect import Connection, connect
from dbmimic.engines.postgres.errors import Fault, Side, translated
from dbmimic.engines.postgres.pump import Outflow, Psql
from dbmimic.engines.postgres.straight import Straight
from dbmimic.engines.postgres.tools import Toolbox
from dbmimic.engines.postgres.waiting import answer
from dbmimic.errors import TryAgainError
from dbmimic.model.address import Address
from dbmimic.model.events import Event, Noticed, Stage, StageStarted
from tests import small_shop
from tests.copying import configured
from tests.drill.proxy import Proxy
from tests.small_shop import RULES, Shop

SOON = {"stall_timeout": 1.0}


@pytest.fixture(params=["postgresql", "mysql"])
def shop(request: pytest.FixtureRequest) -> Shop:
    if request.param == "postgresql":
        return small_shop.on_postgres(request.getfixturevalue("postgres15"))
    return small_shop.on_mariadb(request.getfixturevalue("mariadb"))


@pytest.fixture
def proxy(shop: Shop) -> Iterator[Proxy]:
    found = re.search(r":(\d+)/", shop.url("x"))
    assert found
    port = int(found[1])
    with Proxy(lambda: port) as proxy:
        yield proxy


def through(proxy: Proxy, url: str) -> str:
    return re.sub(r":\d+/", f":{proxy.port}/", url) + "?connect_timeout=2"


def test_a_server_of_which_nothing_is_heard_any_more_is_not_waited_for(
    shop: Shop, proxy: Proxy, tmp_path: Path
) -> None:
    source, target = shop.build("hushed"), shop.url("hushed_stage")
    side = "target" if shop.engine == "postgresql" else "source"
    if side == "target":
        target = through(proxy, target)
    else:
        source = through(proxy, source)
    settings = configured(tmp_path, source, target, rules=RULES, network=SOON)

    def stall(event: Event) -> None:
        if isinstance(event, StageStarted) and event.stage is Stage.COPY:
            proxy.stall()

    with pytest.raises(TryAgainError) as caught:
        dbmimic.copy(settings, listener=stall)
    assert (caught.value.code, caught.value.exit_status) == ("DM711", 75)
    assert f"the {side} sent nothing for 1 s" in caught.value.message
    assert "network.stall_timeout" in caught.value.hint
    with pytest.raises(Exception, match="hushed_stage"):
        shop.run("hushed_stage", ["SELECT 1"])  # nothing was put in place


def test_a_connection_that_is_cut_off_without_a_word_leaves_no_lock_to_the_next_try(
    shop: Shop, proxy: Proxy, tmp_path: Path
) -> None:
    source, target = shop.build("frozen"), through(proxy, shop.url("frozen_stage"))
    settings = configured(tmp_path, source, target, rules=RULES, network=SOON, retry={"attempts": 2, "pause": 0.01})
    heard: list[Event] = []

    def freeze(event: Event) -> None:
        if event == StageStarted(Stage.SWAP) and event not in heard:
            proxy.freeze()
        heard.append(event)

    assert dbmimic.copy(settings, listener=freeze).verified
    assert [each.finding.code for each in heard if isinstance(each, Noticed)] == ["DM712"]


def test_a_statement_may_take_its_time(shop: Shop, tmp_path: Path) -> None:
    sleep = "pg_sleep({})" if shop.engine == "postgresql" else "sleep({})"
    source = shop.build("slow_link")
    slow = {"table": "orders", "where": f"id = 7 AND {sleep.format(1.6)} IS NOT NULL"}
    settings = configured(
        tmp_path,
        source,
        shop.url("slow_link_stage"),
        rules=RULES,
        slice={"seeds": [slow]},
        network=SOON,
        hooks={"after": [{"sql": f"SELECT {sleep.format(1.6)}"}]},
    )
    assert dbmimic.copy(settings).verified


@pytest.fixture
def session(postgres15: small_shop.PostgresServer, proxy: Proxy) -> Iterator[Connection]:
    address = Address("postgresql", "postgres", "127.0.0.1", proxy.port, "postgres", stall_timeout=1.0)
    with closing(connect(address, Side.TARGET)) as session:
        yield session


@pytest.mark.parametrize("shop", ["postgresql"], indirect=True)
def test_rows_under_way_that_come_or_go_no_further(session: Connection, proxy: Proxy) -> None:
    toolbox = Toolbox()
    toolbox.serve(session.info.server_version, tls=False)
    psql = Psql.like(session, toolbox, Side.TARGET)
    assert psql is not None
    many = b"COPY (SELECT repeat('x', 1000) FROM generate_series(1, 1000000)) TO STDOUT;\n"
    session.execute("CREATE TEMPORARY TABLE wide (x text)")
    session.pgconn.send_query(b"COPY wide FROM STDIN")
    answer(session)
    with closing(Outflow(psql, many, "many", ahead=1 << 20)) as outflow:
        rows = Straight(session)
        rows.write(outflow.read())
        proxy.freeze()
        while piece := outflow.read():
            rows.write(piece)
        rows.end()
        with pytest.raises(TryAgainError) as caught:
            outflow.finish()
    assert caught.value.code == "DM712"
    session.pgconn.put_copy_end(None)
    with pytest.raises((TryAgainError, psycopg.OperationalError)) as told:  # the server may have closed it by then
        answer(session)
    assert getattr(told.value, "code", "DM712") == "DM712"
    assert translated(Fault.of_result(session, None), Side.TARGET, "loading rows").code == "DM712"

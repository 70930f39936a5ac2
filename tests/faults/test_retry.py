"""What passes is tried again as a whole run, and said; what does not pass ends at once."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import psycopg
import pytest

import dbmimic
from dbmimic import wiring
from dbmimic.engines.postgres import reader
from dbmimic.engines.postgres.errors import Side
from dbmimic.engines.postgres.pump import Inflow, Outflow, Psql
from dbmimic.errors import (
    DbmimicError,
    RefusedError,
    SnapshotLost,
    SourceError,
    SourceUnreachable,
    TargetError,
    TargetLost,
    TryAgainError,
)
from dbmimic.model.events import Event, Noticed, Stage, StageStarted
from dbmimic.model.findings import Severity
from dbmimic.pipeline.retry import passes
from tests import small_shop
from tests.copying import configured
from tests.small_shop import RULES, Shop

RETRY = {"attempts": 3, "pause": 0.05}


@pytest.fixture(params=["postgresql", "mysql"])
def shop(request: pytest.FixtureRequest) -> Shop:
    if request.param == "postgresql":
        return small_shop.on_postgres(request.getfixturevalue("postgres15"))
    return small_shop.on_mariadb(request.getfixturevalue("mariadb"))


class Door:
    """
    A port at which nobody answers until it is opened; then whoever comes is led to the server.

    The first guest who says all the `last_words`, in their order, is led no further: the server hears the last one, and
    what it answers to that nobody hears.
    """

    def __init__(self, server: int) -> None:
        self.last_words: tuple[bytes, ...] = ()
        self._server = server
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def open(self) -> None:
        self._socket.listen()
        self._begin(self._welcome)

    def close(self) -> None:
        for end in (self._socket, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for end in (self._socket, *self._ends):
            end.close()

    def _begin(self, work: Callable[..., None], *given: object) -> None:
        self._threads.append(threading.Thread(target=work, args=given))
        self._threads[-1].start()

    def _welcome(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                guest, _ = self._socket.accept()
                host = socket.create_connection(("127.0.0.1", self._server))
                self._ends += [guest, host]
                self._begin(self._lead, guest, host, list(self.last_words))
                self._begin(self._lead, host, guest, [])

    def _lead(self, one: socket.socket, other: socket.socket, words: list[bytes]) -> None:
        with contextlib.suppress(OSError):
            while piece := one.recv(65536):
                last = bool(words)
                while words and words[0] in piece:
                    words.pop(0)
                if last and not words and self.last_words:
                    self.last_words = ()
                    one.shutdown(socket.SHUT_RDWR)
                other.sendall(piece)
                if last and not words:
                    break
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_WR)


@pytest.fixture
def door(shop: Shop) -> Iterator[Door]:
    found = re.search(r":(\d+)/", shop.url("x"))
    assert found
    door = Door(int(found[1]))
    yield door
    door.close()


def warnings(heard: list[Event]) -> list[str]:
    return [
        event.finding.code
        for event in heard
        if isinstance(event, Noticed) and event.finding.severity is Severity.WARNING
    ]


def test_a_source_that_does_not_answer_at_first_is_asked_again(shop: Shop, door: Door, tmp_path: Path) -> None:
    url = re.sub(r":\d+/", f":{door.port}/", shop.build("late"))
    settings = configured(tmp_path, url, shop.url("late_stage"), rules=RULES, retry=RETRY)
    heard: list[Event] = []

    def listen(event: Event) -> None:
        heard.append(event)
        if isinstance(event, Noticed) and event.finding.code == "DM401":
            door.open()

    assert dbmimic.copy(settings, listener=listen).verified
    assert warnings(heard) == ["DM401"]


def test_a_target_that_is_lost_in_the_middle_is_filled_anew(shop: Shop, tmp_path: Path) -> None:
    shop.build("dropped")
    settings = configured(tmp_path, shop.url("dropped"), shop.url("dropped_stage"), rules=RULES, retry=RETRY)
    heard: list[Event] = []

    def listen(event: Event) -> None:
        if event == StageStarted(Stage.FINISH) and event not in heard:
            hang_up(shop, "dropped_stage_dbmimic_new")
        heard.append(event)

    assert dbmimic.copy(settings, listener=listen).verified
    assert warnings(heard) == ["DM501"]
    assert shop.run("dropped_stage", ["SELECT count(*) FROM orders"]) == [(small_shop.ORDERS,)]


def test_a_copy_that_is_in_place_is_not_made_again_where_its_swap_was_not_answered(
    shop: Shop, door: Door, tmp_path: Path
) -> None:
    """Otherwise the copy from before is lost to `rollback`: the first of the two new ones would be the old one."""
    source, url = shop.build("doubted"), re.sub(r":\d+/", f":{door.port}/", shop.url("doubted_stage"))
    settings = configured(tmp_path, source, url, rules=RULES, retry=RETRY)
    door.open()
    dbmimic.copy(settings, run="1" * 32)
    shop.run("doubted", ["UPDATE orders SET total = total + 1"])
    door.last_words = (b"RENAME TO", b"COMMIT") if shop.engine == "postgresql" else (b"RENAME TABLE",)
    heard: list[Event] = []
    assert dbmimic.copy(settings, run="2" * 32, listener=heard.append).verified
    assert door.last_words == ()
    assert [each.stage for each in heard if isinstance(each, StageStarted)].count(Stage.COPY) == 1
    assert [each.stamp and each.stamp.run for each in wiring.kept_copies(settings)] == ["1" * 32]
    sums = [shop.run(each, ["SELECT sum(total) FROM orders"]) for each in ("doubted", "doubted_stage")]
    assert sums[0] == sums[1]
    assert shop.fires("doubted_stage")


def hang_up(shop: Shop, database: str) -> None:
    """End every session in a database."""
    if shop.engine == "postgresql":
        shop.run("postgres", [f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"])
        return
    for (number,) in shop.run("mysql", [f"SELECT id FROM information_schema.processlist WHERE db = '{database}'"]):
        shop.run("mysql", [f"KILL {number}"])


@pytest.mark.parametrize("room", [0, 1])
def test_a_server_without_room_for_us_or_for_pg_dump_is_told_and_given_up_after_so_many_times(
    postgres15: small_shop.PostgresServer, tmp_path: Path, room: int
) -> None:
    shop = small_shop.on_postgres(postgres15)
    shop.build("crammed")
    shop.run(
        "crammed",
        [
            f"DROP ROLE IF EXISTS crammed; CREATE ROLE crammed LOGIN CONNECTION LIMIT {room}",
            "ALTER DATABASE crammed OWNER TO crammed; GRANT pg_read_all_data TO crammed",
        ],
    )
    url = shop.url("crammed").replace("postgres@", "crammed@")
    heard: list[Event] = []
    settings = configured(tmp_path, url, shop.url("crammed_stage"), rules=RULES, retry=RETRY)
    with pytest.raises(TryAgainError) as caught:
        dbmimic.copy(settings, listener=heard.append)
    assert caught.value.code == "DM703"
    assert len(warnings(heard)) >= 2
    assert set(warnings(heard)) == {"DM703"}  # the watch has no room either, and tells of it


def test_a_server_that_is_full_is_copied_by_fewer_sessions(
    postgres15: small_shop.PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_WORTH_A_PUMP", 1)  # programs read what is large, one ahead of the other
    shop = small_shop.on_postgres(postgres15)
    shop.build("tight")
    role = "DROP ROLE IF EXISTS tight; CREATE ROLE tight LOGIN CONNECTION LIMIT 3; GRANT pg_read_all_data TO tight"
    shop.run("tight", ["ANALYZE", role])
    url = shop.url("tight").replace("postgres@", "tight@")
    somebody = psycopg.connect(url)
    heard: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Noticed) and event.finding.code == "DM703":
            heard.append(event.finding.message)
            somebody.close()
            monkeypatch.setattr(reader, "Outflow", None)  # none from now on

    settings = configured(tmp_path, url, shop.url("tight_stage"), retry={"attempts": 2, "pause": 0.05})
    assert dbmimic.copy(settings, listener=listen).verified
    assert len(heard) == 1
    assert "with fewer sessions" in heard[0]


def test_no_connection_for_what_reads_the_source_is_not_told_of_the_target(
    postgres15: small_shop.PostgresServer,
) -> None:
    class Starved:
        """What loads, and was given no rows."""

        def check(self) -> None:
            raise TargetError("DM504", "no rows came")

    shop = small_shop.on_postgres(postgres15)
    shop.run("postgres", ["CREATE ROLE starved LOGIN CONNECTION LIMIT 0"])
    command = ("/usr/lib/postgresql/15/bin/psql", shop.url("postgres").replace("postgres@", "starved@"))
    outflow = Outflow(Psql(command, {"LC_ALL": "C"}, Side.SOURCE), b"SELECT 1;", "public.t")
    with closing(outflow), pytest.raises(TryAgainError) as caught:
        outflow.finish(cast("Inflow", Starved()))
    assert caught.value.code == "DM703"


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (SnapshotLost("DM403", ""), True),
        (SourceUnreachable("DM401", ""), True),
        (TargetLost("DM501", ""), True),
        (TryAgainError("DM702", ""), True),
        (TryAgainError("DM701", ""), False),
        (TryAgainError("DM704", ""), False),
        (TryAgainError("DM707", ""), False),
        (SourceError("DM401", ""), False),
        (TargetError("DM503", ""), False),
        (RefusedError("DM301", ""), False),
    ],
)
def test_what_passes(error: DbmimicError, wanted: bool) -> None:
    assert passes(error) is wanted

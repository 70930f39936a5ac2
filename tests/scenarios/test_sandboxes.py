"""Sandboxes on every engine: made and made anew, many at once, out of each other's reach, dropped and nothing else."""

from __future__ import annotations

import contextlib
import re
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
import pymysql
import pytest
from sqlalchemy.engine import make_url

import dbmimic
from dbmimic.errors import ConfigError, RefusedError, TargetError, TryAgainError, UsageError
from dbmimic.model.address import Address
from dbmimic.model.sandbox import Lifetime, SandboxLimits
from dbmimic.sandboxes import Sandboxes
from tests.command_line import ROOT, Forks
from tests.copying import configured
from tests.places import ENGINES, shops
from tests.small_shop import RULES, Shop

DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql", "sqlite": ""}
BRANCH = f"feature/{'one-more-word_' * 14}"  # some people have such
SOON = Lifetime(timedelta(seconds=1))


@dataclass(frozen=True)
class Here:
    """One engine's golden copy with its configuration, and the names of all databases around."""

    shop: Shop
    golden: str
    folder: Path
    names: Callable[[], list[str]]

    @contextlib.contextmanager
    def sandboxes(self, **limits: object) -> Iterator[Sandboxes]:
        with dbmimic.sandbox(dbmimic.load_config(self.folder / "dbmimic.yaml")) as found:
            yield Sandboxes(found.host, found.clock, SandboxLimits(**limits))  # type: ignore[arg-type]

    def state(self, address: Address) -> str:
        """Give all that a sandbox holds, read with its own credential."""
        reads = [f"SELECT * FROM {table} ORDER BY 1, 2" for table in ("customers", "orders", "audit", "big_orders")]
        return repr([run(address, read) for read in reads])


def opened(address: Address) -> contextlib.AbstractContextManager:
    """Connect with an address's own credential."""
    if address.engine == "postgresql":
        return psycopg.connect(
            host=address.host,
            port=address.port,
            dbname=address.database,
            user=address.user,
            password=address.password,
            autocommit=True,
        )
    if address.engine == "mysql":
        return pymysql.connect(
            host=address.host,
            port=address.port,
            database=address.database,
            user=address.user,
            password=address.password,
            autocommit=True,
        )
    return contextlib.closing(sqlite3.connect(address.database, isolation_level=None))


def run(address: Address, *statements: str) -> list[tuple[object, ...]]:
    with opened(address) as connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description is not None else []


@pytest.fixture(scope="module", params=ENGINES)
def golden_copy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Here:
    folder = tmp_path_factory.mktemp("bakery")
    shop, names = shops(request, request.param, folder)
    ending = ".db" if request.param == "sqlite" else ""
    settings = configured(folder, shop.build(f"bakery{ending}"), shop.url(f"bakery_stage{ending}"), rules=RULES)
    assert dbmimic.copy(settings).verified
    if request.param == "sqlite":
        names = lambda: [path.name for path in folder.rglob("*")]  # noqa: E731
    return Here(shop, f"bakery_stage{ending}", folder, names)


@pytest.fixture
def here(golden_copy: Here) -> Iterator[Here]:
    yield golden_copy
    with golden_copy.sandboxes() as sandboxes:
        sandboxes.prepare(0)
        for each in sandboxes.listed():
            sandboxes.drop(each.name, force=True)
        assert sandboxes.listed() == ()


def test_a_sandbox_is_the_golden_copy_until_somebody_works_in_it(here: Here) -> None:
    golden = here.shop.state(here.golden)
    with here.sandboxes() as sandboxes:
        made = sandboxes.create(BRANCH)
        address = sandboxes.address(BRANCH)
        assert here.state(address) == golden
        run(address, "DELETE FROM orders", "ALTER TABLE customers ADD COLUMN seen integer", "DROP VIEW big_orders")
        run(address, "CREATE TABLE own (id integer)")
        assert sandboxes.create(BRANCH) == made
        assert run(address, "SELECT count(*) FROM orders") == [(0,)]
        assert sandboxes.reset(BRANCH).created_at == made.created_at
        assert sandboxes.address(BRANCH) == address
        assert here.state(address) == golden
        key = run(address, "SELECT min(id) FROM customers")[0][0]
        run(address, f"INSERT INTO orders VALUES (999999, {key}, 'x', 1)")
        assert run(address, "SELECT what FROM audit WHERE order_id = 999999") == [("made",)]
        assert here.shop.state(here.golden) == golden
        assert [name for name in here.names() if "feature" in name]
        assert sandboxes.drop(BRANCH)
        assert not sandboxes.drop(BRANCH)
        assert [name for name in here.names() if "feature" in name] == []


@pytest.mark.parametrize("golden_copy", ["sqlite"], indirect=True)  # what no engine has a part in
def test_the_old_or_the_new_golden_copy(here: Here) -> None:
    """A sandbox remembers which run it is of; a reset takes what is verified now."""
    with here.sandboxes() as sandboxes:
        first = sandboxes.create("nightly")
    assert dbmimic.copy(dbmimic.load_config(here.folder / "dbmimic.yaml")).verified
    with here.sandboxes() as sandboxes:
        assert sandboxes.create("nightly") == first
        assert sandboxes.reset("nightly").golden_run != first.golden_run


def test_a_spare_is_a_sandbox_in_a_moment(here: Here) -> None:
    golden = here.shop.state(here.golden)
    with here.sandboxes() as sandboxes:
        spares = {each.name: each for each in sandboxes.prepare(2)}
        assert [each.spare and each.ready for each in sandboxes.listed()] == [True, True]
        assert {each.name for each in sandboxes.prepare(2)} == set(spares)
        for ask in (sandboxes.address, sandboxes.drop, sandboxes.create):
            with pytest.raises(UsageError, match="DM102"):
                ask(next(iter(spares)))
        made = sandboxes.create(BRANCH, ttl=Lifetime(timedelta(days=3)))
        assert made.database in {each.database for each in spares.values()}
        assert (made.spare, made.expires_at is None, made.created_at > max(e.created_at for e in spares.values())) == (
            False,
            False,
            True,
        )
        address = sandboxes.address(BRANCH)
        assert here.state(address) == golden
        run(address, "DELETE FROM orders", "DROP VIEW big_orders", "CREATE TABLE own (id integer)")
        assert sandboxes.create(BRANCH) == made
        assert sandboxes.reset(BRANCH).database == made.database
        assert sandboxes.address(BRANCH) == address
        assert here.state(address) == golden
        assert sorted(each.spare for each in sandboxes.listed()) == [False, True]
        assert sandboxes.drop(BRANCH)
        assert sandboxes.prepare(0) == ()
        assert sandboxes.listed() == ()
    assert [name for name in here.names() if "spare" in name] == []


def test_one_spare_for_two_who_ask_at_once(here: Here) -> None:
    with here.sandboxes() as sandboxes:
        (spare,) = sandboxes.prepare(1)
    made: list[str] = []

    def ask(name: str) -> None:
        with here.sandboxes() as sandboxes:
            made.append(sandboxes.create(name, wait=True).database)

    callers = [threading.Thread(target=ask, args=(name,)) for name in ("one", "two")]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(120)
    assert len(set(made)) == 2
    assert spare.database in made
    with here.sandboxes() as sandboxes:
        assert here.state(sandboxes.address("one")) == here.state(sandboxes.address("two"))


@pytest.mark.parametrize("golden_copy", ["sqlite"], indirect=True)  # what no engine has a part in
def test_a_spare_of_a_copy_that_is_no_more_is_dropped(here: Here) -> None:
    with here.sandboxes() as sandboxes:
        old = {each.golden_run for each in sandboxes.prepare(2)}
    assert dbmimic.copy(dbmimic.load_config(here.folder / "dbmimic.yaml")).verified
    with here.sandboxes(max_count=2) as sandboxes:
        assert [each.golden_run for each in sandboxes.prepare(1) if each.golden_run in old] == []
        assert len(sandboxes.listed()) == 1
        made = sandboxes.create("mine")
        with pytest.raises(RefusedError, match="DM322"):
            sandboxes.prepare(2)
        Path(made.database).unlink()  # whoever made it anew under the same name would leave the spare's note behind
        assert sandboxes.create("mine").database == made.database
    assert dbmimic.copy(dbmimic.load_config(here.folder / "dbmimic.yaml")).verified
    with here.sandboxes() as sandboxes:
        assert [each.spare for each in sandboxes.collect()] == [True]
        assert [each.name for each in sandboxes.listed()] == ["mine"]


@pytest.mark.parametrize("golden_copy", ["sqlite"], indirect=True)  # what no engine has a part in
def test_times_and_protection(here: Here) -> None:
    with here.sandboxes(ttl=Lifetime(None)) as sandboxes:
        assert sandboxes.create("kept").expires_at is None
        ends = sandboxes.extend("kept", Lifetime(timedelta(days=3))).expires_at
        assert ends is not None
        assert abs((ends - sandboxes.clock.now()) - timedelta(days=3)) < timedelta(minutes=1)
        for name in ("brief", "guarded", "asked for again"):
            sandboxes.create(name, ttl=SOON)
        sandboxes.protect("guarded")
        time.sleep(1.1)
        again = sandboxes.create("asked for again", ttl=Lifetime(timedelta(days=1)))
        assert again.expires_at is not None
        assert again.expires_at > sandboxes.clock.now() + timedelta(hours=23)
        assert sandboxes.create(again.name, ttl=SOON) == again
        assert [each.name for each in sandboxes.collect()] == ["brief"]
        assert sandboxes.drop(again.name)
        for refuse in (sandboxes.drop, sandboxes.reset):
            with pytest.raises(RefusedError) as caught:
                refuse("guarded")
            assert caught.value.code == "DM323"
        sandboxes.protect("guarded", protected=False)
        assert [each.name for each in sandboxes.collect()] == ["guarded"]
        assert [each.name for each in sandboxes.listed()] == ["kept"]
        for ask in (sandboxes.address, sandboxes.extend, sandboxes.reset, sandboxes.protect):
            with pytest.raises(UsageError) as missing:
                ask("nobody")
            assert missing.value.code == "DM102"


def test_many_at_once_are_all_usable_and_no_more_than_may_be(here: Here) -> None:
    golden = here.shop.state(here.golden)
    names = [f"branch-{number % 6}" for number in range(12)]  # each is asked for twice
    failures: list[str] = []

    def ask(mine: list[str]) -> None:
        with here.sandboxes(max_count=5) as sandboxes:
            for name in mine:
                try:
                    sandboxes.create(name, ttl=SOON, wait=True)
                except RefusedError as error:
                    failures.append(error.code)

    callers = [threading.Thread(target=ask, args=(names[start::4],)) for start in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(120)
    assert set(failures) == {"DM322"}
    with here.sandboxes() as sandboxes:
        found = sandboxes.listed()
        assert len(found) == 5
        assert len({each.database for each in found}) == 5
        for each in found:
            assert here.state(sandboxes.address(each.name)) == golden
        time.sleep(1.1)
        assert sandboxes.collect() == found
        assert [name for name in here.names() if "branch" in name] == []


@pytest.mark.parametrize("golden_copy", ["sqlite"], indirect=True)  # elsewhere the old one has to go first
def test_a_reset_that_fails_leaves_the_sandbox_as_it_was(here: Here) -> None:
    with here.sandboxes() as sandboxes:
        made = sandboxes.create("kept")
        run(sandboxes.address("kept"), "CREATE TABLE own (id integer)")
        in_the_way = Path(made.database).with_suffix(".new") / "x"
        in_the_way.mkdir(parents=True)
        with pytest.raises(TargetError):
            sandboxes.reset("kept")
        assert sandboxes.listed() == (made,)
        assert run(sandboxes.address("kept"), "SELECT count(*) FROM own") == [(0,)]
        in_the_way.rmdir()
        in_the_way.parent.rmdir()
        assert sandboxes.reset("kept").ready


@pytest.mark.parametrize("golden_copy", ["sqlite"], indirect=True)  # what no engine has a part in
def test_size_is_limited(here: Here) -> None:
    with here.sandboxes() as sandboxes:
        size = sandboxes.host.golden(None).byte_count
    with here.sandboxes(max_bytes=size + size // 2) as sandboxes:
        sandboxes.create("first")
        with pytest.raises(RefusedError) as caught:
            sandboxes.create("second")
        assert caught.value.code == "DM322"
        assert [each.name for each in sandboxes.listed()] == ["first"]


def test_only_what_carries_our_mark_is_dropped(here: Here) -> None:
    """Somebody drops the sandbox and puts a database of his own in its place."""
    with here.sandboxes() as sandboxes:
        made = sandboxes.create("taken")
        if here.shop.engine == "sqlite":
            Path(made.database).rename(here.folder / "moved.db")
            sqlite3.connect(made.database).execute("CREATE TABLE precious (id integer)").connection.close()
        else:
            here.shop.run(
                here.golden if here.shop.engine == "mysql" else "postgres", [f"DROP DATABASE {made.database}"]
            )
            here.shop.create(made.database)
            here.shop.run(made.database, ["CREATE TABLE precious (id integer)"])
        sandboxes.extend("taken", SOON)
        time.sleep(1.1)
        for touch in (
            sandboxes.collect,
            lambda: sandboxes.drop("taken"),
            lambda: sandboxes.reset("taken"),
            lambda: sandboxes.create("taken"),
        ):
            with pytest.raises(RefusedError) as caught:
                touch()
            assert caught.value.code == "DM324"
        if here.shop.engine == "sqlite":
            assert sqlite3.connect(made.database).execute("SELECT count(*) FROM precious").fetchall() == [(0,)]
            (here.folder / "moved.db").replace(made.database)
        else:
            assert here.shop.run(made.database, ["SELECT count(*) FROM precious"]) == [(0,)]
            here.shop.run(
                here.golden if here.shop.engine == "mysql" else "postgres", [f"DROP DATABASE {made.database}"]
            )
        assert sandboxes.drop("taken")
        strange = make_strange(here, made.database)
        with pytest.raises(RefusedError) as caught:
            sandboxes.create("taken")
        assert caught.value.code == "DM324"
        assert sandboxes.listed() == ()
        strange()


def make_strange(here: Here, database: str) -> Callable[[], object]:
    """Make an empty database of that name, and give what removes it."""
    if here.shop.engine == "sqlite":
        Path(database).touch()
        return Path(database).unlink
    here.shop.create(database)
    inside = here.golden if here.shop.engine == "mysql" else "postgres"
    return lambda: here.shop.run(inside, [f"DROP DATABASE {database}"])


def test_no_sandbox_of_what_dbmimic_did_not_verify(here: Here) -> None:
    source = str(here.folder / "bakery.db") if here.shop.engine == "sqlite" else "bakery"
    with here.sandboxes() as sandboxes:
        for golden in (source, "nothing_here"):
            with pytest.raises(RefusedError) as caught:
                sandboxes.create("real", golden=golden)
            assert caught.value.code == "DM321"
        assert sandboxes.listed() == ()


def test_what_a_killed_creation_left_is_finished_or_dropped(here: Here) -> None:
    class Killed(BaseException):
        pass

    for again in (True, False):
        with here.sandboxes() as sandboxes, pytest.MonkeyPatch.context() as patch:
            host = sandboxes.host
            patch.setattr(type(host), "remove", lambda *_: (_ for _ in ()).throw(Killed))
            step = {"postgresql": "_given", "mysql": "_account", "sqlite": "_noted"}[here.shop.engine]
            if here.shop.engine == "sqlite":
                patch.setattr(type(host), "make", lambda *_: (_ for _ in ()).throw(Killed))
            else:
                patch.setattr(type(host), step, lambda *_: (_ for _ in ()).throw(Killed))
            with pytest.raises(Killed):
                sandboxes.create("cut")
        with here.sandboxes() as sandboxes:
            assert [each.ready for each in sandboxes.listed()] == [False]
            with pytest.raises(TryAgainError):
                sandboxes.address("cut")
            if again:
                assert here.state(Address(**_fields(sandboxes, "cut"))) == here.shop.state(here.golden)
                sandboxes.drop("cut")
            else:
                assert [each.name for each in sandboxes.collect()] == ["cut"]
                assert [name for name in here.names() if "_cut_" in name] == []


def _fields(sandboxes: Sandboxes, name: str) -> dict[str, object]:
    assert sandboxes.create(name).ready
    address = sandboxes.address(name)
    return {key: getattr(address, key) for key in ("engine", "database", "host", "port", "user", "password")}


@pytest.mark.parametrize("golden_copy", ["sqlite"], indirect=True)  # what no engine has a part in
def test_somebody_else_at_work_is_waited_for_or_told(here: Here) -> None:
    with here.sandboxes() as busy, here.sandboxes() as sandboxes:
        made = sandboxes.create("shared")
        what = made.database
        assert busy.host.hold(what)
        for refuse in (sandboxes.create, sandboxes.reset, sandboxes.drop):
            with pytest.raises(TryAgainError) as caught:
                refuse("shared")
            assert (caught.value.code, caught.value.exit_status) == ("DM706", 75)
        threading.Timer(0.5, lambda: busy.host.release(what)).start()
        assert sandboxes.create("shared", wait=True) == made


@pytest.mark.parametrize("golden_copy", ["sqlite"], indirect=True)  # what no engine has a part in
def test_a_list_can_be_copied_from_and_what_is_interrupted_speaks_of_sandboxes(
    here: Here, dbmimic_command: Forks
) -> None:
    """A golden copy is whole whatever becomes of its sandboxes: that sentence is a copy's."""
    strike = ("engines/cloning.py", str(int(signal.SIGTERM)))
    ended = dbmimic_command.run(*strike, "sandbox", "create", BRANCH, cwd=here.folder, module="tests.faults.signalled")
    assert (ended.status, ended.out) == (143, "")
    assert re.fullmatch("terminated: what is not whole .*`create`.*`gc`.*\n", ended.err), ended.err
    with here.sandboxes() as sandboxes:
        assert sandboxes.listed() == ()
        made = sandboxes.create(BRANCH)
    listed = dbmimic_command.run("sandbox", "list", cwd=here.folder, env={"COLUMNS": "60"}).out.splitlines()
    assert [each.split()[:2] for each in listed[1:-1]] == [[BRANCH, made.database]]


@pytest.mark.parametrize("golden_copy", ["sqlite"], indirect=True)
def test_an_option_that_no_sandbox_knows_is_refused(here: Here) -> None:
    settings = dbmimic.load_config(here.folder / "dbmimic.yaml", target=f"{here.shop.url(here.golden)}?mode=ro")
    with pytest.raises(ConfigError) as caught, dbmimic.sandbox(settings):
        pass
    assert caught.value.code == "DM214"


@pytest.mark.parametrize("golden_copy", ["postgresql", "sqlite"], indirect=True)
def test_a_developers_day(here: Here, dbmimic_command: Forks) -> None:
    """Create, migrate, run the application's tests, reset, run them again, drop: by the command line alone."""
    engine = here.shop.engine

    def order(*arguments: str, status: int = 0):
        ended = dbmimic_command.run("sandbox", *arguments, cwd=here.folder, env={"PYTHONPATH": str(ROOT)})
        assert ended.status == status, ended
        return ended

    def application() -> None:
        driver = ["--driver", DRIVERS[engine]] if DRIVERS[engine] else []
        program = [sys.executable, "-m", "tests.scenarios.shop_application"]
        order("exec", "feature/points", *driver, "--", *program)

    assert order("prepare").out == "1 ready to be taken\n"
    assert [each["spare"] for each in order("prepare", "--json").document["sandboxes"]] == [True]
    made = order("create", "feature/points", "--ttl", "3d", "--wait").out.splitlines()
    assert order("prepare", "--count", "0").out == "0 ready to be taken\n"
    assert order("url", "feature/points").out.splitlines() == made[-1:]
    application()
    order("reset", "feature/points")
    application()  # the same holds again: nothing is there that the first one made
    password = make_url(made[-1]).password or "no password at all"
    for told in (
        order("list"),
        order("list", "--json"),
        order("extend", "feature/points", "--json"),
        order("protect", "feature/points"),
    ):
        assert password not in told.out + told.err
    told = order("list", "--json").document["sandboxes"]
    assert [(each["name"], each["protected"], each["bytes"] > 0) for each in told] == [("feature/points", True, True)]
    assert "feature/points" in order("list").out
    assert order("drop", "feature/points", "--json", status=4).document["error"]["code"] == "DM323"
    assert order("protect", "feature/points").out == "feature/points is protected\n"  # and has no end
    assert "protected; its time ends 2" in order("protect", "feature/points", "--off").out
    shell = 'test -z "$DBMIMIC_SECRET$DBMIMIC_TARGET" && test -n "$DATABASE_URL" && exit 7'
    order("exec", "feature/points", "--", "sh", "-c", shell, status=7)
    order("exec", "feature/points", "--", "no-such-program", status=127)
    assert order("drop", "feature/points", "--json").document == {"dropped": ["feature/points"]}
    order("drop", "feature/points")
    assert order("url", "feature/points", "--json", status=2).document["error"]["code"] == "DM102"
    order("create", "brief", "--ttl", "1s")
    order("create", "x", "--ttl", "soon", status=2)
    order("create", "x", "--driver", "a:b@c", status=2)
    time.sleep(1.1)
    assert order("gc", "--json").document == {"dropped": ["brief"]}

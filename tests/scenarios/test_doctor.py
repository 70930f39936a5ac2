"""What the doctor says in the evening is what the night comes to, and nothing is touched for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dbmimic.engines.sqlite.files import Places, RunLock
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.command_line import Ended, Forks
from tests.copying import write_config
from tests.places import ENGINES, Place, place
from tests.scenarios.test_source_untouched import only_reads, reader_on_postgres
from tests.small_shop import RULES

UNDECIDED = {**RULES, "columns": {name: rule for name, rule in RULES["columns"].items() if name != "orders.note"}}


@pytest.fixture(scope="module")
def here(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return place(request, "sqlite", "ill", tmp_path_factory.mktemp("ill"))


def doctor(command: Forks, folder: Path) -> Ended:
    return command.run("doctor", "--json", "-q", cwd=folder)


def told(ended: Ended) -> set[tuple[str, str, str]]:
    """Give code, outcome and place of everything that is not well."""
    assert ended.document["schema"] == "dbmimic/doctor/1"
    return {
        (each["code"], each["outcome"], each["place"])
        for each in ended.document["checks"]
        if each["outcome"] in {"warning", "error"}
    }


def files(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")}


@pytest.mark.parametrize("engine", ENGINES)
def test_all_is_well_and_nothing_is_written(
    dbmimic_command: Forks, engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    well = place(request, engine, "well", tmp_path)
    more: dict[str, Any] = {"runs": {"folder": "history"}, "metrics": {"textfile": str(tmp_path / "metrics.prom")}}
    well.configure(tmp_path, hooks={"before": ["true"], "after": ["true"]}, **more)
    before = files(tmp_path)
    server = request.getfixturevalue("postgres15") if engine == "postgresql" else None
    seen = len(server.statements()) if server else 0
    with well.untouched():
        ended = doctor(dbmimic_command, tmp_path)
    assert (ended.status, ended.document["exit"]) == (0, 0), ended.out
    assert "error" not in {each["outcome"] for each in ended.document["checks"]}
    assert {"rules", "target guard", "slice", "room", "target rights"} <= {
        each["name"] for each in ended.document["checks"] if each["outcome"] == "ok"
    }
    (guard,) = (each["message"] for each in ended.document["checks"] if each["name"] == "target guard")
    assert re.search(r"not there yet|lock of the source's session\), and (empty|a copy that dbmimic made)", guard)
    assert files(tmp_path) == before
    if server:
        only_reads([re.sub(r"--.*", "", statement) for statement in server.statements()[seen:]])


@pytest.mark.parametrize(
    ("status", "code", "sections"),
    [
        (3, "DM209", {"secret": "secret"}),
        (4, "DM301", {"rules": UNDECIDED}),
        (4, "DM310", {"slice": {"max_rows": 3}}),
        (4, "DM331", {"hooks": {"before": ["./nonesuch --now"]}}),
        (5, "DM401", {"source": "sqlite:///nowhere.db"}),
        (6, "DM501", {"target": "sqlite:////nowhere/stage.db"}),
        (8, "DM801", {"hooks": {"after": ["./nonesuch --now"]}}),
        (75, "DM701", {}),
    ],
)
def test_the_status_is_that_of_the_copy(
    dbmimic_command: Forks, here: Place, tmp_path: Path, status: int, code: str, sections: dict[str, Any]
) -> None:
    here.configure(tmp_path, **sections)
    lock = RunLock(Places(here.folder / here.target))
    if code == "DM701":
        lock.take()
    ended, copied = doctor(dbmimic_command, tmp_path), dbmimic_command.run("copy", "-q", "--json", cwd=tmp_path)
    lock.release()
    assert (ended.status, copied.status) == (status, status), ended.out + copied.out
    assert code in {found for found, outcome, _ in told(ended) if outcome == "error"}


def test_everything_is_told_at_once_on_postgresql(
    dbmimic_command: Forks, postgres15: PostgresServer, tmp_path: Path
) -> None:
    shop = small_shop.on_postgres(postgres15)
    shop.build("sick")
    source = reader_on_postgres(postgres15, "sick")
    postgres15.execute("REVOKE SELECT ON orders, audit FROM reader", database="sick")
    postgres15.execute("CREATE ROLE weak LOGIN CONNECTION LIMIT 6")
    shop.build("sick_stage_dbmimic_new")
    shop.create("sick_stage")
    sections = {"rules": RULES, "secret": "short", "metrics": {"textfile": "/nowhere/dbmimic.prom"}}
    write_config(tmp_path, source, postgres15.url("sick_stage", "weak"), **sections)
    ended = doctor(dbmimic_command, tmp_path)
    assert ended.status == 3
    found = told(ended)
    assert {
        ("DM209", "error", "dbmimic.yaml:3:9"),
        ("DM402", "error", "public.orders"),
        ("DM402", "error", "public.audit"),
        ("DM502", "error", "sick_stage"),
        ("DM505", "error", "sick_stage_dbmimic_new"),
        ("DM703", "warning", "target"),
        ("DM235", "warning", "/nowhere"),
    } <= found
    hints = [each["hint"] for each in ended.document["checks"]]
    assert 'GRANT SELECT ON TABLE "public"."orders" TO "reader"; -- all at once: `dbmimic grants --for source`' in hints
    assert "rules" in {each["name"] for each in ended.document["checks"] if each["outcome"] == "skipped"}
    assert shop.run("sick_stage_dbmimic_new", ["SELECT count(*) FROM orders"]) == [(small_shop.ORDERS,)]
    postgres15.execute("DROP DATABASE sick_stage_dbmimic_new")


def test_rights_that_a_target_asks_for_on_mariadb(
    dbmimic_command: Forks, mariadb: MariadbServer, tmp_path: Path
) -> None:
    shop = small_shop.on_mariadb(mariadb)
    source = shop.build("ailing")
    mariadb.execute(
        "CREATE OR REPLACE USER weak@'%' IDENTIFIED BY 'pw'", "GRANT ALL PRIVILEGES ON ailing_stage.* TO weak@'%'"
    )
    write_config(tmp_path, source, mariadb.url("ailing_stage", "weak", "pw"), rules=RULES)
    ended, copied = doctor(dbmimic_command, tmp_path), dbmimic_command.run("copy", "-q", cwd=tmp_path)
    assert (ended.status, copied.status) == (6, 6), ended.out + copied.err
    hints = [each["hint"] for each in ended.document["checks"] if each["code"] == "DM502"]
    assert "GRANT ALL PRIVILEGES ON `ailing\\_stage\\_dbmimic\\_new`.* TO this account" in hints


def test_the_list_for_people(dbmimic_command: Forks, here: Place, tmp_path: Path) -> None:
    undecided = {
        **UNDECIDED,
        "columns": {name: rule for name, rule in RULES["columns"].items() if name[:6] != "orders"},
    }
    here.configure(tmp_path, rules=undecided)
    ended = dbmimic_command.run("doctor", "-q", cwd=tmp_path)
    assert ended.out.count("error   columns") > 1
    assert ended.out.count("try: ") == 1, "a step that several checks share is told once"
    assert "a copy would end with status 4: " in ended.out

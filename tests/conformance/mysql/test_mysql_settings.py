"""Servers whose settings differ from those that Debian's have: a binary log, and names without case."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbmimic import opening, wiring
from dbmimic.errors import DbmimicError
from dbmimic.model.findings import Severity
from dbmimic.testing.mariadb_server import MariadbServer
from tests.copying import configured, copied

SHOP = (
    "CREATE TABLE Orders (id int PRIMARY KEY, total int)",
    "INSERT INTO Orders VALUES (1, 2)",
    "CREATE PROCEDURE clear() DELETE FROM SHOP.Orders WHERE id = 9",
    "CREATE FUNCTION top() RETURNS int DETERMINISTIC RETURN (SELECT max(total) FROM `Shop`.`ORDERS`)",
    "CREATE TRIGGER watched BEFORE INSERT ON Orders FOR EACH ROW SET NEW.total = (SELECT max(total) FROM Shop.orders)",
)


@pytest.fixture(scope="module")
def other() -> Iterator[MariadbServer]:
    with MariadbServer("--lower-case-table-names=1", "--log-bin=log", "--server-id=7") as server:
        server.create_database("Shop")
        server.execute(*SHOP, database="shop")
        server.execute(
            "CREATE USER owner@'%' IDENTIFIED BY 'pw'",
            "GRANT ALL PRIVILEGES ON stage.* TO owner@'%'",
            r"GRANT ALL PRIVILEGES ON `stage\_dbmimic%`.* TO owner@'%'",
        )
        yield server


def refusal(folder: Path, source: str, target: str) -> DbmimicError:
    with pytest.raises(DbmimicError) as caught:
        copied(folder, source, target)
    return caught.value


def test_nothing_in_the_copy_names_the_database_that_it_was_copied_from(other: MariadbServer, tmp_path: Path) -> None:
    """Its name is the same in other case there, and a routine that kept it would write to production."""
    report = copied(tmp_path, other.url("SHOP"), other.url("Stage"))
    assert [each for each in report.findings if "names the database" in each.message] == []
    other.execute("UPDATE orders SET total = 5", database="stage")
    assert other.execute("SELECT top()", database="stage") == [(5,)]
    assert other.execute(
        "INSERT INTO orders VALUES (9, 0)", "SELECT total FROM orders WHERE id = 9", database="stage"
    ) == [(5,)]
    other.execute("INSERT INTO orders VALUES (9, 9)", database="shop")
    other.execute("CALL clear()", database="stage")
    assert other.execute("SELECT (SELECT count(*) FROM shop.orders), (SELECT count(*) FROM stage.orders)") == [(2, 1)]
    other.execute("DELETE FROM shop.orders WHERE id = 9")


def test_what_a_server_sets_for_its_sessions_is_not_ours(other: MariadbServer, tmp_path: Path) -> None:
    """A limit on what a SELECT gives would cut the slice, and nobody would see that rows are missing."""
    other.create_database("limited")
    other.execute(
        "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t SELECT seq FROM seq_1_to_50", "COMMIT", database="limited"
    )
    seeds = [{"table": "t", "where": "id > 10"}]
    other.execute("SET GLOBAL sql_select_limit = 3, GLOBAL autocommit = 0")
    try:
        report = copied(tmp_path, other.url("limited"), other.url("stage_limited"), slice={"seeds": seeds})
    finally:
        other.execute("SET GLOBAL sql_select_limit = 18446744073709551615, GLOBAL autocommit = 1")
    assert [(table.rows, table.source_rows) for table in report.tables] == [(40, 50)]
    assert other.execute("SELECT count(*) FROM stage_limited.t") == [(40,)]


def test_names_that_only_one_server_takes_for_equal_are_listed(
    other: MariadbServer, server: MariadbServer, tmp_path: Path
) -> None:
    error = refusal(tmp_path, other.url("shop"), server.url("folded_stage"))
    assert {(each.code, each.place) for each in error.problems} == {
        ("DM309", "top"),
        ("DM309", "clear"),
        ("DM309", "watched"),
    }
    assert all("rders" in each.message.casefold() for each in error.problems)
    server.create_database("cased")
    server.execute(
        "CREATE TABLE Two (id int)", "CREATE TABLE two (id int)", "CREATE TABLE one (id int)", database="cased"
    )
    error = refusal(tmp_path, server.url("cased"), other.url("stage"))
    assert [(each.code, each.place) for each in error.problems] == [("DM309", "Two"), ("DM309", "two")]
    server.execute("DROP DATABASE cased")


def test_the_binary_log_of_the_target(other: MariadbServer, tmp_path: Path) -> None:
    source, stage = other.url("shop"), other.url("stage")
    unlogged = f"{stage}?sql_log_bin=0"
    [told] = [each for each in copied(tmp_path, source, stage).findings if each.code == "DM509"]
    assert (told.severity, "sql_log_bin=0" in told.hint) == (Severity.INFO, True)
    before = other.execute("SHOW MASTER STATUS")
    asked = "SHOW GLOBAL STATUS LIKE 'Com_show_engine_status'"
    [(_, asked_before)] = other.execute(asked)
    report = copied(tmp_path, source, unlogged, hooks={"after": [{"sql": "UPDATE orders SET total = 3"}]})
    assert not [each for each in report.findings if each.code == "DM509"]
    assert other.execute(asked) == [("Com_show_engine_status", str(int(asked_before) + 1))], "once is enough"
    assert other.execute("SHOW MASTER STATUS") == before, "the copy and the user's own SQL are in no log"
    assert other.execute("SELECT total FROM stage.orders") == [(3,)]
    denied = refusal(tmp_path, source, unlogged.replace("root", "owner:pw"))
    assert (denied.code, "BINLOG ADMIN" in denied.hint) == ("DM509", True)
    with opening.standing(configured(tmp_path, source, unlogged.replace("root", "owner:pw"))) as standing:
        assert standing.schema().tables, "who reads writes into no log"
    trusted = refusal(tmp_path, source, stage.replace("root", "owner:pw"))
    assert (trusted.code, "log_bin_trust_function_creators" in trusted.hint) == ("DM502", True)
    follow = [
        "mariadb-binlog",
        "--no-defaults",
        "-uroot",
        f"-S{other.socket}",
        "--read-from-remote-server",
        "--stop-never",
    ]
    with subprocess.Popen([*follow, "--raw", f"--result-file={tmp_path}/", "log.000001"]) as replica:
        try:
            seen = "SELECT count(*) FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'"
            deadline = time.monotonic() + 20
            while other.execute(seen) == [(0,)] and time.monotonic() < deadline:
                time.sleep(0.02)
            followed = refusal(tmp_path, source, unlogged)
            other.execute("GRANT BINLOG ADMIN ON *.* TO owner@'%'")
            blind = refusal(tmp_path, source, unlogged.replace("root", "owner:pw"))
        finally:
            replica.kill()
    assert (followed.code, "replicas (1)" in followed.message) == ("DM509", True)
    assert (blind.code, "GRANT PROCESS" in blind.hint) == ("DM509", True)


def test_a_replica_is_no_target_of_what_it_replicates(
    other: MariadbServer, server: MariadbServer, tmp_path: Path
) -> None:
    server.create_database("shop")
    server.execute("CREATE TABLE mine (id int)", database="shop")
    file, position = other.execute("SHOW MASTER STATUS")[0][:2]
    place = f"master_host = '127.0.0.1', master_port = {other.port}, master_user = 'root', master_log_file = '{file}'"
    server.execute(f"CHANGE MASTER TO {place}, master_log_pos = {position}", "START SLAVE")
    try:
        deadline = time.monotonic() + 20
        while server.execute("SHOW STATUS LIKE 'Slave_running'") != [("Slave_running", "ON")]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for source, target in ((other, server), (server, other)):
            settings = configured(tmp_path, source.url("shop"), target.url("shop"))
            with pytest.raises(DbmimicError) as caught:
                wiring.copy(settings, confirm_target="shop")
            assert caught.value.code == "DM302"
        assert copied(tmp_path, server.url("shop"), other.url("another")).verified, "a replica is a good source"
    finally:
        server.execute("STOP SLAVE", "RESET SLAVE ALL", "DROP DATABASE shop", "DROP DATABASE IF EXISTS another")
        server.execute("DROP DATABASE IF EXISTS another_dbmimic", "DROP DATABASE IF EXISTS another_dbmimic_new")

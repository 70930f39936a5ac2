"""Sandboxes on MariaDB: every kind of table by either way, who may go where, and what the server's log holds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest

import dbmimic
from dbmimic.engines.mysql.transfer import Transfer
from dbmimic.errors import RefusedError
from dbmimic.model.address import Address
from dbmimic.sandboxes import Sandboxes
from dbmimic.testing.mariadb_server import MariadbServer
from tests.copying import copied

TABLES = (
    "CREATE SEQUENCE numbers START WITH 5",
    "CREATE TABLE parents (id int PRIMARY KEY AUTO_INCREMENT, name varchar(50) CHARACTER SET latin1, UNIQUE (name)) AUTO_INCREMENT = 77",
    "CREATE TABLE `select` (id int PRIMARY KEY, parent_id int, n int, twice int AS (n * 2) STORED, half int AS (n / 2) VIRTUAL, hidden int INVISIBLE, FOREIGN KEY (parent_id) REFERENCES parents (id) ON DELETE CASCADE)",
    "CREATE TABLE `odd-name ü` (id int PRIMARY KEY, body text, FULLTEXT (body))",
    "CREATE TABLE parts (id int, at date) PARTITION BY RANGE (YEAR(at)) (PARTITION p1 VALUES LESS THAN (2026), PARTITION p2 VALUES LESS THAN MAXVALUE)",
    "CREATE TABLE old (id int PRIMARY KEY, at datetime) ENGINE=MyISAM",
    "CREATE TABLE nothing (id int)",
    "INSERT INTO parents VALUES (1, 'é'), (3, 'b')",
    "SET STATEMENT sql_mode = 'NO_AUTO_VALUE_ON_ZERO' FOR INSERT INTO parents VALUES (0, 'zero')",
    "INSERT INTO `select` (id, parent_id, n, hidden) VALUES (1, 3, 10, 4), (2, NULL, NULL, NULL)",
    "INSERT INTO `odd-name ü` VALUES (1, 'some words'), (2, NULL)",
    "INSERT INTO parts VALUES (1, '2025-01-01'), (2, '2026-01-01'), (2, '2026-01-01')",
    "SET STATEMENT sql_mode = '' FOR INSERT INTO old VALUES (1, '0000-00-00')",
    "CREATE VIEW seen AS SELECT p.name FROM parents p JOIN meadow_prod.`select` s ON s.parent_id = p.id",
    "CREATE TRIGGER noted BEFORE INSERT ON parents FOR EACH ROW SET NEW.name = UPPER(NEW.name)",
    "CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC RETURN n * 2",
)
CHECKED = ("parents", "`select`", "`odd-name ü`", "parts", "old", "nothing")


@pytest.fixture(scope="module")
def meadow(server: MariadbServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the configuration of a golden copy `Meadow_2`, made by an account that is no superuser."""
    folder = tmp_path_factory.mktemp("meadow")
    server.create_database("meadow_prod")
    server.execute(*TABLES, database="meadow_prod")
    admin = "CREATE USER shepherd@`%` IDENTIFIED BY 'crook'"
    rights = [
        f"GRANT ALL PRIVILEGES ON {name}.* TO shepherd@`%` WITH GRANT OPTION"
        for name in (r"`Meadow\_2`", r"`Meadow\_2\_dbmimic%`")
    ]
    server.execute(admin, *rights, "GRANT CREATE USER, RELOAD ON *.* TO shepherd@`%`")
    assert copied(folder, server.url("meadow_prod"), server.url("Meadow_2", "shepherd", "crook")).verified
    yield folder
    with sandboxes_of(folder) as sandboxes:
        for each in sandboxes.listed():
            sandboxes.drop(each.name)
    server.execute("DROP USER shepherd@`%`")


@contextlib.contextmanager
def sandboxes_of(folder: Path) -> Iterator[Sandboxes]:
    with dbmimic.sandbox(dbmimic.load_config(folder / "dbmimic.yaml")) as found:
        yield found


def connect(address: Address, database: str | None = None) -> pymysql.connections.Connection:
    return pymysql.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        database=database or address.database,
        autocommit=True,
    )


def sums(server: MariadbServer, database: str) -> list[tuple[object, ...]]:
    rows = server.execute(f"CHECKSUM TABLE {', '.join(CHECKED)} EXTENDED", database=database)
    return [(str(name).partition(".")[2], total) for name, total in rows]


@pytest.mark.parametrize("by_file", [True, False])
def test_every_kind_of_table_comes_whole(
    server: MariadbServer, meadow: Path, by_file: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    came: list[int] = []
    real = Transfer.run
    monkeypatch.setattr(Transfer, "run", lambda self: came.append(real(self)))
    if not by_file:
        monkeypatch.setattr(Transfer, "_folders", lambda _: None)
    with sandboxes_of(meadow) as sandboxes:
        made = sandboxes.create(f"kinds-{by_file}")
        address = sandboxes.address(made.name)
    assert came == [3 if by_file else 0]  # parents, select, nothing
    assert sums(server, made.database) == sums(server, "Meadow_2")
    shown = [
        server.execute(f"SHOW CREATE TABLE {table}", database=database)[0][1]
        for table in CHECKED
        for database in ("Meadow_2", made.database)
    ]
    assert shown[::2] == shown[1::2]
    with connect(address) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO parents (name) VALUES ('new')")
        assert cursor.lastrowid == 77
        cursor.execute("SELECT name FROM parents WHERE id = 77")
        assert cursor.fetchall() == (("NEW",),)
        cursor.execute("SELECT * FROM seen")
        assert cursor.fetchall() == (("b",),)
        cursor.execute("SELECT twice(4), NEXT VALUE FOR numbers")
        assert cursor.fetchall() == ((8, 5),)
        with pytest.raises(pymysql.IntegrityError):
            cursor.execute("INSERT INTO `select` (id, parent_id) VALUES (9, 12345)")
        cursor.execute("DELETE FROM parents WHERE id = 3")
        cursor.execute("SELECT count(*) FROM `select`")
        assert cursor.fetchall() == ((1,),)
        cursor.execute(
            "SELECT DISTINCT definer FROM information_schema.views WHERE table_schema = DATABASE() UNION SELECT definer FROM information_schema.triggers WHERE trigger_schema = DATABASE() UNION SELECT definer FROM information_schema.routines WHERE routine_schema = DATABASE()"
        )
        assert cursor.fetchall() == ((f"{made.account}@%",),)


def test_a_sandboxs_account_reaches_nothing_else(server: MariadbServer, meadow: Path) -> None:
    with sandboxes_of(meadow) as sandboxes:
        first, other = sandboxes.create("a_b"), sandboxes.create("other")
        address = sandboxes.address("a_b")
        # a `_` in a GRANT stands for any letter, so this would be reached by a careless one
        near = first.database.replace("_", "x", 1)
        server.create_database(near)
        for closed in ("Meadow_2", "Meadow_2_dbmimic", "meadow_prod", "mysql", other.database, near):
            with pytest.raises(pymysql.OperationalError) as caught:
                connect(address, closed)
            assert caught.value.args[0] == 1044
        server.execute(f"DROP DATABASE {near}")
        with connect(address) as session, session.cursor() as cursor:
            cursor.execute("SET PASSWORD = PASSWORD('of my own')")
            cursor.execute("BEGIN")
            cursor.execute("SELECT * FROM parents")
            sandboxes.drop("a_b")
            with pytest.raises(pymysql.OperationalError):  # it was not waited for
                cursor.execute("SELECT 1")
        with pytest.raises(pymysql.OperationalError) as caught:
            connect(address)
        assert caught.value.args[0] == 1045
        assert server.execute(f"SELECT count(*) FROM mysql.user WHERE user = '{first.account}'") == [(0,)]


def test_an_account_that_is_not_ours_is_left_alone(server: MariadbServer, meadow: Path) -> None:
    with sandboxes_of(meadow) as sandboxes:
        account = sandboxes.create("name").account
        sandboxes.drop("name")
        server.execute(
            f"CREATE USER {account}@`%` IDENTIFIED BY 'mine'", f"GRANT SELECT ON meadow_prod.* TO {account}@`%`"
        )
        with pytest.raises(RefusedError) as caught:
            sandboxes.create("name")
        assert caught.value.code == "DM324"
        assert "meadow_prod" in str(server.execute(f"SHOW GRANTS FOR {account}@`%`"))
        server.execute(f"DROP USER {account}@`%`")
        assert "name" not in [each.name for each in sandboxes.listed()]
        assert sandboxes.create("name").account == account


def test_no_password_reaches_the_servers_log(server: MariadbServer, meadow: Path) -> None:
    server.log_statements()
    with sandboxes_of(meadow) as sandboxes:
        sandboxes.create("quiet")
        sandboxes.reset("quiet")
        password = sandboxes.address("quiet").password
    log = "\n".join(server.statements())
    server.log_statements()
    assert len(password) >= 32
    assert "CREATE USER `sandbox_quiet" in log
    assert password not in log

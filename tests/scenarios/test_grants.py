"""The rights that are printed are enough for a masked copy, and each of them is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pymysql
import pytest
from sqlalchemy.engine import make_url

import dbmimic
from dbmimic import wiring
from dbmimic.model.checkup import Checkup
from dbmimic.model.grants import Grant, Grants
from dbmimic.reporting.grants import grants_sql
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.command_line import Forks
from tests.copying import configured
from tests.small_shop import RULES

SHOWN = {"error", "warning"}
MORE = {"sales.deals.kind": {"keep": "kinds"}, "sales.deals.id": {"keep": "numbers"}}
ON_POSTGRES: dict[str, Any] = {**RULES, "columns": {**RULES["columns"], **MORE}}


def printed(command: Forks, folder: Path, *words: str) -> tuple[str, dict[str, list[dict[str, Any]]]]:
    """Give the SQL and, by side, what the document says of it."""
    text, document = (command.run("grants", *words, *more, cwd=folder) for more in ((), ("--json",)))
    assert (text.status, document.status) == (0, 0), text.err + document.err
    assert document.document["schema"] == "dbmimic/grants/1"
    return text.out, {each["side"]: each["grants"] for each in document.document["sides"]}


def taken_back(statement: str) -> str:
    """Give the statement that undoes a GRANT."""
    return statement.replace("GRANT ", "REVOKE ", 1).replace(" TO ", " FROM ", 1)


def told(found: Checkup) -> set[tuple[str, str]]:
    return {(check.code, check.message) for check in found.checks if check.code}


def connected(url: str) -> pymysql.connections.Connection:
    found = make_url(url)
    place = {"host": found.host, "port": found.port, "database": found.database}
    return pymysql.connect(user=found.username, password=found.password or "", **place)


def test_on_postgresql(dbmimic_command: Forks, postgres15: PostgresServer, tmp_path: Path) -> None:
    shop = small_shop.on_postgres(postgres15)
    source = shop.build("granted")
    postgres15.execute(
        "CREATE SCHEMA sales; CREATE SCHEMA kinds; CREATE TYPE kinds.kind AS ENUM ('a', 'b');"
        "CREATE TABLE sales.deals (id serial NOT NULL, kind kinds.kind PRIMARY KEY);"
        "INSERT INTO sales.deals (kind) VALUES ('a'), ('b');"
        "REVOKE ALL ON DATABASE granted FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM PUBLIC",
        database="granted",
    )
    shop.create("granted_stage")
    postgres15.execute("CREATE ROLE gets LOGIN; CREATE ROLE builds LOGIN")
    configured(tmp_path, source, shop.url("granted_stage"))
    reading, found = printed(dbmimic_command, tmp_path, "--for", "source", "--role", "gets")
    building, _ = printed(dbmimic_command, tmp_path, "--for", "target", "--role", "builds")
    postgres15.execute(reading, database="granted")
    postgres15.execute(building, database="granted")
    addresses = postgres15.url("granted", "gets"), postgres15.url("granted_stage", "builds")
    seeds = [{"table": "sales.deals", "ids": ["a"]}, {"table": "customers", "percent": 50}]
    settings = configured(tmp_path, *addresses, rules=ON_POSTGRES, slice={"seeds": seeds})
    assert dbmimic.copy(settings).verified
    well = wiring.doctor(settings)
    assert well.exit == 0, "the next copy has to replace what this one made"
    needed = [each["sql"] for each in found["source"] if each["needed"]]
    assert len(needed) == 1 + 3 + 4 + 1 + 1, needed  # database, schemas, tables, sequence, statistics
    for statement in (needed[0], needed[1], needed[4], *needed[-2:]):  # of each kind one
        postgres15.execute(taken_back(statement), database="granted")
        lacking = wiring.doctor(settings)
        postgres15.execute(statement, database="granted")
        assert lacking.exit == 5 or told(lacking) - told(well), statement


def test_on_mariadb(dbmimic_command: Forks, mariadb: MariadbServer, tmp_path: Path) -> None:
    shop = small_shop.on_mariadb(mariadb)
    source = shop.build("granted_1")
    mariadb.execute("CREATE FUNCTION two() RETURNS int DETERMINISTIC RETURN 2", database="granted_1")
    mariadb.execute(*(f"CREATE OR REPLACE USER {name}@'%' IDENTIFIED BY 'pw'" for name in ("gets", "builds")))
    configured(tmp_path, source, shop.url("granted_1_stage"))
    _, found = printed(dbmimic_command, tmp_path, "--for", "source", "--role", "gets")
    building, _ = printed(dbmimic_command, tmp_path, "--for", "target", "--role", "builds@%")
    needed = [each["sql"].rstrip(";") for each in found["source"] if each["needed"]]
    mariadb.execute(*needed)
    mariadb.execute(*(line.rstrip(";") for line in building.splitlines() if line.startswith("GRANT")))
    addresses = mariadb.url("granted_1", "gets", "pw"), mariadb.url("granted_1_stage", "builds", "pw")
    settings = configured(tmp_path, *addresses, rules=RULES)
    assert dbmimic.copy(settings).verified
    assert mariadb.execute("SELECT two()", database="granted_1_stage") == [(2,)]
    well = wiring.doctor(settings)
    assert well.exit == 0, "the next copy has to replace what this one made"
    assert len(needed) == 7, needed
    mariadb.execute(*(line[3:].rstrip(";") for line in building.splitlines() if line.startswith("-- GRANT")))
    made = dbmimic_command.run("sandbox", "create", "one", "--json", cwd=tmp_path)
    assert made.status == 0, made.err
    with connected(made.document["url"]) as session, session.cursor() as cursor:
        cursor.execute("SELECT 1 FROM customers FOR UPDATE")
        ended = dbmimic_command.run("sandbox", "drop", "one", cwd=tmp_path)
        assert (ended.status, ended.out) == (0, "one is gone\n"), ended.err
        with pytest.raises(pymysql.OperationalError):  # ended by the sandbox's own right, since the role has none
            cursor.execute("SELECT 1")
    for statement in needed[::2]:
        mariadb.execute(taken_back(statement))
        lacking = wiring.doctor(settings)
        mariadb.execute(statement)
        assert lacking.exit == 5 or told(lacking) - told(well), statement


def test_sqlite_has_nothing_to_grant(dbmimic_command: Forks, tmp_path: Path) -> None:
    configured(tmp_path, small_shop.on_sqlite(tmp_path).build("prod.db"), f"sqlite:///{tmp_path}/stage.db")
    text, found = printed(dbmimic_command, tmp_path)
    assert found == {"source": [], "target": []}
    assert all(line.startswith("--") for line in text.splitlines() if line)


@pytest.mark.parametrize("name", ['ro"le; DROP TABLE x', "two\nlines"])
def test_names_are_quoted_and_comments_stay_comments(name: str) -> None:
    side = Grants(
        "source", "postgresql://h/d", name, (Grant(f"GRANT x TO {name};", "sandboxes", needed=False),), (name,)
    )
    assert all(line.startswith("-- ") for line in grants_sql([side]).splitlines() if line)

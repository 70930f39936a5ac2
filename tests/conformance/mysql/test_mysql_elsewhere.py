"""What leads out of the copied database: tables of other servers and other tables, and what names the database itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbmimic.testing.mariadb_server import MariadbServer
from tests.copying import copied

pytestmark = pytest.mark.mariadb

RULES = {"extends": ["structure"], "default": "keep"}


@pytest.fixture
def far(server: MariadbServer) -> str:
    """A database whose table `far` is one of another database, over a connection, with a password."""
    server.execute("INSTALL SONAME 'ha_federatedx'") if not server.execute(
        "SELECT 1 FROM information_schema.engines WHERE engine = 'FEDERATED'"
    ) else None
    for name in ("far", "behind"):
        server.create_database(name)
    server.execute(
        "CREATE TABLE held (id int PRIMARY KEY, v varchar(9))", "INSERT INTO held VALUES (1, 'a')", database="behind"
    )
    server.execute(
        "CREATE USER IF NOT EXISTS linked@'127.0.0.1' IDENTIFIED BY 'pw-canary-link'",
        "GRANT ALL ON behind.* TO linked@'127.0.0.1'",
    )
    server.execute(
        "CREATE TABLE far (id int PRIMARY KEY, v varchar(9)) ENGINE=FEDERATED"
        f" CONNECTION='mysql://linked:pw-canary-link@127.0.0.1:{server.port}/behind/held'",
        "CREATE TABLE one (id int NOT NULL, KEY (id)) ENGINE=MyISAM",
        "INSERT INTO one VALUES (7)",
        "CREATE TABLE merged (id int NOT NULL, KEY (id)) ENGINE=MERGE UNION=(one) INSERT_METHOD=LAST",
        "CREATE TABLE own (id int PRIMARY KEY)",
        "INSERT INTO own VALUES (5)",
        "CREATE VIEW seen AS SELECT far.v, own.id FROM far JOIN own",
        database="far",
    )
    return "far"


def test_tables_that_lead_elsewhere_are_empty_in_the_copy(server: MariadbServer, far: str, tmp_path: Path) -> None:
    """A row that is loaded into one would be written into the table that it leads to: production's."""
    for _ in range(2):
        report = copied(tmp_path, server.url(far), server.url("far_stage"), rules=RULES)
    assert {finding.place for finding in report.findings if "elsewhere" in finding.message} == {"far", "merged"}
    assert server.execute("SELECT * FROM held", database="behind") == [(1, "a")]
    stage = {
        name: server.execute(f"SELECT count(*) FROM {name}", database="far_stage")[0][0]
        for name in ("far", "merged", "one", "own", "seen")
    }
    assert stage == {"far": 0, "merged": 0, "one": 1, "own": 1, "seen": 0}
    shown = repr([server.execute(f"SHOW CREATE TABLE {name}", database="far_stage") for name in ("far", "merged")])
    assert "canary" not in shown
    assert "127.0.0.1" not in shown
    server.execute("DROP TABLE far", database=far)  # or every look at this server's tables would ask for it


def test_an_archive_counts_on_behind_its_last_row(server: MariadbServer, tmp_path: Path) -> None:
    """Told where to go on it makes all of its rows anew, and takes the first one for one that it has already."""
    server.create_database("archived")
    if not server.execute("SELECT 1 FROM information_schema.engines WHERE engine = 'ARCHIVE'"):
        server.execute("INSTALL SONAME 'ha_archive'")
    server.execute(
        "CREATE TABLE kept (id int PRIMARY KEY AUTO_INCREMENT) ENGINE=ARCHIVE",
        "INSERT INTO kept VALUES (1), (4)",
        database="archived",
    )
    assert copied(tmp_path, server.url("archived"), server.url("archived_stage"), rules=RULES).verified
    server.execute("INSERT INTO kept VALUES ()", database="archived_stage")
    assert server.execute("SELECT id FROM kept", database="archived_stage") == [(1,), (4,), (5,)]


def test_nothing_in_the_copy_names_the_source(server: MariadbServer, tmp_path: Path) -> None:
    """What does would write into production, where both are on one server; and belong to production's roles."""
    server.create_database("named")
    server.execute(
        "CREATE TABLE named (id int PRIMARY KEY, other int)",
        "CREATE TABLE log (id int)",
        "CREATE VIEW both_ids AS SELECT named.id, log.id AS logged FROM named JOIN log ON log.id = named.other",
        "CREATE PROCEDURE clear_one(IN id int) DELETE FROM named WHERE named.id = id",
        "SET SESSION sql_mode = 'ANSI_QUOTES'",
        """CREATE TRIGGER noted AFTER INSERT ON "named" FOR EACH ROW INSERT INTO "named"."log" VALUES (NEW.id)""",
        """CREATE PROCEDURE note() INSERT INTO "named"."log" VALUES (1)""",
        "SET SESSION sql_mode = ''",
        "CREATE FUNCTION lax() RETURNS tinyint RETURN 300",
        "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'",
        "CREATE PROCEDURE path() BEGIN SET @path = 'c:\\\\'; INSERT INTO named.log VALUES (2); SET @p = 'x'; END".replace(
            "\\\\", "\\"
        ),
        "INSERT INTO named VALUES (1, 1), (2, 2)",
        "DELETE FROM log",
        database="named",
    )
    server.execute(
        "CREATE USER IF NOT EXISTS stager@'127.0.0.1'", "GRANT ALL ON `named\\_stage%`.* TO stager@'127.0.0.1'"
    )
    server.execute("GRANT SUPER ON *.* TO stager@'127.0.0.1'")
    assert copied(tmp_path, server.url("named"), server.url("named_stage", "stager"), rules=RULES).verified
    server.execute(
        "INSERT INTO named VALUES (3, 1)", "CALL note()", "CALL path()", "CALL clear_one(1)", database="named_stage"
    )
    assert server.execute("SELECT count(*) FROM log", database="named") == [(0,)]
    assert sorted(server.execute("SELECT id FROM log", database="named_stage")) == [(1,), (2,), (3,)]
    assert sorted(server.execute("SELECT id FROM named", database="named_stage")) == [(2,), (3,)]
    definers = server.execute(
        "SELECT definer FROM information_schema.routines WHERE routine_schema = 'named_stage' UNION"
        " SELECT definer FROM information_schema.triggers WHERE trigger_schema = 'named_stage'"
    )
    assert {str(definer).split("@")[0] for (definer,) in definers} == {"stager"}


def test_views_that_cannot_be_read_and_what_names_other_databases(server: MariadbServer, tmp_path: Path) -> None:
    """One broken view keeps nobody from a copy; one that reads another database is told of, because that is no copy."""
    for name in ("around", "beside"):
        server.create_database(name)
    server.execute("CREATE TABLE log (id int)", database="beside")
    server.execute(
        "CREATE TABLE t (id int)",
        "CREATE TABLE gone (id int)",
        "CREATE VIEW broken AS SELECT id FROM gone",
        "CREATE VIEW on_broken AS SELECT id FROM broken",
        "DROP TABLE gone",
        "CREATE VIEW fine AS SELECT id FROM t",
        "CREATE TRIGGER noted AFTER INSERT ON t FOR EACH ROW INSERT INTO beside.log VALUES (NEW.id)",
        database="around",
    )
    report = copied(tmp_path, server.url("around"), server.url("around_stage"), rules=RULES)
    assert report.verified
    assert {(finding.place, finding.severity.value) for finding in report.findings} == {
        ("broken", "warning"),
        ("on_broken", "warning"),
        ("noted", "warning"),
    }
    assert "beside" in next(finding.message for finding in report.findings if finding.place == "noted")
    shown = server.execute("SHOW FULL TABLES WHERE Table_type = 'VIEW'", database="around_stage")
    assert [name for name, _ in shown] == ["fine"]

"""What the catalogue tells: tables, types, keys, edges, hostile names; and what a role may not see."""

import pytest

from dbmimic.engines.mysql import snapshot
from dbmimic.engines.mysql.engine import MysqlEngine
from dbmimic.errors import ConfigError, SourceError, TargetError, TryAgainError
from dbmimic.model.address import Address
from dbmimic.model.batch import Layout
from dbmimic.model.findings import Severity
from dbmimic.model.keys import WHOLE
from dbmimic.model.names import TableId
from dbmimic.model.request import WhereSeed
from dbmimic.model.schema import Generated, Identity, TableKind
from dbmimic.model.types import Kind, LogicalType
from tests.conformance.mysql.shapes import STAMP, build

pytestmark = pytest.mark.mariadb


def t(name):
    return TableId("", name)


def test_types_are_told_exactly(bench):
    bench.sql(
        "CREATE TABLE t (id mediumint unsigned AUTO_INCREMENT PRIMARY KEY, yes tinyint(1) NOT NULL, ti tinyint, "
        "big bigint unsigned, price decimal(10,2), c char(3), v varchar(20) DEFAULT 'x', tt tinytext, lt longtext, "
        "vb varbinary(9), b bit(5), e enum('a','it''s','é\\\\n'), s set('x','y'), y year, d date, dt datetime(3), "
        "ts timestamp NULL, tm time, j json, u uuid, i inet6, g point, f float, "
        "vg int AS (ti) VIRTUAL, sg int AS (ti) STORED, h int INVISIBLE)"
    )
    table = bench.source().schema().table(t("t"))
    logical = {column.name: column.logical for column in table.columns}
    assert logical["id"] == LogicalType(Kind.INTEGER, bits=24, signed=False)
    assert logical["yes"].kind is Kind.BOOLEAN
    assert logical["ti"] == LogicalType(Kind.INTEGER, bits=7)
    assert logical["big"] == LogicalType(Kind.INTEGER, bits=64, signed=False)
    assert logical["price"] == LogicalType(Kind.DECIMAL, precision=10, scale=2)
    assert logical["c"] == LogicalType(Kind.TEXT, length=3, padded=True)
    assert logical["v"] == LogicalType(Kind.TEXT, length=20)
    assert logical["tt"] == LogicalType(Kind.TEXT, length=63)
    assert logical["lt"] == LogicalType(Kind.TEXT)
    assert logical["vb"] == LogicalType(Kind.BINARY, length=9)
    assert logical["b"].kind is Kind.BIT
    assert logical["e"] == LogicalType(Kind.ENUM, members=("a", "it's", "é\\n"))
    assert logical["s"] == LogicalType(Kind.ENUM, members=("x", "y"), several=True)
    kinds = {"y": Kind.INTEGER, "d": Kind.DATE, "dt": Kind.TIMESTAMP, "ts": Kind.TIMESTAMPTZ, "tm": Kind.TIME}
    kinds |= {"j": Kind.JSON, "u": Kind.UUID, "i": Kind.NETWORK, "g": Kind.GEOMETRY, "f": Kind.FLOAT}
    assert {name: logical[name].kind for name in kinds} == kinds
    assert table.column("id").identity is Identity.BY_DEFAULT
    assert table.column("id").type == "mediumint(8) unsigned"
    assert not table.column("yes").nullable
    assert table.column("vg").generated is Generated.VIRTUAL
    assert table.column("sg").generated is Generated.STORED
    assert table.column("h") is not None
    assert {"vg", "sg"}.isdisjoint(column.name for column in table.loadable)


def test_keys_are_whole_columns_in_their_order(bench):
    bench.sql(
        "CREATE TABLE t (a int, b int, c varchar(50), d varchar(50) NOT NULL, PRIMARY KEY (b, a), UNIQUE u (c, b), "
        "UNIQUE prefixed (d(5)), KEY plain (c))"
    )
    keys = bench.source().schema().table(t("t")).keys
    assert [(key.name, key.columns, key.primary) for key in keys] == [
        ("PRIMARY", ("b", "a"), True),
        ("u", ("c", "b"), False),
    ]


def test_edges_of_all_kinds(bench):
    bench.server.create_database("other")
    bench.server.execute("CREATE TABLE far (id int PRIMARY KEY)", database="other")
    bench.sql(
        "CREATE TABLE a (id int PRIMARY KEY, code varchar(5) UNIQUE, boss int, b_id int, KEY (boss))",
        "CREATE TABLE b (id int PRIMARY KEY, a_id int NOT NULL, CONSTRAINT to_a FOREIGN KEY (a_id) REFERENCES a (id), "
        "a_code varchar(5), CONSTRAINT to_code FOREIGN KEY (a_code) REFERENCES a (code), "
        "far int, CONSTRAINT to_far FOREIGN KEY (far) REFERENCES other.far (id))",
        "ALTER TABLE a ADD CONSTRAINT to_b FOREIGN KEY (b_id) REFERENCES b (id), ADD CONSTRAINT self FOREIGN KEY (boss) REFERENCES a (id)",
    )
    source = bench.source()
    schema = source.schema()
    assert {str(edge): edge.nullable for edge in schema.foreign_keys} == {
        "a(boss) -> a(id)": True,
        "a(b_id) -> b(id)": True,
        "b(a_id) -> a(id)": False,
        "b(a_code) -> a(code)": True,
    }
    assert [(f.code, f.severity, f.place) for f in schema.findings] == [("DM405", Severity.WARNING, "b")]
    assert "other" not in source.structure().text


HOSTILE = [
    "we`ird",
    "S'\"chema",
    "two words",
    "select",
    "MiXed",
    "per%cent %s %(x)s",
    "semi;--",
    "ä" * 64,
    "back\\slash",
    "a.b",
    "t\tn",
]


def test_hostile_names_everywhere(bench):
    bench.server.create_database("s`r'c %s")
    for place, name in enumerate(HOSTILE):
        quoted = "`" + name.replace("`", "``") + "`"
        parent = "`" + HOSTILE[place - 1].replace("`", "``") + "`"
        edge = f", FOREIGN KEY ({parent}) REFERENCES {parent} (id)" if place else ""
        bench.server.execute(
            f"CREATE TABLE {quoted} (id int PRIMARY KEY, {quoted} varchar(20), {parent} int, "
            f"e enum('a`b','c,d','(x)') COMMENT 'AUTO_INCREMENT=5, CONSTRAINT `x` FOREIGN KEY (' {edge}) COMMENT='), AUTO_INCREMENT=7'".replace(
                f"{quoted} varchar(20), {parent} int",
                f"{quoted} varchar(20), {parent} int" if parent != quoted else "x int",
            ),
            f"INSERT INTO {quoted} VALUES (1, 'v', {1 if place else 'NULL'}, 'c,d')",
            database="s`r'c %s",
        )
    source, target = bench.source("s`r'c %s"), bench.target("t`g't %s")
    schema = source.schema()
    assert {table.id.name for table in schema.tables} == set(HOSTILE)
    assert len(schema.foreign_keys) == len(HOSTILE) - 1
    for edge in schema.foreign_keys:
        rows = source.seed(schema.table(edge.child), WhereSeed(edge.child, "id = 1"))
        assert len(source.parents(edge, rows)) == 1
    build(source, target)
    copy = target.copy()
    assert copy.structure().text == source.structure().text
    assert copy.schema() == schema
    copy.close()
    target.swap(STAMP)
    assert bench.server.execute("SELECT COUNT(*) FROM `t``g't %s`.`we``ird`") == [(1,)]
    target.close()
    for suffix in ("", "_dbmimic", "_dbmimic_old"):
        bench.server.execute(f"DROP DATABASE IF EXISTS `t``g't %s{suffix}`")


def test_partitions_versions_and_sequences(bench):
    bench.sql(
        "CREATE TABLE p (id int, y int, PRIMARY KEY (id, y)) PARTITION BY RANGE (y) (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN MAXVALUE)",
        "INSERT INTO p VALUES (1, 1), (2, 20)",
        "CREATE TABLE v (id int PRIMARY KEY, x int) WITH SYSTEM VERSIONING",
        "INSERT INTO v VALUES (1, 1), (2, 2)",
        "UPDATE v SET x = 3 WHERE id = 1",
        "CREATE TABLE m (id int) ENGINE=MyISAM",
        "CREATE SEQUENCE s START WITH 5",
        "CREATE TABLE n (id int DEFAULT NEXTVAL(s), x int)",
        "INSERT INTO n (x) VALUES (1), (2)",
        "CREATE VIEW w AS SELECT * FROM v",
        "CREATE SEQUENCE few MAXVALUE 50",
        "CREATE SEQUENCE ring MAXVALUE 50 CYCLE",
        "DO NEXTVAL(few), NEXTVAL(ring)",
    )
    source, target = bench.source(), bench.target()
    schema = source.schema()
    assert [(table.id.name, table.kind, table.leaves) for table in schema.tables] == [
        (name, TableKind.PLAIN, (t(name),)) for name in ("m", "n", "p", "v")
    ]
    assert [sequence.id.name for sequence in schema.sequences] == ["few", "ring", "s"]
    assert {(f.place, f.severity) for f in schema.findings} == {(name, Severity.WARNING) for name in ("few", "m", "v")}
    build(source, target)
    copy = target.copy()
    assert copy.structure().text == source.structure().text
    assert [copy.count(table) for table in schema.tables] == [0, 2, 2, 2]
    copy.close()
    target.swap(STAMP)
    bench.server.execute("INSERT INTO n (x) VALUES (3)", database="tgt")
    assert bench.server.execute("SELECT * FROM tgt.v FOR SYSTEM_TIME ALL ORDER BY id") == [(1, 3), (2, 2)]
    used = bench.server.execute("SELECT next_not_cached_value FROM src.s")[0][0]
    assert bench.server.execute("SELECT id FROM tgt.n WHERE x = 3") == [(used,)]
    assert bench.server.execute("SELECT next_not_cached_value FROM src.s")[0][0] == used


READER = ["DROP USER IF EXISTS reader@'%'", "CREATE USER reader@'%' IDENTIFIED BY 'pw'"]


def test_select_alone_is_enough(bench):
    bench.sql(
        "CREATE TABLE p (id int PRIMARY KEY)",
        "CREATE TABLE c (id int PRIMARY KEY, p int, FOREIGN KEY (p) REFERENCES p (id))",
        "INSERT INTO p VALUES (1), (2)",
        "INSERT INTO c VALUES (1, 1)",
        "CREATE VIEW v AS SELECT id FROM p",
        "CREATE TRIGGER tr BEFORE INSERT ON c FOR EACH ROW SET NEW.p = NEW.p",
        "CREATE FUNCTION fn() RETURNS int RETURN 1",
        *READER,
        "GRANT SELECT ON src.* TO reader@'%'",
    )
    before = bench.server.execute("CHECKSUM TABLE src.p, src.c")
    bench.server.log_statements()
    source = bench.source(user="reader", password="pw")
    schema = source.schema()
    assert [str(edge) for edge in schema.foreign_keys] == ["c(p) -> p(id)"]
    assert source.structure().body.tables
    hidden = [finding for finding in schema.findings if finding.code == "DM402"]
    assert {finding.place for finding in hidden} >= {"v", "src"}
    rows = source.seed(schema.table(t("c")), WhereSeed(t("c"), "id = 1"))
    assert len(source.parents(schema.foreign_keys[0], rows)) == 1
    source.hold(5)
    list(source.read(Layout(t("p"), t("p"), (), ("id",)), WHOLE))
    source.close()
    said = [line.split("Query\t", 1)[1] for line in bench.server.statements() if "Query\t" in line]
    said = [line for line in said if not line.startswith("SET GLOBAL general_log")]
    assert said
    assert {line.split()[0].upper() for line in said} <= {
        "SELECT",
        "SET",
        "SHOW",
        "START",
        "--",
        "FROM",
        "WHERE",
        "AND",
        "ORDER",
        "UNION",
    }
    assert bench.server.execute("CHECKSUM TABLE src.p, src.c") == before


def test_all_tables_that_may_not_be_read_are_told_at_once(bench):
    bench.sql("CREATE TABLE a (id int)", "CREATE TABLE b (id int)", "CREATE TABLE c (id int)", *READER)
    bench.sql(
        "GRANT SELECT ON src.a TO reader@'%'",
        "GRANT INSERT ON src.b TO reader@'%'",
        "GRANT INSERT ON src.c TO reader@'%'",
    )
    with pytest.raises(SourceError) as caught:
        bench.source(user="reader", password="pw")
    assert [(problem.code, problem.place) for problem in caught.value.problems] == [("DM402", "b"), ("DM402", "c")]
    assert all("GRANT SELECT" in problem.hint for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("user", "password", "database", "code"), [("root", "wrong", "src", "DM401"), ("root", "", "nosuch", "DM401")]
)
def test_a_source_that_cannot_be_opened(bench, user, password, database, code):
    with pytest.raises(SourceError) as caught:
        bench.source(database, user, password)
    assert caught.value.code == code
    assert caught.value.__cause__ is None
    assert "wrong" not in str(caught.value)


def test_a_server_that_is_not_there(bench):
    nowhere = Address("mysql", "x", "127.0.0.1", 1, "root")
    with pytest.raises(SourceError) as source:
        MysqlEngine().open_source(nowhere)
    assert source.value.code == "DM401"
    with pytest.raises(TargetError) as target:
        MysqlEngine().open_target(nowhere)
    assert target.value.code == "DM501"
    with pytest.raises(ConfigError):
        MysqlEngine().open_source(Address("mysql", "x", "127.0.0.1", options={"nosuch": "1"}))


def test_a_truncate_by_another_session_cannot_make_a_table_empty(bench):
    bench.sql("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)")
    source = bench.source()
    connection = bench.server.connect("src")
    with connection.cursor() as cursor:
        cursor.execute("SET lock_wait_timeout = 1")
        with pytest.raises(Exception, match="1205"):
            cursor.execute("TRUNCATE TABLE t")
    connection.close()
    assert source.count(source.schema().table(t("t"))) == 2
    bench.sql("INSERT INTO t VALUES (3)")
    assert source.count(source.schema().table(t("t"))) == 2


def test_a_truncate_between_snapshot_and_lock_begins_a_new_snapshot(bench, monkeypatch):
    bench.sql("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)")
    touch = snapshot._touched
    calls = []

    def slow(session, tables):
        if not calls:
            bench.sql("TRUNCATE TABLE t", "INSERT INTO t VALUES (7), (8), (9)")
        calls.append(1)
        return touch(session, tables)

    monkeypatch.setattr(snapshot, "_touched", slow)
    source = bench.source()
    assert len(calls) == 2
    assert source.count(source.schema().table(t("t"))) == 3


def test_a_table_that_is_made_while_the_structure_is_read_is_not_in_the_copy_undecided(bench):
    """No snapshot holds descriptions: one that came between the catalogue and its statement was made in the copy."""
    bench.sql("CREATE TABLE t (a int PRIMARY KEY)")
    source = bench.source()
    assert [table.id.name for table in source._catalogue.schema.tables] == ["t"]
    bench.sql("CREATE TABLE newcomer (mail varchar(80))")
    with pytest.raises(TryAgainError) as caught:
        source.structure()
    assert (caught.value.code, "migration" in caught.value.hint) == ("DM702", True)
    source.close()
    source = bench.source()
    assert len(source.schema().tables) == 2
    source.close()


def test_a_role_that_sees_everything_gets_no_warnings_and_column_rights_alone_are_refused(bench):
    bench.sql(
        "CREATE TABLE a (id int, secret int)",
        *READER,
        "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON `sr_`.* TO reader@'%'",
    )
    [routines] = bench.source(user="reader", password="pw").schema().findings
    assert "may not see routines" in routines.message
    bench.sql("GRANT SELECT ON mysql.proc TO reader@'%'")
    assert bench.source(user="reader", password="pw").schema().findings == ()
    bench.sql("REVOKE ALL PRIVILEGES, GRANT OPTION FROM reader@'%'", "GRANT SELECT (id) ON src.a TO reader@'%'")
    with pytest.raises(SourceError) as caught:
        bench.source(user="reader", password="pw").schema()
    assert caught.value.code == "DM402"
    assert "GRANT SELECT on the whole database" in caught.value.hint


def test_a_role_that_sees_some_tables_only_is_refused(bench):
    """The catalogue hides the others, and a copy without them would look whole."""
    bench.sql("CREATE TABLE a (id int)", "CREATE TABLE b (id int)", *READER, "GRANT SELECT ON src.a TO reader@'%'")
    with pytest.raises(SourceError) as caught:
        bench.source(user="reader", password="pw")
    assert caught.value.code == "DM402"
    assert "single tables only" in caught.value.message

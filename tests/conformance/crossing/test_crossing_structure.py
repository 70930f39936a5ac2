"""Keys, indexes, counters, defaults and names in the other engine; and that a copy which is not what was sent is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbmimic.engines.sqlite.target import SqliteTarget
from dbmimic.errors import VerificationFailed
from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests.conformance.crossing.values import of_sqlite
from tests.copying import copied

POSTGRESQL = """
    CREATE SCHEMA sales;
    CREATE TYPE colour AS ENUM ('red', 'green');
    CREATE TABLE parents (id bigserial PRIMARY KEY, code text NOT NULL UNIQUE, kind colour DEFAULT 'red');
    CREATE TABLE sales.orders (
        id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent int REFERENCES parents ON DELETE CASCADE ON UPDATE SET NULL,
        code text REFERENCES parents (code), note varchar(20) DEFAULT 'it''s: 50%', amount numeric(8, 2) NOT NULL DEFAULT 1.50,
        paid boolean DEFAULT true, made timestamptz DEFAULT now(), odd int DEFAULT (1 + 1), long text, UNIQUE (parent, note));
    CREATE INDEX by_amount ON sales.orders (amount, paid);
    CREATE INDEX by_half ON sales.orders (amount) WHERE paid;
    CREATE INDEX by_text ON sales.orders (long);
    INSERT INTO parents VALUES (7, 'a'), (8, 'A'), (9, 'a ');
    INSERT INTO sales.orders (parent, code) VALUES (7, 'a'), (8, 'A'), (9, 'a '), (NULL, NULL);
"""


def built(server: PostgresServer, name: str, statements: str = POSTGRESQL) -> str:
    server.create_database(name)
    server.execute(statements, database=name)
    return server.url(name)


def test_structure_in_sqlite(postgres15: PostgresServer, tmp_path: Path) -> None:
    target = tmp_path / "x.db"
    report = copied(tmp_path, built(postgres15, "made_lite"), f"sqlite:///{target}")
    assert {found.place: found.message for found in report.findings} == {
        "indexes": "indexes are not carried into sqlite (1): sales.by_half",
        "defaults": "defaults are not carried into sqlite (1): sales.orders.odd",
    }
    keys = of_sqlite(
        target, 'SELECT "table", "from", on_delete, on_update FROM pragma_foreign_key_list(\'sales_orders\')'
    )
    assert sorted(keys) == [("parents", "code", "NO ACTION", "NO ACTION"), ("parents", "parent", "CASCADE", "SET NULL")]
    columns = of_sqlite(target, "SELECT name, \"notnull\", dflt_value FROM pragma_table_info('sales_orders')")
    assert {name: (solid, default) for name, solid, default in columns} == {
        "id": (1, None), "parent": (0, None), "code": (0, None), "note": (0, "'it''s: 50%'"), "amount": (1, "1.50"),
        "paid": (0, "1"), "made": (0, "CURRENT_TIMESTAMP"), "odd": (0, None), "long": (0, None),
    }  # fmt: skip
    indexes = of_sqlite(target, "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1")
    assert indexes == [("sales_orders_amount_paid_idx",), ("sales_orders_long_idx",)]


def test_structure_in_mysql(postgres15: PostgresServer, mariadb: MariadbServer, tmp_path: Path) -> None:
    report = copied(tmp_path, built(postgres15, "made_my"), mariadb.url("made_my"))
    told = {found.place: found.message for found in report.findings}
    assert told["indexes"] == "indexes are not carried into mysql (2): sales.by_half, sales.by_text"
    assert told["defaults"] == "defaults are not carried into mysql (1): sales.orders.odd"
    mariadb.execute("INSERT INTO sales_orders (code) VALUES ('A')", database="made_my")
    made = mariadb.execute(
        "SELECT id, note, amount, paid, made > '2020-01-01', odd FROM sales_orders WHERE id > 4", database="made_my"
    )
    assert [tuple(map(str, row)) for row in made] == [("5", "it's: 50%", "1.50", "1", "1", "None")]
    mariadb.execute(
        "DELETE FROM parents WHERE id = 9",
        "DELETE FROM sales_orders WHERE code = 'a'",
        "DELETE FROM parents WHERE code = 'a'",
        database="made_my",
    )
    assert mariadb.execute("SELECT code FROM parents", database="made_my") == [("A",)]


def test_structure_in_postgresql(postgres15: PostgresServer, mariadb: MariadbServer, tmp_path: Path) -> None:
    name = "made_pg"
    mariadb.create_database(name)
    mariadb.execute(
        "CREATE TABLE parents (id int unsigned AUTO_INCREMENT PRIMARY KEY, kind enum('red', 'green') DEFAULT 'red', tag varchar(9) DEFAULT NULL, KEY (tag))",
        "CREATE TABLE kids (id int PRIMARY KEY DEFAULT 3, parent int unsigned, doc text, flag boolean DEFAULT false, made datetime DEFAULT CURRENT_TIMESTAMP,"
        " CONSTRAINT k FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE SET NULL, FULLTEXT KEY words (doc), KEY start (doc(5)))",
        "INSERT INTO parents (id) VALUES (4000000000)", "INSERT INTO kids (id, parent) VALUES (1, 4000000000)", database=name,
    )  # fmt: skip
    report = copied(tmp_path, mariadb.url(name), postgres15.url(name))
    assert [found.message for found in report.findings] == [
        "indexes are not carried into postgresql (2): kids.start, kids.words"
    ]
    postgres15.execute(
        "INSERT INTO parents (tag) VALUES ('x'); INSERT INTO kids DEFAULT VALUES; DELETE FROM parents WHERE id = 4000000000",
        database=name,
    )
    assert postgres15.execute("SELECT id, kind::text, tag FROM parents", database=name) == [(4000000001, "red", "x")]
    assert postgres15.execute("SELECT id, parent, flag, made > '2020-01-01' FROM kids ORDER BY id", database=name) == [
        (1, None, False, True), (3, None, False, True),
    ]  # fmt: skip
    indexes = postgres15.execute(
        "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1", database=name
    )
    assert [row[0] for row in indexes] == ["kids_parent_idx", "kids_pkey", "parents_pkey", "parents_tag_idx"]


def test_all_that_stays_behind_in_postgresql_is_said(postgres15: PostgresServer, tmp_path: Path) -> None:
    source = built(
        postgres15,
        "left_behind",
        """
        CREATE DOMAIN small AS int CONSTRAINT below CHECK (VALUE < 10);
        CREATE TABLE a (id serial PRIMARY KEY, s small CHECK (s > 0), g int GENERATED ALWAYS AS (1) STORED, i int4range, u text);
        CREATE TABLE b () INHERITS (a);
        CREATE TABLE p (id int PRIMARY KEY, at date NOT NULL) PARTITION BY HASH (id);
        CREATE TABLE p_0 PARTITION OF p FOR VALUES WITH (MODULUS 1, REMAINDER 0);
        CREATE SEQUENCE tickets;
        CREATE UNIQUE INDEX lower_u ON a (lower(u));
        CREATE VIEW v AS SELECT 1; CREATE MATERIALIZED VIEW m AS SELECT 1;
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE PROCEDURE q() LANGUAGE sql AS 'SELECT 1';
        CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f();
        CREATE RULE r AS ON DELETE TO a DO INSTEAD NOTHING; CREATE POLICY o ON a; COMMENT ON TABLE a IS 'about a';
        ALTER TABLE a ADD EXCLUDE USING gist (i WITH &&);
        """,
    )
    report = copied(tmp_path, source, f"sqlite:///{tmp_path}/x.db")
    assert sorted(found.message for found in report.findings) == [
        "CHECK constraints are not carried into sqlite (2): public.a a_s_check, public.small below",
        "columns are kept as text: types that SQLite does not have (2): public.a.i, public.b.i",
        "comments are not carried into sqlite (1): public.TABLE a",
        "exclusion constraints are not carried into sqlite (1): public.a a_i_excl",
        "functions are not carried into sqlite (1): public.f()",
        "generated columns become plain columns with the source's values, and need rules (2): public.a.g, public.b.g",
        "indexes are not carried into sqlite (1): public.lower_u",
        "inheritances are not carried into sqlite (1): public.b",
        "materialized views are not carried into sqlite (1): public.m",
        "partitioned tables become plain tables in sqlite (1): public.p",
        "procedures are not carried into sqlite (1): public.q()",
        "rewrite rules are not carried into sqlite (1): public.a r",
        "row policies are not carried into sqlite (1): public.a o",
        "sequences are not carried into sqlite (1): public.tickets",
        "triggers are not carried into sqlite (1): public.a t",
        "views are not carried into sqlite (1): public.v",
    ]


def test_all_that_stays_behind_in_mysql_is_said(
    mariadb: MariadbServer, postgres15: PostgresServer, tmp_path: Path
) -> None:
    mariadb.create_database("left_behind")
    mariadb.execute(
        "CREATE TABLE a (id int PRIMARY KEY CHECK (id > 0), j json, at timestamp DEFAULT now() ON UPDATE now(), w text, n int AS (id + 1), FULLTEXT KEY f (w))",
        "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 2",
        "CREATE SEQUENCE tickets",
        "CREATE VIEW v AS SELECT 1",
        "CREATE FUNCTION fn() RETURNS int RETURN 1",
        "CREATE PROCEDURE pr() SELECT 1",
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.id = NEW.id",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
        database="left_behind",
    )
    report = copied(tmp_path, mariadb.url("left_behind"), postgres15.url("left_behind_my"))
    assert sorted(found.message for found in report.findings) == [
        "CHECK constraints are not carried into postgresql (1): a",
        "events are not carried into postgresql (1): e",
        "functions are not carried into postgresql (1): fn",
        "generated columns become plain columns with the source's values, and need rules (1): a.n",
        "indexes are not carried into postgresql (1): a.f",
        "partitions are not carried into postgresql (1): p",
        "procedures are not carried into postgresql (1): pr",
        "sequences are not carried into postgresql (1): tickets",
        "times of the last change (ON UPDATE) are not carried into postgresql (1): a",
        "triggers are not carried into postgresql (1): t",
        "views are not carried into postgresql (1): v",
    ]


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        ("UPDATE parents SET code = 'other' WHERE id = 7", "DM606", "public.parents.code"),
        ("UPDATE parents SET id = 77 WHERE id = 7", "DM606", "public.parents.id"),
        ("UPDATE sales_orders SET amount = 1.5000001 WHERE id = 1", "DM606", "sales.orders.amount"),
        ("UPDATE sales_orders SET note = NULL WHERE id = 1", "DM606", "sales.orders.note"),
        ("DELETE FROM sales_orders WHERE id = 1", "DM602", "sales.orders"),
        ("ALTER TABLE parents ADD COLUMN more", "DM604", "structure"),
        ("ALTER TABLE sales_orders DROP COLUMN odd", "DM604", "structure"),
        ("DROP TABLE sales_orders", "DM604", "structure"),
    ],
)
def test_a_copy_that_is_not_what_was_sent_is_told(
    postgres15: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str, code: str, place: str
) -> None:
    """The target changes behind our back: no server can be made to do that at the right moment."""
    finish = SqliteTarget.finish

    def meddling(self: SqliteTarget, *arguments: object) -> object:
        findings = finish(self, *arguments)
        self._writer.connection().execute(change)
        return findings

    monkeypatch.setattr(SqliteTarget, "finish", meddling)
    if postgres15.execute("SELECT 1 FROM pg_database WHERE datname = 'meddled'") == []:
        built(postgres15, "meddled")
    with pytest.raises(VerificationFailed) as caught:
        copied(tmp_path, postgres15.url("meddled"), f"sqlite:///{tmp_path}/x.db")
    assert (code, place) in [(problem.code, problem.place) for problem in caught.value.problems]
    assert not (tmp_path / "x.db").exists()

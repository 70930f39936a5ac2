"""Only what changed since the last copy: the same rows as a full copy, and told where it was done in full after all."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

import dbmimic
from dbmimic import wiring
from dbmimic.engines.postgres import databases
from dbmimic.engines.postgres.connect import Connection
from dbmimic.engines.postgres.dated import DatedSource
from dbmimic.engines.postgres.errors import Side
from dbmimic.engines.postgres.source import PostgresSource
from dbmimic.errors import VerificationFailed
from dbmimic.model.keys import KeySet, Rows
from dbmimic.model.report import RunReport
from dbmimic.model.schema import ForeignKey, Table
from dbmimic.model.settings import Settings
from dbmimic.pipeline import units
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.copying import configured
from tests.scenarios.test_source_untouched import only_reads

TABLES = ("customers", "orders", "items", "coupons", "visits", "events")
SHOP = (
    "CREATE TABLE customers (id int PRIMARY KEY, email text NOT NULL UNIQUE, name text, referrer int REFERENCES customers ON DELETE SET NULL ON UPDATE CASCADE)",
    "CREATE TABLE orders (id bigserial PRIMARY KEY, customer_id int NOT NULL REFERENCES customers ON DELETE CASCADE ON UPDATE CASCADE, note text, total numeric, twice numeric GENERATED ALWAYS AS (total * 2) STORED)",
    "CREATE TABLE items (order_id bigint REFERENCES orders ON DELETE CASCADE ON UPDATE CASCADE, line smallint, sku text, PRIMARY KEY (order_id, line))",
    "CREATE TABLE coupons (code text PRIMARY KEY, customer_id int REFERENCES customers ON DELETE CASCADE ON UPDATE CASCADE, worth int)",
    "CREATE TABLE visits (what text)",
    "CREATE TABLE events (id int, at date, body text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)",
    "CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2025-01-01')",
    "CREATE TABLE events_new PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2030-01-01')",
    "INSERT INTO customers SELECT n, 'person' || n || '@mail.test', 'Anna', nullif(n / 2, 0) FROM generate_series(1, 80) n",
    "INSERT INTO orders (customer_id, note, total) SELECT 1 + n % 80, 'call me', n FROM generate_series(1, 200) n",
    "INSERT INTO items SELECT 1 + n % 200, n / 200, 'sku' || n FROM generate_series(0, 599) n",
    "INSERT INTO coupons SELECT 'code' || n, 1 + n % 80, n FROM generate_series(1, 60) n",
    "INSERT INTO visits SELECT 'page ' || n % 7 FROM generate_series(1, 50) n",
    "INSERT INTO events SELECT n, '2024-06-01'::date + n * 5, 'something' FROM generate_series(1, 100) n",
    "CREATE MATERIALIZED VIEW sums AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id",
    "CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.visits VALUES ('order'); RETURN NULL; END $$",
    "CREATE TRIGGER noted AFTER INSERT OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION note_it()",
)
RULES = {
    "default": "keep",
    "columns": {
        "customers.id": "integer_key",
        "customers.email": "email",
        "customers.name": "first_name",
        "orders.note": "redact",
        "coupons.code": "token",
    },
}
SLICE = {
    "seeds": [{"table": "customers", "where": "id % 3 = 0"}],
    "edges": [{"edge": "customers(referrer)", "parent": "null"}],
}


def of_table(rng: random.Random, table: str) -> str:
    """Give a random change of rows of one table, which may take rows of others along."""
    some = f"md5(ctid::text || '{rng.random()}') < '{rng.choice('123')}'"
    old = rng.randrange(1, 80)
    new = rng.randrange(1000, 10**6)
    changes = {
        "customers": (
            f"INSERT INTO customers SELECT {new} + n, 'new{new}.' || n, 'Ben', id FROM generate_series(1, 3) n, (SELECT min(id) AS id FROM customers) c",
            f"UPDATE customers SET name = 'Clara' WHERE {some}",
            f"DELETE FROM customers WHERE id = {old}",
            f"UPDATE customers SET id = {new} WHERE id = {old}",
            f"UPDATE customers SET email = 'changed{new}' || id WHERE id % 20 = {old % 20}",
        ),
        "orders": (
            f"INSERT INTO orders (customer_id, total) SELECT id, {new} FROM customers ORDER BY id DESC LIMIT 5",
            f"UPDATE orders SET total = total + 1 WHERE {some}",
            f"DELETE FROM orders WHERE {some}",
            f"UPDATE orders SET id = id + {new} WHERE id % 40 = {old % 40}",
        ),
        "items": (
            f"INSERT INTO items SELECT id, 90, 'x' FROM orders WHERE {some} ON CONFLICT DO NOTHING",
            f"DELETE FROM items WHERE {some}",
            f"UPDATE items SET line = line + 100 WHERE order_id % 50 = {old % 50} AND line < 80",
        ),
        "coupons": (
            f"INSERT INTO coupons SELECT 'other' || id || '-{new}', id FROM customers WHERE {some}",
            f"UPDATE coupons SET worth = {new} WHERE {some}",
            f"DELETE FROM coupons WHERE {some}",
            f"UPDATE coupons SET code = code || '{new}' WHERE {some}",
        ),
        "visits": ("INSERT INTO visits VALUES ('page 1')", f"DELETE FROM visits WHERE {some}"),
        "events": (
            f"INSERT INTO events VALUES ({new}, '2026-01-01', 'new')",
            f"UPDATE events SET at = '2020-01-01'::date + id WHERE {some} AND id < 1000",
            f"DELETE FROM events WHERE {some}",
        ),
    }
    return rng.choice(changes[table])


def state(server: PostgresServer, database: str) -> dict[str, object]:
    """Give a digest of each table's rows, and where the sequence stands."""
    asked = "SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {} t"
    held: dict[str, object] = {
        name: server.execute(asked.format(name), database=database) for name in (*TABLES, "sums")
    }
    held["orders_id_seq"] = server.execute("SELECT last_value, is_called FROM orders_id_seq", database=database)
    return held


def told(report: RunReport) -> dict[str, list[str]]:
    """Give the places of the findings about what was copied, by code."""
    codes: dict[str, list[str]] = {}
    for finding in report.findings:
        if finding.code in {"DM334", "DM335", "DM336"}:
            codes.setdefault(finding.code, []).append(finding.place.removeprefix("public."))
    return codes


def why(report: RunReport) -> str:
    """Give why all of it was copied in full."""
    return next(finding.message for finding in report.findings if finding.code == "DM335")


class Pair:
    """A source, a copy that is refreshed and one that is always made in full."""

    def __init__(self, server: PostgresServer, folder: Path, name: str, **sections: object) -> None:
        self.server, self.source, self.golden, self.full = server, name, f"{name}_golden", f"{name}_full"
        server.create_database(name)
        self.change(*SHOP)
        sections = {"rules": RULES, **sections}
        self.settings = self._configured(folder, self.golden, sections)
        self.in_full = self._configured(folder, self.full, sections)

    def _configured(self, folder: Path, target: str, sections: dict[str, object]) -> Settings:
        return configured(folder, self.server.url(self.source), self.server.url(target), **sections)

    def change(self, *statements: str) -> None:
        for statement in statements:
            self.server.execute(statement, database=self.source)

    def tester(self, *statements: str, database: str = "") -> None:
        """Change the golden copy, or another database, as people do who test with it."""
        for statement in statements:
            self.server.execute(statement, database=database or self.golden)

    @property
    def kept(self) -> str:
        """The copy of before the golden one, which the next begins as."""
        return f"{self.golden}_dbmimic_old"

    def number(self, database: str) -> object:
        """Give the number that tells a database from others whatever its name is."""
        return self.server.execute(f"SELECT oid FROM pg_database WHERE datname = '{database}'")

    def refresh(self, *, strict: bool = False) -> RunReport:
        return dbmimic.copy(self.settings, delta=True, strict=strict)

    def alike(self) -> bool:
        """Whether the refreshed copy is what a full one is now."""
        dbmimic.copy(self.in_full)
        return state(self.server, self.golden) == state(self.server, self.full)


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How many random rounds: one, and more with --databases."""
    return max(1, request.config.getoption("--databases") // 200)


@pytest.mark.parametrize("sliced", [False, True], ids=["whole", "slice"])
def test_what_changed_comes_to_what_a_full_copy_is(
    postgres15: PostgresServer, tmp_path: Path, rounds: int, *, sliced: bool
) -> None:
    pair = Pair(postgres15, tmp_path, f"delta_{sliced}", **({"slice": SLICE} if sliced else {}))
    # That it was made in full is a warning, but of no copy that --strict should refuse: there would never be a first one.
    assert told(pair.refresh(strict=not sliced)) == {"DM335": ["--delta"]}
    rng = random.Random(20261126 + sliced)
    for _ in range(rounds):
        pair.change(*(of_table(rng, table) for table in TABLES * 2))
        found = told(pair.refresh())
        assert found.pop("DM334") == ["--delta"]
        assert found.keys() <= {"DM336"}
        assert set(found.get("DM336", [])) <= {"visits"}  # it has no key, so rows that left are not found
        assert pair.alike()


def test_tables_that_are_other_ones_are_copied_anew(postgres15: PostgresServer, tmp_path: Path) -> None:
    """Emptied and rewritten tables, a column that went and came again, and what testers did to the copy."""
    pair = Pair(postgres15, tmp_path, "delta_anew")
    pair.refresh()
    pair.change(
        "VACUUM FULL orders",
        "TRUNCATE coupons",
        "INSERT INTO coupons SELECT 'c' || n, NULL, n FROM generate_series(1, 9) n",
        "ALTER TABLE items DROP COLUMN sku, ADD COLUMN sku text",  # the structure is the same, and all values are gone
        "DELETE FROM customers WHERE id = 7",
    )
    pair.tester(
        "UPDATE events SET body = 'tried' WHERE id = 3; INSERT INTO events VALUES (99999, '2021-01-01')",
        "TRUNCATE visits",
    )
    killed = f'CREATE DATABASE "{pair.golden}_dbmimic_new" TEMPLATE "{pair.golden}" ALLOW_CONNECTIONS false'
    postgres15.execute(killed)  # what is left where a run is killed before it can mark its copy of the files
    report = pair.refresh()
    assert told(report) == {"DM334": ["--delta"], "DM336": ["events", "items", "visits"]}, report.findings
    assert pair.alike()
    for database in (pair.kept, pair.golden):  # what the next copy begins as, and what it would begin as else
        pair.tester("DELETE FROM orders WHERE id = 5", "SELECT pg_stat_reset()", database=database)  # and no hint at it
    assert "the copy holds" in why(pair.refresh())
    pair.tester("GRANT SELECT ON orders TO PUBLIC", database=pair.kept)
    pair.tester("DROP TRIGGER noted ON orders")  # which leaves a row less in the catalogue, and nothing else
    assert "rights or other objects in the target" in why(pair.refresh())
    pair.change("ALTER TABLE coupons ADD COLUMN more int DEFAULT 5")
    assert why(pair.refresh()).endswith("the structure changed since the last copy")
    postgres15.execute(f'ALTER DATABASE "{pair.source}" RENAME TO "{pair.source}_before"')
    postgres15.execute(f'CREATE DATABASE "{pair.source}" TEMPLATE "{pair.source}_before"')  # the same rows to the byte
    assert "another server" in why(pair.refresh())


def test_the_copy_of_before_the_last_one_is_brought_up_to_date(
    postgres15: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(postgres15, tmp_path, "delta_kept")
    integers, all_keys = DatedSource.integers, []

    def read(self: DatedSource, table: Table, columns: tuple[str, ...], rows: Rows) -> KeySet | None:
        all_keys.extend([(self._side, table.id.name)] if not isinstance(rows, KeySet) else [])
        return integers(self, table, columns, rows)

    monkeypatch.setattr(DatedSource, "integers", read)
    pair.refresh()
    pair.refresh()
    assert set(all_keys) == {(Side.SOURCE, name) for name in ("orders", "items")}, "of all integers that no rule masks"
    all_keys.clear()
    open_since = psycopg.connect(postgres15.url(pair.source))  # before and after the copy that the last one begins as
    open_since.execute("INSERT INTO customers VALUES (901, 'late@mail.test', 'Dora', 7)")
    with open_since.transaction():  # of a number of its own
        open_since.execute("UPDATE orders SET total = total + 5 WHERE id = 150; DELETE FROM items WHERE order_id = 150")
    for customer in (11, 12, 13):  # each finds what left by keys that were noted
        changes = (
            f"DELETE FROM customers WHERE id = {customer}",
            f"UPDATE orders SET id = id + 5000 WHERE id = {customer}",
        )
        pair.change(*changes)
        kept = pair.number(pair.kept)
        found = told(pair.refresh())
        assert found.pop("DM334") == ["--delta"]
        assert found in ({}, {"DM336": ["visits"]})  # without a key, and all that was written since the oldest is new
        assert pair.number(pair.golden) == kept
    once = [(Side.SOURCE, "items"), (Side.SOURCE, "orders")]
    assert sorted(all_keys) == once, "from then on they are read together with the rows"
    open_since.commit()
    open_since.close()
    pair.change("DELETE FROM customers WHERE id = 14", "UPDATE orders SET id = id + 5000 WHERE id = 14")
    monkeypatch.setattr(units, "_WORTH_A_THREAD", 0)
    begun, orders = units.begun, []
    monkeypatch.setattr(units, "begun", lambda work: orders.append(work) or begun(work))
    with ThreadPoolExecutor(1) as executor:
        report = wiring.copy(pair.settings, delta=True, executor=executor, least_bytes=1 << 40)
    assert told(report) == {"DM334": ["--delta"], "DM336": ["visits"]}
    assert len(orders) == 1, "half of what comes is loaded by a second thread"
    assert pair.alike()
    kept = pair.number(pair.kept)
    postgres15.execute(f'ALTER DATABASE "{pair.kept}" SET work_mem = 12345')
    assert told(pair.refresh()) == {"DM334": ["--delta"]}
    assert pair.number(pair.golden) != kept, "it is not what the target was, whose files are copied then"


def test_what_references_a_row_that_left_is_found(
    postgres15: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the keys that left, of one column or two; all rows are held against all parents only where one is found."""
    pair = Pair(postgres15, tmp_path, "delta_dangling")
    pair.change(
        "CREATE TABLE parts (id int PRIMARY KEY, line smallint, order_id bigint, FOREIGN KEY (line, order_id) REFERENCES items (line, order_id))",
        "INSERT INTO parts SELECT order_id, line, order_id FROM items WHERE line = 1 AND order_id > 5",
    )
    pair.refresh()
    asked: list[str] = []
    orphans = PostgresSource.orphans

    def counted(self: PostgresSource, edge: ForeignKey, children: Rows) -> int:
        asked.extend([str(edge.child)] if not isinstance(children, KeySet) else [])
        return orphans(self, edge, children)

    monkeypatch.setattr(PostgresSource, "orphans", counted)
    pair.change("DELETE FROM orders WHERE id = 4")
    assert told(pair.refresh()) == {"DM334": ["--delta"]}
    assert not asked
    pair.change(
        "SET session_replication_role = replica; DELETE FROM orders WHERE id = 5; DELETE FROM items WHERE order_id = 7"
    )
    report = pair.refresh()
    found = {each.foreign_key.partition("(")[0]: each.source_orphans for each in report.foreign_keys.details}
    assert found == {"public.items": 3, "public.parts": 1}, report.findings


def test_reading_is_enough_for_the_source_and_a_grant_for_the_target(
    postgres15: PostgresServer, tmp_path: Path
) -> None:
    pair = Pair(postgres15, tmp_path, "delta_roles")
    postgres15.execute("CREATE ROLE delta_owner LOGIN CREATEDB; CREATE ROLE delta_reader LOGIN")
    pair.change(
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO delta_reader",
        "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO delta_reader",
    )
    source, target = postgres15.url(pair.source, "delta_reader"), postgres15.url(pair.golden, "delta_owner")
    settings = configured(tmp_path, source, target, rules=RULES)
    dbmimic.copy(settings, delta=True)
    assert "GRANT SET ON PARAMETER" in why(dbmimic.copy(settings, delta=True))
    postgres15.execute("GRANT SET ON PARAMETER session_replication_role TO delta_owner")
    pair.change("DELETE FROM customers WHERE id = 9")
    assert "DM334" in told(dbmimic.copy(settings, delta=True))
    only_reads(postgres15.statements(database=pair.source, application="dbmimic"))


def test_another_engine_copies_in_full_and_says_so(tmp_path: Path) -> None:
    shop = small_shop.on_sqlite(tmp_path)
    settings = configured(tmp_path, shop.build("shop.db"), shop.url("stage.db"), rules=small_shop.RULES)
    assert "only from PostgreSQL" in why(dbmimic.copy(settings, delta=True))


def test_runs_that_failed_do_not_make_it_forget_what_stands(postgres15: PostgresServer, tmp_path: Path) -> None:
    pair = Pair(postgres15, tmp_path, "delta_failed")
    pair.refresh()
    hooks = {"after": [{"sql": "no SQL"}]}
    failing = configured(tmp_path, postgres15.url(pair.source), postgres15.url(pair.golden), rules=RULES, hooks=hooks)
    for _ in range(3):  # each notes what it made before it fails
        with pytest.raises(VerificationFailed):
            dbmimic.copy(failing, delta=True)
    assert "DM334" in told(pair.refresh())
    noted = postgres15.execute("SELECT count(DISTINCT run) FROM baselines", database=f"{pair.golden}_dbmimic")
    assert noted == [(2,)], "of the copy that stands and of the one that is kept"


def test_a_signal_ends_the_copying_of_files(
    postgres15: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(postgres15, tmp_path, "delta_signalled")
    pair.refresh()
    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)

    def slowly(connection: Connection, *_: object, **_more: object) -> None:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        connection.execute("SELECT pg_sleep(60)")

    monkeypatch.setattr(databases, "clone", slowly)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        pair.refresh()
    assert time.monotonic() - began < 30  # the server's sleep takes 60
    signal.signal(signal.SIGUSR1, before)
    monkeypatch.undo()
    assert "DM334" in told(pair.refresh())

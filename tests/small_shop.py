"""A small shop that every engine can hold, and its state as one text, to tell one version of it from another."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer

TABLES = (
    "CREATE TABLE customers (id integer NOT NULL PRIMARY KEY, first_name varchar(40) NOT NULL, email varchar(80) NOT NULL UNIQUE, phone varchar(24), born date)",
    "CREATE TABLE orders (id integer NOT NULL PRIMARY KEY, customer_id integer NOT NULL REFERENCES customers (id), note varchar(200), total decimal(10, 2) NOT NULL{keys})",
    "CREATE TABLE audit (order_id integer, what varchar(20))",
)
INNODB_KEY = ", CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers (id)"
VIEW = "CREATE VIEW big_orders AS SELECT id, customer_id FROM orders WHERE total > 100"
TRIGGERS = {
    "postgresql": (
        "CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (NEW.id, 'made'); RETURN NEW; END $$",
        "CREATE TRIGGER audited AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note_it()",
    ),
    "mysql": ("CREATE TRIGGER audited AFTER INSERT ON orders FOR EACH ROW INSERT INTO audit VALUES (NEW.id, 'made')",),
    "sqlite": ("CREATE TRIGGER audited AFTER INSERT ON orders BEGIN INSERT INTO audit VALUES (NEW.id, 'made'); END",),
}
NAMES = ("Anna", "Ben", "Clara", "David", "Emma")
CUSTOMERS, ORDERS = 60, 200
RULES = {
    "extends": ["structure"],
    "columns": {
        "customers.id": "integer_key",
        "customers.first_name": "first_name",
        "customers.email": "email",
        "customers.phone": "phone",
        "customers.born": {"mask": "date_shift", "days": 30, "entity": "id"},
        "orders.note": "redact",
        "orders.total": {"keep": "amounts"},
        "audit.*": {"keep": "order numbers"},
    },
}


def statements(engine: str) -> Iterator[str]:
    """Give what builds the shop, rows included."""
    keys = INNODB_KEY if engine == "mysql" else ""
    for table in TABLES:
        yield table.format(keys=keys)
    people = (
        f"({n}, '{NAMES[n % 5]}', 'person{n}@mail.test', '+49 30 {1000000 + n * 37}', '{1950 + n % 50}-0{1 + n % 9}-1{n % 9}')"
        for n in range(1, CUSTOMERS + 1)
    )
    yield f"INSERT INTO customers VALUES {', '.join(people)}"
    orders = (f"({n}, {1 + n % CUSTOMERS}, 'call me, {NAMES[n % 5]}', {n}.50)" for n in range(1, ORDERS + 1))
    yield f"INSERT INTO orders VALUES {', '.join(orders)}"
    yield VIEW
    yield from TRIGGERS[engine]


Rows = list[tuple[object, ...]]


@dataclass(frozen=True)
class Shop:
    """
    One engine's place for shops: how to reach, run and read a database by name.

    `run` gives the rows of the last statement, `read` those of each, all in one session.
    """

    engine: str
    url: Callable[[str], str]
    run: Callable[[str, Sequence[str]], Rows]
    read: Callable[[str, Sequence[str]], list[Rows]]
    create: Callable[[str], None]

    def build(self, name: str) -> str:
        """Make a shop in a new database and give its URL."""
        self.create(name)
        self.run(name, list(statements(self.engine)))
        return self.url(name)

    def state(self, name: str) -> str:
        """Give every row of every table and of the view, and the triggers' number, as one text."""
        reads = [f"SELECT * FROM {table} ORDER BY 1, 2" for table in ("customers", "orders", "audit", "big_orders")]
        return repr(self.read(name, reads))

    def fires(self, name: str) -> bool:
        """Whether the trigger is in place: it is tried and taken back."""
        before = self.run(name, ["SELECT count(*) FROM audit"])
        customer = self.run(name, ["SELECT min(id) FROM customers"])[0][0]
        self.run(name, [f"INSERT INTO orders VALUES (999999, {customer}, 'x', 1)"])
        after = self.run(name, ["SELECT count(*) FROM audit"])
        self.run(name, ["DELETE FROM orders WHERE id = 999999", "DELETE FROM audit WHERE order_id = 999999"])
        return after != before


def on_postgres(server: PostgresServer) -> Shop:
    def run(name: str, todo: Sequence[str]) -> Rows:
        return server.execute("; ".join(todo), database=name)

    def read(name: str, queries: Sequence[str]) -> list[Rows]:
        with server.connection(name) as connection:
            return [connection.execute(query.encode()).fetchall() for query in queries]

    return Shop("postgresql", server.url, run, read, server.create_database)


def on_mariadb(server: MariadbServer) -> Shop:
    def run(name: str, todo: Sequence[str]) -> Rows:
        return server.execute(*todo, database=name)

    def read(name: str, queries: Sequence[str]) -> list[Rows]:
        with contextlib.closing(server.connect(name)) as connection, connection.cursor() as cursor:
            return [list(cursor.fetchall()) for query in queries if cursor.execute(query) >= 0]

    return Shop("mysql", server.url, run, read, server.create_database)


def on_sqlite(folder: Path) -> Shop:
    def run(name: str, todo: Sequence[str]) -> Rows:
        with contextlib.closing(sqlite3.connect(folder / name)) as connection, connection:
            return [connection.execute(statement) for statement in todo][-1].fetchall()

    def read(name: str, queries: Sequence[str]) -> list[Rows]:
        with contextlib.closing(sqlite3.connect(folder / name)) as connection:
            return [connection.execute(query).fetchall() for query in queries]

    def create(name: str) -> None:
        (folder / name).unlink(missing_ok=True)

    return Shop("sqlite", lambda name: f"sqlite:///{folder / name}", run, read, create)

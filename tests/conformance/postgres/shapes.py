"""What a test does to its server, and rows that look as if masks had seen them."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Generator
from contextlib import ExitStack
from typing import Any

from dbmimic.engines.postgres.engine import PostgresEngine
from dbmimic.engines.postgres.source import PostgresSource
from dbmimic.engines.postgres.target import PostgresTarget
from dbmimic.model.address import Address
from dbmimic.model.batch import Layout, MaskedBatch
from dbmimic.model.keys import WHOLE
from dbmimic.model.schema import ForeignKey, Schema, Table
from dbmimic.model.target import Stamp
from dbmimic.testing.postgres_server import PostgresServer

PARTITIONS = """
    CREATE TABLE p (id int PRIMARY KEY);
    CREATE TABLE q (id int PRIMARY KEY);
    CREATE TABLE r (id int, k text NOT NULL, d date NOT NULL, p int, q int, boss int) PARTITION BY LIST (lower(k));
    CREATE TABLE r_a PARTITION OF r FOR VALUES IN ('a');
    CREATE TABLE r_b PARTITION OF r FOR VALUES IN ('b') PARTITION BY RANGE (d);
    CREATE TABLE r_b_2020 PARTITION OF r_b FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
    CREATE TABLE r_b_rest PARTITION OF r_b DEFAULT;
    CREATE TABLE r_other (boss int, q int, gone int, p int, d date NOT NULL, k text NOT NULL, id int);
    ALTER TABLE r_other DROP COLUMN gone;
    ALTER TABLE r ATTACH PARTITION r_other DEFAULT;
    ALTER TABLE r ADD FOREIGN KEY (p) REFERENCES p;
    ALTER TABLE r_a ADD CONSTRAINT on_a FOREIGN KEY (q) REFERENCES q;
    ALTER TABLE r_b ADD CONSTRAINT on_b FOREIGN KEY (q) REFERENCES q;
    CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY HASH (id);
    CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    CREATE TABLE c (root int REFERENCES parts, leaf int REFERENCES parts_1);
    INSERT INTO p SELECT generate_series(1, 9);
    INSERT INTO q SELECT generate_series(1, 9);
    INSERT INTO r VALUES (1, 'A', '2020-02-02', 1, 1), (2, 'B', '2020-02-02', 2, 2), (3, 'b', '1999-01-01', 3, 3),
                         (4, 'zz', '2020-02-02', 4, 99), (5, 'a', '2020-02-02', NULL, 5);
    INSERT INTO parts SELECT generate_series(1, 20);
    INSERT INTO c SELECT id, NULL FROM parts WHERE id < 5;
    INSERT INTO c SELECT NULL, id FROM parts_1;
"""

_numbers = itertools.count(1)


class Bench:
    """What a test does to its server: databases, sources, targets; all closed and dropped when it ends."""

    def __init__(self, server: PostgresServer, stack: ExitStack) -> None:
        self.server = server
        self.engine = PostgresEngine()
        self._stack = stack

    def database(self, statements: str = "", *, name: str | None = None) -> str:
        """Create a database with these contents and give its name."""
        name = name or f"test_{next(_numbers)}"
        self.server.create_database(name)
        self._stack.callback(self.drop, name)
        if statements:
            self.server.execute(statements, database=name)
        return name

    def drop(self, name: str) -> None:
        for one in (name, f"{name}_dbmimic_new", f"{name}_dbmimic_old"):
            self.server.execute(f'DROP DATABASE IF EXISTS "{one}" WITH (FORCE)')

    def address(self, database: str, user: str = "postgres") -> Address:
        return Address("postgresql", database, "127.0.0.1", self.server.port, user)

    def source(self, database: str, user: str = "postgres") -> PostgresSource:
        source = self.engine.open_source(self.address(database, user))
        self._stack.callback(source.close)
        return source

    def target(self, database: str, user: str = "postgres") -> PostgresTarget:
        self._stack.callback(self.drop, database)
        target = self.engine.open_target(self.address(database, user))
        self._stack.callback(target.close)
        return target

    def copy(self, target: PostgresTarget) -> PostgresSource:
        """The new copy, opened for reading; close it before a swap."""
        copy = target.copy()
        self._stack.callback(copy.close)
        return copy

    def rows(self, database: str, query: str) -> list[tuple[object, ...]]:
        return self.server.execute(query, database=database)

    def load(self, source: PostgresSource, target: PostgresTarget, *, head: int = 0) -> dict[str, int]:
        """Build and load a whole copy, the first `head` columns of each table as Arrow; not finished, not swapped."""
        target.build(source.structure())
        return {
            str(leaf): target.write(layout, as_masked(source, layout))
            for table in source.schema().tables
            for leaf in table.leaves
            for layout in [layout_of(table, head=head, leaf=table.leaves.index(leaf))]
        }


def layout_of(table: Table, *, head: int = 0, leaf: int = 0) -> Layout:
    """A layout with the first `head` columns as Arrow and the rest untouched."""
    names = tuple(column.name for column in table.loadable)
    return Layout(table.id, table.leaves[leaf], names[:head], names[head:])


def as_masked(source: PostgresSource, layout: Layout) -> Generator[MaskedBatch, None, None]:
    """The rows as they are, as if masks that change nothing had seen them."""
    read: Any = source.read(layout, WHOLE)
    with contextlib.closing(read):
        for batch in read:
            yield MaskedBatch(batch.layout, batch.row_count, batch.head, batch.tail)


STAMP = Stamp(run="run-1", made_at="2026-01-01T00:00:00+00:00", version="0.1.0", source="abc")


def edge(schema: Schema, child: str, *columns: str) -> ForeignKey:
    """The edge that leaves these columns."""
    return next(one for one in schema.foreign_keys if one.child.name == child and one.child_columns == columns)

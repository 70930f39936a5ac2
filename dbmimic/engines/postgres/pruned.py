"""
Rows that leave the new copy: found by keys that are integers, or by keys that are staged beside them.

Several threads let rows leave, each in a session of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from queue import Empty, SimpleQueue

from psycopg import sql

from dbmimic.engines.postgres.connect import Connection
from dbmimic.engines.postgres.errors import Side, speaking
from dbmimic.engines.postgres.packing import Packing, literal
from dbmimic.engines.postgres.target import PostgresTarget
from dbmimic.engines.postgres.tools import Toolbox
from dbmimic.errors import InternalError
from dbmimic.model.address import Address
from dbmimic.model.keys import KeySet
from dbmimic.model.names import TableId
from dbmimic.model.schema import Table

FLUSHES = 150000  # the first version that is told to count what was written at once
_KEYS_A_STATEMENT = 20_000
# For so many keys the server would read all of a large table, or of its index, as often as there are statements.
_BY_INDEX = "SET enable_hashjoin = off; SET enable_mergejoin = off"
_DOING = "removing rows"


class PrunedTarget(PostgresTarget):
    """A `ports.delta.Pruned` target."""

    _staged = 0

    def __init__(self, address: Address, toolbox: Toolbox) -> None:
        self._idle: SimpleQueue[Connection] = SimpleQueue()  # sessions in the new copy that nobody uses now
        super().__init__(address, toolbox)

    def remove(self, table: Table, columns: tuple[str, ...], values: KeySet) -> int:
        """Delete by the key's index, some thousands at a time."""
        packing = Packing.of(table, columns)
        if packing is None:
            raise InternalError("DM901", "a key that cannot be packed was given as packed", place=str(table.id))
        given = [sql.Identifier(f"k{number}") for number in range(len(columns))]
        same = sql.SQL(" AND ").join(
            sql.SQL("t.{} = k.{}").format(sql.Identifier(name), key) for name, key in zip(columns, given, strict=True)
        )
        removed = 0
        with self._lent() as inside, speaking(inside, Side.TARGET, _DOING, table.id):
            rows = rows_of(inside, table.id)
            for some in values.chunks(table.id, _KEYS_A_STATEMENT):
                arrays = (sql.SQL("{}::int8[]").format(sql.Literal(literal(each))) for each in packing.unpacked(some))
                statement = sql.SQL("DELETE FROM {} AS t USING unnest({}) AS k ({}) WHERE {}").format(
                    rows, sql.SQL(", ").join(arrays), sql.SQL(", ").join(given), same
                )
                removed += inside.execute(statement).rowcount
        return removed

    @contextlib.contextmanager
    def _lent(self) -> Iterator[Connection]:
        """Give a session in the new copy that no other thread uses."""
        try:
            session = self._idle.get_nowait()
        except Empty:
            session = self._by_index()
        try:
            yield session
            if session.info.server_version >= FLUSHES:  # what it wrote is counted before anybody asks for the counts
                session.execute("SELECT pg_stat_force_next_flush()")
        finally:
            self._idle.put(session)

    def _by_index(self) -> Connection:
        session = self._another()
        try:
            with speaking(session, Side.TARGET, _DOING):
                session.execute(_BY_INDEX)
        except BaseException:
            session.close()
            raise
        return session

    def _leave(self) -> None:
        """Close the sessions that were lent, too."""
        with contextlib.suppress(Empty):
            while True:
                self._idle.get_nowait().close()
        super()._leave()

    def stage(self, table: TableId, columns: tuple[str, ...]) -> TableId:
        """Make the table in the journal's schema."""
        inside = self._copy()
        self._staged += 1
        staged = TableId(self._journal.schema, f"keys_{self._staged}")
        with speaking(inside, Side.TARGET, _DOING, table):
            inside.execute(
                sql.SQL("CREATE UNLOGGED TABLE {} AS SELECT {} FROM {} WITH NO DATA").format(
                    sql.Identifier(staged.schema, staged.name),
                    sql.SQL(", ").join(map(sql.Identifier, columns)),
                    sql.Identifier(table.schema, table.name),
                )
            )
        return staged

    def remove_staged(self, table: TableId, columns: tuple[str, ...], keys: TableId, *, others: bool) -> int:
        """Delete by a join with the staged keys, which are gone after."""
        inside = self._copy()
        staged = sql.Identifier(keys.schema, keys.name)
        same = sql.SQL(" AND ").join(sql.SQL("k.{0} = t.{0}").format(sql.Identifier(column)) for column in columns)
        with speaking(inside, Side.TARGET, _DOING, table):
            inside.execute(sql.SQL("ANALYZE {}").format(staged))
            done = inside.execute(
                sql.SQL("DELETE FROM {} AS t WHERE {}EXISTS (SELECT FROM {} AS k WHERE {})").format(
                    rows_of(inside, table), sql.SQL("NOT " if others else ""), staged, same
                )
            )
            inside.execute(sql.SQL("DROP TABLE {}").format(staged))
        return done.rowcount

    def clear(self, table: TableId) -> int:
        """Delete every row; TRUNCATE would want all tables that reference it."""
        inside = self._copy()
        with speaking(inside, Side.TARGET, _DOING, table):
            return inside.execute(sql.SQL("DELETE FROM {}").format(rows_of(inside, table))).rowcount


def rows_of(inside: Connection, table: TableId) -> sql.Composed:
    """Give all rows of a table and of no table that inherits from it, as what stands after FROM."""
    name = sql.Identifier(table.schema, table.name)
    row = inside.execute(
        "SELECT relkind = 'p' FROM pg_class WHERE oid = %s::regclass", (name.as_string(inside),)
    ).fetchone()
    return sql.SQL("{}" if row == (True,) else "ONLY {}").format(name)

"""One PostgreSQL database under one read-only snapshot."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

import psycopg
import pyarrow as pa
from psycopg import sql

from dbmimic.engines.postgres import catalog, ddl, examine, reader, snapshot, trial
from dbmimic.engines.postgres.beside import ABREAST, Walks
from dbmimic.engines.postgres.connect import Connection, connect
from dbmimic.engines.postgres.errors import Side, speaking
from dbmimic.engines.postgres.pump import Psql
from dbmimic.engines.postgres.spelled import spelled
from dbmimic.engines.postgres.tools import Toolbox
from dbmimic.engines.postgres.walk import Walk
from dbmimic.engines.postgres.watch import PostgresWatch
from dbmimic.engines.wires import in_clear
from dbmimic.model.address import Address
from dbmimic.model.batch import Layout, RawBatch
from dbmimic.model.checkup import CheckResult
from dbmimic.model.findings import Finding
from dbmimic.model.keys import WHOLE, KeySet, Portion, Rows, Span
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.request import IdsSeed, WhereSeed
from dbmimic.model.schema import Check, ForeignKey, Schema, Table
from dbmimic.model.target import Identity, Structure
from dbmimic.model.types import Kind
from dbmimic.ports.source import End, KeyedRows, Links

_SEQUENCES_A_QUESTION = 500  # planning takes time that grows with the square
LOCK_CLASS = 0x44424D  # the first half of our advisory locks' keys


@dataclass(frozen=True, slots=True)
class Place:
    """The database that a session is in, and the server under it."""

    database: str
    system: str | None
    standby: bool
    locale: ddl.Locale


def place_of(connection: Connection) -> Place:
    """Ask where the session is."""
    row = connection.execute(catalog.query("database")).fetchone()
    database, knows_system, standby, *locale = row or ("", False, False, "", "", "", "", None)
    system = None
    if knows_system:
        found = connection.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
        system = found[0] if found else None
    return Place(database, system, standby, ddl.Locale(*locale))


def _nobody() -> None:
    """Give no program that reads in our stead."""


class PostgresSource:
    """
    A `ports.source.Source`: one connection, one transaction, one snapshot, from opening to closing.

    One question of a thread at a time: a stream of rows that was begun is read to its end, or closed, before the next.
    """

    def __init__(
        self, address: Address, toolbox: Toolbox, side: Side = Side.SOURCE, *, built_here: bool = False
    ) -> None:
        self._address = address
        self._side = side
        self._built_here = built_here
        self._toolbox = toolbox
        self._connection = connect(address, side)
        try:
            self._begin()
        except BaseException:
            self._connection.close()
            raise

    def _begin(self) -> None:
        connection = self._connection
        self._toolbox.serve(connection.info.server_version, tls=connection.pgconn.ssl_in_use)
        with speaking(connection, self._side, "setting up the session"):
            own = connection.execute("SHOW search_path").fetchone()
            connection.execute("SET default_transaction_read_only = on")
        self._snapshot = snapshot.begin(connection, self._side)
        few = self._address.few_sessions
        psql = _nobody if few else partial(Psql.like, connection, self._toolbox, self._side)
        self._reading = reader.Reading(connection, self._side, self._snapshot.token, psql, self._address.mends_text)
        with speaking(connection, self._side, "reading the catalogue"):
            self._place = place_of(connection)
        keeper = Walk(connection, self._snapshot.facts, self._side, own[0] if own else "")
        self._walks = Walks(keeper, self._joined)
        schema = self._snapshot.facts.schema
        self._schema = replace(schema, findings=(*schema.findings, *self._in_clear()))

    def _in_clear(self) -> tuple[Finding, ...]:
        wire = self._connection.pgconn
        private = wire.ssl_in_use or wire.used_gssapi or self._address.options.get("sslmode") == "disable"
        if private or self._side is not Side.SOURCE:
            return ()
        hint = "have the server encrypt; sslmode=disable in the URL says that it need not"
        return in_clear(self._connection.info.host, str(self._address), hint)

    def _joined(self) -> Connection:
        """Give another session under the snapshot."""
        connection = connect(self._address, self._side)
        try:
            snapshot.enter(connection, self._snapshot.token)
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def engine(self) -> str:
        """`postgresql`."""
        return catalog.ENGINE

    def identity(self) -> Identity:
        """Give the server's system identifier, where the role may read it, and the database's name."""
        return Identity(catalog.ENGINE, self._place.system, self._place.database)

    def schema(self) -> Schema:
        """Give the structure as the catalogue told it when the snapshot was taken."""
        return self._schema

    def structure(self) -> Structure:
        """Give the structure by `pg_dump` under the same snapshot. Cost: one `pg_dump` without rows."""
        before, after, tool = ddl.dump(self._connection, self._snapshot.token, self._toolbox, self._side)
        blueprint = ddl.Blueprint(before, after, self._sequence_values(), self._place.locale, tool)
        text = ddl.normalised(before) + ddl.normalised(after)
        version = str(self._connection.info.server_version // 10000)
        found = ddl.objects(before + after)
        return Structure(catalog.ENGINE, text, blueprint, found, version, ddl.portable(text))

    def _sequence_values(self) -> tuple[ddl.SequenceValue, ...]:
        """Read where the sequences stand; a standby cannot read unlogged ones."""
        with speaking(self._connection, self._side, "reading sequences"):
            listed = self._connection.execute(catalog.query("sequences")).fetchall()
            ids = [
                TableId(schema, name)
                for _, schema, name, _, _, unlogged in listed
                if not (unlogged and self._place.standby)
            ]
            rows: list[tuple[int, int, bool]] = []
            for start in range(0, len(ids), _SEQUENCES_A_QUESTION):
                each = sql.SQL(" UNION ALL ").join(
                    sql.SQL("SELECT {}::int4, last_value, is_called FROM {}").format(
                        sql.Literal(start + position), sql.Identifier(sequence.schema, sequence.name)
                    )
                    for position, sequence in enumerate(ids[start : start + _SEQUENCES_A_QUESTION])
                )
                with self._connection.transaction(force_rollback=True):  # gives their locks back at once
                    rows += self._connection.execute(each).fetchall()
        owners = {sequence.id: sequence.owner for sequence in self.schema().sequences if self._counts(sequence.owner)}
        return tuple(
            ddl.SequenceValue(ids[position], last, called, owners.get(ids[position]))
            for position, last, called in sorted(rows)
        )

    def _counts(self, column: ColumnId | None) -> bool:
        """Whether a column holds the numbers of the sequence that it owns; a text may hold them as a part."""
        found = self.schema().table(column.table).column(column.name) if column is not None else None
        return found is not None and found.logical.kind in {Kind.INTEGER, Kind.DECIMAL}

    def hold(self, token: int) -> None:
        """Take the advisory lock of that number, for as long as the connection lives."""
        with speaking(self._connection, self._side, "taking an advisory lock"):
            self._connection.execute("SELECT pg_advisory_lock(%s::int4, %s::int4)", (LOCK_CLASS, token))

    @property
    def abreast(self) -> int:
        """Two: this session's, and one that joins its snapshot, if there may be one."""
        return 1 if self._address.few_sessions else ABREAST

    def seed(self, table: Table, seed: WhereSeed | IdsSeed) -> KeySet:
        """Give the rows that a seed names; a condition is read with the role's own search path."""
        with self._walks.one(table.leaves) as walk:
            return walk.where(seed) if isinstance(seed, WhereSeed) else walk.by_key(table, seed)

    def check(self, condition: WhereSeed) -> None:
        """Make sure that the server takes a condition, with the role's own search path."""
        with self._walks.one(self._leaves(condition.table)) as walk:
            walk.where(condition, wanted=False)

    def keyed(self, table: Table, columns: tuple[str, ...], rows: Rows = WHOLE) -> Iterator[KeyedRows]:
        """Stream these rows' identities with some columns as text, leaf after leaf."""
        with self._walks.one(table.leaves) as walk:
            for leaf in table.leaves:
                yield from reader.keyed(
                    walk.connection, self._side, leaf, columns, rows, mends=self._address.mends_text
                )

    def parents(self, edge: ForeignKey, children: Rows) -> KeySet:
        """Give the parent rows that these child rows reference."""
        with self._walks.one(self._ends(edge)) as walk:
            return walk.parents(edge, children)

    def children(self, edge: ForeignKey, parents: KeySet) -> KeySet:
        """Give the child rows that reference any of these parent rows."""
        with self._walks.one(self._ends(edge)) as walk:
            return walk.children(edge, parents)

    def links(self, edge: ForeignKey, rows: Rows, end: End) -> Iterator[Links]:
        """Stream which child row references which parent row."""
        with self._walks.one(self._ends(edge)) as walk:
            yield from walk.links(edge, rows, end)

    def _leaves(self, table: TableId) -> tuple[TableId, ...]:
        return self._snapshot.facts.beneath.get(table, (table,))

    def _ends(self, edge: ForeignKey) -> tuple[TableId, ...]:
        """Give the leaves that a question about an edge may read."""
        return tuple(dict.fromkeys((*self._leaves(edge.child), *self._leaves(edge.parent))))

    def count(self, table: Table) -> int:
        """Give how many rows the table holds."""
        with self._walks.one(table.leaves) as walk:
            return walk.count(table)

    def read(self, layout: Layout, rows: Rows | Span) -> Iterator[RawBatch]:
        """Stream the chosen rows of a leaf in ascending identity; head values are COPY's own text forms."""
        self._walks.rest()
        return self._reading.read(layout, rows)

    def cut(self, layout: Layout, rows: Rows, byte_count: int) -> list[Portion]:
        """Cut the chosen rows of a leaf by their places."""
        return self._reading.cut(layout, rows, byte_count)

    def share(self, sessions: int) -> str:
        """Give the exported snapshot's name; any number of sessions may read it."""
        del sessions
        return self._snapshot.token

    def beat(self) -> None:
        """Ask for nothing; a connection that is lost shows itself."""
        with speaking(self._connection, self._side, "holding the snapshot"):
            self._connection.execute("SELECT 1")

    def orphans(self, edge: ForeignKey, children: Rows) -> int:
        """
        Give how many of these child rows reference a parent row that is not there.

        In a copy that was built a moment ago and that nobody else has seen, the server has just asked this itself for
        each foreign key that it calls valid.
        """
        if self._built_here and catalog.edge_key(edge) in self._valid:
            return 0
        with self._walks.one(self._ends(edge)) as walk:
            return walk.orphans(edge, children)

    def refuses(self, table: Table, check: Check, columns: Mapping[str, pa.Array]) -> bool | None:
        """Tell whether a check, or a type of its columns, refuses any of these rows."""
        return trial.refuses(self._connection, self._snapshot.facts, self._side, table, check, columns)

    def spelled(self, column: ColumnId, values: pa.Array) -> pa.Array:
        """Give texts as the server spells them as values of the column's type, without its length or precision."""
        return spelled(self._connection, self._side, column, values)

    @cached_property
    def _valid(self) -> frozenset[catalog.EdgeKey]:
        """The foreign keys that this database holds all rows to."""
        return frozenset(catalog.edge_key(edge) for edge in self.schema().foreign_keys if edge.validated)

    def examine(self, sessions: int) -> Iterator[CheckResult]:
        """Tell what of the server could end a run that opens so many sessions more."""
        return examine.source(self._connection, self._toolbox, sessions)

    def now(self) -> float:
        """Give the time by the server's clock."""
        return examine.now(self._connection, self._side)

    def watch(self) -> PostgresWatch:
        """Open a session that sees who waits for this one and for those that joined its snapshot."""
        return PostgresWatch(self._address, self._connection.info.backend_pid, self._snapshot.token)

    def close(self) -> None:
        """End the snapshot and its connections; what is still asked by another thread is cancelled."""
        self._walks.close()
        self._reading.end()
        with contextlib.suppress(psycopg.Error):
            self._connection.close()

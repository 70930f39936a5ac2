"""One MySQL or MariaDB database under one snapshot, from opening to closing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property

import pyarrow as pa
import pymysql

from dbmimic.engines.mysql import catalogue, examine, quoting, snapshot, structure, trial
from dbmimic.engines.mysql.connect import connect
from dbmimic.engines.mysql.errors import DENIED, Side, number, translated
from dbmimic.engines.mysql.places import ENGINE, folded
from dbmimic.engines.mysql.rows import TableCutter, TableReader
from dbmimic.engines.mysql.session import Session
from dbmimic.engines.mysql.walk import Walk
from dbmimic.engines.mysql.watch import MysqlWatch
from dbmimic.engines.wires import in_clear
from dbmimic.errors import ConfigError, SourceError
from dbmimic.model.address import Address
from dbmimic.model.batch import Layout, RawBatch
from dbmimic.model.checkup import CheckResult
from dbmimic.model.findings import Finding
from dbmimic.model.keys import WHOLE, KeySet, Portion, Rows, Span
from dbmimic.model.request import IdsSeed, WhereSeed
from dbmimic.model.schema import Check, ForeignKey, Schema, Table
from dbmimic.model.target import UNTOLD, Identity, Structure
from dbmimic.ports.source import End, KeyedRows, Links

_NOBODY = frozenset({None, "", "0"})  # before a replica was answered for the first time


class MysqlSource:
    """
    The port `Source` on one connection.

    One question at a time: a stream (`read`, `keyed`) must be used up or closed before the next question.
    """

    engine = ENGINE

    def __init__(self, address: Address, role: str = "source") -> None:
        if not address.database:
            raise ConfigError("DM214", "the address names no database", place=str(address))
        self._address = address
        self._session = connect(address, Side(role, str(address)), address.database)
        try:
            self._database = str(self._session.value("SELECT DATABASE()"))  # as the server spells it
            if self._session.is_mariadb:
                # Long lists of ids are answered from the index; MariaDB would make a temporary table of them.
                self._session.run("SET SESSION in_predicate_conversion_threshold = 0")
            self._born = snapshot.begin(self._session)
        except BaseException:
            self._session.close()
            raise

    @cached_property
    def _catalogue(self) -> catalogue.Catalogue:
        return catalogue.read(self._session, self._database)

    @cached_property
    def _walk(self) -> Walk:
        return Walk(self._session, self._catalogue)

    @cached_property
    def _structure(self) -> structure.Described:
        described = structure.read(self._session, self._database)
        if self._session.side.is_source:
            snapshot.unchanged(self._session, self._born)
        return described

    def identity(self) -> Identity:
        """Give which database this is."""
        return identity(self._session, self._database)

    def schema(self) -> Schema:
        """Give the tables and their keys, with findings about what the copy does not carry."""
        return self._schema

    @cached_property
    def _schema(self) -> Schema:
        schema, described = self._catalogue.schema, self._structure
        told: tuple[Finding, ...] = ()
        if self._session.side.is_source and not self._session.is_private:
            hint = "have the server encrypt; ssl_disabled=true in the URL says that it need not"
            told = in_clear(self._session.host, str(self._address), hint)
        edges = tuple(structure.with_actions(edge, described.script) for edge in schema.foreign_keys)
        return replace(schema, foreign_keys=edges, findings=(*schema.findings, *described.findings, *told))

    def structure(self) -> Structure:
        """Give the statements that make the structure, in their sections."""
        return self._structure.structure

    def hold(self, token: int) -> None:
        """Take the user lock of that number, named for this database too: locks are the whole server's."""
        lock = quoting.text(probe_lock(self._session, self._database, token))
        if self._session.value(f"SELECT GET_LOCK({lock}, 0)") != "1":
            raise SourceError("DM404", "the probe's lock is held by somebody else", place=self._session.side.place)

    @property
    def abreast(self) -> int:
        """One: this session's."""
        return 1

    def seed(self, table: Table, seed: WhereSeed | IdsSeed) -> KeySet:
        """Give the rows that a seed names."""
        return self._walk.seed(table, seed)

    def check(self, condition: WhereSeed) -> None:
        """Make sure that the server takes a condition."""
        self._walk.where(condition, wanted=False)

    def keyed(self, table: Table, columns: tuple[str, ...], rows: Rows = WHOLE) -> Iterator[KeyedRows]:
        """Stream these rows' identities with some columns as text."""
        return self._walk.keyed(table, columns, rows)

    def parents(self, edge: ForeignKey, children: Rows) -> KeySet:
        """Give the parent rows that these child rows reference over one edge."""
        return self._walk.parents(edge, children)

    def children(self, edge: ForeignKey, parents: KeySet) -> KeySet:
        """Give the child rows that reference any of these parent rows over one edge."""
        return self._walk.children(edge, parents)

    def links(self, edge: ForeignKey, rows: Rows, end: End) -> Iterator[Links]:
        """Stream which child row references which parent row."""
        return self._walk.links(edge, rows, end)

    def count(self, table: Table) -> int:
        """Give how many rows the table holds."""
        return int(self._session.value(f"SELECT COUNT(*) FROM {quoting.name(table.id.name)}", str(table.id)))  # noqa: S608 -- names are quoted

    def read(self, layout: Layout, rows: Rows | Span) -> Iterator[RawBatch]:
        """Stream the chosen rows."""
        forms, identity = self._walk.forms(layout.leaf), self._walk.identity(layout.leaf)
        return TableReader(self._session, layout, forms, identity).read(rows)

    def cut(self, layout: Layout, rows: Rows, byte_count: int) -> list[Portion]:
        """Cut the chosen rows into portions of about so many bytes. Cost: one look at each end of the key."""
        leaf = layout.leaf
        described = self._catalogue.schema.table(layout.table)
        size = self._catalogue.sizes[leaf]
        cutter = TableCutter(self._session, leaf, self._walk.identity(leaf), described.estimated_rows, size)
        return cutter.cut(rows, byte_count)

    def share(self, sessions: int) -> None:
        """Give no token: a session cannot take over another one's snapshot, and one that begins later sees more."""
        del sessions

    def beat(self) -> None:
        """Ask for nothing; a connection that is lost shows itself, and while rows are streamed the stream does."""
        if not self._session.streaming:
            self._session.value("SELECT 1")

    def refuses(self, table: Table, check: Check, columns: Mapping[str, pa.Array]) -> bool | None:
        """Tell whether a check refuses any of these rows."""
        return trial.refuses(self._session, table, check, columns)

    def orphans(self, edge: ForeignKey, children: Rows) -> int:
        """Give how many of these child rows reference a parent row that is not there."""
        return self._walk.orphans(edge, children)

    def examine(self, sessions: int) -> Iterator[CheckResult]:
        """Tell what of the server could end a run that opens so many sessions more."""
        return examine.source(self._session, sessions)

    def now(self) -> float:
        """Give the time by the server's clock."""
        return examine.now(self._session)

    def watch(self) -> MysqlWatch:
        """Open a session that sees who waits for this one."""
        keeper = int(self._session.value("SELECT CONNECTION_ID()"))
        return MysqlWatch(self._address, self._database, keeper, self._session.side.place)

    def close(self) -> None:
        """End the snapshot and the connection."""
        self._session.close()


def identity(session: Session, database: str) -> Identity:
    """Give which database this is, and which servers its own one replicates from."""
    node = str(session.value("SELECT @@server_id" if session.is_mariadb else "SELECT @@server_uuid"))
    return Identity(ENGINE, server_identity(session), folded(session, database), node, _follows(session))


def _follows(session: Session) -> frozenset[str]:
    """Give by what this server names those that it replicates from; where it tells no names, it tells that it does."""
    asked = "SHOW ALL SLAVES STATUS" if session.is_mariadb else "SHOW REPLICA STATUS"
    name = "Master_Server_Id" if session.is_mariadb else "Source_UUID"
    try:
        return frozenset(str(row[name]) for row in session.records(asked) if row.get(name) not in _NOBODY)
    except pymysql.MySQLError as error:
        if number(error) not in DENIED:
            raise translated(error, session.side) from None
    running = session.rows("SHOW GLOBAL STATUS LIKE 'Slave_running'")
    return frozenset({UNTOLD}) if running and str(running[0][1]).upper() == "ON" else frozenset()


def server_identity(session: Session) -> str | None:
    """Give the server's own identity: its UUID, or a hash of where its data lies."""
    for variable in ("server_uid", "server_uuid"):
        try:
            return str(session.fetch(f"SELECT @@{variable}")[0][0])
        except pymysql.MySQLError:
            continue
    place = "\0".join(str(value) for value in session.rows("SELECT @@hostname, @@port, @@datadir")[0])
    return hashlib.blake2b(place.encode(), digest_size=16).hexdigest()


def probe_lock(session: Session, database: str, token: int) -> str:
    """Give the name of the user lock by which a source shows itself to its target."""
    name = hashlib.blake2b(folded(session, database).encode(), digest_size=8).hexdigest()
    return f"dbmimic:probe:{token}:{name}"

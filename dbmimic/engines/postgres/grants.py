"""The least rights on PostgreSQL. What everybody (PUBLIC) may do already is not granted again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from psycopg import sql

from dbmimic.engines.postgres import catalog, databases
from dbmimic.engines.postgres.connect import Connection, connect, maintenance, named
from dbmimic.engines.postgres.errors import Side, speaking
from dbmimic.model.address import Address
from dbmimic.model.grants import Grant, Grants

_DOING = "reading the catalogue"
_WHOLE = "every table is locked against being emptied, and pg_dump locks it, too: neither takes a grant on columns"
_PARAMETER_GRANTS = 150000  # the first version that grants the setting of parameters


class PostgresRights:
    """A `ports.granting.Granting`."""

    def source(self, address: Address, role: str) -> Grants:
        """Give what the role that reads needs, for every table and sequence that there is now."""
        with closing(connect(address, Side.SOURCE)) as connection, speaking(connection, Side.SOURCE, _DOING):
            role = role or connection.info.user
            found = tuple(_reading(connection, role))
            standby = connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
        notes = ["a table that is made later needs its own GRANT: `dbmimic doctor` tells of each"]
        if standby:
            notes.append("the source is a standby: run this on its primary")
        return Grants("source", str(address), _name(role), found, tuple(notes))

    def target(self, address: Address, role: str) -> Grants:
        """Give what the role that builds copies needs, for what stands there now."""
        name = address.database or named(address)
        with closing(maintenance(address)) as connection, speaking(connection, Side.TARGET, _DOING):
            role = role or connection.info.user
            found = tuple(_building(connection, name, role))
        return Grants("target", str(address), _name(role), found)


def _name(role: str) -> str:
    return sql.Identifier(role).as_string()


def _said(connection: Connection, statement: str, *parts: sql.Composable) -> str:
    return sql.SQL(statement).format(*parts).as_string(connection)


def _reading(connection: Connection, role: str) -> Iterator[Grant]:
    to = sql.Identifier(role)
    database = connection.info.dbname
    if not _everybody_connects(connection, database):
        statement = _said(connection, "GRANT CONNECT ON DATABASE {} TO {};", sql.Identifier(database), to)
        yield Grant(statement, "to connect")
    rows = connection.execute(catalog.query("granted")).fetchall()
    hidden = False
    for kind, schema, name, filtered in rows:
        hidden = hidden or filtered
        if kind == "schema":
            statement = _said(connection, "GRANT USAGE ON SCHEMA {} TO {};", sql.Identifier(schema), to)
            yield Grant(statement, "to reach tables and sequences, and the types of keys and checks")
        elif kind == "table":
            statement = _said(connection, "GRANT SELECT ON TABLE {} TO {};", sql.Identifier(schema, name), to)
            yield Grant(statement, f"to read tables as a whole: {_WHOLE}")
        else:
            statement = _said(connection, "GRANT SELECT ON SEQUENCE {} TO {};", sql.Identifier(schema, name), to)
            yield Grant(statement, "to read where sequences stand")
    if hidden:
        yield Grant(
            _said(connection, "ALTER ROLE {} BYPASSRLS;", to), "row-level security would hide rows, which is refused"
        )
    why = "to see how many sessions are at work, so that reading pauses for them (throttle.max_load)"
    yield Grant(_said(connection, "GRANT pg_read_all_stats TO {};", to), why)


def _everybody_connects(connection: Connection, database: str) -> bool:
    row = connection.execute("SELECT has_database_privilege('public', %s, 'CONNECT')", (database,)).fetchone()
    return row == (True,)


def _building(connection: Connection, name: str, role: str) -> Iterator[Grant]:
    to = sql.Identifier(role)
    upkeep = connection.info.dbname
    if not _everybody_connects(connection, upkeep):
        statement = _said(connection, "GRANT CONNECT ON DATABASE {} TO {};", sql.Identifier(upkeep), to)
        yield Grant(statement, "databases are made and renamed from there")
    yield Grant(_said(connection, "ALTER ROLE {} CREATEDB;", to), "to build the new copy beside the old one")
    for database in _ours(connection, name):
        if database.owner != role:
            statement = _said(connection, "ALTER DATABASE {} OWNER TO {};", sql.Identifier(database.name), to)
            yield Grant(statement, "to rename what the target is now, and to drop old copies")
    yield Grant(
        _said(connection, "GRANT pg_signal_backend TO {};", to),
        "to end sessions of other roles in the target when the new copy takes its place",
        needed=False,
    )
    yield Grant(
        _said(connection, "GRANT pg_read_all_settings TO {};", to),
        "to look for room on the server's disk beforehand, where dbmimic runs on the same machine",
        needed=False,
    )
    yield Grant(_said(connection, "ALTER ROLE {} CREATEROLE;", to), "for sandboxes, each with its role", needed=False)
    if connection.info.server_version >= _PARAMETER_GRANTS:
        statement = _said(connection, "GRANT SET ON PARAMETER session_replication_role TO {};", to)
        yield Grant(statement, "for `copy --delta`", needed=False)


def _ours(connection: Connection, name: str) -> Iterator[databases.Database]:
    """Give what stands at the target, and what carries our mark beside it."""
    current = databases.find(connection, name)
    if current is not None:
        yield current
    beside = [databases.find(connection, databases.beside(name, suffix)) for suffix in (databases.NEW, "_dbmimic")]
    for there in (*databases.kept(connection, name).values(), *beside):
        if there is not None and there.mark is not None:
            yield there

"""
Sandboxes on MySQL and MariaDB: a database and an account for each, remembered in the sidecar of the golden copy.

A database's comment is what tells it as ours; MySQL has no such comments, so there the sidecar's word has to do. That
an account is ours is written down before it is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pymysql

from dbmimic.engines.mysql import ddl, errors, quoting, structure
from dbmimic.engines.mysql.connect import connect, options_of, reading
from dbmimic.engines.mysql.errors import Side
from dbmimic.engines.mysql.places import ENGINE, Places, folded
from dbmimic.engines.mysql.session import Session
from dbmimic.engines.mysql.sidecar import Sidecar, exists, table_exists
from dbmimic.engines.mysql.structure import Script
from dbmimic.engines.mysql.swap import Exchange
from dbmimic.engines.mysql.transfer import Transfer, built
from dbmimic.errors import ConfigError, DbmimicError, RefusedError, TargetError, TryAgainError
from dbmimic.model.address import Address
from dbmimic.model.sandbox import GoldenCopy, Sandbox

_TABLE = "sandboxes"
_COLUMNS = (
    "name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY,"
    " db VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL UNIQUE,"
    " body LONGBLOB NOT NULL, mark CHAR(32) CHARACTER SET ascii NOT NULL,"
    " password CHAR(51) CHARACTER SET ascii NOT NULL, account_made BOOLEAN NOT NULL DEFAULT FALSE"
)
_LONGEST = (64, 32)
_OPTIONS = frozenset({"ssl_ca", "ssl_verify_cert", "ssl_verify_identity", "connect_timeout"})
_LOCK_SECONDS = 60
_NO_FUNCTION = 1305
_NOT_MADE = 1396  # a CREATE USER of an account that is there
_MARK = "dbmimic sandbox "


class MysqlSandboxes:
    """A `ports.sandbox.SandboxHost` on one connection; making one takes a few more for as long as it lasts."""

    engine = ENGINE
    longest = _LONGEST
    makes_beside = False

    def __init__(self, address: Address) -> None:
        if not address.database:
            raise ConfigError("DM214", "the address names no database", place=str(address))
        self._address = address
        self._side = Side("target", str(address))
        self._session = self._opened(another=False)
        try:
            self.project = folded(self._session, address.database)
        except BaseException:
            self._session.close()
            raise
        self._sidecar = Sidecar(self._session, Places(self.project))

    def _opened(self, *, another: bool = True) -> Session:
        session = connect(self._address, self._side, None, another=another)
        try:
            session.run(f"SET SESSION foreign_key_checks = 0, lock_wait_timeout = {_LOCK_SECONDS}")
        except BaseException:
            session.close()
            raise
        return session

    def hold(self, what: str) -> bool:
        """Try to take the user lock that stands for it."""
        return str(self._session.value(f"SELECT GET_LOCK({self._lock(what)}, 0)")) == "1"

    def release(self, what: str) -> None:
        """Let go of the user lock; a connection that is gone has let go of it already."""
        if self._session.open:
            self._session.value(f"SELECT RELEASE_LOCK({self._lock(what)})")

    def _lock(self, what: str) -> str:
        digest = hashlib.blake2b(f"{self.project}\0{what}".encode(), digest_size=8).hexdigest()
        return quoting.text(f"dbmimic:sandbox:{digest}")

    @property
    def _register(self) -> str:
        return quoting.qualified(self._sidecar.places.sidecar, _TABLE)

    def _remembers(self) -> bool:
        return table_exists(self._session, self._sidecar.places.sidecar, _TABLE)

    def sandboxes(self) -> tuple[Sandbox, ...]:
        """Give all that are remembered."""
        if not self._remembers():
            return ()
        rows = self._session.rows(f"SELECT name, mark, body FROM {self._register} ORDER BY name")  # noqa: S608 -- names are quoted
        return tuple(Sandbox.read(name, mark, body) for name, mark, body in rows)

    def remember(self, sandbox: Sandbox) -> Sandbox:
        """Remember it in the sidecar; mark and password are the server's own random bytes."""
        place = self._sidecar.places.sidecar
        if not self._remembers():
            self._sidecar.create()
            self._session.run(f"CREATE TABLE IF NOT EXISTS {self._register} ({_COLUMNS}) ENGINE=InnoDB", place)
        name, database = quoting.text(sandbox.name), quoting.text(sandbox.database)
        body = quoting.binary(sandbox.text().encode())
        drawn = "LOWER(HEX(RANDOM_BYTES(16))), CONCAT('Sb-', LOWER(HEX(RANDOM_BYTES(24))))"
        try:
            self._session.attempt(
                f"INSERT INTO {self._register} (name, db, body, mark, password)"  # noqa: S608 -- all are literals of ours
                f" VALUES ({name}, {database}, {body}, {drawn}) ON DUPLICATE KEY UPDATE body = {body}"
            )
        except pymysql.MySQLError as error:
            if errors.number(error) != _NO_FUNCTION:
                raise errors.translated(error, self._side, place) from None
            message, hint = "the server has no RANDOM_BYTES", "use MariaDB 10.10, MySQL 5.6, or a newer one"
            raise TargetError("DM506", message, place=self.project, hint=hint) from None
        return replace(sandbox, mark=str(self._told(sandbox.name, "mark")))

    def hand_over(self, spare: Sandbox, to: Sandbox) -> Sandbox:
        """Let the spare's line in the sidecar be the sandbox's."""
        names = (quoting.text(to.name), quoting.text(spare.name))
        body = quoting.binary(to.text().encode())
        self._session.run(f"UPDATE {self._register} SET name = {names[0]}, body = {body} WHERE name = {names[1]}")  # noqa: S608 -- all are literals of ours
        return to

    def _told(self, name: str, column: str) -> str:
        where = f"name = {quoting.text(name)}"
        value = self._session.value(f"SELECT {column} FROM {self._register} WHERE {where}")  # noqa: S608 -- names are quoted
        if value is None:
            raise TryAgainError("DM706", "the sandbox was dropped just now", place=name, hint="create it again")
        return str(value)

    def forget(self, name: str) -> None:
        """Delete it from the sidecar."""
        if self._remembers():
            self._session.run(f"DELETE FROM {self._register} WHERE name = {quoting.text(name)}")  # noqa: S608 -- names are quoted

    def place(self, name: str) -> str:
        """
        Give the name as it may be here.

        It begins as the names of all neighbours of the golden copy do, which the role's rights are given on. It is
        cut to what a GRANT takes, where each `_` counts twice.
        """
        readable, _, digest = name.rpartition("_")
        beside = f"{self._sidecar.places.sidecar}_"
        readable = beside + readable.partition("_dbmimic_")[2]
        while len(_escaped(f"{readable}_{digest}")) > _LONGEST[0]:
            readable = readable[:-1].rstrip("_")
        return f"{readable.rstrip('_')}_{digest}"

    def golden(self, name: str | None) -> GoldenCopy:
        """Give the golden copy of that name: a database whose sidecar holds its stamp."""
        wanted = folded(self._session, name) if name else self.project
        exchange = Exchange(self._session, Places(wanted))
        births = exchange.tables(wanted)
        stamp = exchange.pending_stamp() or exchange.sidecar.stamp(births)
        if stamp is None or not exists(self._session, wanted):
            hint = "run `dbmimic copy` first; sandboxes are made from verified copies only"
            raise RefusedError("DM321", "there is no verified copy of dbmimic's", place=wanted, hint=hint)
        return GoldenCopy(wanted, stamp.run, self._sizes([wanted]).get(wanted, 0))

    def make(self, sandbox: Sandbox) -> None:
        """Make the database and its tables, bring the rows, make the account, and with it what the tables have."""
        script = self._script(sandbox.golden)
        transfer = Transfer(self._session, self._opened, sandbox.golden, sandbox.database, script)
        with transfer.steady():
            self._clear(sandbox)
            self._create(sandbox, script)
            built(self._session, sandbox.database, script)
            transfer.run()
        self._session.run(f"USE {quoting.name(sandbox.database)}", sandbox.database)
        ddl.finish_tables(self._session, script)
        self._account(sandbox)
        # Made by the account itself, so that what runs with its maker's rights runs with those of the sandbox.
        with self._as_account(sandbox, sandbox.database) as session:
            ddl.create_objects(session, script.objects)

    def _as_account(self, sandbox: Sandbox, database: str | None) -> Session:
        password = self._told(sandbox.name, "password")
        # To keep something out of the log is not its to say.
        own = replace(reading(self._address), user=sandbox.account, password=password)
        return connect(own, self._side, database)

    def _script(self, golden: str) -> Script:
        self._session.run(f"USE {quoting.name(golden)}", golden)
        return structure.read(self._session, golden).script

    def _create(self, sandbox: Sandbox, script: Script) -> None:
        said = f" COMMENT '{_MARK}{sandbox.mark}'" if self._session.is_mariadb else ""
        self._session.run(
            f"CREATE DATABASE {quoting.name(sandbox.database)}"
            f" CHARACTER SET {script.charset} COLLATE {script.collation}{said}",
            sandbox.database,
        )

    def _account(self, sandbox: Sandbox) -> None:
        """Make the account, or give it its password again."""
        name, known = _user(sandbox), self._known_by(sandbox)
        if self._told(sandbox.name, "account_made") == "1":
            self._session.run(f"CREATE USER IF NOT EXISTS {name}", sandbox.account)
            self._session.run(f"ALTER USER {name} {known}", sandbox.account)
        else:
            self._first_account(sandbox, known)
        self._session.run(f"GRANT ALL PRIVILEGES ON {_pattern(sandbox.database)}.* TO {name}", sandbox.account)

    def _known_by(self, sandbox: Sandbox) -> str:
        """Give what an account is told its password by: where statements stand in logs, as a hash."""
        password = self._told(sandbox.name, "password")
        if not self._session.is_mariadb:
            return f"IDENTIFIED BY '{password}'"  # MySQL itself keeps it out of its logs
        inner = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
        proof = "*" + hashlib.sha1(inner, usedforsecurity=False).hexdigest().upper()
        return f"IDENTIFIED BY PASSWORD '{proof}'"

    def _first_account(self, sandbox: Sandbox, known: str) -> None:
        """Make the account; one that is there already is somebody else's."""
        self._note_account(sandbox, made=True)
        try:
            self._session.attempt(f"CREATE USER {_user(sandbox)} {known}")
        except pymysql.MySQLError as error:
            self._note_account(sandbox, made=False)
            if errors.number(error) != _NOT_MADE:
                raise errors.translated(error, self._side, sandbox.account) from None
            hint = "drop it yourself; dbmimic changes no account that it did not make"
            message = "an account that dbmimic did not make has the sandbox's name"
            raise RefusedError("DM324", message, place=sandbox.account, hint=hint) from None

    def _note_account(self, sandbox: Sandbox, *, made: bool) -> None:
        told = f"UPDATE {self._register} SET account_made = {made} WHERE name = {quoting.text(sandbox.name)}"  # noqa: S608 -- names are quoted
        self._session.run(told, sandbox.account)

    def _clear(self, sandbox: Sandbox) -> None:
        """Drop the database, if it is there and ours; sessions of its account are ended first."""
        if not exists(self._session, sandbox.database):
            return
        if not self.stands(sandbox):
            hint = "rename or drop it yourself; dbmimic removes nothing that it did not make"
            message = "the database does not carry the sandbox's mark"
            raise RefusedError("DM324", message, place=sandbox.database, hint=hint)
        self._end_sessions(sandbox)
        self._session.run(f"DROP DATABASE {quoting.name(sandbox.database)}", sandbox.database)

    def _end_sessions(self, sandbox: Sandbox) -> None:
        """End the sessions of the sandbox's account as that account: its own it may, and our role may not."""
        if self._told(sandbox.name, "account_made") != "1":
            return
        try:  # whoever has it may have given it another password
            self._session.run(f"ALTER USER IF EXISTS {_user(sandbox)} {self._known_by(sandbox)}", sandbox.account)
            session = self._as_account(sandbox, None)
        except DbmimicError:
            return  # somebody dropped it: then dropping the database waits for whoever is there
        with session:
            there = "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user = "
            for (number,) in session.rows(there + quoting.text(sandbox.account)):
                try:
                    session.attempt(f"KILL {int(number)}")
                except pymysql.MySQLError:
                    continue  # it is gone

    def remove(self, sandbox: Sandbox) -> None:
        """Drop the database, then the account."""
        self._clear(sandbox)
        if self._told(sandbox.name, "account_made") == "1":
            self._session.run(f"DROP USER IF EXISTS {_user(sandbox)}", sandbox.account)

    def stands(self, sandbox: Sandbox) -> bool:
        """Tell whether the database is there with its mark."""
        if not exists(self._session, sandbox.database):
            return False
        if not self._session.is_mariadb:
            return bool(sandbox.mark)
        where = f"schema_name = {quoting.text(sandbox.database)}"
        said = self._session.value(f"SELECT schema_comment FROM information_schema.schemata WHERE {where}")  # noqa: S608 -- names are quoted
        return bool(sandbox.mark) and said == _MARK + sandbox.mark

    def sizes(self, sandboxes: Sequence[Sandbox]) -> Mapping[str, int]:
        """Give what the server says that each database's rows and indexes hold."""
        return self._sizes([sandbox.database for sandbox in sandboxes])

    def _sizes(self, names: Sequence[str]) -> dict[str, int]:
        if not names:
            return {}
        listed = ", ".join(map(quoting.text, names))
        rows = self._session.rows(
            "SELECT s.schema_name, COALESCE(SUM(t.data_length + t.index_length), 0)"  # noqa: S608 -- names are quoted
            " FROM information_schema.schemata s LEFT JOIN information_schema.tables t"
            f" ON t.table_schema = s.schema_name WHERE s.schema_name IN ({listed}) GROUP BY s.schema_name"
        )
        return {str(name): int(size) for name, size in rows}

    def address(self, sandbox: Sandbox) -> Address:
        """Give the address with the sandbox's account; options that belong to our own account are left out."""
        reached = options_of(self._address)
        options = {key: value for key, value in self._address.options.items() if key in _OPTIONS}
        socket = reached.get("unix_socket")
        return Address(
            engine=self.engine,
            database=sandbox.database,
            host=str(reached["host"]),
            port=None if socket else int(reached["port"]),
            user=sandbox.account,
            password=self._told(sandbox.name, "password"),
            options=options | ({"unix_socket": str(socket)} if socket else {}),
        )

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


def _user(sandbox: Sandbox) -> str:
    return f"{quoting.name(sandbox.account)}@`%`"


def _pattern(database: str) -> str:
    """Give the database for a GRANT, where `_` and `%` would stand for other letters."""
    return quoting.name(_escaped(database))


def _escaped(database: str) -> str:
    return database.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")

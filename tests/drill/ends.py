"""The two ends of a drill: a database on a server of its own behind a proxy, and all that may happen to it."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pymysql

from dbmimic.testing.mariadb_server import MariadbServer
from dbmimic.testing.postgres_server import PostgresServer
from tests import small_shop
from tests.drill.proxy import Proxy
from tests.small_shop import Shop

# A crash must lose nothing that was committed, or it would be the server that broke its word. What survives the
# machine is not asked for: the machine stays.
_POSTGRES = {"synchronous_commit": "on", "max_wal_size": "32MB", "min_wal_size": "32MB"}
_MARIADB = ("--innodb-flush-log-at-trx-commit=2", "--innodb-data-file-path=ibdata1:12M;ibdata2:48M:autoextend")
DISK_MEGABYTES = {"postgresql": 256, "mysql": 400}


class End(ABC):
    """
    One database, `name`, on a server that we reach through `proxy` and the drill beside it.

    `shop` builds and reads databases on the server. Others use a server that is shared, but not at the same time.
    """

    engine: str
    shop: Shop

    def __init__(self, name: str, proxy: Proxy, *, shared: bool) -> None:
        self.name = name
        self.proxy = proxy
        self._shared = shared

    @property
    def url(self) -> str:
        """The database's address, through the proxy."""
        head, _, tail = self.shop.url(self.name).rpartition("/")
        return f"{head.rpartition(':')[0]}:{self.proxy.port}/{tail}"

    def ask(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements and give the rows of the last one."""
        return self.shop.run(self.name, list(statements))

    @abstractmethod
    def names(self) -> list[str]:
        """Give every database of the server."""

    @abstractmethod
    def bytes(self) -> int:
        """Give what the database, and all whose names begin like its own, take on the server's disk."""

    def server_bytes(self) -> int:
        """Give what the server takes on its disk, with its logs and whatever files there are."""
        files = (Path(folder, name) for folder, _, names in os.walk(self._folder) for name in names)
        total = 0
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                total += file.stat().st_blocks * 512
        return total

    @property
    @abstractmethod
    def _folder(self) -> Path:
        """Where the server's files are."""

    @abstractmethod
    def objects(self) -> list[tuple[Any, ...]]:
        """Give the triggers and views of the database."""

    @abstractmethod
    def sessions(self) -> list[int]:
        """Give our sessions by number: all on the server, or those in the database where the server is shared."""

    @abstractmethod
    def end_session(self, number: int, rng: Random) -> None:
        """End a session, in one of the ways in which one ends that is not asked."""

    @abstractmethod
    def end(self, *, crash: bool) -> None:
        """End the server."""

    @abstractmethod
    def revive(self) -> None:
        """Have the server serve, if it does not."""

    @abstractmethod
    def locked(self, table: str) -> contextlib.AbstractContextManager[None]:
        """Hold a lock on a table that nobody else may read it under."""

    @abstractmethod
    def connected(self) -> contextlib.AbstractContextManager[Any]:
        """Give a driver's connection to the database that begins transactions by itself."""


class PostgresEnd(End):
    """On PostgreSQL 15."""

    engine = "postgresql"

    def __init__(self, server: PostgresServer, name: str, proxy: Proxy, *, shared: bool) -> None:
        super().__init__(name, proxy, shared=shared)
        self._server = server
        self.shop = small_shop.on_postgres(server)

    @property
    def _folder(self) -> Path:
        return self._server.data

    def names(self) -> list[str]:
        return [str(row[0]) for row in self._server.execute("SELECT datname FROM pg_database ORDER BY 1")]

    def bytes(self) -> int:
        question = "SELECT sum(pg_database_size(oid))::bigint FROM pg_database WHERE datname LIKE %s"
        return int(self._server.execute(question, (f"{self.name}%",))[0][0])

    def objects(self) -> list[tuple[Any, ...]]:
        return self.ask(
            "SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal UNION ALL"
            " SELECT viewname::text FROM pg_views WHERE schemaname = 'public' UNION ALL"
            " SELECT conname::text FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1"
        )

    def sessions(self) -> list[int]:
        question = "SELECT pid FROM pg_stat_activity WHERE application_name ~ '^(dbmimic( .*)?|pg_dump|psql)$'"
        here = f" AND datname = '{self.name}'" if self._shared else ""
        return [int(row[0]) for row in self._server.execute(question + here)]

    def end_session(self, number: int, rng: Random) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, rng.choice((signal.SIGKILL, signal.SIGTERM)))

    def end(self, *, crash: bool) -> None:
        self._server.end(crash=crash)

    def revive(self) -> None:
        self._server.revive()

    @contextlib.contextmanager
    def locked(self, table: str) -> Iterator[None]:
        with self._server.connection(self.name) as connection:
            connection.execute("BEGIN")
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
            yield
            connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def connected(self) -> Iterator[Any]:
        with psycopg.connect(host="127.0.0.1", port=self._server.port, user="postgres", dbname=self.name) as connection:
            yield connection


class MariadbEnd(End):
    """On MariaDB."""

    engine = "mysql"

    def __init__(self, server: MariadbServer, name: str, proxy: Proxy, *, shared: bool) -> None:
        super().__init__(name, proxy, shared=shared)
        self._server = server
        self.shop = small_shop.on_mariadb(server)

    @property
    def _folder(self) -> Path:
        return Path(self._server.socket).with_name("data")

    def names(self) -> list[str]:
        return sorted(str(row[0]) for row in self._server.execute("SHOW DATABASES"))

    def bytes(self) -> int:
        question = (
            "SELECT COALESCE(SUM(file_size), 0) FROM information_schema.innodb_sys_tablespaces"
            f" WHERE name LIKE '{self.name}%'"
        )
        return int(str(self._server.execute(question)[0][0]))

    def objects(self) -> list[tuple[Any, ...]]:
        here = f"= '{self.name}'"
        return self.ask(
            f"SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema {here} UNION ALL"
            f" SELECT table_name FROM information_schema.views WHERE table_schema {here} UNION ALL"
            f" SELECT constraint_name FROM information_schema.table_constraints WHERE table_schema {here} ORDER BY 1"
        )

    def sessions(self) -> list[int]:
        # the drill's own sessions come by the socket
        question = "SELECT id FROM information_schema.processlist WHERE host LIKE '%:%'"
        here = f" AND db = '{self.name}'" if self._shared else ""
        return [int(str(row[0])) for row in self._server.execute(question + here)]

    def end_session(self, number: int, rng: Random) -> None:
        with contextlib.suppress(pymysql.MySQLError):  # it is over already
            self._server.execute(f"KILL {number}")

    def end(self, *, crash: bool) -> None:
        self._server.end(crash=crash)

    def revive(self) -> None:
        self._server.revive()

    @contextlib.contextmanager
    def locked(self, table: str) -> Iterator[None]:
        with self.connected() as connection, connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLES {table} WRITE")
            yield
            cursor.execute("UNLOCK TABLES")

    @contextlib.contextmanager
    def connected(self) -> Iterator[Any]:
        connection = self._server.connect(self.name)
        connection.decoders = {}  # texts are compared as well as numbers, and cost a third
        try:
            connection.autocommit(False)
            yield connection
        finally:
            connection.close()


Server = PostgresServer | MariadbServer


@contextlib.contextmanager
def ends(
    engine: str, disk: Path | None, number: int = 0, source_server: Server | None = None
) -> Iterator[tuple[End, End]]:
    """
    Start two servers and give a source and a target on them; the target's server lives on that disk, if any.

    A server for the source may be given; it is not ended then, and faults that end servers must not be tried.
    """
    with ExitStack() as stack:
        made = []
        for name, folder, given in ((f"prod{number}", None, source_server), (f"stage{number}", disk, None)):
            server = given or _server(engine, folder, stack)
            proxy = stack.enter_context(Proxy(lambda server=server: server.port))
            if isinstance(server, PostgresServer):
                made.append(PostgresEnd(server, name, proxy, shared=given is not None))
            else:
                made.append(MariadbEnd(server, name, proxy, shared=given is not None))
        yield made[0], made[1]


def _server(engine: str, folder: Path | None, stack: ExitStack) -> Server:
    before, tempfile.tempdir = tempfile.tempdir, str(folder) if folder else tempfile.tempdir
    try:
        if engine == "postgresql":
            return stack.enter_context(PostgresServer("15", settings=_POSTGRES))
        return stack.enter_context(MariadbServer(*_MARIADB))
    finally:
        tempfile.tempdir = before

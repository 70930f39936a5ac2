"""Servers with the reference databases: their data stays in the bench folder, they run while a command needs them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import psycopg
import pymysql

from tests.bench.processes import cpu_of_tree

POSTGRES_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
POSTGRES_SETTINGS = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "synchronous_commit": "off",
    "fsync": "on",
    "wal_level": "replica",
    "autovacuum": "off",
    "jit": "off",
    "max_connections": "60",
    "listen_addresses": "127.0.0.1",
}
MARIADB_SETTINGS = {
    "innodb-buffer-pool-size": "2G",
    "innodb-flush-log-at-trx-commit": "2",
    "innodb-log-file-size": "1G",
    "character-set-server": "utf8mb4",
    "local-infile": "ON",
    "skip-log-bin": None,
    "bind-address": "127.0.0.1",
    "max-allowed-packet": "64M",
}
_CAPACITY = ("innodb_io_capacity_max", "innodb_io_capacity")  # the first bounds the second
_FLUSH_RATE = 20_000  # pages a second, between cases only
_PIECE_BYTES = 8 << 20
_START_SECONDS = 300.0  # after a crash a server recovers first
_MARIADB_PLACES = "/usr/sbin:/usr/local/sbin:/usr/libexec:/usr/bin"

# Waits for the end of its input, which comes when the process that started the server is gone, however it went.
_WATCH = 'read _; kill -{signal} "$1"'


@contextlib.contextmanager
def locked(folder: Path, engine: str) -> Iterator[None]:
    """Hold the engine's part of the folder: two commands would disturb each other's server, data and times."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{engine}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"another command uses {folder / engine}; waiting for its end", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Server:
    """What the two servers share: a process of an unprivileged user, a port, a stop that is sure to come."""

    users: tuple[str, ...] = ()
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            owner = self._owner()
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        if not self.data.exists():
            self.initialise()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **self.as_owner()
            )
        watch = ["/bin/sh", "-c", _WATCH.format(signal=self.stop_signal.name[3:]), "sh", str(self._process.pid)]
        self._watch = subprocess.Popen(watch, stdin=subprocess.PIPE, start_new_session=True)
        deadline = time.monotonic() + _START_SECONDS
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError(f"the server did not start: {self.log.read_text(errors='replace')[-1000:]}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.send_signal(self.stop_signal)
            self._process.wait()
        if self._watch is not None:
            self._watch.kill()
            self._watch.communicate()

    @property
    def pids(self) -> set[int]:
        """The server's first process and its watch."""
        return {each.pid for each in (self._process, self._watch) if each is not None}

    def cpu(self) -> float:
        """Give the CPU seconds that the server has used so far, ended backends included."""
        return cpu_of_tree(self._process.pid)

    def as_owner(self) -> dict[str, Any]:
        """Give the arguments that let a program run as the server's user."""
        if os.geteuid() != 0:
            return {}
        owner = self._owner()
        return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}

    def _owner(self) -> pwd.struct_passwd:
        for name in (*self.users, "nobody"):
            with contextlib.suppress(KeyError):
                return pwd.getpwnam(name)
        raise RuntimeError("there is no unprivileged user for the server")

    def initialise(self) -> None:
        """Make the data folder."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """Give the command that serves."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Tell whether the server takes connections."""
        raise NotImplementedError


class Postgres(Server):
    """PostgreSQL 15 from the system's packages."""

    users = ("postgres",)
    stop_signal = signal.SIGINT  # the fast shutdown

    def initialise(self) -> None:
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        command = [str(POSTGRES_PROGRAMS / "initdb"), "-D", str(self.data), *options]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **self.as_owner())

    def command(self) -> list[str]:
        settings = POSTGRES_SETTINGS | {"port": str(self.port), "unix_socket_directories": ""}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(POSTGRES_PROGRAMS / "postgres"), "-D", str(self.data), *options]

    def answers(self) -> bool:
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def connect(self, database: str) -> psycopg.Connection[Any]:
        """Give a connection in autocommit mode."""
        return psycopg.connect(self.url(database), autocommit=True)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement and give its rows."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description is not None else []

    def url(self, database: str, port: int = 0) -> str:
        """Give the URL of a database, by another port where one is told."""
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/{database}"

    @property
    def environment(self) -> dict[str, str]:
        """What the programs of PostgreSQL need to find the server, and to be the ones of its version."""
        path = f"{POSTGRES_PROGRAMS}:{os.environ.get('PATH', '')}"
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "postgres", "PATH": path}

    def has(self, database: str) -> bool:
        """Tell whether there is such a database."""
        return bool(self.execute(f"SELECT 1 FROM pg_database WHERE datname = '{database}'"))

    def drop(self, database: str) -> None:
        """Drop a database and whatever stands beside it under its name."""
        named = f"datname = '{database}' OR datname LIKE '{database}\\_dbmimic%'"
        for (name,) in self.execute(f"SELECT datname FROM pg_database WHERE {named}"):
            self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def settle(self) -> None:
        """Write out what earlier work left behind, so that the next case does not pay for it."""
        self.execute("CHECKPOINT")
        os.sync()

    def warm(self, database: str) -> None:
        """Read all files of a database, so that the next case finds them in the system's cache whatever ran before."""
        ((oid,),) = self.execute(f"SELECT oid FROM pg_database WHERE datname = '{database}'")
        piece = bytearray(_PIECE_BYTES)
        for path in (self.data / "base" / str(oid)).iterdir():
            with path.open("rb", buffering=0) as file:
                while file.readinto(piece):
                    pass


class Mariadb(Server):
    """MariaDB from the system's packages."""

    users = ("mysql",)

    def initialise(self) -> None:
        user = [f"--user={self._owner().pw_name}"] if os.geteuid() == 0 else []
        options = ["--no-defaults", *user, f"--datadir={self.data}", "--auth-root-authentication-method=normal"]
        command = [mariadb_program("mariadb-install-db"), *options, "--skip-test-db"]
        subprocess.run(command, check=True, capture_output=True)

    def command(self) -> list[str]:
        settings = MARIADB_SETTINGS | {"datadir": str(self.data), "port": str(self.port), "socket": self.socket}
        settings |= {"pid-file": str(self.folder / "pid"), "tmpdir": str(self.folder)}
        options = [f"--{name}" if value is None else f"--{name}={value}" for name, value in settings.items()]
        return [mariadb_program("mariadbd"), "--no-defaults", *options]

    @property
    def socket(self) -> str:
        """The path of the server's socket."""
        return str(self.folder / "s.sock")

    def answers(self) -> bool:
        try:
            self.connect("mysql").close()
        except pymysql.err.OperationalError:
            return False
        return True

    def connect(self, database: str) -> pymysql.connections.Connection:
        """Give a connection in autocommit mode."""
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user="root", database=database, charset="utf8mb4", autocommit=True
        )

    def execute(self, statement: str, database: str = "mysql") -> list[tuple[Any, ...]]:
        """Run one statement and give its rows."""
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def url(self, database: str) -> str:
        """Give the URL of a database."""
        return f"mysql://root@127.0.0.1:{self.port}/{database}"

    @property
    def options(self) -> str:
        """What MariaDB's programs need to find the server."""
        return f"--no-defaults --protocol=tcp -h127.0.0.1 -P{self.port} -uroot --default-character-set=utf8mb4"

    def has(self, database: str) -> bool:
        """Tell whether there is such a database."""
        return bool(self.execute(f"SHOW DATABASES LIKE '{database}'"))

    def drop(self, database: str) -> None:
        """Drop a database and whatever stands beside it under its name."""
        for (name,) in self.execute(f"SHOW DATABASES LIKE '{database}%'"):
            if name == database or name.startswith(f"{database}_dbmimic"):
                self.execute(f"DROP DATABASE `{name}`")

    def settle(self) -> None:
        """Write out what earlier work left behind, so that the next case does not pay for it."""
        capacity = {name: self.execute(f"SELECT @@{name}")[0][0] for name in _CAPACITY}
        for name in _CAPACITY:
            self.execute(f"SET GLOBAL {name} = {_FLUSH_RATE}")
        self.execute("SET GLOBAL innodb_max_dirty_pages_pct = 0")
        deadline = time.monotonic() + _START_SECONDS
        while self._dirty() and time.monotonic() < deadline:
            time.sleep(0.2)
        self.execute("SET GLOBAL innodb_max_dirty_pages_pct = 90")
        for name in reversed(_CAPACITY):
            self.execute(f"SET GLOBAL {name} = {capacity[name]}")
        os.sync()

    def _dirty(self) -> bool:
        return int(self.execute("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'")[0][1]) > 100


def mariadb_program(name: str) -> str:
    """Give the path of one of MariaDB's programs."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_MARIADB_PLACES}")
    if found is None:
        raise RuntimeError(f"{name} is not installed (Debian: apt-get install mariadb-server)")
    return found


SERVERS = {"postgresql": Postgres, "mysql": Mariadb}

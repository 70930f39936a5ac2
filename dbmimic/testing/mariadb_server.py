"""
A throwaway MariaDB server from the system's packages, for tests.

The data folder is initialised once per process and copied for each server. The server dies with the process that
started it, however that ends: it hangs on a pipe whose other end only this process holds.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import pymysql

_SBIN = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec")
_SUPERVISE = '"$@" & server=$!; cat >/dev/null; kill -9 $server 2>/dev/null; wait $server'
_START_SECONDS = 60.0


class MissingServerError(RuntimeError):
    """The server's binaries are not installed; the message says which package has them."""


def _binary(*names: str) -> str:
    path = os.pathsep.join([os.environ.get("PATH", ""), *_SBIN])
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    raise MissingServerError(f"{names[0]} is not installed (Debian: apt-get install mariadb-server)")


def _server_user() -> pwd.struct_passwd | None:
    """Give the account that the server runs as: root hands over to an unprivileged one, others keep theirs."""
    if os.geteuid() != 0:
        return None
    for name in ("mysql", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise MissingServerError("there is no unprivileged account for the server (mysql or nobody)")


def _own(folder: Path) -> None:
    user = _server_user()
    if user is None:
        return
    os.chown(folder, user.pw_uid, user.pw_gid)
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent) / name, user.pw_uid, user.pw_gid)


def _user_option() -> list[str]:
    user = _server_user()
    return [f"--user={user.pw_name}"] if user else []


@cache
def _initialised() -> Path:
    """Give a freshly initialised data folder; it is copied, never served."""
    folder = Path(tempfile.mkdtemp(prefix="dbmimic-mariadb-init-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _own(folder)
    command = [
        _binary("mariadb-install-db", "mysql_install_db"),
        "--no-defaults",
        *_user_option(),
        f"--datadir={folder / 'data'}",
        f"--tmpdir={folder}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"mariadb-install-db failed: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    return folder / "data"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class MariadbServer:
    """
    One server in a temporary folder, on a socket and a free loopback port, gone on leaving the context.

    The superuser is `root` without a password. `options` are added to the server's command line.
    """

    def __init__(self, *options: str) -> None:
        self._options = options
        self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def socket(self) -> str:
        """The path of the server's socket."""
        return str(self._folder / "s.sock")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        template = _initialised()
        self._folder = Path(tempfile.mkdtemp(prefix="dbmimic-mariadb-"))
        shutil.copytree(template, self._folder / "data")
        _own(self._folder)
        self.port = _free_port()
        self._serve()

    def _serve(self) -> None:
        command = [
            _binary("mariadbd", "mysqld"),
            "--no-defaults",
            *_user_option(),
            f"--datadir={self._folder / 'data'}",
            f"--tmpdir={self._folder}",
            f"--socket={self.socket}",
            f"--pid-file={self._folder / 'pid'}",
            f"--log-error={self._folder / 'error.log'}",
            f"--general-log-file={self._folder / 'general.log'}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--character-set-server=utf8mb4",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-flush-method=nosync",
            "--innodb-doublewrite=OFF",
            "--sync-frm=OFF",
            "--debug-no-sync",
            "--innodb-buffer-pool-size=128M",
            *self._options,
        ]
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SUPERVISE, "mariadb", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._answers():
                return
            time.sleep(0.05)
        log = self._folder / "error.log"
        tail = log.read_text(errors="replace")[-2000:] if log.exists() else "no log"
        self.stop()
        raise RuntimeError(f"MariaDB did not start: {tail}")

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(self.socket) != 0:
                return False
        try:
            self.connect().close()
        except pymysql.err.OperationalError:
            return False
        return True

    def end(self, *, crash: bool = False) -> None:
        """End the server as its owner does, or at once as a crash does; `revive` serves the same databases again."""
        process, self._process = self._process, None
        if process is None:
            return
        if not crash:
            self._shut_down()
        if process.stdin is not None:
            process.stdin.close()
        process.wait()

    def _shut_down(self) -> None:
        pid_file = self._folder / "pid"
        deadline = time.monotonic() + _START_SECONDS
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int(pid_file.read_text()), signal.SIGTERM)
        while pid_file.exists() and time.monotonic() < deadline:  # the server removes it when all is written
            time.sleep(0.02)

    def revive(self) -> None:
        """Serve again where the server does not, whoever ended it; at the same port."""
        if not self._answers():
            self.end(crash=True)
            self._serve()

    def stop(self) -> None:
        """Kill the server and remove its folder; safe to call twice."""
        if self._folder != Path():
            self.end(crash=True)
            shutil.rmtree(self._folder, ignore_errors=True)

    def connect(self, database: str | None = None) -> pymysql.connections.Connection:
        """Give a connection as root, in autocommit mode; the caller closes it."""
        return pymysql.connect(
            unix_socket=self.socket,
            user="root",
            database=database,
            charset="utf8mb4",
            autocommit=True,
            ssl_disabled=True,  # or the driver reads the machine's certificates each time, 20 ms for a socket's sake
        )

    def execute(self, *statements: str, database: str | None = None) -> list[tuple[object, ...]]:
        """Run statements as root, one after the other, and give the rows of the last one."""
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def create_database(self, name: str, *, charset: str = "utf8mb4") -> None:
        """Make an empty database of that name, in place of one that is there."""
        quoted = "`" + name.replace("`", "``") + "`"
        self.execute(f"DROP DATABASE IF EXISTS {quoted}", f"CREATE DATABASE {quoted} CHARACTER SET {charset}")

    def load_sql_file(self, path: Path, database: str | None = None, *, force: bool = False) -> None:
        """Feed a file to the server's own client; `force` goes on after errors."""
        command = [
            _binary("mariadb", "mysql"),
            "--no-defaults",
            f"--socket={self.socket}",
            "--user=root",
            "--default-character-set=utf8mb4",
            *(["--force"] if force else []),
            *([database] if database else []),
        ]
        with path.open("rb") as file:
            done = subprocess.run(command, stdin=file, capture_output=True, text=True, check=False)
        if done.returncode != 0 and not force:
            raise RuntimeError(f"{path.name} could not be loaded: {done.stderr[-1000:]}")

    def url(self, database: str, user: str = "root", password: str = "") -> str:
        """Give the connection URL of a database."""
        secret = f":{quote(password, safe='')}" if password else ""
        return f"mysql://{quote(user, safe='')}{secret}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def log_statements(self) -> None:
        """Begin to log all statements; what was logged before is forgotten."""
        self.execute("SET GLOBAL general_log = OFF")
        (self._folder / "general.log").unlink(missing_ok=True)
        self.execute("FLUSH GENERAL LOGS", "SET GLOBAL general_log = ON")

    def statements(self) -> list[str]:
        """Give the lines of the statement log since `log_statements`, and stop logging."""
        self.execute("SET GLOBAL general_log = OFF")
        return (self._folder / "general.log").read_text(errors="replace").splitlines()

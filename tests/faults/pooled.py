"""A pool between dbmimic and a server, as operators put one there: PgBouncer, from the system's packages."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dbmimic.testing.postgres_server import PostgresServer
from tests.conftest import missing

_START_SECONDS = 20.0


@contextlib.contextmanager
def pooled(server: PostgresServer, mode: str) -> Iterator[Callable[[str], str]]:
    """
    Give the URL of each database of a server through a pool that lends its sessions by `mode`.

    Whoever comes through it is the superuser `lender` there.
    """
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        missing("PgBouncer is not installed, so a pool is NOT tested")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    if not server.execute("SELECT FROM pg_roles WHERE rolname = 'lender'"):
        server.execute("CREATE ROLE lender LOGIN SUPERUSER")
    folder = server.folder / f"pool-{port}"
    folder.mkdir()
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={server.port} user=lender\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n"
    )
    as_owner = {}
    if os.geteuid() == 0:  # which it refuses
        owner = pwd.getpwuid(server.folder.stat().st_uid)
        as_owner = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(program), str(settings)], stdout=log, stderr=log, **as_owner)
    try:
        _wait(port, folder / "log")
        yield lambda database: server.url(database).replace(f":{server.port}/", f":{port}/")
    finally:
        process.kill()
        process.wait()
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'lender'")


def _wait(port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"the pool did not start: {log.read_text()}")

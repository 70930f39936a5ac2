"""How much room a server has, where its disk is this machine's."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg

from dbmimic.engines.postgres.connect import Connection

_WHERE = (
    "SELECT current_setting('data_directory'), current_setting('port')::int8,"
    " extract(epoch FROM pg_postmaster_start_time())::int8,"
    " (SELECT nullif(pg_tablespace_location(t.oid), '') FROM pg_tablespace t"
    " WHERE t.spcname = current_setting('default_tablespace'))"
)
_STARTED, _PORT = 2, 3  # lines of `postmaster.pid`
_START_SECONDS = 60


def free_bytes(connection: Connection) -> int | None:
    """
    Give how many bytes are free where the server makes new databases.

    None where the role may not know where that is, or where the folder is not proven to be the server's: an address
    may lead through a tunnel or into a container, to a server with a folder of the same name. The file that a running
    server keeps there tells its port and when it was started.
    """
    try:
        row = connection.execute(_WHERE).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return None
    if row is None:
        return None
    folder, port, started, tablespace = row
    try:
        told = (Path(folder) / "postmaster.pid").read_text("utf-8").splitlines()
        ours = int(told[_PORT]) == port and abs(int(told[_STARTED]) - started) <= _START_SECONDS
        room = os.statvfs(tablespace or folder) if ours else None
    except (OSError, ValueError, IndexError):
        return None
    return None if room is None else room.f_bavail * room.f_frsize

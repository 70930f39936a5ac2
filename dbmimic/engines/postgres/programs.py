"""How PostgreSQL's own programs are started: where they connect to, what they may know, and how they fail."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from dbmimic.engines.postgres import guarding
from dbmimic.engines.postgres.connect import Connection
from dbmimic.engines.postgres.errors import Fault, Side, translated
from dbmimic.engines.postgres.session import Peer
from dbmimic.errors import TryAgainError

_FOR_TOOLS = frozenset(
    {
        "hostaddr",
        "connect_timeout",
        "gssencmode",
        "krbsrvname",
        "channel_binding",
        "requirepeer",
        "target_session_attrs",
    }
    | {"sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl"}
)

# How libpq and the server tell a tool, in the language that its environment asks for, that there is nobody any more.
_LOST = re.compile(
    rb"server closed the connection|no connection to the server|terminating connection|the database system is"
    rb"|Connection re(set|fused)|Broken pipe|connection has been closed|timeout expired"
    rb"|invalid snapshot identifier|snapshot .* does not exist|could not import the requested snapshot"
)

_DISK_FULL = re.compile(rb"No space left on device|[Dd]isk full")
_FULL = re.compile(rb"too many (connections|clients)|remaining connection slots")


def address(connection: Connection) -> str:
    """Give where the connection leads, as it was resolved; nothing secret, nothing too new for an old libpq."""
    info = connection.info
    given: dict[str, Any] = {name: value for name, value in info.get_parameters().items() if name in _FOR_TOOLS}
    return make_conninfo(**given | {"host": info.host, "port": info.port, "user": info.user, "dbname": info.dbname})


def environment(connection: Connection) -> dict[str, str]:
    """Give the environment for a tool: ours, with the password that the connection used."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    kept |= {name: os.environ[name] for name in ("PGPASSFILE", "PGSSLROOTCERT") if name in os.environ}
    if connection.info.password:
        kept["PGPASSWORD"] = connection.info.password
    return kept | {"PGAPPNAME": "dbmimic", "PGCLIENTENCODING": "UTF8", "LC_ALL": "C"}


def no_room(said: bytes) -> bool:
    """Tell whether a tool was refused a connection because the server, the database or the role has no more of them."""
    return _FULL.search(said) is not None


def run(
    command: Sequence[str],
    side: Side,
    *,
    peer: Peer | None = None,
    given: bytes | None = None,
    environment: Mapping[str, str] | None = None,
    handed: Sequence[int] = (),
) -> bytes:
    """
    Run one to its end and give what it printed; `given` is its input, `handed` are open files that it may read.

    `peer` is whom it talks with, if with anybody.

    Raises:
        TryAgainError: DM711, DM712, that one does nothing for it any more.
        TryAgainError: DM702, it waited too long for a lock; DM703, the server had no connection for it.
        SnapshotLost: DM403, its connection broke (TargetError on the target: DM501), or the snapshot's holder is gone.
        SourceError: (TargetError on the target) DM404 where it failed, DM406 where it could not be started.
    """
    program = Path(command[0]).name
    try:
        done = guarding.run(command, peer, given=given, environment=environment, handed=handed)
    except OSError:
        raise side.error(side.code(6), f"{program} could not be started", place=command[0]) from None
    if done.returncode != 0:
        if (
            b"lock timeout" in done.stderr or b"statement timeout" in done.stderr
        ):  # `--lock-wait-timeout` sets the latter
            hint = "somebody changes the structure; run it again when they are done"
            message = f"{program} waited too long for a lock on the {side}"
            raise TryAgainError("DM702", message, place=side, hint=hint)
        if no_room(done.stderr):
            raise translated(Fault("53300"), side, f"{program} read the structure")
        if _DISK_FULL.search(done.stderr):  # the server's: reading may take room there, too
            raise translated(Fault("53100"), side, f"{program} read the structure")
        if _LOST.search(done.stderr):
            raise translated(Fault("", broken=True), side, f"{program} read the structure")
        shown = shlex.join([program, *(word for word in command[1:] if not word.startswith("--snapshot="))])
        hint = f"run it by hand to see why: {shown}"
        raise side.error(side.code(4), f"{program} ended with status {done.returncode}", place=program, hint=hint)
    return done.stdout

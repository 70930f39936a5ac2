"""PostgreSQL's own programs watched over: one that stands still, and for which no session works, is not waited for."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dbmimic.engines.postgres.session import Peer
from dbmimic.errors import TryAgainError

_LOOKS = 4  # while patience lasts
_SWITCHES = b"ctxt_switches:"


class Guard:
    """
    Looks at a program from time to time; `error` tells why it should be ended, if it should.

    `resting` tells that it waits for us, and not for its server. What it does is seen by how often it gave the
    processor away: one that waits for a dead connection never wakes. Where the system does not tell (it has no /proc),
    only a server that answers nobody is found out.
    """

    def __init__(self, peer: Peer | None, pid: int, resting: Callable[[], bool] = lambda: False) -> None:
        self.error: TryAgainError | None = None
        self._peer, self._pid, self._resting = peer, pid, resting
        self._switches, self._since = b"", time.monotonic()

    @property
    def pause(self) -> float | None:
        """How many seconds to wait between two looks; None is for ever."""
        return self._peer.patience / _LOOKS if self._peer is not None else None

    def look(self) -> None:
        """See whether it stands still, and ask around if it did so for too long."""
        now, switches = time.monotonic(), _switches(self._pid)
        if switches != self._switches or self._resting():
            self._switches, self._since = switches, now
        elif self._peer is not None and now - self._since >= self._peer.patience:
            self._since = now
            error = self._peer.verdict(lambda: _switches(self._pid) != switches, programs=True)
            if error is not None and (switches or error.code == "DM711"):
                self._peer.part(error)
                self.error = error


def _switches(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_bytes().splitlines()
        return b" ".join(line for line in lines if _SWITCHES in line)
    return b""


def unread(file: int | str) -> int | None:
    """Give how many bytes lie in a pipe or a socket (an open file, or the name of one), None where that is not told."""
    with contextlib.suppress(OSError):
        opened = os.open(file, os.O_RDONLY | os.O_NONBLOCK) if isinstance(file, str) else os.dup(file)
        try:
            return int(struct.unpack("i", fcntl.ioctl(opened, termios.FIONREAD, bytes(4)))[0])
        finally:
            os.close(opened)
    return None


def run(
    command: Sequence[str],
    peer: Peer | None,
    *,
    given: bytes | None = None,
    environment: Mapping[str, str] | None = None,
    handed: Sequence[int] = (),
) -> subprocess.CompletedProcess[bytes]:
    """
    Run a program to its end; `given` is its input, `handed` are open files that it may read.

    Raises:
        OSError: it cannot be started.
        TryAgainError: DM711, DM712, its server does nothing for it any more.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE if given is not None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        pass_fds=tuple(handed),
    ) as process:
        guard = Guard(peer, process.pid)
        try:
            while True:
                try:
                    out, err = process.communicate(given, timeout=guard.pause)
                    return subprocess.CompletedProcess(command, process.returncode, out, err)
                except subprocess.TimeoutExpired:
                    given = None
                    guard.look()
                    if guard.error is not None:
                        raise guard.error from None
        except BaseException:
            process.kill()
            raise

"""Disks so small that a copy does not fit: memory file systems, which only root can mount."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import missing


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """Give an empty disk of that size, mounted at a folder that servers of other users reach, too."""
    if os.geteuid() != 0:
        missing("a small disk can only be mounted by root, so a full disk is NOT tested")
    folder = Path(tempfile.mkdtemp(prefix="dbmimic-disk-"))
    folder.chmod(0o755)
    _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _run("umount", str(folder))
        folder.rmdir()


def fill(folder: Path, leave_megabytes: float) -> Path:
    """Fill the disk up to what is to be left, by one file, and give it."""
    path = folder / "filling"
    with path.open("wb") as file:
        while True:
            room = os.statvfs(folder)
            size = room.f_bavail * room.f_frsize - int(leave_megabytes * (1 << 20))
            if size <= 0:
                return path
            try:
                os.posix_fallocate(file.fileno(), 0, size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            else:
                return path  # else a server was faster than we: there is less room now


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        missing(f"a full disk is NOT tested: {command[0]} failed: {done.stderr.strip()}")

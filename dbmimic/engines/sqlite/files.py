"""
What stands beside the target, and how one file takes another's place.

For a target `shop.db`, in its folder:

    shop.db.dbmimic-new    the copy that is being built
    shop.db.dbmimic-old    what was there before the last swap, for `rollback`; before that one: dbmimic-old2, ...
    shop.db.dbmimic-swap   a second name of the target, for the moment of a swap
    shop.db.dbmimic-lock   held (flock) by the run that builds, and says which that is; the file stays
    shop.db.dbmimic.json   the stamps: which inode is a copy of ours

At every moment `shop.db` is one whole file, the former or the new one: names are moved by `rename`, which is atomic.
A program that holds the former file open goes on with the former file; it has to open it anew.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from dbmimic.engines.sqlite.connection import file_identity
from dbmimic.errors import DbmimicError, TargetError, TryAgainError
from dbmimic.model.target import KeptCopy, Stamp

# What SQLite itself keeps beside a file.
COMPANIONS = ("-journal", "-wal", "-shm")
_LONGEST_HOLDER = 300
_MOST_KEPT = 100
_FORMAT = "dbmimic/sqlite-stamps/1"


@dataclass(frozen=True)
class Places:
    """The names around one target."""

    target: Path

    def _beside(self, suffix: str) -> Path:
        return self.target.with_name(self.target.name + suffix)

    @cached_property
    def new(self) -> Path:
        """The copy that is being built."""
        return self._beside(".dbmimic-new")

    @cached_property
    def old(self) -> Path:
        """What was the target before the last swap."""
        return self._beside(".dbmimic-old")

    def kept(self, place: int) -> Path:
        """What was the target so many swaps ago; 1 is `old`."""
        return self.old if place == 1 else self._beside(f".dbmimic-old{place}")

    def all_kept(self) -> list[Path]:
        """Those that are there, the last one first."""
        return [path for place in range(1, _MOST_KEPT) if (path := self.kept(place)).exists()]

    @cached_property
    def swap(self) -> Path:
        """The second name that the target has while it is replaced."""
        return self._beside(".dbmimic-swap")

    @cached_property
    def lock(self) -> Path:
        """The file that a run locks."""
        return self._beside(".dbmimic-lock")

    @cached_property
    def stamps(self) -> Path:
        """The sidecar with the stamps."""
        return self._beside(".dbmimic.json")


@contextmanager
def filing(place: Path) -> Iterator[None]:
    """Run a block whose errors of the file system become ours."""
    try:
        yield
    except OSError as error:
        fault = _fault(error, place)
    else:
        return
    raise fault from None


def _fault(error: OSError, place: Path) -> DbmimicError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return TargetError("DM503", "the disk is full", place=str(place), hint="make room, or copy a smaller slice")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        hint = "check the permissions of the folder: files are made and renamed in it"
        return TargetError("DM502", "the target's folder may not be written", place=str(place), hint=hint)
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return TargetError("DM501", "the target's folder is not there", place=str(place), hint="check the path")
    code = errno.errorcode.get(error.errno or 0, "unknown error")
    return TargetError("DM504", f"a file beside the target could not be written ({code})", place=str(place))


class RunLock:
    """The lock by which one run holds a target; let go of by the system when the process ends, however it ends."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._handle: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._handle is not None

    def take(self) -> None:
        """
        Take the lock, or stop at once.

        Raises:
            TryAgainError: DM701, another run holds the target.
        """
        if self._handle is not None:
            return
        with filing(self._places.lock):
            handle = os.open(self._places.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            fault = self._held(handle)
            os.close(handle)
        else:
            self._handle = handle
            with filing(self._places.lock):
                os.ftruncate(handle, 0)
                os.write(handle, f"process {os.getpid()} on {socket.gethostname()}".encode())
            return
        raise fault

    def _held(self, handle: int) -> TryAgainError:
        hint = "wait for that run to end, as with --wait; its lock ends with its process"
        message = f"another run holds the target{_holder(handle)}"
        return TryAgainError("DM701", message, place=str(self._places.target), hint=hint)

    def ask(self) -> None:
        """
        Make sure that nobody has the lock, without taking it.

        Raises:
            TryAgainError: DM701, another run holds the target.
        """
        if self._handle is not None or not self._places.lock.exists():
            return
        with filing(self._places.lock):
            handle = os.open(self._places.lock, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            fault = self._held(handle)
        else:
            return
        finally:
            os.close(handle)
        raise fault

    def release(self) -> None:
        """Let go of the lock; safe to call twice. The file stays: removing it would let two runs hold two of them."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _holder(handle: int) -> str:
    """Give what the one who has the lock wrote of himself, as an end of a sentence."""
    said = os.pread(handle, _LONGEST_HOLDER, 0).decode(errors="replace")
    since = datetime.fromtimestamp(os.fstat(handle).st_mtime, UTC)
    return f": {said}, since {since:%Y-%m-%d %H:%M:%S} UTC" if said.isprintable() and said else ""


def remove(path: Path) -> None:
    """Remove a database file with what SQLite keeps beside it, where they are."""
    with filing(path):
        for each in (path, *(path.with_name(path.name + suffix) for suffix in COMPANIONS)):
            each.unlink(missing_ok=True)


def make_place(places: Places, copies: int) -> None:
    """
    Give every kept copy the name of the one before it, up to the first name that is free.

    Where none of so many is free, the last one's is taken: it goes. Killed in between, a name stays free.
    """
    with filing(places.target):
        free = next((place for place in range(1, copies) if not places.kept(place).exists()), copies)
        for place in range(free, 1, -1):
            places.kept(place - 1).replace(places.kept(place))


def drop_others(places: Places, copies: int) -> None:
    """Remove kept copies that are more than so many."""
    for path in places.all_kept()[copies:]:
        remove(path)


def bring_forward(places: Places, chosen: Path) -> None:
    """Let a kept copy and the last one change names; `recover` ends it where it was killed."""
    if chosen == places.old:
        return
    with filing(chosen):
        aside = _unfinished(chosen)
        chosen.replace(aside)
        if places.old.exists():
            places.old.replace(chosen)
        aside.replace(places.old)


def recover(places: Places) -> None:
    """End what a killed swap began: its second name is either still the target's, or the former target's only one."""
    with filing(places.target):
        for place in range(2, _MOST_KEPT):
            aside = _unfinished(places.kept(place))
            if aside.exists():
                aside.replace(places.kept(place) if places.old.exists() else places.old)
        _unfinished(places.swap).unlink(missing_ok=True)
        if not places.swap.exists():
            return
        if places.target.exists() and places.target.samefile(places.swap):
            places.swap.unlink()
        else:
            places.swap.replace(places.old)


def exchange(places: Places, incoming: Path, *, keep: bool = True) -> None:
    """
    Put a file in the target's place in one step and keep the former target, if there is one, as the old one.

    Killed before the step, the target is the former file; killed after it, the incoming one, and `recover` finds the
    former one under the second name.
    """
    with filing(places.target):
        sync(incoming)
        had = keep and places.target.exists()
        if had:
            _name_again(places)
        incoming.replace(places.target)
        if had:
            places.swap.replace(places.old)
        sync(places.target.parent)


def _name_again(places: Places) -> None:
    """Give the target its second name; where the file system has no hard links, a copy under that name."""
    try:
        os.link(places.target, places.swap)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}:
            raise
        unfinished = _unfinished(places.swap)
        shutil.copy2(places.target, unfinished)
        sync(unfinished)
        unfinished.replace(places.swap)


def _unfinished(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def create(places: Places) -> None:
    """Make the empty file of the new copy, with the permissions and, where we may, the owner of the target."""
    with filing(places.new):
        places.new.touch()
        if places.target.exists():
            status = places.target.stat()
            with suppress(PermissionError):
                os.chown(places.new, status.st_uid, status.st_gid)
            shutil.copymode(places.target, places.new)


def sync(path: Path) -> None:
    """See to it that a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def stamp_of(places: Places, path: Path) -> Stamp | None:
    """Give the stamp of the file that stands at a path; another file put in its place has another inode and none."""
    if not path.exists():
        return None
    return _stamps(places).get(_inode(path))


def kept_copies(places: Places) -> tuple[KeptCopy, ...]:
    """Give the copies that are kept, with their stamps."""
    return tuple(KeptCopy(path.name, stamp_of(places, path)) for path in places.all_kept())


def put_stamp(places: Places, stamp: Stamp) -> None:
    """Stamp the new copy, before it is swapped in. Those of the target and the kept copies stay; all others go."""
    known = _stamps(places)
    there = (places.target, *places.all_kept())
    kept = {_inode(path): known.get(_inode(path)) for path in there if path.exists()}
    stamps = {inode: asdict(found) for inode, found in kept.items() if found is not None}
    stamps[_inode(places.new)] = asdict(stamp)
    unfinished = _unfinished(places.stamps)
    with filing(places.stamps):
        unfinished.write_text(json.dumps({"format": _FORMAT, "stamps": stamps}, indent=1) + "\n", "utf-8")
        sync(unfinished)
        unfinished.replace(places.stamps)


def _inode(path: Path) -> str:
    return file_identity(path).server or ""


def _stamps(places: Places) -> Mapping[str, Stamp]:
    """Give the stamps by inode. A sidecar that cannot be understood stamps nothing: the guard then asks."""
    try:
        told = json.loads(places.stamps.read_text("utf-8"))
        return {inode: Stamp(**stamp) for inode, stamp in told["stamps"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}

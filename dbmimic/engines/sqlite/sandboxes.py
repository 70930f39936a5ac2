"""
Sandboxes on SQLite: files in a folder beside the golden copy, which only their owner may enter.

For a golden copy `shop.db`, in `shop.db.dbmimic-sandboxes/`:

    <sandbox>.db      the sandbox, a clone of the golden copy; only its owner may read it
    <sandbox>.json    what is remembered of it, and the inode that is its mark
    <sandbox>.lock    held (flock) by who works on it, while he does
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from dbmimic.engines.cloning import clone
from dbmimic.engines.sqlite import files
from dbmimic.engines.sqlite.connection import ENGINE, Snapshot, connect, file_identity, patience
from dbmimic.engines.sqlite.faults import TARGET, told
from dbmimic.engines.sqlite.files import COMPANIONS, Places, filing
from dbmimic.errors import RefusedError, TryAgainError
from dbmimic.model.address import Address
from dbmimic.model.sandbox import GoldenCopy, Sandbox

_FOLDER = ".dbmimic-sandboxes"
_LONGEST = (100, 100)  # of 255 bytes, which names of companions need as well
_HEADER = 100  # bytes of a file's header, where its commits are counted
_REGISTER = "register"
_NO_FILE = "-"
_TRIES = 3
_WAL = b"\x02\x02"  # how a file in that mode says so
_WAL_BYTES = slice(18, 20)


class SqliteSandboxes:
    """A `ports.sandbox.SandboxHost`; the folder is made when the first sandbox is."""

    engine = ENGINE
    longest = _LONGEST
    makes_beside = True

    def __init__(self, address: Address) -> None:
        self._patience = patience(address)
        self._golden = Path(address.database).resolve()
        self.project = self._golden.stem
        self._folder = self._golden.with_name(self._golden.name + _FOLDER)
        self._held: dict[str, int] = {}

    def hold(self, what: str) -> bool:
        """Try to lock the file that stands for it."""
        self._make_folder()
        path = self._lock(what)
        with filing(path):
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it before removes the file: then this is a lock on nothing.
            mine = path.stat().st_ino == os.fstat(handle).st_ino
        except OSError:  # somebody else has it
            mine = False
        if mine:
            self._held[what] = handle
        else:
            os.close(handle)
        return mine

    def release(self, what: str) -> None:
        """Remove the file, then let go of it."""
        handle = self._held.pop(what, None)
        if handle is not None:
            self._lock(what).unlink(missing_ok=True)
            os.close(handle)

    def _lock(self, what: str) -> Path:
        return self._folder / f"{Path(what).stem or _REGISTER}.lock"

    def _make_folder(self) -> None:
        with filing(self._folder):
            self._folder.mkdir(mode=0o700, exist_ok=True)

    def sandboxes(self) -> tuple[Sandbox, ...]:
        """Give all that are remembered; what cannot be understood is no sandbox."""
        found = []
        for path in sorted(self._folder.glob("*.json")):
            with suppress(OSError, ValueError, TypeError, KeyError):
                name, mark, text = path.read_text("utf-8").split("\n", 2)
                found.append(Sandbox.read(name, mark, text))
        return tuple(sorted(found, key=lambda each: each.name))

    def remember(self, sandbox: Sandbox) -> Sandbox:
        """Write what is remembered; the mark stays what `make` made it."""
        self._make_folder()
        return self._noted(replace(sandbox, account="", mark=self._mark(sandbox)))

    def hand_over(self, spare: Sandbox, to: Sandbox) -> Sandbox:
        """Write the sandbox down where the spare is: a note belongs to its file."""
        return self._noted(replace(to, mark=spare.mark))

    def _noted(self, sandbox: Sandbox) -> Sandbox:
        note = self._note(sandbox)
        unfinished = note.with_suffix(".part")
        with filing(unfinished):
            unfinished.write_text(f"{sandbox.name}\n{sandbox.mark}\n{sandbox.text()}", "utf-8")
            files.sync(unfinished)
            unfinished.replace(note)
        return sandbox

    def _mark(self, sandbox: Sandbox) -> str:
        """Give the mark that is written down, or one that no file has."""
        with suppress(OSError, IndexError):
            return self._note(sandbox).read_text("utf-8").split("\n", 2)[1]
        return _NO_FILE

    def forget(self, name: str) -> None:
        """Remove what is remembered."""
        for sandbox in self.sandboxes():
            if sandbox.name == name:
                with filing(self._folder):
                    self._note(sandbox).unlink(missing_ok=True)

    def _note(self, sandbox: Sandbox) -> Path:
        return Path(sandbox.database).with_suffix(".json")

    def place(self, name: str) -> str:
        """Give the path in our folder."""
        return str(self._folder / f"{name}.db")

    def golden(self, name: str | None) -> GoldenCopy:
        """Give the golden copy at a path: a file whose stamp stands beside it."""
        path = Path(name).resolve() if name else self._golden
        stamp = files.stamp_of(Places(path), path) if path.is_file() else None
        if stamp is None:
            hint = "run `dbmimic copy` first; sandboxes are made from verified copies only"
            raise RefusedError("DM321", "there is no verified copy of dbmimic's", place=str(path), hint=hint)
        return GoldenCopy(str(path), stamp.run, path.stat().st_size)

    def make(self, sandbox: Sandbox) -> None:
        """Clone the golden copy beside, then put the clone in the sandbox's place."""
        database = Path(sandbox.database)
        new = database.with_suffix(".new")
        files.remove(new)
        if database.exists() and not self.stands(sandbox):
            raise _strange(database)
        try:
            _cloned(Path(sandbox.golden), new, self._patience)
            files.remove(database)
            self._noted(replace(sandbox, mark=_inode(new)))
            with filing(database):
                new.replace(database)
        finally:
            files.remove(new)

    def remove(self, sandbox: Sandbox) -> None:
        """Remove the file and what SQLite keeps beside it."""
        database = Path(sandbox.database)
        if database.exists() and not self.stands(sandbox):
            raise _strange(database)
        files.remove(database.with_suffix(".new"))
        files.remove(database)

    def stands(self, sandbox: Sandbox) -> bool:
        """Tell whether the file is there and the one that we made: one that was put in its place is another."""
        database = Path(sandbox.database)
        return database.exists() and _inode(database) == self._mark(sandbox)

    def sizes(self, sandboxes: Sequence[Sandbox]) -> Mapping[str, int]:
        """Give the files' sizes, with what SQLite keeps beside them."""
        found = {}
        for database in (Path(sandbox.database) for sandbox in sandboxes):
            parts = [database, *(database.with_name(database.name + suffix) for suffix in COMPANIONS)]
            with suppress(FileNotFoundError):
                database.stat()
                found[str(database)] = sum(part.stat().st_size for part in parts if part.exists())
        return found

    def address(self, sandbox: Sandbox) -> Address:
        """Give the path."""
        return Address(engine=self.engine, database=sandbox.database)

    def close(self) -> None:
        """Let go of what is held."""
        for what in list(self._held):
            self.release(what)


def _cloned(golden: Path, new: Path, seconds: float) -> None:
    """
    Clone a file as it is between two commits.

    A reader's lock keeps others from changing it; the file is looked at again afterwards as well, because another
    thread that closes the file takes this process's locks away.

    Raises:
        TryAgainError: DM705, it was changed each time.
    """
    for _ in range(_TRIES):
        with filing(golden):
            before = _state(golden)
        snapshot = Snapshot(golden, TARGET, seconds)
        try:
            if before[-1][_WAL_BYTES] == _WAL:  # what was committed last may stand in another file
                _backed_up(golden, new)
                return
            with filing(new):
                new.unlink(missing_ok=True)
                clone(golden, new)
                if _state(golden) == before:
                    return
        finally:
            snapshot.close()
    message = "the golden copy is being written to and cannot be copied"
    raise TryAgainError("DM705", message, place=str(golden), hint="wait with --wait, or end its writers")


def _state(path: Path) -> tuple[int, int, int, bytes]:
    """Give what tells one state of a file from another."""
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        return status.st_ino, status.st_size, status.st_mtime_ns, file.read(_HEADER)


def _backed_up(golden: Path, new: Path) -> None:
    with filing(new):
        os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with told(TARGET, str(golden)), closing(connect(golden, "ro")) as read, closing(connect(new, "rw")) as made:
        read.backup(made)


def _inode(path: Path) -> str:
    return file_identity(path).server or _NO_FILE


def _strange(database: Path) -> RefusedError:
    hint = "move it away or remove it yourself; dbmimic removes nothing that it did not make"
    return RefusedError(
        "DM324", "the file is not the one that was made as this sandbox", place=str(database), hint=hint
    )

"""
Rows between two servers by `psql`, outside of this process.

A `psql` that reads writes rows into a pipe. Where nothing is masked, what comes out of it goes on in blocks as it is;
where something is, whole blocks are masked on their way. Where our own session cannot take blocks (`straight`), another
`psql` writes; the two are joined where nothing is masked, and the rows never come here.

Nothing is committed before the writing `psql` is told so on a pipe of its own: if this process dies, that pipe ends,
`psql` ends with it, and the server takes everything back.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import selectors
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, Queue
from typing import IO

from dbmimic.engines.postgres import programs
from dbmimic.engines.postgres.connect import Connection
from dbmimic.engines.postgres.errors import Fault, Side, copied_column, translated
from dbmimic.engines.postgres.guarding import Guard, unread
from dbmimic.engines.postgres.session import Peer
from dbmimic.engines.postgres.tools import Toolbox, buffering
from dbmimic.errors import DbmimicError, TryAgainError

PIPE_BYTES = 1 << 20
_SET_PIPE_SIZE = getattr(fcntl, "F_SETPIPE_SZ", 0)  # Linux alone has it
_STATE = re.compile(r"^[^\n]*?:  (?P<state>[0-9A-Z]{5}): ", re.MULTILINE)
# The names of objects stand last, after anything that may hold a row's value.
_NAMES = re.compile(
    r"(?:^SCHEMA NAME:  (?P<schema>.*)\n)?(?:^TABLE NAME:  (?P<table>.*)\n)?(?:^COLUMN NAME:  (?P<column>.*)\n)?"
    r"(?:^DATATYPE NAME:  .*\n)?(?:^CONSTRAINT NAME:  (?P<constraint>.*)\n)?^LOCATION:  .*\n\Z",
    re.MULTILINE,
)
_COPIED = re.compile(rb"^COPY (\d+)$", re.MULTILINE)
_TOLD_BYTES = 1 << 16
_AHEAD = 2  # pieces
_BLINK = 0.05
_MOMENT = 0.5  # seconds; a process that lost its server is over by then


@dataclass(frozen=True, slots=True)
class Psql:
    """A `psql` that connects as one of our own connections did."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    side: Side
    peer: Peer | None = None

    @classmethod
    def like(cls, connection: Connection, toolbox: Toolbox, side: Side) -> Psql | None:
        """Give one that leads where the connection does, or None where there is no `psql`."""
        tool = toolbox.choose()
        if tool is None:
            return None
        options = ("--no-psqlrc", "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=verbose")
        program = tool.program("psql")
        command = (*buffering(program), str(program), *options, "--dbname", programs.address(connection))
        return cls(command, programs.environment(connection), side, connection.peer)

    def start(
        self,
        *more: str,
        given: IO[bytes] | int,
        out: int = subprocess.PIPE,
        handed: Sequence[int] = (),
    ) -> subprocess.Popen[bytes]:
        """Start it; `handed` are the open files that it inherits."""
        try:
            return subprocess.Popen(
                [*self.command, *more],
                stdin=given,
                stdout=out,
                stderr=subprocess.PIPE,
                env=self.environment,
                pass_fds=tuple(handed),
            )
        except OSError:
            code = self.side.code(6)
            raise self.side.error(code, "psql could not be started", place=self.command[0]) from None


class Told:
    """
    What a `psql` says on its standard error: it may hold rows, so it is kept in memory, and only its two ends.

    While it says nothing its guard looks at it; where that finds that it should be ended, it is.
    """

    def __init__(self, process: subprocess.Popen[bytes], guard: Guard) -> None:
        self._process, self.guard = process, guard
        self._stream = _opened(process.stderr)
        self._first = self._last = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._stream, selectors.EVENT_READ)
            while piece := self._piece(selector):
                self._first = (self._first + piece)[:_TOLD_BYTES]
                self._last = (self._last + piece)[-_TOLD_BYTES:]

    def _piece(self, selector: selectors.BaseSelector) -> bytes:
        while not selector.select(self.guard.pause):
            self.guard.look()
            if self.guard.error is not None:
                self._process.kill()
                return b""
        return os.read(self._stream.fileno(), _TOLD_BYTES)

    def text(self) -> str:
        """Give the beginning and the end of it, once the process is over."""
        self._reader.join()
        both = self._first if self._first == self._last else self._first + b"\n" + self._last
        return both.decode(errors="replace")

    def failure(self, side: Side, doing: str, place: str, columns: Sequence[str] = ()) -> DbmimicError:
        """Give the error for why it ended, once it has."""
        said = self.text()
        return self.guard.error or _failure(said, side, doing, place, columns)

    def close(self) -> None:
        """End the reading, after the process."""
        self._reader.join()
        self._stream.close()


class Gathered:
    """
    What comes out of a socket, gathered by a thread in pieces of one size, two of them ahead.

    Each piece is one call into the system, however many writes it is made of: so the thread does not fight with the
    masks for Python's lock, and the other end need not wait while they are at work.
    """

    def __init__(self, end: socket.socket, size: int) -> None:
        self._end = end
        self._size = size
        self._pieces: Queue[bytearray] = Queue(_AHEAD)
        self._thread = threading.Thread(target=self._gather, daemon=True)
        self._thread.start()

    def _gather(self) -> None:
        count = 1
        while count:
            piece = bytearray(self._size)
            try:
                count = self._end.recv_into(piece, self._size, socket.MSG_WAITALL)
            except OSError:
                count = 0
            del piece[count:]
            self._pieces.put(piece)

    def read(self) -> bytearray:
        """Give the next piece; an empty one at the end, and only once."""
        return self._pieces.get()

    def unread(self) -> int | None:
        """Give how many bytes wait to be gathered, where that is known."""
        try:
            return unread(self._end.fileno())
        except ValueError:  # it is closed
            return None

    def close(self) -> None:
        """Throw away what was not read, once the other end is gone."""
        while self._thread.is_alive():
            with contextlib.suppress(Empty):
                self._pieces.get(timeout=_BLINK)
        self._end.close()


class Handed:
    """What goes into a pipe, by a thread that waits for the other end; two pieces at most wait for it."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._pieces: Queue[bytes | memoryview | None] = Queue(_AHEAD)
        self.broken = False
        self._thread = threading.Thread(target=self._hand, daemon=True)
        self._thread.start()

    def _hand(self) -> None:
        while (piece := self._pieces.get()) is not None:
            try:
                left = memoryview(piece)
                while left and not self.broken:
                    left = left[os.write(self._pipe.fileno(), left) :]
            except OSError:
                self.broken = True

    def write(self, piece: bytes | memoryview) -> None:
        """Take one more piece; waits where two are waiting."""
        self._pieces.put(piece)

    def end(self) -> None:
        """Wait until all is handed over, and close the pipe."""
        if not self._pipe.closed:
            self._pieces.put(None)
            self._thread.join()
            with contextlib.suppress(OSError):
                self._pipe.close()


class Outflow:
    """
    A `psql` that runs a script of `COPY ... TO STDOUT`.

    `rows` is where they come out, to be handed to an `Inflow` or read in `blocks`; those that are to be masked are
    gathered ahead.
    """

    def __init__(self, psql: Psql, script: bytes, place: str, *, ahead: int = 0) -> None:
        self._side = psql.side
        self._place = place
        self._gathered: Gathered | None = None
        if ahead:
            ours, theirs = socket.socketpair()
            with theirs:
                self._process = psql.start("--quiet", "--file=-", given=subprocess.PIPE, out=theirs.fileno())
            self._gathered = Gathered(ours, ahead)
        else:
            self._process = psql.start("--quiet", "--file=-", given=subprocess.PIPE)
            _widen(self.rows)
        self._told = Told(self._process, Guard(psql.peer, self._process.pid, self._rests))
        self._feeder = threading.Thread(target=_feed, args=(_opened(self._process.stdin), script), daemon=True)
        self._feeder.start()

    def _rests(self) -> bool:
        """Tell whether rows lie there that nobody has taken yet."""
        here = self._gathered.unread() if self._gathered is not None else unread(f"/proc/{self._process.pid}/fd/1")
        return bool(here)

    @property
    def rows(self) -> IO[bytes]:
        """Where rows come out that are not gathered here."""
        return _opened(self._process.stdout)

    def blocks(self) -> Iterator[bytes]:
        """Give the rows in blocks as they come, and raise at their end what went wrong."""
        while block := self.rows.read(PIPE_BYTES):  # `psql` may write a few kB at a time
            yield block
        self.finish()

    def read(self) -> bytearray:
        """Give what came next, `ahead` bytes or what is left of the rows; nothing at their end."""
        return self._gathered.read() if self._gathered is not None else bytearray()

    def finish(self, into: Inflow | None = None) -> None:
        """
        Wait for the end, and raise what went wrong.

        Where the rows went straight into another `psql`, what ended that one first is told first; but one that got no
        rows, because this one got no connection, says only that.
        """
        if self._process.wait() == 0:
            return
        failure = self._told.failure(self._side, "reading rows", self._place)
        if into is not None and not isinstance(failure, TryAgainError):
            into.check()
        raise failure

    def close(self) -> None:
        """Stop it, whatever it is doing."""
        _stop(self._process)
        self._feeder.join()
        if self._gathered is not None:
            self._gathered.close()
        else:
            self.rows.close()
        self._told.close()


class Inflow:
    """
    A `psql` that runs one `COPY ... FROM STDIN` in a transaction which waits for our word.

    Rows come from `source`, or by `write`.
    """

    def __init__(
        self,
        psql: Psql,
        statements: Sequence[str],
        place: str,
        source: IO[bytes] | None = None,
        columns: Sequence[str] = (),
    ) -> None:
        self._side = psql.side
        self._columns = columns
        self._place = place
        heard, self._word = os.pipe()
        try:
            self._process = psql.start(
                *(f"--command={statement}" for statement in statements),
                f"--file=/dev/fd/{heard}",
                given=source or subprocess.PIPE,
                handed=[heard],
            )
        except BaseException:
            os.close(self._word)
            raise
        finally:
            os.close(heard)
        self._told = Told(self._process, Guard(psql.peer, self._process.pid, self._rests))
        self._rows: Handed | None = None
        if source is None:
            _widen(_opened(self._process.stdin))
            self._rows = Handed(_opened(self._process.stdin))

    def _rests(self) -> bool:
        """Tell whether it has had all rows that there were so far, and not yet our word."""
        return self._word >= 0 and unread(f"/proc/{self._process.pid}/fd/0") == 0

    def write(self, data: bytes | memoryview) -> None:
        """Send some rows; waits where the server is slower than we are."""
        if self._rows is None or self._rows.broken:
            raise self._failed()
        self._rows.write(data)

    def check(self) -> None:
        """Raise what ended it, if something did."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self._process.wait(_MOMENT) != 0:
                raise self._failed()

    def commit(self, script: str = "") -> int:
        """End the rows, run a script in the same transaction, commit, and give how many rows there were."""
        if self._rows is not None:
            self._rows.end()
        with contextlib.suppress(BrokenPipeError), os.fdopen(self._word, "wb") as word:
            self._word = -1
            word.write(f"{script}\nCOMMIT;\n".encode())
        if self._process.wait() != 0:
            raise self._failed()
        return sum(int(found) for found in _COPIED.findall(_opened(self._process.stdout).read()))

    def _failed(self) -> DbmimicError:
        self._process.wait()
        return self._told.failure(self._side, "loading rows", self._place, self._columns)

    def close(self) -> None:
        """Stop it; what was not committed is taken back."""
        _stop(self._process)  # first: the end of its input would be the end of the rows to it
        if self._rows is not None:
            self._rows.end()
        if self._word >= 0:
            os.close(self._word)
        self._told.close()
        _opened(self._process.stdout).close()


def _opened(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # noqa: S101 -- it was asked for as a pipe
    return stream


def _widen(pipe: IO[bytes]) -> None:
    """Let a pipe hold a block, so that its two ends need not take turns; without it they do."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe.fileno(), _SET_PIPE_SIZE, PIPE_BYTES)


def _feed(pipe: IO[bytes], script: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), pipe:
        pipe.write(script)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()


def _failure(said: str, side: Side, doing: str, place: str, columns: Sequence[str] = ()) -> DbmimicError:
    """Give our error for what `psql` said: the code and the names of objects (one of the COPY's `columns`), no more."""
    state = _STATE.search(said)
    names = _NAMES.search(said)
    if state is None:
        fault = Fault("53300") if programs.no_room(said.encode()) else Fault("", broken=True)
        return translated(fault, side, doing, place)
    found = names.groupdict(default="") if names else dict.fromkeys(("schema", "table", "column", "constraint"), "")
    table = ".".join(filter(None, (found["schema"], found["table"])))
    column = found["column"] or copied_column(said, columns)
    return translated(Fault(state["state"], table, column, found["constraint"]), side, doing, place)

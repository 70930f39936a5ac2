"""A source that is read no faster than its server can bear, and workers that are given work no faster."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

import pyarrow as pa

from dbmimic.model.baseline import Keys, Position, Standing
from dbmimic.model.batch import Layout, RawBatch
from dbmimic.model.keys import WHOLE, KeySet, Portion, Rows, Span
from dbmimic.model.request import IdsSeed, WhereSeed
from dbmimic.model.schema import Check, ForeignKey, Schema, Table
from dbmimic.model.target import Identity, Structure
from dbmimic.pipeline.throttle import Throttle
from dbmimic.ports.clock import Clock
from dbmimic.ports.delta import Dated
from dbmimic.ports.source import End, KeyedRows, Links, Source
from dbmimic.ports.watch import Watch

P = ParamSpec("P")
T = TypeVar("T")

# Transactions that a session of ours ends on the source at most: it looks round, reads and goes.
_A_READING = 4
_AN_ORDER = 12
_PIECE_BYTES = 4 << 20  # what is read at a time while others are at work


class _Paused(Iterator[T]):
    """Pieces of a stream, with a rest after each."""

    def __init__(self, pieces: Iterator[T], throttle: Throttle, clock: Clock) -> None:
        self._pieces, self._throttle, self._clock = pieces, throttle, clock
        self._began: float | None = None

    def __next__(self) -> T:
        if self._began is None:
            self._throttle.check()
        else:
            began = self._ended()
            self._throttle.pause(self._clock.seconds() - began)
        self._throttle.read()
        self._began = self._clock.seconds()
        try:
            return next(self._pieces)
        except BaseException:
            self._ended()
            raise

    def _ended(self) -> float:
        began, self._began = self._began or 0.0, None
        self._throttle.rested()
        return began

    def close(self) -> None:
        """End the stream, whether it was begun or not."""
        if self._began is not None:
            self._ended()
        if (end := getattr(self._pieces, "close", None)) is not None:
            end()


class ThrottledSource:
    """
    A `ports.source.Source` that pauses between two questions, and between two batches, as its throttle says.

    While others are at work there is one reader, and it reads in small pieces.
    """

    def __init__(self, source: Source, throttle: Throttle, clock: Clock) -> None:
        self._source, self._throttle, self._clock = source, throttle, clock

    def _asked(self, question: Callable[[], T]) -> T:
        self._throttle.check()
        began = self._clock.seconds()
        self._throttle.read()
        try:
            answer = question()
        finally:
            self._throttle.rested()
        self._throttle.pause(self._clock.seconds() - began)
        return answer

    def _streamed(self, pieces: Iterator[T]) -> Iterator[T]:
        return _Paused(pieces, self._throttle, self._clock)

    @property
    def engine(self) -> str:
        """The source's engine."""
        return self._source.engine

    def identity(self) -> Identity:
        """Give which database the source is."""
        return self._source.identity()

    def schema(self) -> Schema:
        """Give the source's schema."""
        return self._source.schema()

    def structure(self) -> Structure:
        """Give the structure in the engine's own words."""
        return self._asked(self._source.structure)

    def hold(self, token: int) -> None:
        """Take the session lock of that number."""
        self._source.hold(token)

    @property
    def abreast(self) -> int:
        """How many questions may be asked at once; one at a time while others are at work."""
        return 1 if self._throttle.busy else self._source.abreast

    def seed(self, table: Table, seed: WhereSeed | IdsSeed) -> KeySet:
        """Give the rows that a seed names."""
        return self._asked(lambda: self._source.seed(table, seed))

    def check(self, condition: WhereSeed) -> None:
        """Make sure that a condition is one that the source takes."""
        self._source.check(condition)

    def keyed(self, table: Table, columns: tuple[str, ...], rows: Rows = WHOLE) -> Iterator[KeyedRows]:
        """Stream these rows' identities with some columns."""
        return self._streamed(self._source.keyed(table, columns, rows))

    def parents(self, edge: ForeignKey, children: Rows) -> KeySet:
        """Give the parent rows that these child rows reference."""
        return self._asked(lambda: self._source.parents(edge, children))

    def children(self, edge: ForeignKey, parents: KeySet) -> KeySet:
        """Give the child rows that reference any of these parent rows."""
        return self._asked(lambda: self._source.children(edge, parents))

    def links(self, edge: ForeignKey, rows: Rows, end: End) -> Iterator[Links]:
        """Stream which child row references which parent row."""
        return self._streamed(self._source.links(edge, rows, end))

    def count(self, table: Table) -> int:
        """Give how many rows the table holds."""
        return self._asked(lambda: self._source.count(table))

    def read(self, layout: Layout, rows: Rows | Span) -> Iterator[RawBatch]:
        """Stream the chosen rows; while others are at work, not before somebody asks for the first of them."""
        self._throttle.expect(_A_READING)
        return self._streamed(self._late(layout, rows) if self._throttle.busy else self._source.read(layout, rows))

    def _late(self, layout: Layout, rows: Rows | Span) -> Iterator[RawBatch]:
        yield from self._source.read(layout, rows)

    def cut(self, layout: Layout, rows: Rows, byte_count: int) -> Sequence[Portion]:
        """Cut the chosen rows; while others are at work, into pieces that are read in a moment."""
        most = min(byte_count, _PIECE_BYTES) if self._throttle.busy else byte_count
        return self._source.cut(layout, rows, most)

    def orphans(self, edge: ForeignKey, children: Rows) -> int:
        """Give how many of these child rows reference a parent row that is not there."""
        return self._asked(lambda: self._source.orphans(edge, children))

    def refuses(self, table: Table, check: Check, columns: Mapping[str, pa.Array]) -> bool | None:
        """Tell whether a check refuses any of these rows."""
        return self._asked(lambda: self._source.refuses(table, check, columns))

    def share(self, sessions: int) -> str | None:
        """Give a token for other sessions, or none while others are at work."""
        return None if self._throttle.busy else self._source.share(sessions)

    def beat(self) -> None:
        """Make sure that the snapshot is still held."""
        self._throttle.check()
        self._source.beat()

    def watch(self) -> Watch | None:
        """Open a session that sees whom the source holds up."""
        return self._source.watch()

    def close(self) -> None:
        """End the snapshot and the connection."""
        self._source.close()


class ThrottledDatedSource(ThrottledSource):
    """The same of a source that knows of each row when it was written (`ports.delta.Dated`)."""

    def __init__(self, source: Source, dated: Dated, throttle: Throttle, clock: Clock) -> None:
        super().__init__(source, throttle, clock)
        self._dated = dated

    def position(self) -> Position:
        """Give where the source stood when the snapshot was taken."""
        return self._dated.position()

    def standing(self, table: Table, since: int, key: tuple[str, ...] = ()) -> Standing:
        """Give how many rows a table has, which were written since, and their keys."""
        return self._asked(lambda: self._dated.standing(table, since, key))

    def recent(self, rows: KeySet, since: int) -> KeySet:
        """Give those of these rows that were written since."""
        return self._asked(lambda: self._dated.recent(rows, since))

    def integers(self, table: Table, columns: tuple[str, ...], rows: Rows) -> KeySet | None:
        """Give the values of a key of integers, of these rows."""
        return self._asked(lambda: self._dated.integers(table, columns, rows))

    def referenced(self, edge: ForeignKey, gone: Keys) -> bool | None:
        """Tell whether a row references one of these keys."""
        return self._asked(lambda: self._dated.referenced(edge, gone))

    def few_first(self, table: Table, columns: tuple[str, ...]) -> tuple[str, ...]:
        """Give a key's columns in an order in which sets of them are small."""
        return self._asked(lambda: self._dated.few_first(table, columns))


def throttled(source: Source, throttle: Throttle, clock: Clock) -> Source:
    """Give a source that pauses as its throttle says, with all that it can."""
    if isinstance(source, Dated):
        return ThrottledDatedSource(source, source, throttle, clock)
    return ThrottledSource(source, throttle, clock)


class ThrottledExecutor(Executor):
    """
    Hands work to another executor, one more piece than it has workers at a time, and none while reading should pause.

    The other executor is its owner's to end; `shutdown` ends the thread that hands over.
    """

    def __init__(self, executor: Executor, workers: int, throttle: Throttle, clock: Clock) -> None:
        self.workers = workers
        self._executor, self._throttle, self._clock = executor, throttle, clock
        self._room = threading.Semaphore(workers + 1)
        self._took = 0.0
        self._waiting: SimpleQueue[tuple[Future[Any], Callable[[], Future[Any]]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._hand_over, name="throttled work", daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Give the future of the call."""
        future: Future[T] = Future()
        self._waiting.put((future, lambda: self._executor.submit(fn, *args, **kwargs)))
        return future

    def _hand_over(self) -> None:
        while (found := self._waiting.get()) is not None:
            future, begin = found
            self._room.acquire()
            if not future.set_running_or_notify_cancel():
                self._room.release()
                continue
            try:
                self._throttle.pause(self._took)
                self._throttle.expect(_AN_ORDER)
                began = self._clock.seconds()
                self._throttle.read()
                try:
                    inner = begin()
                except BaseException:
                    self._throttle.rested()
                    raise
            except Exception as error:  # noqa: BLE001 -- it is the future's to raise
                self._room.release()
                future.set_exception(error)
            else:
                self._follow(inner, future, began)

    def _follow(self, inner: Future[T], future: Future[T], began: float) -> None:
        def done(ended: Future[T]) -> None:
            self._took = self._clock.seconds() - began
            self._throttle.rested()
            self._room.release()
            error = BrokenExecutor("what had been begun was cancelled") if ended.cancelled() else ended.exception()
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(ended.result())

        inner.add_done_callback(done)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Hand over nothing more."""
        del wait, cancel_futures
        self._waiting.put(None)

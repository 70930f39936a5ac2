"""Worker processes on this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from multiprocessing import process
from typing import Any, ParamSpec, TypeVar

from dbmimic.executors import heap

P = ParamSpec("P")
T = TypeVar("T")

_LEAVING_SECONDS = 5.0
_IMPORTED_ONCE = ("dbmimic.wiring", "dbmimic.engines.postgres.engine", "pyarrow.compute")


class ProcessExecutor(Executor):
    """
    Runs what is submitted in so many processes, which are started when the first work comes.

    Where a process dies (killed for its memory, for instance), all that was under way fails with a `BrokenExecutor`;
    what is submitted after that runs in new processes. Workers end with this process, however it ends.

    Workers come from a fork server that has imported what they need, so they share its memory and start at once. Its
    cost: a script that uses this needs the usual `if __name__ == "__main__":`.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(_IMPORTED_ONCE))
        self._pool: ProcessPoolExecutor | None = None
        self._under_way: set[Future[Any]] = set()
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Give the future of the call; function and arguments travel pickled."""
        if self._closed:
            raise RuntimeError("the executor was shut down")
        try:
            future = self._ready().submit(fn, *args, **kwargs)
        except BrokenExecutor:
            self._pool = None
            future = self._ready().submit(fn, *args, **kwargs)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        return future

    def _ready(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.workers, mp_context=self._context, initializer=_begin)
        return self._pool

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """
        End the workers; where they shall not be waited for, at once and whatever they do.

        Those that have nothing to do and do not end by themselves are killed: one that was killed while it took work
        keeps the lock under which the others would be told to end.
        """
        self._closed = True
        pool, self._pool = self._pool, None
        if pool is None:
            return
        workers: list[process.BaseProcess] = list((getattr(pool, "_processes", None) or {}).values())
        manager: threading.Thread | None = getattr(pool, "_executor_manager_thread", None)
        for future in list(self._under_way) if cancel_futures else ():
            future.cancel()
        if wait:
            wait_for(list(self._under_way))
        pool.shutdown(wait=False, cancel_futures=cancel_futures or not wait)
        if manager is None:
            return
        if wait:
            manager.join(_LEAVING_SECONDS)
        for worker in workers if manager.is_alive() else ():
            with contextlib.suppress(OSError, ValueError):  # it is over already
                worker.kill()
        manager.join(_LEAVING_SECONDS)


def _begin() -> None:
    """Be a worker: a key pressed at the terminal is the parent's to answer, and the parent's end is ours."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    heap.share_one()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: process.BaseProcess) -> None:
    parent.join()
    os._exit(1)

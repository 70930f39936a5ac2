"""Workers of a Dask cluster: one that is there, or one of this machine's processes."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

from dbmimic.errors import UsageError

P = ParamSpec("P")
T = TypeVar("T")

LOCAL = "local"
_CONNECT_SECONDS = 20


class DaskExecutor(Executor):
    """
    Runs what is submitted on the workers of a cluster; `address` is the scheduler's `host:port`, or `local`.

    A worker that is lost is replaced by another one, by Dask's own rules; what is lost for good ends in a
    `BrokenExecutor`. Workers need dbmimic installed, and what the configuration refers to (variables, files).

    Raises:
        UsageError: DM101, Dask is not installed, or nobody answers at that address.
    """

    def __init__(self, address: str, workers: int) -> None:
        try:
            distributed = import_module("distributed")
        except ImportError:
            hint = "pip install 'dbmimic[dask]'"
            raise UsageError("DM101", "Dask is not installed", place="--executor", hint=hint) from None
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        self._lost: type[Exception] = distributed.KilledWorker
        self._cluster: Any = None
        if address == LOCAL:
            self._cluster = distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
            )
        try:
            self._client: Any = distributed.Client(
                self._cluster or f"tcp://{address}", timeout=_CONNECT_SECONDS, set_as_default=False
            )
        except (OSError, ValueError):
            hint = "check host and port of the scheduler, and that it runs"
            raise UsageError("DM101", "no Dask scheduler answers there", place="--executor", hint=hint) from None
        self.workers = max(1, len(self._client.scheduler_info(n_workers=-1)["workers"]))

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Give the future of the call; function and arguments travel pickled."""
        given: Future[T] = Future()
        given.set_running_or_notify_cancel()
        inner = self._client.submit(fn, *args, **kwargs, pure=False)

        def pass_on(done: Any) -> None:
            with contextlib.suppress(Exception):  # the client may be closing
                if done.cancelled():
                    given.set_exception(BrokenExecutor("the work was cancelled"))
                elif (error := done.exception()) is None:
                    given.set_result(done.result())
                else:
                    lost = isinstance(error, self._lost)
                    given.set_exception(BrokenExecutor("workers were lost") if lost else error)

        inner.add_done_callback(pass_on)
        return given

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let go of the cluster; end it where it is our own."""
        del wait, cancel_futures
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()

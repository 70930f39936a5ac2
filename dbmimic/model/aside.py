"""Work that another thread does: its outcome, a result or an error, is waited for where it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


def settle(future: Future[Result], work: Callable[[], Result]) -> None:
    """Do some work, and let what comes of it, or what it raises, be the future's."""
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 -- it is raised where the result is asked for
        future.set_exception(error)


def begun(work: Callable[[], Result]) -> Future[Result]:
    """
    Give what comes of some work that a thread of its own does in sessions of its own.

    Nobody waits for the thread where something else fails first: it ends with its sessions, or with the process.
    """
    future: Future[Result] = Future()
    threading.Thread(target=settle, args=(future, work), daemon=True).start()
    return future

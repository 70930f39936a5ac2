"""Work of a server that may take so long and no longer, and that a signal ends at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from dbmimic.errors import DbmimicError, TargetError
from dbmimic.model.target import Amendment

_GRACE_SECONDS = 3.0  # for what was told to stop


def within(amendment: Amendment, work: Callable[[], object], stop: Callable[[], object]) -> None:
    """
    Do the work of an amendment; where its time is over, or this thread is interrupted, call `stop` and wait a moment.

    The work is done by a thread of its own, because a driver that waits for its server does not hear signals.

    Raises:
        TargetError: DM504, the time is over.
    """
    done: Future[None] = Future()

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 -- it is raised where the work is waited for
            done.set_exception(error)
        else:
            done.set_result(None)

    threading.Thread(target=run, name="amend", daemon=True).start()
    try:
        done.exception(amendment.seconds)
    except TimeoutError:
        _end(done, stop)
        message = f"the SQL was not done within {amendment.seconds:g} seconds"
        raise TargetError("DM504", message, place=amendment.place, hint="give it a longer `timeout`") from None
    except BaseException:
        _end(done, stop)
        raise
    done.result()


def _end(done: Future[None], stop: Callable[[], object]) -> None:
    with suppress(DbmimicError):  # who cannot be told to stop is waited for all the same
        stop()
    with suppress(TimeoutError):
        done.exception(_GRACE_SECONDS)

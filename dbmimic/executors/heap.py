"""How a process that is ours alone takes memory."""

from __future__ import annotations

import contextlib
import ctypes

import pyarrow as pa

_ARENA_MAX = -8  # M_ARENA_MAX of glibc's <malloc.h>; other libraries have no `mallopt`, or take no such word


def share_one() -> None:
    """
    Let all threads and Arrow take memory from one heap, so that what one frees the next one gets.

    A batch is read by one thread, masked by another and sent by a third. With a heap for each of them and one of
    Arrow's own a process that copies takes more, and longer. Not for a process that runs somebody else's program, too.
    Source: mallopt(3); Arrow's documentation, "Memory Management".
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
    pa.set_memory_pool(pa.system_memory_pool())

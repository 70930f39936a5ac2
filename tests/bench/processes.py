"""What the kernel says of processes: who descends from whom, their CPU, their memory."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE") // 1024  # KiB
_OWN_CPU, _ENDED_CPU = slice(11, 13), slice(13, 15)  # fields of /proc/PID/stat after the name
_GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


def _fields(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def children(pid: int) -> list[int]:
    """Give the living children of a process."""
    found = []
    with contextlib.suppress(*_GONE):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(*_GONE):
                found += [int(each) for each in (task / "children").read_text().split()]
    return found


def tree(pid: int) -> list[int]:
    """Give a process and all its living descendants."""
    found = [pid]
    for each in found:
        found += children(each)
    return found


def cpu_of_tree(pid: int) -> float:
    """Give the CPU seconds of a process, its living descendants and all that ended and were waited for."""
    ticks = 0
    for each in tree(pid):
        with contextlib.suppress(*_GONE):
            fields = _fields(each)
            ticks += sum(int(field) for field in (*fields[_OWN_CPU], *fields[_ENDED_CPU]))
    return ticks / _TICKS


def memory(pid: int) -> int:
    """Give the proportional share of memory of a process in KiB, 0 where it is gone."""
    with contextlib.suppress(*_GONE):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def resident(pid: int) -> int:
    """
    Give the resident memory of a process in KiB, what it shares with others included; 0 where it is gone.

    Some 20 microseconds. `memory` walks the page tables, for milliseconds in which the process cannot get new pages.
    """
    with contextlib.suppress(*_GONE):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return 0

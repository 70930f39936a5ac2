"""
Copies, and is killed with SIGKILL at the n-th call into an engine; n = 0 counts the calls and prints their number.

    forks.run(CONFIG, ENGINE, N, module="tests.faults.killed")
    forks.run(CONFIG, ENGINE, FUNCTION, "delta", module="tests.faults.killed")
    forks.run(CONFIG, ENGINE, FUNCTION:N, "resume", "portions", module="tests.faults.killed")

With the name of a function of the engine's in place of a number, it is killed when that is called, or called for the
n-th time; with `delta` it copies what changed, with `resume` it goes on with what was left, and with `portions` tables
are cut as large ones are. Every step that reads or writes a database or a file is such a call, so the calls are all the moments that matter.
"""

import functools
import os
import signal
import sys
from pathlib import Path
from types import FrameType

import dbmimic
from dbmimic.pipeline import units


def main() -> None:
    config, engine, point, *flags = sys.argv[1:]
    settings = dbmimic.load_config(config)
    folder = str(Path("dbmimic/engines") / engine)
    name, _, wanted = point.partition(":")
    calls = named = 0
    if "portions" in flags:
        units.split = functools.partial(units.split, byte_count=8192)

    def count(frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal calls, named
        if folder in frame.f_code.co_filename:
            calls += 1
            named += frame.f_code.co_name == name
            if name == str(calls) or named == int(wanted or 1):
                os.kill(os.getpid(), signal.SIGKILL)

    sys.settrace(count)  # which asks for no more than the calls, as it gives nothing to trace them with
    report = dbmimic.copy(settings, delta="delta" in flags, resume="resume" in flags)
    sys.settrace(None)
    assert report.verified
    print(calls)
    sys.exit(0)

"""
Copies, and is killed with SIGKILL at the n-th call into an engine; n = 0 counts the calls and prints their number.

    forks.run(CONFIG, ENGINE, N, module="tests.faults.killed")
    forks.run(CONFIG, ENGINE, FUNCTION, "delta", module="tests.faults.killed")

With the name of a function of the engine's in place of a number, it is killed when that is called, and with `delta` it
copies what changed. Every step that reads or writes a database or a file is such a call, so the calls are all the moments that matter.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

import dbmimic


def main() -> None:
    config, engine, point, *flags = sys.argv[1:]
    settings = dbmimic.load_config(config)
    folder = str(Path("dbmimic/engines") / engine)
    calls = 0

    def count(frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal calls
        if folder in frame.f_code.co_filename:
            calls += 1
            if point in {str(calls), frame.f_code.co_name}:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.settrace(count)  # which asks for no more than the calls, as it gives nothing to trace them with
    report = dbmimic.copy(settings, delta="delta" in flags)
    sys.settrace(None)
    assert report.verified
    print(calls)
    sys.exit(0)

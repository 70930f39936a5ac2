"""
Copies in a process of its own, and kills it with SIGKILL at the n-th call into an engine; n = 0 counts the calls.

    python -m tests.faults.killed CONFIG ENGINE N

Every step that reads or writes a database or a file is such a call, so the calls are all the moments that matter.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

import dbmimic


def main() -> None:
    config, engine, point = sys.argv[1], sys.argv[2], int(sys.argv[3])
    settings = dbmimic.load_config(config)
    folder = str(Path("dbmimic/engines") / engine)
    calls = 0

    def count(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        if event == "call" and folder in frame.f_code.co_filename:
            calls += 1
            if calls == point:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
    report = dbmimic.copy(settings)
    sys.setprofile(None)
    assert report.verified
    print(calls)


main()

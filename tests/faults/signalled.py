"""
Runs the command line in a process of its own, and sends it a signal when it first calls into a file of an engine.

    python -m tests.faults.signalled FILE SIGNAL ARGUMENT...

A signal from outside comes before, in or after what it is meant to hit, as the machine pleases; this one is on time.
"""

import os
import sys
from types import FrameType

from dbmimic.__main__ import main


def run() -> None:
    path, sent, *arguments = sys.argv[1:]

    def strike(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.endswith(path):
            sys.setprofile(None)
            os.kill(os.getpid(), int(sent))

    sys.argv = ["dbmimic", *arguments]
    sys.setprofile(strike)
    main()


run()

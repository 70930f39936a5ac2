"""
Runs the command line, and sends it a signal when it first calls into a file of an engine.

    forks.run(FILE, SIGNAL, ARGUMENT..., module="tests.faults.signalled")

A signal from outside comes before, in or after what it is meant to hit, as the machine pleases; this one is on time.
When it was sent, by the machine's monotonic clock, stands in the file `SENT` of the working folder.
"""

import os
import sys
import time
from pathlib import Path
from types import FrameType

from dbmimic import __main__ as command

SENT = "sent"


def main() -> None:
    path, sent, *arguments = sys.argv[1:]

    def strike(frame: FrameType, _event: str, _argument: object) -> None:
        if frame.f_code.co_filename.endswith(path):
            sys.settrace(None)
            Path(SENT).write_text(str(time.monotonic()))
            os.kill(os.getpid(), int(sent))

    sys.argv = ["dbmimic", *arguments]
    sys.settrace(strike)
    command.main()

"""The standard streams, where what cannot be written is told by an exit status and not by a traceback."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import TextIO

from dbmimic.errors import UsageError

_CUT = "backslashreplace"  # a name in letters that the terminal lacks is no reason to fail


class NobodyReads(Exception):  # noqa: N818 -- the name says what happened: `dbmimic plan | head`
    """Whoever read standard output has left."""


class Unwritten(Exception):  # noqa: N818 -- as above
    """Standard output took nothing more; `error` tells why, for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        hint = "what the command did stays done, and a run is remembered: `dbmimic runs last` tells of it"
        message = f"the result could not be written: {reason}"
        self.error = UsageError("DM103", message, place="standard output", hint=hint)


class _Results(TextIOWrapper):
    """Standard output: a result that is lost is a failure."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise self._lost(error) from None

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise self._lost(error) from None

    def _lost(self, error: OSError) -> Exception:
        _to_nowhere(self)
        if isinstance(error, BrokenPipeError):
            return NobodyReads()
        return Unwritten(error.strerror or "")


class _Talk(TextIOWrapper):
    """Standard error: a run does not end because nobody can be told how it goes."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError:
            _to_nowhere(self)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            _to_nowhere(self)


def _to_nowhere(stream: TextIOWrapper) -> None:
    """Let what the stream still holds, and is given from now on, go nowhere: or its end would fail once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def install() -> None:
    """
    Make the streams this process's own.

    One that was closed leads nowhere: or results and words for people would mix, and the first file or connection that
    is opened would be where programs that we start believe their output to be.
    """
    for number in range(3):  # in this order, since the lowest free number is the one that is given
        if not _is_open(number):
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 -- open as long as we are
    sys.stdout = _made(_Results, sys.stdout, 1)
    sys.stderr = _made(_Talk, sys.stderr, 2)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _made(kind: type[_Results | _Talk], stream: TextIO | None, number: int) -> TextIO:
    if stream is None:
        return kind(open(number, "wb", closefd=False), "utf-8", _CUT)
    if not isinstance(stream, TextIOWrapper):
        return stream
    return kind(stream.buffer, stream.encoding, _CUT, line_buffering=stream.line_buffering)

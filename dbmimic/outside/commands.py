"""Commands of the user's: started without a shell, heard line by line, ended when their time is over."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from urllib.parse import quote

from dbmimic.model.settings import CommandSpec
from dbmimic.ports.clock import Clock

Say = Callable[[str], None]

# Whoever prints his environment would print these; a hook that needs them is given them by other names.
_KEPT_BACK = ("DBMIMIC_SOURCE", "DBMIMIC_TARGET", "DBMIMIC_SECRET")
_GRACE_SECONDS = 2.0
_LOOK_SECONDS = 0.2
_LONGEST_LINE = 2000
_MOST_LINES = 500
_CHUNK = 1 << 16


def run(
    command: CommandSpec,
    told: Mapping[str, str],
    environ: Mapping[str, str],
    clock: Clock,
    say: Say,
    redact: Redaction,
    *,
    seconds: float,
    given: str = "",
) -> str:
    """
    Run a command to its end and give what went wrong, or nothing.

    It has our environment, without our own credentials and with what is `told`, `given` on standard input, and so many
    `seconds`; then it and all that it started are ended, as they are where this thread is interrupted. What it writes,
    to either stream, goes to `say` by lines, 500 at most, without what `redact` takes out.
    """
    kept = {name: value for name, value in environ.items() if name not in _KEPT_BACK}
    with tempfile.TemporaryFile() as words:
        words.write(given.encode(errors="replace"))
        words.seek(0)
        try:
            process = subprocess.Popen(
                command.words,
                stdin=words,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=command.folder,
                env={**kept, **told},
                start_new_session=True,
            )
        except OSError as error:
            return f"it cannot be started: {error.strerror}"
        except ValueError:
            return "it cannot be started: a word holds a NUL"
    with process:
        try:
            over = _heard(process, _Lines(say, redact), clock, clock.seconds() + seconds)
        except BaseException:
            _end(process)
            raise
        if not over:
            _end(process)
            return f"it was not done within {seconds:g} seconds"
    if process.returncode < 0:
        return f"signal {-process.returncode} ended it"
    return f"it ended with status {process.returncode}" if process.returncode else ""


def unstartable(command: CommandSpec, environ: Mapping[str, str]) -> str:
    """Give why a command cannot be started, as far as that is seen without starting it, or nothing."""
    program = command.words[0] if command.words else ""
    path = os.path.join(command.folder, program) if os.sep in program else program  # noqa: PTH118 -- a name may be bare
    found = shutil.which(path, path=environ.get("PATH"))
    return "" if found else f"there is no program {program} that may be run"


def _heard(process: subprocess.Popen[bytes], lines: _Lines, clock: Clock, deadline: float) -> bool:
    """
    Hand on what a process writes until it is over, and tell whether it was in time.

    What it left running in the background may hold the pipe open; nobody waits for that.
    """
    assert process.stdout is not None  # noqa: S101 -- it was asked for
    pipe = process.stdout.fileno()
    open_ = True
    while clock.seconds() < deadline:
        ended = process.poll() is not None
        ready = open_ and select.select([pipe], [], [], 0 if ended else _LOOK_SECONDS)[0]
        if ready:
            data = os.read(pipe, _CHUNK)
            open_ = bool(data)
            lines.take(data)
        elif ended:
            lines.end()
            return True
        elif not open_:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_SECONDS)
    lines.end()
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all that it started, gently first."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, sent)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
            if sent is signal.SIGTERM:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)  # what it had started
            return


class _Lines:
    """Bytes as lines, of which so many are handed on."""

    def __init__(self, say: Say, redact: Redaction) -> None:
        self._say = say
        self._redact = redact
        self._rest = b""
        self._count = 0

    def take(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._hand_on(line)
        if len(self._rest) > _CHUNK:  # a line without an end
            self.end()

    def end(self) -> None:
        rest, self._rest = self._rest, b""
        if rest:
            self._hand_on(rest)

    def _hand_on(self, line: bytes) -> None:
        self._count += 1
        if self._count <= _MOST_LINES:
            text = self._redact(line.decode(errors="replace"))
            self._say("".join(sign if sign.isprintable() else " " for sign in text)[:_LONGEST_LINE].rstrip())
        elif self._count == _MOST_LINES + 1:
            self._say("(it wrote more)")


class Redaction:
    """Takes passwords and other secrets out of a text, as they are and as a URL spells them."""

    def __init__(self, secrets: Sequence[str]) -> None:
        spelt = {form for each in secrets if each for form in (each, quote(each, safe=""), quote(each))}
        self._spelt = sorted(spelt, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Give the text with `***` for each of them."""
        for each in self._spelt:
            text = text.replace(each, "***")
        return text

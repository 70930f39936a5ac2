"""How this process speaks on standard error: words for people, or lines of JSON. Nothing else writes there."""

from __future__ import annotations

import sys

from dbmimic.errors import DbmimicError
from dbmimic.model.events import LogFormat
from dbmimic.ports.listener import Listener


class Voice:
    """
    What one process has to say beside its result.

    A command chooses the format once it knows it; what goes wrong before is told in words.
    """

    def __init__(self) -> None:
        self.format = LogFormat.AUTO

    def choose(self, wanted: LogFormat) -> None:
        """Speak so from now on."""
        self.format = wanted
        if wanted is LogFormat.JSON:
            from dbmimic.hosting import SystemClock
            from dbmimic.outside.logs import JsonLines

            self._lines = JsonLines(sys.stderr, SystemClock())

    @property
    def json(self) -> Listener | None:
        """Who writes events as JSON, where that was chosen."""
        return self._lines if self.format is LogFormat.JSON else None

    def complain(self, sentence: str) -> None:
        """Tell what the user should know beside what the run does."""
        if self.format is LogFormat.JSON:
            self._lines.complain(sentence)
        else:
            print(sentence, file=sys.stderr, flush=True)

    def fail(self, error: DbmimicError) -> None:
        """Tell an error."""
        if self.format is LogFormat.JSON:
            self._lines.fail(error)
        else:
            print(error, file=sys.stderr, flush=True)


voice = Voice()  # a process has one standard error

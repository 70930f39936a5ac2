"""What happens, told while it happens: bars on a terminal, plain lines elsewhere, always on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from dbmimic.cli.render.voice import voice
from dbmimic.model.amount import amount
from dbmimic.model.events import Event, HookEnded, HookSaid, LogFormat, RowsCopied, Stage, StageEnded, StageStarted
from dbmimic.ports.listener import Listener

_WORDS = {
    Stage.INTROSPECT: "reading the schema",
    Stage.WALK: "choosing rows",
    Stage.COPY: "copying",
    Stage.FINISH: "building keys and indexes",
    Stage.VERIFY: "verifying",
    Stage.AMEND: "running the hooks' SQL",
    Stage.SWAP: "putting it in place",
}


@contextmanager
def watching(*, quiet: bool) -> Iterator[Listener]:
    """Give a listener that tells how a run goes, in the format that was chosen."""
    if quiet:
        yield _Quiet()
        return
    if voice.json is not None:
        yield voice.json
        return
    console = Console(stderr=True)
    if voice.format is LogFormat.TEXT or not console.is_terminal or os.environ.get("CI"):
        yield _Lines()
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TextColumn("{task.fields[rate]}"), TimeRemainingColumn(), console=console) as progress:
        yield _Bars(progress)


def _told(event: HookSaid | HookEnded) -> str:
    """Give what a hook said, or how it ended, as a line."""
    if isinstance(event, HookSaid):
        return f"hook {event.hook}: {event.line}"
    return f"hook {event.hook}: {event.problem or 'done'} {event.seconds:.1f} s"


class _Quiet:
    """Nothing, but what a hook had said before it failed."""

    def __init__(self) -> None:
        self._said: list[str] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, HookSaid):
            self._said.append(_told(event))
        elif isinstance(event, HookEnded):
            if event.problem:
                for line in self._said:
                    voice.complain(line)
            self._said.clear()


class _Lines:
    """One line when a chapter ends: a log has no use for more."""

    def __init__(self) -> None:
        self._rows = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, RowsCopied):
            self._rows += event.row_count
        elif isinstance(event, StageEnded):
            rows = f" {amount(self._rows, 'row')}" if event.stage is Stage.COPY else ""
            print(f"{_WORDS[event.stage]}:{rows} {event.seconds:.1f} s", file=sys.stderr, flush=True)
        elif isinstance(event, (HookSaid, HookEnded)):
            print(_told(event), file=sys.stderr, flush=True)


class _Bars:
    """A bar for each chapter; the rows of a copy move theirs."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = TaskID(0)

    def __call__(self, event: Event) -> None:
        if isinstance(event, StageStarted):
            self._task = self._progress.add_task(_WORDS[event.stage], total=event.rows, rate="")
        elif isinstance(event, RowsCopied):
            self._progress.advance(self._task, event.row_count)
            speed = self._progress.tasks[self._task].speed
            if speed:
                self._progress.update(self._task, rate=f"{speed:,.0f} rows/s")
        elif isinstance(event, StageEnded):
            task = self._progress.tasks[self._task]
            done = task.total if task.total is not None else 1
            self._progress.update(self._task, total=done, completed=done, rate=f"{event.seconds:.1f} s")
        elif isinstance(event, (HookSaid, HookEnded)):
            self._progress.console.print(_told(event), markup=False, highlight=False)

"""
What whoever sets a nightly run up wants to know in the evening: everything that would end it, all at once.

In the order in which a copy meets them: addresses and secret, the target, what hooks need, the source, then what the
pipeline asks of both (see `pipeline.doctor`), and what follows a run. What is not to be had is told, and what hangs on
it is skipped.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from dbmimic import hosting, opening
from dbmimic.config.refreshing import amendments, url
from dbmimic.errors import DbmimicError
from dbmimic.model.checkup import Checkup
from dbmimic.model.events import Event, Noticed
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.settings import CommandSpec, Named, Settings
from dbmimic.outside import commands
from dbmimic.pipeline import doctor as examining
from dbmimic.pipeline.doctor import Sheet
from dbmimic.pipeline.job import Request, World
from dbmimic.pipeline.summaries import NOBODYS
from dbmimic.ports.examined import ExaminedSource
from dbmimic.ports.source import Source
from dbmimic.ports.target import Target
from dbmimic.runs import History

# What a run opens at a time on either side: the snapshot or the upkeep, the watch or the new copy, the walk's second
# one, a client program; and two for each worker.
_SESSIONS = 4
_EACH = 2
_PATIENCE_SECONDS = 30.0  # somebody waits for the answer, and what pauses longer is told


@dataclass
class Doctor:
    """One examination; `request` gives what a copy is asked for, and raises what it would."""

    config: Settings
    request: Callable[[], Request]
    world: World
    workers: int = 1
    sheet: Sheet = field(default_factory=Sheet)

    def examine(self) -> Checkup:
        """Give all checks. Both databases are let go of when this returns."""
        sheet, config = self.sheet, self.config
        if config.source is None:
            sheet.ask("source address", partial(hosting.address, None, "source"))
        request = sheet.ask("secret", self.request) or Request(config.slice, config.rules, NOBODYS)
        sheet.ask("hooks", partial(amendments, config.hooks), quiet=True)
        if config.source is not None:
            sheet.ask("source address", partial(hosting.address, config.source, "source"))
        sheet.ask("target address", partial(hosting.address, config.target, "target"))
        with contextlib.ExitStack() as closing:
            target = self._target(closing)
            sheet.note("hooks", self._commands("before", config.hooks.before, "DM331", Severity.ERROR))
            source, world = self._source(closing)
            if source is not None and target is not None and source.engine != target.engine:
                source, target = self._crossed(source, target)
            examining.examine(request, source, target, world, sheet, self._sessions)
        self._after()
        told = {(check.name, check.code, check.place, check.message): check for check in sheet.checks}
        return Checkup(tuple(told.values()))

    @property
    def _sessions(self) -> int:
        return _SESSIONS + _EACH * self.workers

    def _target(self, closing: contextlib.ExitStack) -> Target | None:
        if self.config.target is None or self._unaddressed("target"):
            self.sheet.skip("target")
            return None
        return self.sheet.ask("target", lambda: closing.enter_context(opening.target(self.config)))

    def _source(self, closing: contextlib.ExitStack) -> tuple[Source | None, World]:
        """Open the source, watched over as in a run; whatever its watch tells is noted."""
        if self.config.source is None or self._unaddressed("source"):
            self.sheet.skip("source")
            return None, self.world
        opened = self.sheet.ask("source", lambda: closing.enter_context(opening.source(self.config)))
        if opened is None:
            return None, self.world
        if isinstance(opened, ExaminedSource):
            self.sheet.checks += opened.examine(self._sessions)
            examining.clock(opened, "source", self.world, self.sheet)
        self.sheet.ask("watch", lambda: self._look(opened), quiet=True)
        patience = self.config.throttle.patience
        patience = _PATIENCE_SECONDS if patience is None else min(patience, _PATIENCE_SECONDS)
        hurried = replace(self.config, throttle=replace(self.config.throttle, patience=patience))
        world = replace(self.world, listener=self._hear)
        return closing.enter_context(opening.watched(opened, hurried, world))

    def _unaddressed(self, what: str) -> bool:
        return any(check.name == f"{what} address" and check.code for check in self.sheet.checks)

    def _look(self, source: Source) -> None:
        watch = source.watch()
        if watch is None:
            return
        with contextlib.closing(watch):
            self.sheet.note("watch", examining.look(watch, self.config.throttle))

    def _hear(self, event: Event) -> None:
        """Hand an event on, and note what the run would be told while it reads; what was seen before is known."""
        if isinstance(event, Noticed) and event.finding.severity is not Severity.INFO:
            self.sheet.note("watch", [event.finding])
        self.world.listener(event)

    def _crossed(self, source: Source, target: Target) -> tuple[Source | None, Target | None]:
        from dbmimic.engines.crossing import CrossingSource, CrossingTarget

        crossing = self.sheet.ask("engines", lambda: CrossingSource(source, target.engine), quiet=True)
        return (None, None) if crossing is None else (crossing, CrossingTarget(target, crossing))

    def _after(self) -> None:
        """Look at what follows a run; but for the commands of `after`, what fails there changes nothing else."""
        config, sheet = self.config, self.sheet
        sheet.note("hooks after", self._commands("after", config.hooks.after, "DM801", Severity.ERROR))
        sheet.note("hooks on failure", self._commands("on_failure", config.hooks.on_failure, "DM801", Severity.WARNING))
        sheet.note("history", _unremembered(hosting.history(config)))
        metrics = config.metrics
        if metrics.textfile:
            sheet.note("metrics", _unwritable("the metrics", Path(metrics.textfile).resolve().parent, made=False))
        if metrics.push is not None:
            sheet.note("metrics", _unaddressed(metrics.push))
        if config.notify is not None:
            command = () if config.notify.command is None else (config.notify.command,)
            sheet.note("notify", self._commands("notify", command, "DM226", Severity.WARNING))
            if config.notify.webhook is not None:
                sheet.note("notify", _unaddressed(config.notify.webhook))

    def _commands(self, kind: str, specs: Iterable[CommandSpec], code: str, severity: Severity) -> Iterator[Finding]:
        for spec in specs:
            problem = commands.unstartable(spec, os.environ)
            if problem:
                hint = "correct its path, which starts from the configuration's folder, or install it"
                yield Finding(code, severity, spec.place, f"a command of {kind} cannot be started: {problem}", hint)


def _unaddressed(named: Named) -> Iterator[Finding]:
    try:
        url(named, os.environ)
    except DbmimicError as error:
        yield Finding(error.code, Severity.WARNING, error.place, error.message, error.hint)


def _unremembered(history: History) -> Iterator[Finding]:
    yield from _unwritable("the history of runs", history.folder)
    message, _, hint = history.hidden().partition(": ")
    if message:
        yield Finding("DM235", Severity.WARNING, str(history.folder), message, hint)


def _unwritable(what: str, folder: Path, *, made: bool = True) -> Iterator[Finding]:
    """Tell whether a folder takes no files; one that is made when it is needed is looked for in the nearest above."""
    there = folder
    while made and not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        message = f"{what} cannot be written into the folder {folder}"
        yield Finding("DM235", Severity.WARNING, str(folder), message, "make it, and let this user write there")

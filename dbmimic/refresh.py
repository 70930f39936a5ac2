"""
One run as the command line does it: what the user wants done around it, and everybody told how it ended.

The copying itself is given. In this order: the run is remembered, the target is held, `before` hooks run, the copy is
made (with the hooks' SQL inside, see `pipeline.amend`) and put in place, `after` hooks run; then, however it ended, the
history is written, `on_failure` hooks run after a failure, and metrics and notices go out. What fails of the last four
is told and changes nothing.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from dbmimic import hosting
from dbmimic.config import resolve as late
from dbmimic.config.refreshing import url
from dbmimic.errors import DbmimicError, HookError, InternalError, RefusedError, SwapInDoubt, VerificationFailed
from dbmimic.model.events import (
    Event,
    HookEnded,
    HookSaid,
    Noticed,
    RowsCopied,
    RunEnded,
    RunStarted,
    SchemaRead,
    Stage,
    StageEnded,
    StageStarted,
)
from dbmimic.model.findings import Finding
from dbmimic.model.known import Known
from dbmimic.model.report import RunReport
from dbmimic.model.run import Drift, Run, RunStatus
from dbmimic.model.settings import CommandSpec, Settings, Telling
from dbmimic.outside import commands
from dbmimic.ports.listener import Listener
from dbmimic.runs import Recording, drift

_LAST_SECONDS = 4.0  # what is left to do after a signal, all in all: whoever sent it does not wait long
_PUSH_SECONDS = 10.0
_LATER = "`dbmimic doctor` tells whether the next run can"
_BY_SIGNAL = 128  # a shell's exit status for a command that a signal ended is this and the signal's number


@dataclass
class Tally:
    """A listener that counts what it hands on."""

    listener: Listener
    seconds: dict[str, float] = field(default_factory=dict)
    rows: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)
    known: Known | None = None

    def __call__(self, event: Event) -> None:
        """Count one event and hand it on."""
        match event:
            case StageStarted(Stage.INTROSPECT):
                self.rows = self.bytes = 0  # a run that lost its snapshot begins anew
            case StageEnded(stage, taken):
                self.seconds[stage.value] = self.seconds.get(stage.value, 0.0) + taken
            case RowsCopied(_, rows, size):
                self.rows += rows
                self.bytes += size
            case Noticed(finding):
                self.findings.append(finding)
            case SchemaRead(known):
                self.known = known
            case _:
                pass
        self.listener(event)


Lead = Callable[[], None]


def refresh(
    config: Settings,
    copy: Callable[[Listener, str, Lead | None], RunReport],
    listener: Listener,
    complain: Callable[[str], None],
) -> RunReport:
    """
    Give the report of a run, with all that the configuration wants done around it.

    `copy` is given the number that the run is remembered by, and what it is to do once it holds the target and before
    it reads anything: what it would wait for is over then. `complain` is told what could not be remembered or told to
    others.

    Raises:
        RefusedError: DM331, a hook before the run failed; nothing was read.
        HookError: DM801, a hook after it failed; the target is the new verified copy.
        DbmimicError: of `copy`.
    """
    course = _Course(config, Tally(listener), complain, hosting.began(config))
    course.begin()
    try:
        course.report = copy(course.tally, course.run.run, course.lead if config.hooks.before else None)
        course.follow(course.report)
    except BaseException as error:
        course.end(error)
        raise
    course.end(None)
    return course.report


def checked(config: Settings, check: Callable[[Listener], RunReport], listener: Listener) -> RunReport:
    """Give what a check of a standing copy gives, told with a beginning and an end; nothing else is done around it."""
    course = _Course(config, Tally(listener), lambda _: None, hosting.began(config))
    listener(RunStarted(course.run))
    try:
        course.report = check(course.tally)
    except BaseException as error:
        listener(RunEnded(course.ended(error), 0))
        raise
    listener(RunEnded(course.ended(None), 0))
    return course.report


@dataclass
class _Course:
    """One run from its beginning to its end."""

    config: Settings
    tally: Tally
    complain: Callable[[str], None]
    run: Run
    report: RunReport | None = None
    recording: Recording | None = None
    clock: hosting.SystemClock = field(default_factory=hosting.SystemClock)
    _redaction: commands.Redaction | None = None
    _began: float = 0.0
    _over: float | None = None  # when all must be done, after a signal

    def __post_init__(self) -> None:
        self._began = self.clock.seconds()

    def begin(self) -> None:
        """Remember that the run began."""
        history = hosting.history(self.config)
        try:
            self.recording = history.begin(self.run)
        except OSError as error:
            self.complain(f"the run is not remembered in {history.folder}: {error.strerror}; {_LATER}")
        if hidden := history.hidden():
            self.complain(hidden)
        self.tally.listener(RunStarted(self.run))

    def lead(self) -> None:
        """Run what comes before anything is read."""
        for number, command in enumerate(self.config.hooks.before, 1):
            problem = self.hook("before", number, command, self.run)
            if problem:
                message = f"a hook before the run failed, so nothing was read or written: {problem}"
                raise RefusedError("DM331", message, place=command.place, hint="run the command by hand to see why")

    def hook(self, kind: str, number: int, command: CommandSpec, run: Run) -> str:
        """Run one command and give what went wrong, or nothing."""
        name = f"{kind} {number}"
        began = self.clock.seconds()
        problem = self._command(command, name, run, {"DBMIMIC_HOOK": kind})
        self.tally.listener(HookEnded(name, self.clock.seconds() - began, problem))
        return problem

    def _command(self, command: CommandSpec, name: str, run: Run, more: dict[str, str], given: str = "") -> str:
        told = {
            "DBMIMIC_RUN": run.run,
            "DBMIMIC_STATUS": run.status.value,
            "DBMIMIC_EXIT": "" if run.exit is None else str(run.exit),
            "DBMIMIC_ERROR": run.code,
            "DBMIMIC_TARGET_NAME": run.target,
        }
        return commands.run(
            command,
            told | more,
            os.environ,
            self.clock,
            lambda line: self.tally.listener(HookSaid(name, line)),
            self._redact(),
            seconds=self._left(command.seconds),
            given=given,
        )

    def _left(self, seconds: float) -> float:
        """Give how much time something may take that has so many seconds."""
        return seconds if self._over is None else max(0.0, min(seconds, self._over - self.clock.seconds()))

    def _redact(self) -> commands.Redaction:
        if self._redaction is None:
            self._redaction = commands.Redaction(list(_secrets(self.config)))
        return self._redaction

    def follow(self, report: RunReport) -> None:
        """Run what follows a copy that is in place."""
        done = replace(self._counted(self.run), status=RunStatus.VERIFIED, exit=0)
        for number, command in enumerate(self.config.hooks.after, 1):
            problem = self.hook("after", number, command, done)
            if problem:
                message = f"the new copy is verified and in place, but a hook after it failed: {problem}"
                hint = "run the command by hand; `dbmimic rollback` puts the copy from before back"
                error = HookError("DM801", message, place=command.place, hint=hint)
                error.report = report
                raise error

    def end(self, error: BaseException | None) -> None:
        """Remember how the run ended, and tell everybody who wants to know."""
        run = self.ended(error)
        if error is not None and not isinstance(error, Exception):
            self._over = self.clock.seconds() + _LAST_SECONDS
        if self.recording is not None:
            try:
                self.recording.end(run, self._told())
            except OSError as problem:
                folder = hosting.history(self.config).folder
                self.complain(f"how the run ended is not remembered in full in {folder}: {problem.strerror}; {_LATER}")
        self.tally.listener(RunEnded(run, run.bytes or 0))
        if run.exit != 0:
            for number, command in enumerate(self.config.hooks.on_failure, 1):
                self.hook("on_failure", number, command, run)
        if self.config.metrics.textfile or self.config.metrics.push is not None:
            self._measure(run)
        if self.config.notify is not None:
            self._notify(run)

    def _told(self) -> str | None:
        """Give the report's document, if the run came to one."""
        if self.report is None:
            return None
        from dbmimic.reporting.json import report_document, text

        return text(report_document(self.report))

    def ended(self, error: BaseException | None) -> Run:
        """Give the run with how it ended and what it came to."""
        now = self.clock.now().isoformat()
        if isinstance(error, Exception):
            ours = error if isinstance(error, DbmimicError) else InternalError.unexpected(error)
            # That of a swap in doubt says `verified`, which is right only if it took place.
            found = ours.report if isinstance(ours, VerificationFailed | HookError) else None
            self.report = found if isinstance(found, RunReport) else None
            first = ours.problems[0]
            status = RunStatus.VERIFIED if isinstance(ours, HookError) else RunStatus.FAILED
            run = replace(self.run, code=first.code, place=first.place, message=first.message, exit=ours.exit_status)
            run = replace(run, in_doubt=isinstance(ours, SwapInDoubt))
        elif error is not None:
            # after the swap only what was to follow was stopped: the target is the new copy
            status = RunStatus.STOPPED if self.report is None else RunStatus.VERIFIED
            number = error.args[0] if error.args and isinstance(error.args[0], int) else signal.SIGINT
            run = replace(self.run, exit=_BY_SIGNAL + number, in_doubt=isinstance(error.__cause__, SwapInDoubt))
        else:
            status, run = RunStatus.VERIFIED, replace(self.run, exit=0)
        return self._counted(replace(run, status=status, ended_at=now))

    def _counted(self, run: Run) -> Run:
        """Give a run with what its report counts, or what was counted of it until it failed."""
        report, known = self.report, self.tally.known
        if report is None:
            total = self.clock.seconds() - self._began
            seconds = {name: round(taken, 3) for name, taken in (*self.tally.seconds.items(), ("total", total))}
            return replace(run, seconds=seconds, findings=_by_code(self._findings()), known=known)
        return replace(
            run,
            rows=sum(table.rows for table in report.tables),
            bytes=sum(table.bytes for table in report.tables),
            tables=len(report.tables),
            seconds={name: round(taken, 3) for name, taken in report.seconds.items()},
            findings=_by_code(self._findings()),
            row_counts={table.table: table.rows for table in report.tables},
            known=known,
        )

    def _findings(self) -> list[Finding]:
        """Give what the report found, and what was told that no report has: that the run began anew, or paused."""
        found = [] if self.report is None else list(self.report.findings)
        return found + [each for each in self.tally.findings if each not in found]

    def _measure(self, run: Run) -> None:
        from dbmimic.outside import metrics

        numbers = metrics.Numbers(
            rows=self.tally.rows if run.rows is None else run.rows,
            bytes=self.tally.bytes if run.bytes is None else run.bytes,
            seconds=run.seconds or {},
            findings=Counter(finding.severity.value for finding in self._findings()),
        )
        wanted = self.config.metrics
        if wanted.textfile:
            try:
                metrics.write(wanted.textfile, run, numbers)
            except OSError as error:
                self.complain(f"the metrics are not written to {wanted.textfile}: {error.strerror}; {_LATER}")
        if wanted.push is not None:
            try:
                problem = metrics.push(url(wanted.push, os.environ), run, numbers, self._left(_PUSH_SECONDS))
            except DbmimicError as error:
                problem = error.message
            if problem:
                self.complain(f"the metrics are not pushed ({wanted.push.place}): {problem}")

    def _notify(self, run: Run) -> None:
        notify = self.config.notify
        before = [each for each in hosting.history(self.config).runs() if each.run != run.run]
        if notify is None or not _wanted(notify.on, run, before):
            return
        from dbmimic.outside import webhook
        from dbmimic.reporting.json import text
        from dbmimic.reporting.notice import first_screen, notice_document

        changed: Drift = drift(run, before)
        if notify.command is not None:
            words, document = first_screen(run, self.report, changed), notice_document(run, self.report, changed)
            more = {"DBMIMIC_HOOK": "notify", "DBMIMIC_NOTICE": text(document)}
            began = self.clock.seconds()
            problem = self._command(notify.command, "notify", run, more, f"{words}\n")
            self.tally.listener(HookEnded("notify", self.clock.seconds() - began, problem))
            if problem:
                self.complain(f"nobody was notified by the command ({notify.command.place}): {problem}")
        if notify.webhook is not None:
            try:
                address = url(notify.webhook, os.environ)
                problem = webhook.post(address, notice_document(run, self.report, changed), self._left(notify.seconds))
            except DbmimicError as error:
                problem = error.message
            if problem:
                self.complain(f"nobody was notified by the webhook ({notify.webhook.place}): {problem}")


def _by_code(findings: Sequence[Finding]) -> dict[str, int]:
    return dict(sorted(Counter(finding.code for finding in findings).items()))


def _wanted(on: Telling, run: Run, before: Sequence[Run]) -> bool:
    """Tell whether somebody wants to know of this end; where no run is known before, its good end is no news."""
    if on is Telling.ALWAYS:
        return True
    if on is Telling.FAILURE:
        return run.exit != 0
    last = next((each for each in before if each.target == run.target and each.status is not RunStatus.RUNNING), None)
    return (run.exit == 0) != (last is None or last.exit == 0)


def _secrets(config: Settings) -> Iterator[str]:
    """Give what must not be repeated when a command says it, as far as it can be had now."""
    for named, what in ((config.source, "source"), (config.target, "target")):
        try:
            yield hosting.address(named, what).password
            yield _spelt(late.followed(named, os.environ)) if named is not None else ""
        except DbmimicError:
            continue  # then no command can have it from there
    for named in (config.secret, config.metrics.push, config.notify.webhook if config.notify else None):
        try:
            yield "" if named is None else late.followed(named, os.environ)
        except DbmimicError:
            continue


def _spelt(url: str) -> str:
    """Give the password as this URL spells it, which may be in small letters where ours are large."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[0].partition(":")[2]

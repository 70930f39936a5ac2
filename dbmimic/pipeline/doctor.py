"""What a copy would be told before it writes, asked by its own questions, and all of it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from dbmimic import load, subset
from dbmimic.errors import DbmimicError
from dbmimic.load import ClearedTarget
from dbmimic.model.amount import amount
from dbmimic.model.checkup import CheckResult, Outcome
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.nightly import ThrottleSpec
from dbmimic.model.target import Structure, TargetState
from dbmimic.pipeline.job import Request, World
from dbmimic.pipeline.prepare import Prepared, prepare, refuse_too_many, slice_count, walked
from dbmimic.pipeline.summaries import counted
from dbmimic.pipeline.trial import tried
from dbmimic.pipeline.units import maskers_of, sizes_of
from dbmimic.ports.examined import ExaminedSource, ExaminedTarget
from dbmimic.ports.source import Source
from dbmimic.ports.target import Target
from dbmimic.ports.watch import Watch

T = TypeVar("T")
_MEGABYTE = 1 << 20
_CLOCK_SECONDS = 60.0


@dataclass
class Sheet:
    """What was found so far; whoever is told of it takes each check as it comes."""

    checks: list[CheckResult] = field(default_factory=list)

    def ask(self, name: str, question: Callable[[], T], *, quiet: bool = False) -> T | None:
        """Give the answer to a question, and note that all is well; or None, and note every problem that it raised."""
        try:
            answer = question()
        except DbmimicError as error:
            self.checks += (CheckResult.failed(name, problem) for problem in error.problems)
            return None
        if not quiet:
            self.checks.append(CheckResult(name, Outcome.OK))
        return answer

    def note(self, name: str, findings: Iterable[Finding], well: str = "") -> None:
        """Note findings, or that all is well where there are none."""
        found = [CheckResult.of(name, finding) for finding in findings]
        self.checks += found or [CheckResult(name, Outcome.OK, message=well)]

    def skip(self, *names: str) -> None:
        """Note what could not be asked."""
        self.checks += (CheckResult(name, Outcome.SKIPPED) for name in names)


def look(watch: Watch, spec: ThrottleSpec) -> Iterator[Finding]:
    """Tell what the watch over production does not see, and whether reading would pause now."""
    sight = watch.look()
    for what in watch.unseen:
        yield Finding("DM709", Severity.INFO, "source", f"the role does not see {what}")
    if spec.max_lag is not None and sight.lag is not None and sight.lag > spec.max_lag:
        message = f"the replica is {sight.lag:.0f} s behind, and reading pauses at {spec.max_lag:g} (throttle.max_lag)"
        yield Finding("DM708", Severity.WARNING, "source", message, "find out what holds up its replay")
    if spec.max_load is not None and sight.at_work is not None and sight.at_work > spec.max_load:
        at_work = amount(sight.at_work, "session is", "sessions are")
        message = f"{at_work} at work, and reading pauses at {spec.max_load} (throttle.max_load)"
        yield Finding("DM708", Severity.WARNING, "source", message, "copy when fewer are, or from a replica")


def examine(
    request: Request, source: Source | None, target: Target | None, world: World, sheet: Sheet, sessions: int
) -> None:
    """
    Ask source and target all that a copy asks before it writes; what is not to be reached is None.

    Nothing is written, and the target is not held. Cost: that of a plan.
    """
    prepared = None
    if source is None:
        sheet.skip("rules")
    else:
        prepared = sheet.ask("rules", lambda: prepare(request, source, world))
    if prepared is None:
        sheet.skip("columns")
    else:
        plan = sheet.ask("columns", prepared.resolution.settled, quiet=True)
        noticed = (*prepared.drifted, *prepared.resolution.noticed)
        if plan is not None or noticed:
            sheet.note("columns", noticed)
    cleared = _cleared(request, source, target, sheet)
    structure = None
    if source is not None:
        structure = sheet.ask("structure", source.structure, quiet=True)
        if structure is not None:
            schema = prepared.schema if prepared is not None else sheet.ask("structure", source.schema, quiet=True)
            if schema is not None:
                sheet.note("structure", schema.findings)
    if source is None or prepared is None or request.secret is None:
        sheet.skip("slice", "masks", "room")
    else:
        _slice(request, prepared, source, cleared, world, sheet)
    _target(target, structure, world, sheet, sessions)


def _target(target: Target | None, structure: Structure | None, world: World, sheet: Sheet, sessions: int) -> None:
    if target is None:
        sheet.skip("target")
    elif isinstance(target, ExaminedTarget):
        found = sheet.ask("target", lambda: list(target.examine(structure, sessions)), quiet=True)
        sheet.checks += found or []
        clock(target, "target", world, sheet)


def clock(examined: ExaminedSource | ExaminedTarget, what: str, world: World, sheet: Sheet) -> None:
    """Hold a server's clock against this machine's."""
    name = f"{what} clock"
    now = sheet.ask(name, examined.now, quiet=True)
    if now is None:
        return
    off = now - world.clock.now().timestamp()
    message = f"the {what}'s clock is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} this machine's"
    hint = "set both by NTP: stamps, histories and the ends of sandboxes go by them"
    sheet.note(name, [Finding("DM236", Severity.WARNING, what, message, hint)] if abs(off) > _CLOCK_SECONDS else [])


def _cleared(request: Request, source: Source | None, target: Target | None, sheet: Sheet) -> ClearedTarget | None:
    """Give the target as one that may be replaced, and note what makes it one."""
    if source is None or target is None:
        sheet.skip("target guard")
        return None
    question = partial(load.clear, target, against=source, confirmed=request.confirmed)
    cleared = sheet.ask("target guard", question, quiet=True)
    if cleared is not None:
        sheet.note("target guard", (), _guarded(cleared.state))
    return cleared


def _guarded(state: TargetState) -> str:
    """Tell what was looked at of a target that may be replaced, and why it may."""
    if not state.exists:
        return f"{state.name} is not there yet, and will be made"
    apart = "neither the source nor one with it (servers' identities, and a lock of the source's session)"
    if state.stamp is not None:
        return f"{state.name} is {apart}, and a copy that dbmimic made ({state.stamp.made_at})"
    return f"{state.name} is {apart}, and {'empty' if state.empty else 'named by --confirm-target'}"


def _slice(
    request: Request, prepared: Prepared, source: Source, cleared: ClearedTarget | None, world: World, sheet: Sheet
) -> None:
    """Choose the rows, try the masks on some of them, and hold their size against the target's disk."""
    secret, schema = request.secret, prepared.schema
    if secret is None:
        return
    drawn = prepared.resolution.plan.of_run("doctor")  # what is masked here goes nowhere
    masks = sheet.ask("masks", lambda: counted(drawn, schema, world.registry, source, secret), quiet=True)
    chosen = sheet.ask("slice", lambda: walked(prepared, request, source), quiet=True)
    if chosen is None:
        sheet.skip("masks", "room")
        return
    prepared, afforded = chosen
    slices = afforded.walked.slices

    def slice_() -> str:
        refuse_too_many(schema, slices, source, request.slice.max_rows)
        rows = sum(slice_count(schema.table(table), each, source) for table, each in slices.items())
        return amount(rows, "row")

    told = sheet.ask("slice", slice_, quiet=True)
    left_out = sheet.ask(
        "slice", lambda: tuple(subset.notices(prepared.plan, schema, afforded.walked, source)), quiet=True
    )
    notices = (*afforded.findings, *(left_out or ()))
    if (told is not None and left_out is not None) or notices:
        sheet.note("slice", notices, told or "")
    if masks is None:
        sheet.skip("room")
        return
    found = sheet.ask("masks", lambda: list(tried(schema, slices, masks, world.registry, secret, source)), quiet=True)
    if found is not None:
        sheet.note("masks", found)
    if cleared is None:
        sheet.skip("room")
        return
    maskers = maskers_of(schema, slices, masks, world.registry, secret)

    def room() -> tuple[Sequence[Finding], str]:
        sizes = sizes_of(slices, schema, maskers, source)
        warned = load.make_sure_of_room(cleared, *sizes)
        free = cleared.target.room()
        left = "the target's disk is not to be seen from here" if free is None else f"{free / _MEGABYTE:,.0f} MB free"
        return warned, f"about {sum(sizes) / _MEGABYTE:,.1f} MB of rows, {left}"

    found_room = sheet.ask("room", room, quiet=True)
    if found_room is not None:
        sheet.note("room", *found_room)

"""The main job: production, small and masked, verified and in place."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import replace

from dbmimic import load, subset
from dbmimic.errors import (
    ConfigError,
    DbmimicError,
    Problem,
    RefusedError,
    SwapInDoubt,
    TargetError,
    VerificationFailed,
)
from dbmimic.model.events import Noticed, Stage
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.report import RunReport
from dbmimic.model.target import Stamp
from dbmimic.pipeline import delta, resume
from dbmimic.pipeline.amend import amend
from dbmimic.pipeline.expect import describe, expectation, mended_findings, unread_findings
from dbmimic.pipeline.job import Chapters, Request, World
from dbmimic.pipeline.making import Work, in_full
from dbmimic.pipeline.prepare import prepare, refuse_too_many, walked
from dbmimic.pipeline.retry import doubts
from dbmimic.pipeline.summaries import counted
from dbmimic.pipeline.trial import refuse, tried
from dbmimic.pipeline.units import maskers_of, sizes_of
from dbmimic.ports.source import Source
from dbmimic.ports.target import Target

_RUN_BYTES = 16  # of the name that keys the masks of one run; it is told to nobody, and gone with the run


def copy(request: Request, source: Source, target: Target, world: World) -> RunReport:
    """
    Give the report of a verified copy that has taken the target's place.

    Raises:
        VerificationFailed: the new copy is not what was promised; the target still serves the old one.
        SwapInDoubt: the target was lost while the new copy took its place; its stamp tells which one it serves.
        KeyboardInterrupt: a signal stopped it; from `SwapInDoubt`, if it came while the new copy took its place.
        DbmimicError: any other of its families; the target still serves the old copy.
    """
    if request.secret is None:
        raise ConfigError("DM209", "there is no secret", place="secret", hint="`dbmimic key new` prints one")
    chapters = Chapters(world)
    with chapters.chapter(Stage.INTROSPECT):
        prepared = prepare(request, source, world)
        masks = prepared.resolution.settled().of_run(secrets.token_hex(_RUN_BYTES))
        cleared = load.clear(target, against=source, confirmed=request.confirmed)
        load.hold(cleared)
        structure = source.structure()
        refuse_warnings(request, (*prepared.schema.findings, *prepared.drifted))
    with chapters.chapter(Stage.WALK):
        masks = counted(masks, prepared.schema, world.registry, source, request.secret)
        prepared, afforded = walked(prepared, request, source)
        slices = afforded.walked.slices
        noticed = (*afforded.findings, *subset.notices(prepared.plan, prepared.schema, afforded.walked, source))
        maskers = maskers_of(prepared.schema, slices, masks, world.registry, request.secret)
        expected = expectation(prepared, structure, slices, maskers, masks, world.registry)
        refuse_too_many(prepared.schema, slices, source, request.slice.max_rows)
        untried = refuse(tried(prepared.schema, slices, masks, world.registry, request.secret, source))
        noticed += load.make_sure_of_room(cleared, *sizes_of(slices, prepared.schema, maskers, source))
        refuse_warnings(request, (*noticed, *untried))
    work = Work(prepared, structure, slices, masks, maskers, expected, source, cleared, request.secret, world, chapters)
    with resume.kept_for_later(work) if request.resume else contextlib.nullcontext():
        resumed = resume.resumed(work) if request.resume else resume.NOTHING_LEFT
        refreshed = _refreshed(request, work, resumed)
        made = resumed.made or refreshed.made or in_full(work, resume.intending(work))
    how = (*resumed.findings, *refreshed.findings)
    report = describe(expected, slices, masks, made.judged, made.done, source, target.engine, request, world)
    report = replace(
        report,
        findings=(
            *prepared.schema.findings,
            *prepared.drifted,
            *noticed,
            *untried,
            *how,
            *made.findings,
            *unread_findings(report.masks.invalid),
            *mended_findings(made.done),
            *made.judged.findings,
        ),
        coverage=afforded.walked.coverage,
        budget=afforded.outcome,
        seconds=chapters.total(),
    )
    tell(report, world)
    # Made in full or not, the copy is the same.
    refuse_warnings(request, (each for each in report.findings if each not in how))
    stamp = _stamp(request, source, world)
    if request.delta:  # before the user's own SQL: what that writes has to go again
        delta.note(work, made.judged.row_counts, refreshed, stamp.run)
    amend(request, source, cleared, expected, chapters)
    try:
        with chapters.chapter(Stage.SWAP):
            load.swap(cleared, stamp, request.copies)
    except DbmimicError as error:
        if not doubts(error):
            raise
        raise _in_doubt(error, stamp, replace(report, seconds=chapters.total())) from None
    except KeyboardInterrupt as stopped:
        ended = TargetError("DM501", "the run was stopped", place="target")
        raise stopped from _in_doubt(ended, stamp, report)
    return replace(report, seconds=chapters.total())


def _refreshed(request: Request, work: Work, resumed: resume.Resumed) -> delta.Refreshed:
    """Give the copy made from one before, where that is asked for and no other one was gone on with."""
    if not request.delta:
        return delta.NOT_ASKED
    return delta.from_none(work) if resumed.made is not None else delta.refreshed(work, request.copies)


def refuse_warnings(request: Request, findings: Iterable[Finding]) -> None:
    """
    Make sure, where a run is to be strict, that none of these warns.

    Raises:
        RefusedError: one does; with every one of them.
    """
    told, hint = "(a warning, and --strict lets none pass)", "mend it, exclude its table, or leave --strict out"
    problems = [
        Problem(each.code, f"{each.message} {told}", each.place or "source", each.hint or hint)
        for each in findings
        if each.severity is Severity.WARNING
    ]
    if request.strict and problems:
        raise RefusedError.of(problems)


def tell(report: RunReport, world: World) -> None:
    """
    Tell the listener of every finding.

    Raises:
        VerificationFailed: one of them is an error; the report goes with it.
    """
    for finding in report.findings:
        world.listener(Noticed(finding))
    if not report.verified:
        raise _failure(report)


def _in_doubt(error: DbmimicError, stamp: Stamp, report: RunReport) -> SwapInDoubt:
    """Give the error for a swap of which we do not know whether it took place; the report goes with it."""
    message = f"{error.message}, and whether the new copy is in place is not known"
    hint = "run again when the target can be reached; it serves the old copy or the new one"
    doubt = SwapInDoubt("DM501", message, place=error.place, hint=hint)
    doubt.cause, doubt.run, doubt.report = error, stamp.run, report
    return doubt


def _failure(report: RunReport) -> VerificationFailed:
    """Give the error that a report with errors amounts to; the report goes with it."""
    problems = [
        Problem(finding.code, finding.message, finding.place, finding.hint)
        for finding in report.findings
        if finding.severity is Severity.ERROR
    ]
    first, *others = problems
    error = VerificationFailed(first.code, first.message, place=first.place, hint=first.hint, others=others)
    error.report = report
    return error


def _stamp(request: Request, source: Source, world: World) -> Stamp:
    identity = source.identity()
    named = f"{identity.engine}\0{identity.server}\0{identity.database}".encode()
    return Stamp(
        run=request.run or uuid.uuid4().hex,
        made_at=world.clock.now().isoformat(timespec="seconds"),
        version=world.versions["dbmimic"],
        source=hashlib.blake2b(named, digest_size=8).hexdigest(),
    )

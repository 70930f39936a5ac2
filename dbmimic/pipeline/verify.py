"""A copy that stands already, checked against the source as it is now."""

from __future__ import annotations

from dataclasses import replace

from dbmimic import verdict
from dbmimic.errors import ConfigError
from dbmimic.model.events import Stage
from dbmimic.model.report import RunReport
from dbmimic.pipeline.copy import tell
from dbmimic.pipeline.expect import describe, expectation
from dbmimic.pipeline.job import Chapters, Request, World
from dbmimic.pipeline.prepare import prepare, walked
from dbmimic.pipeline.summaries import counted
from dbmimic.pipeline.units import maskers_of
from dbmimic.ports.source import Source


def check(request: Request, source: Source, copy: Source, world: World) -> RunReport:
    """
    Give the report of a copy that is what was promised.

    Raises:
        VerificationFailed: it is not, and should not be handed out.
    """
    if request.secret is None:
        raise ConfigError(
            "DM209", "there is no secret", place="secret", hint="give the one that the copy was made with"
        )
    chapters = Chapters(world)
    with chapters.chapter(Stage.INTROSPECT):
        prepared = prepare(request, source, world)
        masks = prepared.resolution.settled()
        structure = source.structure()
    with chapters.chapter(Stage.WALK):
        masks = counted(masks, prepared.schema, world.registry, source, request.secret)
        prepared, afforded = walked(prepared, request, source)
        slices = afforded.walked.slices
        maskers = maskers_of(prepared.schema, slices, masks, world.registry, request.secret)
        expected = expectation(prepared, structure, slices, maskers, masks, world.registry, same_snapshot=False)
    with chapters.chapter(Stage.VERIFY):
        judged = verdict.judge(source, copy, expected, request.secret)
    report = replace(
        describe(expected, slices, masks, judged, (), source, copy.engine, request, world),
        coverage=afforded.walked.coverage,
        budget=afforded.outcome,
        seconds=chapters.total(),
    )
    tell(report, world)
    return report

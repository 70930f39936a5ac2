"""What is known once the slice is walked, and the new copy made of it in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dbmimic import load, verdict
from dbmimic.load import ClearedTarget
from dbmimic.model.address import Secret
from dbmimic.model.events import Stage
from dbmimic.model.findings import Finding
from dbmimic.model.keys import TableSlice
from dbmimic.model.masking import MaskPlan
from dbmimic.model.names import TableId
from dbmimic.model.target import Structure
from dbmimic.model.work import UnitResult
from dbmimic.pipeline.expect import about
from dbmimic.pipeline.job import Chapters, World
from dbmimic.pipeline.prepare import Prepared
from dbmimic.pipeline.units import Arrange, Maskers, as_they_are, run, seen_of
from dbmimic.ports.source import Source
from dbmimic.verdict import Expectation, Verdict


@dataclass(frozen=True)
class Work:
    """All that a new copy is made of, and by what."""

    prepared: Prepared
    structure: Structure
    slices: Mapping[TableId, TableSlice]
    masks: MaskPlan
    maskers: Maskers
    expected: Expectation
    source: Source
    cleared: ClearedTarget
    secret: Secret
    world: World
    chapters: Chapters

    def run(
        self, slices: Mapping[TableId, TableSlice], *, few: bool = False, arrange: Arrange = as_they_are
    ) -> list[UnitResult]:
        """
        Copy the rows of a slice, which may be `few`, into the new copy, and give what came of each unit that `arrange`
        gives.
        """
        checked = {each.table.id: each.columns for each in self.expected.masked}
        return run(
            slices,
            self.prepared.schema,
            self.masks,
            self.maskers,
            checked,
            self.source,
            self.cleared,
            self.secret,
            self.world,
            few=few,
            arrange=arrange,
        )


@dataclass(frozen=True)
class Made:
    """A new copy that waits to be swapped in: what came of each unit, what was noticed, and the verdict."""

    done: Sequence[UnitResult]
    findings: tuple[Finding, ...]
    judged: Verdict


def in_full(work: Work, arrange: Arrange = as_they_are) -> Made:
    """Build the new copy beside the old one, load every row of the slice, finish and check it."""
    cleared, chapters = work.cleared, work.chapters
    with chapters.chapter(Stage.COPY, about(work.prepared.schema, work.slices)):
        load.build(cleared, work.structure)
        done = work.run(work.slices, arrange=arrange)
    with chapters.chapter(Stage.FINISH):
        findings = load.finish(cleared, work.structure, work.masks.masked_columns)
    with chapters.chapter(Stage.VERIFY), cleared.reader() as new, cleared.reader() as beside:
        judged = verdict.judge(work.source, new, work.expected, work.secret, seen_of(done), beside)
    return Made(done, findings, judged)

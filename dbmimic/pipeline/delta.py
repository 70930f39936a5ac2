"""
The new copy made from the one before it and from what changed since: the same rows as if it were made in full.

The new copy begins as the files of the target. Of each table, rows leave that the slice has no more or that were
written anew, and rows come that were written since the last copy or that the slice did not have. What the last copy
was made from and by was noted beside it. Where anything but rows is another, or where the outcome is not what the
counts say, the copy is made in full, and told so.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace

from dbmimic import verdict
from dbmimic.errors import InternalError, TargetError
from dbmimic.masks.keyed import key_id
from dbmimic.masks.pinned import pinned
from dbmimic.model.baseline import Baseline, Position, Standing, TableRows
from dbmimic.model.events import Stage
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.masking import Decision, Masked
from dbmimic.model.names import TableId
from dbmimic.model.work import Seen
from dbmimic.pipeline.changes import Change, Ends, InFullError, Remover, anew, changes_of, nulled, together
from dbmimic.pipeline.making import Made, Work
from dbmimic.pipeline.units import seen_of
from dbmimic.ports.delta import Dated, Refreshable
from dbmimic.ports.source import Source
from dbmimic.verdict import Held, Verdict

_MANY_TRANSACTIONS = 2**31 - 2**24  # beyond, a transaction's number says no more which came first
_PAUSE_SECONDS = 0.5
_FEW_ROWS = 10_000  # so many may change whatever their share is
_MOST = 0.25  # above, building the indexes anew is sooner done
_PLACE = "--delta"
_TOUCHED = "somebody changed its rows in the target"


@dataclass(frozen=True)
class Refreshed:
    """The new copy where it could be made from the one before, and what there is to tell either way."""

    made: Made | None
    findings: tuple[Finding, ...] = ()


NOT_ASKED = Refreshed(None)


def refreshed(work: Work) -> Refreshed:
    """Give the new copy made from the one before, or why it has to be made in full."""
    target = work.cleared.target
    try:
        return _made(work, _ends(work))
    except (InFullError, TargetError) as error:
        if isinstance(target, Refreshable):
            target.abandon()
        reason = error.problems[0].message if isinstance(error, TargetError) else str(error)
        message = f"all of it was copied in full: {reason}"
        return Refreshed(None, (Finding("DM335", Severity.WARNING, _PLACE, message),))


def note(work: Work, row_counts: Mapping[TableId, int], run: str) -> None:
    """Note what the new copy was made from and by, for the next one; nothing where the engines cannot use it."""
    source, target = work.source, work.cleared.target
    if not isinstance(source, Dated) or not isinstance(target, Refreshable):
        return
    position = source.position()
    tables = {
        table: TableRows(row_counts.get(table, 0), chosen.rows, nulled(chosen)) for table, chosen in work.slices.items()
    }
    target.note(Baseline(run, _made_by(work, position), position, tables))


def _ends(work: Work) -> Ends:
    """Give both ends, if what is asked for now differs from the last copy by rows alone."""
    source, target = work.source, work.cleared.target
    if not isinstance(source, Dated) or not isinstance(target, Refreshable):
        raise InFullError("only from PostgreSQL into PostgreSQL is it known what changed")
    for decision in work.masks.decisions.values():
        if isinstance(decision, Masked) and decision.scope == "run":
            raise InFullError("a rule masks anew in each run (scope: run)")
        if isinstance(decision, Masked) and "python" in work.world.registry.within(decision.mask, decision.options):
            raise InFullError("functions of your own (mask python) may have changed, and nothing tells")
    baseline = target.baseline() if work.cleared.state.exists else None
    if baseline is None:
        raise InFullError("the target is no copy that was made with --delta, so nothing tells what it was made from")
    position, before = source.position(), baseline.position
    made_by = _made_by(work, position)
    for what in sorted(made_by.keys() | baseline.made_by.keys()):
        if made_by.get(what) != baseline.made_by.get(what):
            raise InFullError(f"{what} changed since the last copy")
    if position.history != before.history or position.settled < before.settled:
        raise InFullError("the source is another server than at the last copy, or was started anew since")
    if position.next - before.settled >= _MANY_TRANSACTIONS:
        raise InFullError("too many transactions passed on the source since the last copy")
    return Ends(source, target, baseline, position)


def _made_by(work: Work, position: Position) -> dict[str, str]:
    """Give a digest of each thing that decides what becomes of a row."""
    decisions = [_told_of(str(column), decision) for column, decision in work.masks.decisions.items()]
    masks = asdict(pinned(work.world.registry, work.secret))
    del masks["key"]
    return {
        "a mask or its data": _digest(masks),
        "dbmimic's version": work.world.versions["dbmimic"],
        "the secret": key_id(work.secret),
        "the structure": _digest([work.structure.text, position.types]),
        "what the rules say of a column": _digest(decisions),
    }


def _told_of(column: str, decision: Decision) -> list[object]:
    if not isinstance(decision, Masked):
        return [column]
    told = asdict(replace(decision, dealt=None))
    del told["place"]
    return [column, told, decision.dealt.digest if decision.dealt is not None else ""]


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _made(work: Work, ends: Ends) -> Refreshed:
    """
    Bring the new copy up to date and check it.

    Raises:
        InFullError: it cannot be, or is not what it should be.
    """
    with work.chapters.chapter(Stage.COPY):
        changes, parted = _removed(work, ends)
        done = work.run({each.table.id: each.comes for each in changes if each.come_count})
    with work.chapters.chapter(Stage.FINISH):
        shares = {each.table.id: (each.come_count + each.leaving) / max(each.row_count, 1) for each in changes}
        findings = ends.target.settle(work.structure, work.masks.masked_columns, shares)
    with work.chapters.chapter(Stage.VERIFY):
        judged = _judged(work, ends, changes, parted, seen_of(done))
    for finding in judged.findings:
        if finding.severity is Severity.ERROR:
            raise InFullError(f"at {finding.place}, {finding.message}")
    return Refreshed(Made(done, findings, judged), tuple(_told(changes)))


def _removed(work: Work, ends: Ends) -> tuple[list[Change], set[TableId]]:
    """
    Begin the new copy and let rows leave it; what comes is not loaded yet.

    Gives what becomes of each table, and the tables that keys left. The files are copied while the source is read, and
    the structure is looked at while rows leave: the readers see the new copy as it was begun.
    """
    with ThreadPoolExecutor(1) as beside:
        beginning = beside.submit(ends.target.begin, ends.baseline)
        try:
            changes = changes_of(work, ends)
            reason = beginning.result()
        except BaseException:
            _let_go(beginning, ends)
            raise
    if reason:
        raise InFullError(reason)
    touched = ends.target.touched(ends.baseline)
    changes = [
        anew(work, ends, each.table, _TOUCHED) if touched.intersection(each.table.leaves) and not each.anew else each
        for each in changes
    ]
    moved = sum(each.come_count + each.leaving for each in changes)
    if moved > max(_FEW_ROWS, _MOST * sum(each.row_count for each in changes)):
        raise InFullError(f"{moved:,} rows would have to come or go, which is no less work")
    with (
        work.cleared.reader() as copy,
        work.cleared.reader() as other,
        _beside(copy) as describer,
        _beside(other) as beside,
    ):
        describing = describer.submit(copy.structure)
        ends.target.open()
        parted = Remover(work, ends, _dated(other), beside).remove(changes)
        for differing in verdict.differences(work.structure, describing.result()):
            raise InFullError(f"somebody changed the target's structure since it was copied: {differing.message}")
    return changes, parted


def _let_go(beginning: Future[str], ends: Ends) -> None:
    """End the copying of files, which nobody wants any more: it may take minutes, and whoever ends a run waits less."""
    while not beginning.done():
        ends.target.interrupt()
        wait([beginning], _PAUSE_SECONDS)


@contextlib.contextmanager
def _beside(*asked: Source) -> Iterator[Executor]:
    """Give a thread that asks these readers; where something else fails first they are closed, and so it ends."""
    with ThreadPoolExecutor(1) as executor:
        try:
            yield executor
        except BaseException:
            for each in asked:
                each.close()
            raise


def _judged(
    work: Work,
    ends: Ends,
    changes: Sequence[Change],
    parted: set[TableId],
    seen: Mapping[TableId, Seen],
) -> Verdict:
    """Count and check the new copy, by two sessions."""
    since = ends.target.written_since(ends.baseline)
    with work.cleared.reader() as copy, work.cleared.reader() as other, _beside(other) as beside:
        mine, others = _halves(changes)
        counting = beside.submit(_standings, _dated(other), others, since)
        standings = _standings(_dated(copy), mine, since)
        standings |= counting.result()
        held = {
            each.table.id: Held(
                wanted=each.row_count,
                row_count=sum(standing.row_count for standing in standings[each.table.id]),
                came=together(standing.recent for standing in standings[each.table.id]),
                should_come=each.come_count,
                parted=each.table.id in parted,
            )
            for each in changes
        }
        return verdict.judge_changes(work.source, copy, work.expected, work.secret, seen, held)


def _halves(changes: Sequence[Change]) -> tuple[list[Change], list[Change]]:
    """Share the tables between two sessions, so that both have about as many rows to count."""
    halves: tuple[list[Change], list[Change]] = ([], [])
    for change in sorted(changes, key=lambda each: -each.row_count):
        min(halves, key=lambda half: sum(each.row_count for each in half)).append(change)
    return halves


def _standings(copy: Dated, changes: Sequence[Change], since: int) -> dict[TableId, list[Standing]]:
    return {each.table.id: [copy.standing(leaf, since) for leaf in each.table.leaves] for each in changes}


def _dated(copy: Source) -> Dated:
    if not isinstance(copy, Dated):
        raise InternalError("DM901", "the new copy does not tell when its rows were written")
    return copy


def _told(changes: Sequence[Change]) -> Iterator[Finding]:
    """Give what came and what left, and which tables were copied anew."""
    came, left = sum(each.come_count for each in changes), sum(each.leaving for each in changes)
    stayed = sum(each.row_count for each in changes) - came
    message = (
        f"{came:,} rows came and {left:,} left; {stayed:,} were verified when they were copied, and did not change"
    )
    yield Finding("DM334", Severity.INFO, _PLACE, message)
    for each in changes:
        if each.anew and each.come_count + each.leaving:
            message = f"all of the table was copied, because {each.anew}"
            yield Finding("DM336", Severity.INFO, str(each.table.id), message)

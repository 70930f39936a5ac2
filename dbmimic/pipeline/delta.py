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
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from threading import Lock

from dbmimic import verdict
from dbmimic.errors import InternalError, TargetError
from dbmimic.masks.keyed import key_id
from dbmimic.masks.pinned import pinned
from dbmimic.model.amount import amount
from dbmimic.model.baseline import Baseline, Keys, Position, TableRows
from dbmimic.model.events import Stage
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.keys import WHOLE
from dbmimic.model.masking import Decision, Masked
from dbmimic.model.names import TableId
from dbmimic.model.schema import Table
from dbmimic.model.work import Seen
from dbmimic.pipeline.changes import (
    Change,
    Ends,
    InFullError,
    Left,
    Remover,
    anew,
    changes_of,
    kept_integers,
    nulled,
    side_by_side,
)
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
    """The new copy, where it could be made from one before, what there is to tell, and what left its tables."""

    made: Made | None
    findings: tuple[Finding, ...] = ()
    left: Mapping[TableId, Left] = field(default_factory=dict)


NOT_ASKED = Refreshed(None)


def refreshed(work: Work, copies: int) -> Refreshed:
    """
    Give the new copy made from one before, where so many `copies` are kept; or why it has to be made in full, and the
    keys that the next one will want to know.
    """
    reason = ""
    try:
        for ends in _ends(work, copies):
            try:
                return _made(work, ends)
            except (InFullError, TargetError) as error:
                ends.target.abandon()
                reason = error.problems[0].message if isinstance(error, TargetError) else str(error)
    except InFullError as error:
        reason = str(error)
    message = f"all of it was copied in full: {reason}"
    return from_none(work, Finding("DM335", Severity.WARNING, _PLACE, message))


def from_none(work: Work, *findings: Finding) -> Refreshed:
    """Give what there is to tell of a copy made from none before, and the keys that the next one will want to know."""
    return Refreshed(None, findings, _left_of_none(work))


def note(work: Work, row_counts: Mapping[TableId, int], refreshed: Refreshed, run: str) -> None:
    """Note what the new copy was made from and by, for the next one; nothing where the engines cannot use it."""
    source, target = work.source, work.cleared.target
    if not isinstance(source, Dated) or not isinstance(target, Refreshable):
        return
    position = source.position()
    noted = {
        table: TableRows(row_counts.get(table, 0), chosen.rows, nulled(chosen), _noted(gone.keys), gone.gone > 0)
        for table, chosen in work.slices.items()
        for gone in [refreshed.left.get(table, Left())]
    }
    target.note(Baseline(run, made_by_what(work, position), position, noted))


def _noted(keys: Keys | None) -> Keys | None:
    """Give keys that take little room; of others they are read again when rows left."""
    return keys if keys is not None and keys.compact else None


def _left_of_none(work: Work) -> dict[TableId, Left]:
    """
    Give the keys of the tables that are copied as they are, for the next time: nothing left them.

    Cost: one read of the keys that are integers and not masked. It comes before the copying: after that the source's
    server, if it is the target's too, has to write out a page of the copy for each that it reads.
    """
    source = work.source
    if not isinstance(source, Dated) or not isinstance(work.cleared.target, Refreshable):
        return {}
    whole = [work.prepared.schema.table(table) for table, chosen in work.slices.items() if chosen.whole]
    tables = [table for table in whole if kept_integers(work, table)]
    found = side_by_side(work.source.abreast, partial(_keys, source), tables)
    return {table.id: Left(keys=keys) for table, keys in zip(tables, found, strict=True)}


def _keys(source: Dated, table: Table) -> Keys | None:
    """Give a table's keys, where they go into 64 bits together."""
    columns = source.few_first(table, table.stable_key.columns if table.stable_key is not None else ())
    found = source.integers(table, columns, WHOLE)
    return Keys(columns, found) if found is not None else None


def _ends(work: Work, copies: int) -> list[Ends]:
    """
    Give both ends for each copy that the new one can begin as, the best first.

    Raises:
        InFullError: what is asked for now differs from all of them by more than rows.
    """
    source, target = work.source, work.cleared.target
    if not isinstance(source, Dated) or not isinstance(target, Refreshable):
        raise InFullError("only from PostgreSQL into PostgreSQL is it known what changed")
    if reason := never_the_same(work):
        raise InFullError(reason)
    baselines = target.baselines(copies) if work.cleared.state.exists else ()
    position = source.position()
    made_by = made_by_what(work, position)
    reason = "the target is no copy that was made with --delta, so nothing tells what it was made from"
    found = []
    parting = frozenset(table for each in baselines for table, rows in each.tables.items() if rows.parted)
    for baseline in baselines:
        reason = apart(position, made_by, baseline.position, baseline.made_by)
        if not reason:
            found.append(Ends(source, target, baseline, position, parting))
    if not found:
        raise InFullError(reason)
    return found


def never_the_same(work: Work) -> str:
    """Give why no two runs mask a row alike, or nobody knows whether they do; empty where they do."""
    for decision in work.masks.decisions.values():
        if isinstance(decision, Masked) and decision.scope == "run":
            return "a rule masks anew in each run (scope: run)"
        if isinstance(decision, Masked) and "python" in work.world.registry.within(decision.mask, decision.options):
            return "functions of your own (mask python) may have changed, and nothing tells"
    return ""


def apart(position: Position, made_by: Mapping[str, str], before: Position, made_before: Mapping[str, str]) -> str:
    """Give in what the source and what is asked of it differ from a copy's, beside rows; empty where in nothing."""
    for what in sorted(made_by.keys() | made_before.keys()):
        if made_by.get(what) != made_before.get(what):
            return f"{what} changed since the last copy"
    if position.history != before.history or position.settled < before.settled:
        return "the source is another server than at the last copy, or was started anew since"
    if position.next - before.settled >= _MANY_TRANSACTIONS:
        return "too many transactions passed on the source since the last copy"
    return ""


def made_by_what(work: Work, position: Position) -> dict[str, str]:
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
    told = asdict(replace(decision, dealt=None, reached=None))
    del told["place"]
    return [column, told, *(each.digest if each is not None else "" for each in (decision.dealt, decision.reached))]


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
        changes, left = _removed(work, ends)
        done = work.run({each.table.id: each.comes for each in changes if each.come_count}, few=True)
    with work.chapters.chapter(Stage.FINISH):
        shares = {each.table.id: (each.come_count + each.leaving) / max(each.row_count, 1) for each in changes}
        findings = ends.target.settle(work.structure, work.masks.masked_columns, shares)
    with work.chapters.chapter(Stage.VERIFY):
        judged = _judged(work, ends, changes, left, seen_of(done))
    for finding in judged.findings:
        if finding.severity is Severity.ERROR:
            raise InFullError(f"at {finding.place}, {finding.message}")
    return Refreshed(Made(done, findings, judged), tuple(_told(changes)), left)


def _removed(work: Work, ends: Ends) -> tuple[list[Change], dict[TableId, Left]]:
    """
    Begin the new copy and let rows leave it; what comes is not loaded yet.

    Gives what becomes of each table, and what left it. The files are copied while the source is read.
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
        raise InFullError(f"{amount(moved, 'row')} would have to come or go, which is no less work")
    if reason := ends.target.take(ends.baseline):
        raise InFullError(reason)
    ends.target.open()
    with contextlib.ExitStack() as closing:
        before = partial(_opened, work, closing, Lock(), [])
        return changes, Remover(work, ends, before).remove(changes)


def _opened(work: Work, closing: contextlib.ExitStack, one: Lock, found: list[Dated]) -> Dated:
    """Give what reads the new copy, opened when it is first wanted, by whichever thread."""
    with one:
        if not found:
            found.append(_dated(closing.enter_context(work.cleared.reader())))
        return found[0]


def _let_go(beginning: Future[str], ends: Ends) -> None:
    """End the copying of files, which nobody wants any more: it may take minutes, and whoever ends a run waits less."""
    while not beginning.done():
        ends.target.interrupt()
        wait([beginning], _PAUSE_SECONDS)


def _judged(
    work: Work,
    ends: Ends,
    changes: Sequence[Change],
    left: Mapping[TableId, Left],
    seen: Mapping[TableId, Seen],
) -> Verdict:
    """Count and check the new copy."""
    since = ends.target.written_since(ends.baseline)
    with work.cleared.reader() as copy:
        standings = side_by_side(copy.abreast, lambda each: _dated(copy).standing(each.table, since), changes)
        held = {
            each.table.id: Held(
                wanted=each.row_count,
                row_count=standing.row_count,
                came=standing.recent,
                should_come=each.come_count,
                parted=left.get(each.table.id, Left()).gone > 0,
                lost=left.get(each.table.id, Left()).lost,
            )
            for each, standing in zip(changes, standings, strict=True)
        }
        return verdict.judge_changes(work.source, copy, work.expected, work.secret, seen, held)


def _dated(copy: Source) -> Dated:
    if not isinstance(copy, Dated):
        raise InternalError("DM901", "the new copy does not tell when its rows were written")
    return copy


def _told(changes: Sequence[Change]) -> Iterator[Finding]:
    """Give what came and what left, and which tables were copied anew."""
    came, left = sum(each.come_count for each in changes), sum(each.leaving for each in changes)
    stayed = sum(each.row_count for each in changes) - came
    stay = amount(stayed, "was verified when it was copied", "were verified when they were copied")
    message = f"{amount(came, 'row')} came and {left:,} left; {stay}, and did not change"
    yield Finding("DM334", Severity.INFO, _PLACE, message)
    for each in sorted(changes, key=lambda each: each.table.id):
        if each.anew and each.come_count + each.leaving:
            message = f"all of the table was copied, because {each.anew}"
            yield Finding("DM336", Severity.INFO, str(each.table.id), message)

"""
The new copy of a run that ended by force, gone on with: what it holds and what did not change since is kept.

Each unit of rows is noted with the snapshot that it was read under. A row that it holds is kept where its source row
was not written since; the others leave the new copy, and what they are now comes, as all rows come that no unit has.
Then the copy is finished and checked as any other: whole.

Where anything but rows is another, or where counts do not come out, the copy is made anew, and told so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from dbmimic import load, verdict
from dbmimic.errors import DbmimicError, InternalError, TargetError, TryAgainError
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.amount import amount
from dbmimic.model.events import Stage
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.names import TableId
from dbmimic.model.progress import Loaded, Reading, Unfinished
from dbmimic.model.work import Seen, UnitResult, WorkUnit
from dbmimic.pipeline.changes import InFullError, side_by_side
from dbmimic.pipeline.delta import apart, made_by_what, never_the_same
from dbmimic.pipeline.expect import about
from dbmimic.pipeline.left import NO_KEY, Ends, Part, key_of, part_of, remaining, without
from dbmimic.pipeline.making import Made, Work
from dbmimic.pipeline.retry import passes
from dbmimic.pipeline.units import Arrange, as_they_are, seen_of
from dbmimic.ports.delta import Dated
from dbmimic.ports.resume import Placed, Resumable

_PLACE = "--resume"
_UNIT_BYTES = 64 << 20


@dataclass(frozen=True)
class Resumed:
    """The new copy where another run's could be gone on with, and what there is to tell either way."""

    made: Made | None
    findings: tuple[Finding, ...] = ()


NOTHING_LEFT = Resumed(None)


def intending(work: Work) -> Arrange:
    """Give what notes of units which rows they read, where the engines can use it; it changes none of them."""
    ends = _ends(work)
    if ends is None:
        return as_they_are

    def arrange(units: list[WorkUnit]) -> list[WorkUnit]:
        ends.target.intend(ends.reading, units)
        return units

    return arrange


def _ends(work: Work) -> Ends | None:
    source, target = work.source, work.cleared.target
    if not isinstance(source, Dated) or not isinstance(target, Resumable):
        return None
    position = source.position()
    return Ends(source, target, Reading(made_by_what(work, position), position))


def resumed(work: Work) -> Resumed:
    """Give the new copy made of one that a run left, or why that has to be made anew; nothing where none was left."""
    ends = _ends(work)
    if ends is None:
        message = "what a killed run left is removed: only from PostgreSQL into PostgreSQL is it known what changed"
        return Resumed(None, (Finding("DM338", Severity.INFO, _PLACE, message),))
    left: Unfinished | None = None
    try:
        left = ends.target.unfinished()
        if left is None:
            return NOTHING_LEFT
        _refuse_another(work, ends, left)
        return _made(work, ends, left)
    except (InFullError, TargetError) as error:
        if isinstance(error, DbmimicError) and passes(error):
            raise
        reason = error.problems[0].message if isinstance(error, DbmimicError) else str(error)
    ends.target.abandon()
    whose = f"of run {left.run}" if left is not None else "that was left"
    message = f"the new copy {whose} is not gone on with, and all is copied: {reason}"
    return Resumed(None, (Finding("DM338", Severity.WARNING, _PLACE, message),))


@contextmanager
def kept_for_later(work: Work) -> Iterator[None]:
    """Leave the new copy for the next try or run to go on with, where this one is stopped or ends by what passes."""
    try:
        yield
    except BaseException as error:
        target = work.cleared.target
        passing = isinstance(error, TryAgainError) or (isinstance(error, DbmimicError) and passes(error))
        if isinstance(target, Resumable) and (passing or not isinstance(error, Exception)):
            target.leave()
        raise


def _refuse_another(work: Work, ends: Ends, left: Unfinished) -> None:
    """Make sure that the rows which are there already are what they would be if they came now."""
    if not left.readings:
        raise InFullError("it does not tell how far it came, or all rows were there and keys and indexes were built")
    reasons = [never_the_same(work)]
    reasons += [apart(ends.reading.position, ends.reading.made_by, was.position, was.made_by) for was in left.readings]
    for reason in reasons:
        if reason:
            raise InFullError(reason.replace("the last copy", "it was begun"))


def _made(work: Work, ends: Ends, left: Unfinished) -> Resumed:
    """
    Go on with the new copy, finish and check it.

    Raises:
        InFullError: it cannot be, or is not what it should be.
    """
    with work.chapters.chapter(Stage.COPY, about(work.prepared.schema, work.slices)):
        parts, seen, done = _loaded(work, ends, left)
    with work.chapters.chapter(Stage.FINISH):
        findings = load.finish(work.cleared, work.structure, work.masks.masked_columns)
    with work.chapters.chapter(Stage.VERIFY), work.cleared.reader() as new, work.cleared.reader() as beside:
        judged = verdict.judge(work.source, new, work.expected, work.secret, seen, beside)
    for finding in judged.findings:
        if finding.severity is Severity.ERROR:
            raise InFullError(f"at {finding.place}, {finding.message}")
    kept = [each.result for part in parts if not part.anew for each in part.held]
    return Resumed(Made([*kept, *done], findings, judged), tuple(_told(left, parts, done)))


def _loaded(work: Work, ends: Ends, left: Unfinished) -> tuple[list[Part], dict[TableId, Seen], list[UnitResult]]:
    """
    Let go what changed and load what is missing.

    Gives what became of the tables that had rows, what was seen of the rows of all tables, and what came of the units.
    """
    parts = _parts(work, ends, left, ends.target.adopt(left))
    back = _lifted(work, ends, parts)
    kept = {part.table.id: part for part in parts if not part.anew}
    slices = {table: kept[table].comes if table in kept else chosen for table, chosen in work.slices.items()}
    done = work.run(slices, arrange=lambda units: _arranged(work, ends, kept, units, len(left.readings)))
    late = _too_many(work, ends, kept.values(), done)
    back |= _lifted(work, ends, late)
    if again := {part.table.id: work.slices[part.table.id] for part in late if part.anew}:
        done = [each for each in done if each.layout.table not in again]
        done += work.run(again, arrange=lambda units: _arranged(work, ends, {}, units, len(left.readings) + 1))
    became = {part.table.id: part for part in (*parts, *late)}
    seen = seen_of([*(each.result for part in became.values() if not part.anew for each in part.held), *done])
    for table, parted in back.items():
        if table in seen and not became[table].anew:
            seen[table] = verdict.together([seen[table], parted]) or seen[table]
    return list(became.values()), seen, done


def _parts(work: Work, ends: Ends, left: Unfinished, loaded: Sequence[Loaded]) -> list[Part]:
    """Give what becomes of the tables that have rows, the largest first: so no session waits long for the last one."""
    of_table: dict[TableId, list[Loaded]] = {}
    for each in loaded:
        of_table.setdefault(each.result.layout.table, []).append(each)
    tables = [table for table in work.prepared.schema.tables if table.id in of_table]
    tables.sort(key=lambda table: -sum(each.result.row_count for each in of_table[table.id]))
    with _reader(work) as copy:
        return side_by_side(
            work.source.abreast, lambda table: part_of(work, ends, copy, left, table, of_table[table.id]), tables
        )


@contextmanager
def _reader(work: Work) -> Iterator[Placed]:
    with work.cleared.reader() as copy:
        if not isinstance(copy, Placed):
            raise InternalError("DM901", "the new copy does not tell where its rows are")
        yield copy


def _lifted(work: Work, ends: Ends, parts: Sequence[Part]) -> dict[TableId, Seen]:
    """Let rows leave, and give of each masked table what that takes from what was seen of it."""
    keyed = KeyedFunction.derive(work.secret, "verify")
    masked = {each.table.id: each for each in work.expected.masked}
    leaving = [part for part in parts if part.leaves and not part.anew]
    back: dict[TableId, Seen] = {}
    if leaving:
        with work.cleared.reader() as copy:  # which holds locks: it is closed before anything else is done
            for part in leaving:
                if (table := masked.get(part.table.id)) is not None:
                    back[part.table.id] = verdict.taken_back(table.table, table.read, copy, keyed, part.leaves)
    for part in parts:
        if part.anew:
            ends.target.empty(part.table)
    counts = side_by_side(work.source.abreast, lambda part: ends.target.lift(part.table.id, part.leaves), leaving)
    for part, count in zip(leaving, counts, strict=True):
        if count != len(part.leaves):
            raise InFullError(f"{amount(len(part.leaves), 'row')} of {part.table.id} had to leave, and {count:,} did")
    return back


def _arranged(
    work: Work, ends: Ends, kept: Mapping[TableId, Part], units: list[WorkUnit], number: int
) -> list[WorkUnit]:
    """Give the units without what is there already, under names that none had before, and note them."""
    arranged: list[WorkUnit] = []
    for unit in units:
        part = kept.get(unit.layout.table)
        arranged += remaining(unit, part.covered.get(unit.layout.leaf, ()) if part is not None else ())
    for part in kept.values():
        for leaf in part.fresh.leaves:
            layout = work.maskers[part.table.id].layout(leaf)
            arranged += [
                WorkUnit(f"{part.table.id}/{leaf}/fresh/{count}", layout, portion.rows, portion.byte_count)
                for count, portion in enumerate(work.source.cut(layout, part.fresh, _UNIT_BYTES))
            ]
    arranged = [replace(unit, id=f"{unit.id}@{number}") for unit in arranged]
    ends.target.intend(ends.reading, arranged)
    return arranged


def _too_many(work: Work, ends: Ends, parts: Iterable[Part], done: Sequence[UnitResult]) -> list[Part]:
    """
    Give the tables that hold more rows than they should, with the rows that have to go: those of deleted source rows.

    Of a table with changed rows they went with those. Of the others nobody knows before all rows are there.

    Raises:
        InFullError: there are not as many rows to go as there are too many.
    """
    came: dict[TableId, int] = {}
    for each in done:
        came[each.layout.table] = came.get(each.layout.table, 0) + each.row_count
    found = []
    for part in parts:
        more = part.held_count + came.get(part.table.id, 0) - part.row_count
        if more < 0 or (more and part.leaves):
            raise InFullError(f"{part.table.id} has {amount(abs(more), 'row')} too {'few' if more < 0 else 'many'}")
        if more:
            found.append(_without_lost(work, ends, part, more))
    return found


def _without_lost(work: Work, ends: Ends, part: Part, more: int) -> Part:
    key = key_of(work, ends, part.table)
    has = ends.source.integers(part.table, key, work.slices[part.table.id].rows) if key else None
    if has is None:
        return replace(part, anew=NO_KEY)
    with _reader(work) as copy:
        part = without(part, key, copy, has)
    if len(part.leaves) != more:
        raise InFullError(f"{part.table.id} has {amount(more, 'row')} too many, and {len(part.leaves):,} were found")
    return part


def _told(left: Unfinished, parts: Sequence[Part], done: Sequence[UnitResult]) -> Iterator[Finding]:
    """Give how much was kept, and which tables were copied anew."""
    kept = sum(part.held_count for part in parts if not part.anew)
    gone = sum(len(part.leaves) for part in parts if not part.anew)
    came = sum(each.row_count for each in done)
    loaded = f"{amount(kept, 'row')} that did not change since"
    message = f"run {left.run} had loaded {loaded}; {gone:,} left, and {came:,} came"
    yield Finding("DM337", Severity.INFO, _PLACE, message)
    for part in sorted(parts, key=lambda part: part.table.id):
        if part.anew:
            message = f"all of the table was copied, because {part.anew}"
            yield Finding("DM336", Severity.INFO, str(part.table.id), message)

"""What becomes of each table of a new copy that another run left: told by the source's rows and by what was noted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dbmimic.model.baseline import Keys
from dbmimic.model.keys import Gathering, KeySet, Span, TableSlice
from dbmimic.model.masking import Masked
from dbmimic.model.names import TableId
from dbmimic.model.progress import Loaded, Reading, Unfinished
from dbmimic.model.schema import Table
from dbmimic.model.types import Kind
from dbmimic.model.work import WorkUnit
from dbmimic.pipeline.changes import nulled, together
from dbmimic.pipeline.making import Work
from dbmimic.ports.delta import Dated
from dbmimic.ports.resume import Placed, Resumable

NO_KEY = "rows of it changed, and it has no key of integers to find them by that no rule masks"
UNREAD = "rows of it changed, and some had values that its masks could not read, which are counted"
_FEW_ROWS = 10_000  # so many may have changed whatever their share is
_MOST = 0.25  # of a table's rows; above, all of it is sooner loaded
_ROWS_AT_ONCE = 1_000_000
_NOTHING = TableSlice(KeySet(), KeySet())
_WHOLE = TableSlice(KeySet(), KeySet(), whole=True)
_END = 1 << 63


@dataclass(frozen=True)
class Ends:
    """Both ends, as ports that can do it, and the snapshot of now."""

    source: Dated
    target: Resumable
    reading: Reading


@dataclass(frozen=True)
class Part:
    """
    What becomes of a table that has rows already.

    `held` are its units, and `leaves` the rows of the new copy that must go; `comes` are the source rows to load, those
    of a whole table aside that lie in `covered` places and are not `fresh`. `row_count` is what it holds in the end.
    Where there is a reason `anew`, all its rows go and come.
    """

    table: Table
    held: Sequence[Loaded]
    comes: TableSlice = _NOTHING
    row_count: int = 0
    fresh: KeySet = field(default_factory=KeySet)
    covered: Mapping[TableId, Sequence[Span]] = field(default_factory=dict)
    leaves: KeySet = field(default_factory=KeySet)
    anew: str = ""

    @property
    def held_count(self) -> int:
        """How many of the rows that were there stay."""
        return sum(each.result.row_count for each in self.held) - len(self.leaves)


@dataclass(frozen=True)
class Changed:
    """
    The source rows of a table that were written since their units were read, the keys of all of them, where they were
    asked for and can be had, and whether rows of the new copy have to go; if nobody knows, whether they may have to.
    """

    rows: KeySet
    keys: Keys | None
    leaving: bool


def part_of(work: Work, ends: Ends, copy: Placed, left: Unfinished, table: Table, held: Sequence[Loaded]) -> Part:
    """Give what becomes of a table. Cost: a read of it on both sides, and one more of the new copy where rows leave."""
    chosen = work.slices.get(table.id)
    if chosen is None:
        return Part(table, held, anew="the slice has no row of it now")
    reason = _replaced(ends, left, table, chosen, held)
    if not reason and not ends.target.untouched(table):
        reason = "somebody changed its rows in the new copy"
    if reason:
        return Part(table, held, anew=reason)
    key = key_of(work, ends, table)
    find = _of_whole if chosen.whole else _of_rows
    part, changed = find(ends, left, table, chosen, held, key)
    if not changed.leaving:
        return part
    if len(changed.rows) > max(_FEW_ROWS, _MOST * part.held_count):
        return replace(part, anew="more than a quarter of its rows changed")
    again = ends.source.integers(table, key, changed.rows) if key else None
    if changed.keys is None or again is None:
        return replace(part, anew=NO_KEY)
    return without(part, key, copy, changed.keys.values - again)


def without(part: Part, key: tuple[str, ...], copy: Placed, kept: KeySet) -> Part:
    """Give the part with those rows leaving that have none of these keys."""
    leaves = part.leaves | copy.others(part.table, key, kept)
    unread = leaves and any(each.result.unread for each in part.held)
    return replace(part, leaves=leaves, anew=UNREAD if unread else part.anew)


def key_of(work: Work, ends: Ends, table: Table) -> tuple[str, ...]:
    """Give the key that rows of the copy are found by: integers that no rule masks; empty where there is none."""
    key = table.stable_key
    if key is None or not {column.name for column in table.loadable}.issuperset(key.columns):
        return ()
    columns = [column for column in table.columns if column.name in key.columns]
    masked = any(isinstance(work.masks.decisions[table.id.column(each.name)], Masked) for each in columns)
    if masked or any(each.logical.kind is not Kind.INTEGER for each in columns):
        return ()
    return ends.source.few_first(table, key.columns)


def _replaced(ends: Ends, left: Unfinished, table: Table, chosen: TableSlice, held: Sequence[Loaded]) -> str:
    """Give why no row of a table is known to be what it was."""
    now = ends.reading.position.leaves
    for number in {each.reading for each in held}:
        then = left.readings[number].position.leaves
        if any(leaf not in now or now[leaf] != then.get(leaf) for leaf in table.leaves):
            return "it is another table now, or was written anew in the source"
    spans = [each for each in held if not isinstance(each.rows, KeySet)]
    named = together(each.rows for each in held if isinstance(each.rows, KeySet))
    if (named - _within(named, spans)) if chosen.whole else spans:
        return "the slice takes it whole now, or did so before"
    return ""


def _by_reading(held: Sequence[Loaded]) -> dict[int, list[Loaded]]:
    found: dict[int, list[Loaded]] = {}
    for each in held:
        found.setdefault(each.reading, []).append(each)
    return found


def _of_whole(
    ends: Ends, left: Unfinished, table: Table, chosen: TableSlice, held: Sequence[Loaded], key: tuple[str, ...]
) -> tuple[Part, Changed]:
    """Read the table once for each reading that units of it came from: that is one, unless a run was gone on with."""
    row_count, keys, recent = 0, None, {}
    for number in _by_reading(held):
        standing = ends.source.standing(table, left.readings[number].position.settled, key)
        row_count, keys, recent[number] = standing.row_count, standing.keys, standing.recent
    changed = together(recent.values())
    changed -= together(_within(changed, units) - recent[number] for number, units in _by_reading(held).items())
    covered: dict[TableId, list[Span]] = {}
    spans = [each for each in held if not isinstance(each.rows, KeySet)]
    for each in spans:
        span = each.rows if isinstance(each.rows, Span) else Span(None, None)
        covered.setdefault(each.result.layout.leaf, []).append(span)
    part = Part(table, held, chosen, row_count, _within(changed, spans), covered)
    if any(_gaps(Span(None, None), covered.get(leaf, ())) for leaf in table.leaves):
        return part, Changed(changed, keys, bool(changed))
    return part, Changed(changed, keys, part.held_count != row_count - len(changed))


def _of_rows(
    ends: Ends, left: Unfinished, table: Table, chosen: TableSlice, held: Sequence[Loaded], key: tuple[str, ...]
) -> tuple[Part, Changed]:
    """Look at the chosen rows by their places."""
    rows = chosen.own | chosen.need
    stay, suspects, known = KeySet(), KeySet(), KeySet()
    settled = {number: left.readings[number].position.settled for number in _by_reading(held)}
    for number, units in _by_reading(held).items():
        had = together(each.rows for each in units if isinstance(each.rows, KeySet) and not each.result.layout.nulled)
        odd = together(each.rows for each in units if isinstance(each.rows, KeySet) and each.result.layout.nulled)
        same = (rows & had) - nulled(chosen)
        stay |= same - ends.source.recent(same, settled[number])
        suspects |= rows & (had | odd)
        known |= had | odd
    changed = (suspects | ends.source.recent(rows - known, min(settled.values()))) - stay
    come = rows - stay
    parts = tuple(replace(each, rows=each.rows & come) for each in chosen.nulled)
    part = Part(table, held, TableSlice(come, KeySet(), nulled=parts), len(rows))
    leaving = part.held_count != len(stay)
    keys = ends.source.integers(table, key, rows) if key and leaving else None
    return part, Changed(changed, None if keys is None else Keys(key, keys), leaving)


def _within(rows: KeySet, units: Sequence[Loaded]) -> KeySet:
    """Give those of the rows that the units read."""
    found = together(rows & each.rows for each in units if isinstance(each.rows, KeySet))
    gathered = Gathering()
    for each in units:
        if isinstance(each.rows, KeySet):
            continue
        leaf, span = each.result.layout.leaf, each.rows if isinstance(each.rows, Span) else Span(None, None)
        first, stop = _bounds(span)
        for ids in rows.chunks(leaf, _ROWS_AT_ONCE):
            gathered.add(leaf, ids[(ids >= first) & (ids < stop)])
    return found | gathered.keys()


def remaining(unit: WorkUnit, covered: Sequence[Span]) -> Iterator[WorkUnit]:
    """Give what is left of a unit of a whole table where some of its places are covered."""
    if isinstance(unit.rows, KeySet) or not covered:
        yield unit
        return
    gaps = _gaps(unit.rows if isinstance(unit.rows, Span) else Span(None, None), covered)
    for count, rest in enumerate(gaps):
        yield replace(unit, id=f"{unit.id}/{count}", rows=rest, byte_count=unit.byte_count // len(gaps))


def _gaps(span: Span, covered: Sequence[Span]) -> list[Span]:
    """Give what of a span is not covered."""
    first, stop = _bounds(span)
    gaps = []
    for begin, end in sorted(map(_bounds, covered)):
        if first < begin:
            gaps.append((first, min(begin, stop)))
        first = max(first, end)
        if first >= stop:
            break
    else:
        gaps.append((first, stop))
    return [Span(begin or None, None if end == _END else end) for begin, end in gaps]


def _bounds(span: Span) -> tuple[int, int]:
    return span.first or 0, _END if span.stop is None else span.stop

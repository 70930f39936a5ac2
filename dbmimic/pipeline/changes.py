"""What changes of each table between one copy and the next, and how rows that left are found in the copy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from functools import reduce

from dbmimic import load
from dbmimic.errors import InternalError
from dbmimic.model.baseline import Baseline, LeafMark, Position, TableRows
from dbmimic.model.batch import Layout
from dbmimic.model.keys import WHOLE, KeySet, Rows, TableSlice
from dbmimic.model.masking import Masked, MaskPlan
from dbmimic.model.names import TableId
from dbmimic.model.schema import Table
from dbmimic.model.types import Kind
from dbmimic.pipeline.making import Work
from dbmimic.ports.delta import Dated, Refreshable
from dbmimic.rules import Masker

_ABSENT = TableSlice(KeySet(), KeySet())
_UNFINDABLE = "rows left it, and it has no key to find them by"


class InFullError(Exception):
    """The copy has to be made in full, and why."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a refresh, as ports that can do it, and what the copy before was made from."""

    source: Dated
    target: Refreshable
    baseline: Baseline
    position: Position


@dataclass(frozen=True, slots=True)
class Change:
    """
    What becomes of one table: `comes` are the rows to load, so many, `leaving` so many rows of the copy before must go,
    `row_count` is what it holds in the end. Where there is a reason `anew`, all its rows go, however many, and come.
    """

    table: Table
    comes: TableSlice
    come_count: int
    leaving: int
    row_count: int
    anew: str = ""


def changes_of(work: Work, ends: Ends) -> list[Change]:
    """Give what becomes of every table, by the source alone: nobody wrote to the copy before."""
    return [_change(work, ends, table) for table in work.prepared.schema.tables if table.holds_rows]


def _change(work: Work, ends: Ends, table: Table) -> Change:
    chosen = work.slices.get(table.id, _ABSENT)
    was = ends.baseline.tables.get(table.id, TableRows(0, KeySet()))
    if reason := _replaced(ends, table, chosen, was):
        return anew(work, ends, table, reason)
    change = _of_whole(ends, table, was) if chosen.whole else _of_rows(ends, table, chosen, was)
    if change.leaving < 0:
        raise InFullError(f"more rows of {table.id} are said to be what they were than there were")
    return change if not change.leaving or _findable(work, table) else anew(work, ends, table, _UNFINDABLE)


def anew(work: Work, ends: Ends, table: Table, reason: str) -> Change:
    """Give the change that loads all of a table."""
    chosen = work.slices.get(table.id, _ABSENT)
    was = ends.baseline.tables.get(table.id, TableRows(0, KeySet()))
    row_count = work.source.count(table) if chosen.whole else len(chosen.own) + len(chosen.need)
    return Change(table, chosen, row_count, was.row_count, row_count, reason)


def _replaced(ends: Ends, table: Table, chosen: TableSlice, was: TableRows) -> str:
    """Give why no row of a table is known to be what it was."""
    for leaf in table.leaves:
        now, then = (each.leaves.get(leaf, LeafMark("", "")) for each in (ends.position, ends.baseline.position))
        if now.relation != then.relation:
            return "another table has its name now, or another column the name of one of its columns"
        if now.place != then.place and not chosen.whole:
            return "it was written anew in the source"
    if chosen.whole == isinstance(was.rows, KeySet):
        return "the slice takes it whole now, or did so before"
    return ""


def _of_whole(ends: Ends, table: Table, was: TableRows) -> Change:
    standings = [ends.source.standing(leaf, ends.baseline.position.settled) for leaf in table.leaves]
    comes = together(each.recent for each in standings)
    row_count = sum(each.row_count for each in standings)
    stay = row_count - len(comes)
    return Change(table, TableSlice(comes, KeySet()), len(comes), was.row_count - stay, row_count)


def _of_rows(ends: Ends, table: Table, chosen: TableSlice, was: TableRows) -> Change:
    rows, had = chosen.own | chosen.need, was.rows if isinstance(was.rows, KeySet) else KeySet()
    stay = (rows & had) - nulled(chosen) - was.nulled
    stay -= ends.source.recent(stay, ends.baseline.position.settled)
    comes = rows - stay
    parts = tuple(replace(each, rows=each.rows & comes) for each in chosen.nulled)
    return Change(table, TableSlice(comes, KeySet(), nulled=parts), len(comes), was.row_count - len(stay), len(rows))


def nulled(chosen: TableSlice) -> KeySet:
    """Give the rows with columns that are NULL in the copy."""
    return together(each.rows for each in chosen.nulled)


def together(sets: Iterable[KeySet]) -> KeySet:
    """Give all rows of some sets."""
    return reduce(KeySet.__or__, sets, KeySet())


def _findable(work: Work, table: Table) -> bool:
    """Whether rows of the copy can be found by the keys that their source rows have there."""
    key = table.stable_key
    if key is None or not {column.name for column in table.loadable}.issuperset(key.columns):
        return False
    return set(_key_masker(work, table, key.columns).layout(table.id).head) <= set(key.columns)


def _key_masker(work: Work, table: Table, key: tuple[str, ...]) -> Masker:
    """Give what masks the key alone."""
    decisions = {table.id.column(name): work.masks.decisions[table.id.column(name)] for name in key}
    return Masker(table, MaskPlan(decisions), work.world.registry, work.secret)


@dataclass(frozen=True, slots=True)
class _Search:
    """A table of which some rows that left were not found by the keys of rows that come: so many were."""

    change: Change
    key: tuple[str, ...]
    removed: int
    had: Future[KeySet | None] | None  # the keys of integers that the copy before has


@dataclass(frozen=True, slots=True)
class Remover:
    """
    Lets rows leave the new copy: those that the slice has no more, and those that come anew.

    `before` reads the new copy as it was begun, in the one thread of `beside`, while the source is asked.
    """

    work: Work
    ends: Ends
    before: Dated
    beside: Executor

    def remove(self, changes: Iterable[Change]) -> set[TableId]:
        """
        Let them leave, and give the tables that keys left which do not come again.

        Raises:
            InFullError: not as many could be found as left.
        """
        parted: set[TableId] = set()
        searches: list[_Search] = []
        for change in changes:
            if change.anew:
                if self.ends.target.clear(change.table.id):
                    parted.add(change.table.id)
            elif change.leaving:
                searches += self._searched(change)
        for search in searches:
            change, removed = search.change, search.removed + self._gone(search)
            if removed != change.leaving:
                raise InFullError(
                    f"{change.leaving:,} rows of {change.table.id} left, and {removed:,} were found in the copy"
                )
            parted.add(change.table.id)
        return parted

    def _searched(self, change: Change) -> Iterator[_Search]:
        """Remove the rows with the keys of rows that come, and tell what to look for if those are not all."""
        table, key = change.table, change.table.stable_key
        if key is None:
            raise InternalError("DM901", "rows of a table without a key are to be found", place=str(table.id))
        integers = all(self._is_kept_integer(table, name) for name in key.columns)
        removed = self._again(change, key.columns, integers=integers)
        if removed != change.leaving:
            had = self.beside.submit(self.before.integers, table, key.columns, WHOLE) if integers else None
            yield _Search(change, key.columns, removed, had)

    def _is_kept_integer(self, table: Table, name: str) -> bool:
        column = table.column(name)
        kept = not isinstance(self.work.masks.decisions[table.id.column(name)], Masked)
        return kept and column is not None and column.logical.kind is Kind.INTEGER

    def _again(self, change: Change, key: tuple[str, ...], *, integers: bool) -> int:
        """Remove the rows with the keys of rows that come."""
        table, target = change.table, self.ends.target
        comes = self.ends.source.integers(table, key, change.comes.own) if integers else None
        if comes is not None:
            return target.remove(table, key, comes)
        return target.remove_staged(table.id, key, self._staged(table, key, change.comes.own), others=False)

    def _gone(self, search: _Search) -> int:
        """Remove the rows with keys that the slice has no more."""
        table, key, target = search.change.table, search.key, self.ends.target
        rows = self.work.slices.get(table.id, _ABSENT).rows
        if search.had is not None:
            has = self.ends.source.integers(table, key, rows)
            comes = self.ends.source.integers(table, key, search.change.comes.own)
            had = search.had.result()
            if has is not None and had is not None and comes is not None:
                return target.remove(table, key, had - has - comes)
        return target.remove_staged(table.id, key, self._staged(table, key, rows), others=True)

    def _staged(self, table: Table, key: tuple[str, ...], rows: Rows) -> TableId:
        """Send the keys of these rows, masked, into a table of their own, and give its name."""
        masker = _key_masker(self.work, table, key)
        head = masker.layout(table.id).head
        staged = self.ends.target.stage(table.id, key)
        tail = tuple(name for name in key if name not in head)
        for leaf in table.leaves:
            batches = masker.masked(self.work.source.read(Layout(table.id, leaf, head, tail), rows))
            load.write(self.work.cleared, Layout(table.id, staged, head, tail), batches)
        return staged

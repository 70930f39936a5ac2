"""What changes of each table between one copy and the next, and how rows that left are found in the copy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import NamedTuple, TypeVar

from dbmimic import load
from dbmimic.errors import InternalError
from dbmimic.model.amount import amount
from dbmimic.model.baseline import Baseline, Keys, LeafMark, Position, TableRows
from dbmimic.model.batch import Layout
from dbmimic.model.keys import WHOLE, KeySet, Rows, TableSlice
from dbmimic.model.masking import Masked, MaskPlan
from dbmimic.model.names import TableId
from dbmimic.model.schema import Table
from dbmimic.model.types import Kind
from dbmimic.pipeline.making import Work
from dbmimic.ports.delta import Dated, Refreshable
from dbmimic.rules import Masker
from dbmimic.subset.abreast import Abreast

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

_ABSENT = TableSlice(KeySet(), KeySet())
_UNFINDABLE = "rows left it, and it has no key to find them by"


class InFullError(Exception):
    """The copy has to be made in full, and why."""


@dataclass(frozen=True, slots=True)
class Ends:
    """
    Both ends of a refresh, as ports that can do it, and what the copy before was made from.

    `parting` are the tables that rows left for good before one of the copies was made; so they will again, as it seems.
    """

    source: Dated
    target: Refreshable
    baseline: Baseline
    position: Position
    parting: frozenset[TableId] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """
    What becomes of one table: `comes` are the rows to load, so many, `leaving` so many rows of the copy before must go,
    `row_count` is what it holds in the end. Where there is a reason `anew`, all its rows go, however many, and come.
    `had` are the keys of the copy before, and `has` those of now, where they are known.
    """

    table: Table
    comes: TableSlice
    come_count: int
    leaving: int
    row_count: int
    anew: str = ""
    had: Keys | None = None
    has: Keys | None = None


def changes_of(work: Work, ends: Ends) -> list[Change]:
    """
    Give what becomes of every table, by the source alone: nobody wrote to the copy before.

    The largest ones come first: so neither of two sessions waits long for the other's last table, here and later.
    """
    had = ends.baseline.tables
    tables = [table for table in work.prepared.schema.tables if table.holds_rows]
    tables.sort(key=lambda table: had[table.id].row_count if table.id in had else 0, reverse=True)
    return side_by_side(work.source.abreast, partial(_change, work, ends), tables)


def side_by_side(count: int, answer: Callable[[Asked], Answer], asked: Iterable[Asked]) -> list[Answer]:
    """Give the answers in order, so many asked for at a time; after one that fails no other is begun."""
    with Abreast(count) as threads:
        return [each.result() for each in [threads.ask(0, answer, one) for one in asked]]


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
    key = was.keys.columns if was.keys is not None and table.id in ends.parting else ()
    standing = ends.source.standing(table, ends.baseline.position.settled, key)
    comes, row_count = standing.recent, standing.row_count
    leaving = was.row_count - (row_count - len(comes))
    return Change(table, TableSlice(comes, KeySet()), len(comes), leaving, row_count, had=was.keys, has=standing.keys)


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


def kept_integers(work: Work, table: Table) -> bool:
    """Whether a table's key is of integers that the copy has as they are."""
    columns = [] if table.stable_key is None else [table.column(name) for name in table.stable_key.columns]
    return bool(columns) and all(
        column is not None
        and column.logical.kind is Kind.INTEGER
        and not isinstance(work.masks.decisions[table.id.column(column.name)], Masked)
        for column in columns
    )


def _key(table: Table) -> tuple[str, ...]:
    if table.stable_key is None:
        raise InternalError("DM901", "rows of a table without a key are to be found", place=str(table.id))
    return table.stable_key.columns


def _key_masker(work: Work, table: Table, key: tuple[str, ...]) -> Masker:
    """Give what masks the key alone."""
    decisions = {table.id.column(name): work.masks.decisions[table.id.column(name)] for name in key}
    return Masker(table, MaskPlan(decisions), work.world.registry, work.secret)


class Left(NamedTuple):
    """
    How many rows left a table of the copy whose keys come again, and how many others; the keys that it has now and
    those that it has no more, where they are known.
    """

    again: int = 0
    gone: int = 0
    keys: Keys | None = None
    lost: Keys | None = None

    @property
    def all(self) -> int:
        """How many rows left."""
        return self.again + self.gone


@dataclass(frozen=True, slots=True)
class Remover:
    """
    Lets rows leave the new copy: those that the slice has no more, and those that come anew.

    `before` gives what reads the new copy; rows whose keys come again may have left what it sees.
    """

    work: Work
    ends: Ends
    before: Callable[[], Dated]

    def remove(self, changes: Iterable[Change]) -> dict[TableId, Left]:
        """
        Let them leave, and give what left of each table that something left.

        Raises:
            InFullError: not as many could be found as left.
        """
        found = {each.table.id: Left(gone=self.ends.target.clear(each.table.id)) for each in changes if each.anew}
        leaving = [each for each in changes if not each.anew]
        for change, left in zip(
            leaving, side_by_side(self.work.source.abreast, self._by_integers, leaving), strict=True
        ):
            found[change.table.id] = left if left.all == change.leaving else self._by_staging(change, left)
            count = found[change.table.id].all
            if count != change.leaving:
                raise InFullError(
                    f"{amount(change.leaving, 'row')} of {change.table.id} left, and {count:,} were found in the copy"
                )
        return found

    def _by_integers(self, change: Change) -> Left:
        """Remove what can be found by keys that are integers, and not masked."""
        if change.had is not None:
            return self._by_noted(change, change.had)
        if change.leaving and kept_integers(self.work, change.table):
            return self._by_reading(change)
        return Left()

    def _by_reading(self, change: Change) -> Left:
        """Remove rows whose keys come anew, and read all keys on both sides where others went."""
        table, source, target = change.table, self.ends.source, self.ends.target
        key = source.few_first(table, _key(table))
        comes = source.integers(table, key, change.comes.own)
        if comes is None:
            return Left()
        again = target.remove(table, key, comes)
        if again == change.leaving:
            return Left(again)
        has = source.integers(table, key, self._rows(table))
        had = self.before().integers(table, key, WHOLE)
        if had is None or has is None:
            return Left(again)
        lost = had - has
        return Left(again, target.remove(table, key, lost), Keys(key, has), Keys(key, lost))

    def _by_noted(self, change: Change, had: Keys) -> Left:
        """Remove rows whose keys went or come anew, all of them in the order of their keys."""
        table, key, source = change.table, had.columns, self.ends.source
        comes = source.integers(table, key, change.comes.own) if change.come_count else KeySet()
        if comes is None:
            return Left()
        again, has = comes & had.values, change.has.values if change.has is not None else None
        if has is None and len(again) == change.leaving and len(stay := had.values | comes) == change.row_count:
            has = stay  # a row whose key comes anew has left, and so no other one has
        elif has is None:
            has = source.integers(table, key, self._rows(table))
        if has is None or not change.leaving:
            return Left(keys=Keys(key, has) if has is not None else None)
        lost = had.values - has
        removed = self.ends.target.remove(table, key, again | lost)
        if removed != len(again) + len(lost):
            return Left(gone=removed)
        return Left(len(again), len(lost), Keys(key, has), Keys(key, lost))

    def _by_staging(self, change: Change, left: Left) -> Left:
        """Remove what is left to remove by keys that are sent to the copy."""
        table, key, target = change.table, _key(change.table), self.ends.target
        keys = self._staged(table, key, change.comes.own)
        again = left.again + target.remove_staged(table.id, key, keys, others=False)
        if again + left.gone == change.leaving:
            return Left(again, left.gone)
        keys = self._staged(table, key, self._rows(table))
        return Left(again, left.gone + target.remove_staged(table.id, key, keys, others=True))

    def _rows(self, table: Table) -> Rows:
        return self.work.slices.get(table.id, _ABSENT).rows

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

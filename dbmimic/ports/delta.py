"""What a refresh by what changed needs beside a source and a target; an engine that cannot does not have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from dbmimic.model.baseline import Baseline, Keys, Position, Standing
from dbmimic.model.findings import Finding
from dbmimic.model.keys import KeySet, Rows
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.schema import ForeignKey, Table
from dbmimic.model.target import Structure


@runtime_checkable
class Dated(Protocol):
    """A source that knows of each row when it was written. As many questions may be asked at once as are `abreast`."""

    def position(self) -> Position:
        """Give where the source stood when the snapshot was taken."""
        ...

    def standing(self, table: Table, since: int, key: tuple[str, ...] = ()) -> Standing:
        """
        Give how many rows a table has, which were written by a transaction with that number or a later one, and of a
        key of integers all values, where they go into 64 bits together.

        A row of long ago may be among them; a later one is never missing. Cost: one read of the table.
        """
        ...

    def recent(self, rows: KeySet, since: int) -> KeySet:
        """Give those of these rows that `standing` would give as recent. Cost: a look at each."""
        ...

    def integers(self, table: Table, columns: tuple[str, ...], rows: Rows) -> KeySet | None:
        """
        Give the values of a key of integers, of these rows, as identities of a set whose one leaf is the table.

        None where they do not go into 64 bits together. The first column stands highest.
        """
        ...

    def referenced(self, edge: ForeignKey, gone: Keys) -> bool | None:
        """
        Tell whether a row references one of these keys of the parent; None where that is no cheaper than an anti-join.

        Cost: one read of the child, or a look into its index for each key.
        """
        ...

    def few_first(self, table: Table, columns: tuple[str, ...]) -> tuple[str, ...]:
        """Give a key's columns in an order in which sets of `integers` are small: few values first, as it seems."""
        ...


class Noted(Protocol):
    """What is noted beside copies of what they were made from."""

    def baselines(self, copies: int) -> Sequence[Baseline]:
        """
        Give what was noted of each copy that the new one can begin as, the best first.

        The best is one that is kept and that a swap which keeps `copies` drops: nobody serves it, so it need not be
        copied. The last one is the target.
        """
        ...

    def note(self, baseline: Baseline) -> None:
        """Note what the new copy was made from, before it is swapped in; the copy must be done."""
        ...


class Pruned(Protocol):
    """Ways to remove rows of the new copy; `remove` may be called by several threads."""

    def remove(self, table: Table, columns: tuple[str, ...], values: KeySet) -> int:
        """Remove the rows of the new copy with these keys, which `Dated.integers` gave, and tell how many."""
        ...

    def stage(self, table: TableId, columns: tuple[str, ...]) -> TableId:
        """Make an empty table for keys of a table, to be written to as any other, and give its name."""
        ...

    def remove_staged(self, table: TableId, columns: tuple[str, ...], keys: TableId, *, others: bool) -> int:
        """Remove the rows whose keys are staged (with `others`: those whose keys are not), and give how many."""
        ...

    def clear(self, table: TableId) -> int:
        """Remove all rows of a table of the new copy, and give how many."""
        ...


@runtime_checkable
class Refreshable(Noted, Pruned, Protocol):
    """A target whose new copy can begin as one that stands."""

    def begin(self, baseline: Baseline) -> str:
        """
        Hold the target, and where the baseline is the target's make the new copy as what that is now; sessions in it
        are ended. A copy that is kept is left as it is until `take`.

        Give why that cannot be, or why what is there is not what the baseline tells; empty where nothing is wrong.
        """
        ...

    def take(self, baseline: Baseline) -> str:
        """
        Make a copy that is kept the new one; it can not be had back.

        Give why that cannot be, or why the new copy is not what the baseline tells; empty where nothing is wrong.
        """
        ...

    def interrupt(self) -> None:
        """Have a `begin` that another thread is in fail soon. It may have to be told again, until it has."""
        ...

    def open(self) -> None:
        """Let the new copy be written to; until then it is as it was."""
        ...

    def touched(self, baseline: Baseline) -> frozenset[TableId]:
        """
        Give the leaves of the copy that somebody seems to have written to since it was done.

        That is a hint, to load their tables anew: what it misses is found when the new copy is counted.
        """
        ...

    def written_since(self, baseline: Baseline) -> int:
        """Give the first number that only transactions have which came after the copy was done."""
        ...

    def settle(
        self, structure: Structure, masked: frozenset[ColumnId], changed: Mapping[TableId, float]
    ) -> tuple[Finding, ...]:
        """
        Set sequences as `Builder.finish` does, bring up to date what is made of rows, and gather statistics where much
        changed: `changed` is the share of each table's rows that came or went.
        """
        ...

    def abandon(self) -> None:
        """Give the new copy up, so that `Builder.build` can begin; the run's lock stays."""
        ...

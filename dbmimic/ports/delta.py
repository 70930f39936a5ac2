"""What a refresh by what changed needs beside a source and a target; an engine that cannot does not have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from dbmimic.model.baseline import Baseline, Position, Standing
from dbmimic.model.findings import Finding
from dbmimic.model.keys import KeySet, Rows
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.schema import Table
from dbmimic.model.target import Structure


@runtime_checkable
class Dated(Protocol):
    """A source that knows of each row when it was written."""

    def position(self) -> Position:
        """Give where the source stood when the snapshot was taken."""
        ...

    def standing(self, leaf: TableId, since: int) -> Standing:
        """
        Give how many rows a leaf has, and which were written by a transaction with that number or a later one.

        A row of long ago may be among them; a later one is never missing. Cost: one read of the leaf.
        """
        ...

    def recent(self, rows: KeySet, since: int) -> KeySet:
        """Give those of these rows that `standing` would give as recent. Cost: a look at each."""
        ...

    def integers(self, table: Table, columns: tuple[str, ...], rows: Rows) -> KeySet | None:
        """
        Give the values of a key of integers, of these rows, as identities of a set whose one leaf is the table.

        None where they do not go into 64 bits together.
        """
        ...


class Noted(Protocol):
    """What is noted beside a copy of what it was made from."""

    def baseline(self) -> Baseline | None:
        """Give what was noted of the copy that stands at the target, or None."""
        ...

    def note(self, baseline: Baseline) -> None:
        """Note what the new copy was made from, before it is swapped in; the copy must be done."""
        ...


class Pruned(Protocol):
    """Ways to remove rows of the new copy."""

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
    """A target whose new copy can begin as what the target is now."""

    def begin(self, baseline: Baseline) -> str:
        """
        Hold the target and make the new copy as what the target is now; sessions in it are ended.

        Give why that cannot be, or why what is there is not what the baseline tells; empty where nothing is wrong.
        """
        ...

    def interrupt(self) -> None:
        """Have a `begin` that another thread is in fail soon. It may have to be told again, until it has."""
        ...

    def open(self) -> None:
        """Let the new copy be written to; until then it is as the target is."""
        ...

    def touched(self, baseline: Baseline) -> frozenset[TableId]:
        """
        Give the leaves of the target that somebody seems to have written to since the copy was done.

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

"""What going on with a new copy that another run left needs of a target; an engine that cannot does not have it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from dbmimic.model.keys import KeySet
from dbmimic.model.names import TableId
from dbmimic.model.progress import Loaded, Reading, Unfinished
from dbmimic.model.schema import Table
from dbmimic.model.work import WorkUnit
from dbmimic.ports.delta import Dated


@runtime_checkable
class Placed(Dated, Protocol):
    """A new copy that tells where its rows are; as many questions may be asked at once as it is `abreast`."""

    def others(self, table: Table, columns: tuple[str, ...], kept: KeySet) -> KeySet:
        """Give the rows that have none of these keys, as `Dated.integers` gives keys. Cost: one read of the table."""
        ...


@runtime_checkable
class Resumable(Protocol):
    """A target whose new copy tells how far it came. `untouched` and `lift` may be called by several threads."""

    def intend(self, reading: Reading, units: Sequence[WorkUnit]) -> None:
        """Note in the new copy which rows are going to be loaded into it, before the first of them is."""
        ...

    def unfinished(self) -> Unfinished | None:
        """
        Give what a run left that ended before its copy was done, or None; the target must be held. Nothing is changed.

        Without readings it tells nothing of how far it came.
        """
        ...

    def adopt(self, left: Unfinished) -> Sequence[Loaded]:
        """
        Make that the new copy of this run, which nobody else writes to from then on, and give what it holds.

        Raises:
            TargetError: it cannot be had.
        """
        ...

    def untouched(self, table: Table) -> bool:
        """Tell whether a table holds the very rows that its units loaded, none of them written since, and no other."""
        ...

    def lift(self, table: TableId, rows: KeySet) -> int:
        """Remove these rows of the new copy, all or none, and give how many there were."""
        ...

    def empty(self, table: Table) -> None:
        """Remove all rows of a table, and what is noted of its units."""
        ...

    def leave(self) -> None:
        """Let go of the new copy without removing it, so that another run can go on with it."""
        ...

    def abandon(self) -> None:
        """Give the new copy up, where one was adopted, so that `Builder.build` can begin; the run's lock stays."""
        ...

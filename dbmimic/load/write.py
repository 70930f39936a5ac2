"""What is done to a cleared target, and to no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dbmimic.load.guard import ClearedCopy, ClearedTarget
from dbmimic.model.batch import Layout, MaskedBatch
from dbmimic.model.findings import Finding
from dbmimic.model.names import ColumnId
from dbmimic.model.target import Amendment, Stamp, Structure


def hold(target: ClearedTarget) -> None:
    """Be the only run that works on the target, before the source is asked for more than it has to be."""
    target.target.hold()


def build(target: ClearedTarget, structure: Structure) -> None:
    """Create the new copy's tables beside the old copy."""
    target.target.build(structure)


def write(
    target: ClearedTarget | ClearedCopy,
    layout: Layout,
    batches: Iterable[MaskedBatch],
    unit: str = "",
    account: Callable[[], str] = str,
) -> int:
    """Load masked batches into the new copy, all or none and each unit once, and give the number of rows."""
    return target.target.write(layout, batches, unit, account)


def finish(target: ClearedTarget, structure: Structure, masked: frozenset[ColumnId]) -> tuple[Finding, ...]:
    """Build what comes after the rows: constraints, indexes, triggers, sequences, statistics."""
    return target.target.finish(structure, masked)


def amend(target: ClearedTarget, amendment: Amendment) -> None:
    """Run SQL of the user's own in the new copy."""
    target.target.amend(amendment)


def swap(target: ClearedTarget, stamp: Stamp, copies: int) -> None:
    """Put the new copy in the old one's place, in one step, and keep so many of those that were there."""
    target.target.swap(stamp, copies)

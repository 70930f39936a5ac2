"""What becomes of rows whose parents are not in the slice, where an edge does not bring them along."""

from __future__ import annotations

from collections.abc import Mapping

from dbmimic.errors import ConfigError, Problem
from dbmimic.model.amount import amount
from dbmimic.model.keys import WHOLE, Gathering, KeySet, Nulled, Rows
from dbmimic.model.names import TableId
from dbmimic.model.plan import SubsetPlan
from dbmimic.model.request import Parent
from dbmimic.model.schema import ForeignKey
from dbmimic.ports.source import End, Walker

Chosen = Mapping[TableId, KeySet]


def lost(plan: SubsetPlan, chosen: Chosen, source: Walker) -> dict[TableId, KeySet]:
    """
    Give the rows that leave: their parent over an edge with `drop-child` is not in the slice, or a row that leaves is
    one that they cannot be without. A reference to what is not even in the source loses nothing.
    """
    gone: dict[TableId, KeySet] = {}
    for edge in plan.with_parent(Parent.DROP_CHILD):
        rows = _without_parent(plan, edge, chosen, source)
        if rows:
            gone[edge.child] = gone.get(edge.child, KeySet()) | rows
    fresh = dict(gone)
    bound = plan.with_parent(Parent.DROP_CHILD, Parent.FOLLOW)
    while fresh:
        found: dict[TableId, KeySet] = {}
        for edge in bound:
            if edge.parent in fresh and chosen.get(edge.child):
                rows = source.children(edge, fresh[edge.parent]) & chosen[edge.child]
                found[edge.child] = found.get(edge.child, KeySet()) | rows
        fresh = {}
        for table, rows in found.items():
            new = rows - gone.get(table, KeySet())
            if new:
                fresh[table] = new
                gone[table] = gone.get(table, KeySet()) | new
    return gone


def nulled(plan: SubsetPlan, chosen: Chosen, source: Walker) -> dict[TableId, tuple[Nulled, ...]]:
    """Give the rows whose references become NULL, each row once with all of its columns that do."""
    parts: dict[TableId, dict[tuple[str, ...], KeySet]] = {}
    for edge in plan.with_parent(Parent.NULL):
        rows = _without_parent(plan, edge, chosen, source)
        if rows:
            parts[edge.child] = _split(parts.get(edge.child, {}), rows, plan.policy(edge).nulls)
    return {
        table: tuple(Nulled(rows, columns) for columns, rows in sorted(of_one.items()))
        for table, of_one in parts.items()
    }


def refuse_missing(plan: SubsetPlan, chosen: Chosen, source: Walker) -> None:
    """
    Make sure that the slice holds what rows reference over the edges that nobody was to follow.

    Raises:
        ConfigError: DM212 for each edge over which it does not; virtual keys may dangle, and the audit tells of them.
    """
    problems = []
    for edge in plan.with_parent(Parent.STOP):
        rows = _rows(plan, edge.child, chosen)
        if edge.virtual or not rows or edge.parent in plan.whole:
            continue
        missing = source.parents(edge, rows) - chosen.get(edge.parent, KeySet())
        if missing:
            policy = plan.policy(edge)
            lost = amount(len(missing), "row that it references is", "rows that it references are")
            reason = f"the edge {edge} is not followed, but {lost} not in the slice"
            hint = f"write parent: follow, null or drop-child for it, or bring {edge.parent} by a seed"
            problems.append(Problem("DM212", reason, policy.place or str(edge), hint))
    if problems:
        raise ConfigError.of(problems)


def referencing(edge: ForeignKey, rows: KeySet, source: Walker) -> KeySet:
    """Give those of these rows that reference a row which is in the source."""
    found = Gathering()
    for links in source.links(edge, rows, End.CHILD):
        found.add(links.child_leaf, links.children)
    return found.keys()


def _rows(plan: SubsetPlan, table: TableId, chosen: Chosen) -> Rows:
    return WHOLE if table in plan.whole else chosen.get(table, KeySet())


def _without_parent(plan: SubsetPlan, edge: ForeignKey, chosen: Chosen, source: Walker) -> KeySet:
    """Give the chosen rows that reference a row which is in the source, but not chosen."""
    rows = _rows(plan, edge.child, chosen)
    if not rows or edge.parent in plan.whole:
        return KeySet()
    held = chosen.get(edge.parent, KeySet())
    without = Gathering()
    for links in source.links(edge, rows, End.CHILD):
        gone = ~held.holds(links.parent_leaf, links.parents)
        without.add(links.child_leaf, links.children[gone])
    return without.keys()


def _split(
    parts: Mapping[tuple[str, ...], KeySet], rows: KeySet, columns: tuple[str, ...]
) -> dict[tuple[str, ...], KeySet]:
    """Give the parts with `columns` added to theirs for these rows."""
    found: dict[tuple[str, ...], KeySet] = {}
    for held, of_part in parts.items():
        for names, some in ((held, of_part - rows), (tuple(sorted({*held, *columns})), of_part & rows)):
            if some:
                found[names] = found.get(names, KeySet()) | some
        rows -= of_part
    if rows:
        names = tuple(sorted(columns))
        found[names] = found.get(names, KeySet()) | rows
    return found

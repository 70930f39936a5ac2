"""What a slice came to, where that is seldom what was meant: seeds without rows, empty tables, hubs, gaps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dbmimic.model.findings import Finding, Severity
from dbmimic.model.keys import TableSlice
from dbmimic.model.names import TableId
from dbmimic.model.plan import SubsetPlan
from dbmimic.model.request import Children, Mode, Parent
from dbmimic.model.schema import Schema
from dbmimic.ports.source import Reader
from dbmimic.subset.walk import Walked

_MANY_ROWS = 1000
_MANY_CHILDREN = 50  # a parent, on average


def notices(plan: SubsetPlan, schema: Schema, walked: Walked, source: Reader) -> Iterator[Finding]:
    """Give a warning for each thing that somebody should look at. Cost: a count of each small table that is empty."""
    if not schema.tables:
        reason = "the source has no table, so the copy holds nothing"
        yield Finding("DM215", Severity.WARNING, "source", reason, "look at the database in the source's URL")
    if plan.mode is Mode.FULL:
        return
    yield from _fruitless(plan, walked.slices)
    yield from _starved(plan, schema, walked.slices, source)
    yield from _hubs(walked)
    yield from _uncovered(walked)


def _fruitless(plan: SubsetPlan, slices: Mapping[TableId, TableSlice]) -> Iterator[Finding]:
    for table, place in {seed.table: seed.place for seed in plan.seeds}.items():
        if not slices[table].own:
            where = f"{place} ({table})" if place else str(table)
            reason = "the seeds of this table name no row"
            yield Finding("DM212", Severity.WARNING, where, reason, "try them in a SELECT")


def _starved(
    plan: SubsetPlan, schema: Schema, slices: Mapping[TableId, TableSlice], source: Reader
) -> Iterator[Finding]:
    """Give the tables that rows of the slice lead to, and that are empty in it and not in the source."""
    for table, chosen in slices.items():
        if chosen.whole or chosen.rows:
            continue
        held = schema.table(table)
        leading = sorted(
            str(edge)
            for edge, policy in plan.edges.items()
            if edge.child == table
            and edge.parent in slices
            and slices[edge.parent].rows
            and (policy.children is Children.FOLLOW or policy.parent is Parent.DROP_CHILD)
        )
        if leading and (held.estimated_rows or source.count(held)):
            reason = f"the table is empty in the slice and not in the source, though {leading[0]} leads to it"
            hint = "see whether its seeds, conditions and policies mean that; a seed of its own fills it"
            yield Finding("DM215", Severity.WARNING, str(table), reason, hint)


def _uncovered(walked: Walked) -> Iterator[Finding]:
    """Give the tables of which the slice does not hold all that was to be covered: rows of theirs had to leave."""
    for each in walked.coverage:
        if each.covered < each.tuples:
            missing = f"{each.tuples - each.covered:,} of {each.tuples:,}"
            reason = (
                f"{missing} values or pairs that were to be covered are not in the slice: rows that hold them leave"
            )
            hint = "see which parents they are without (drop-child, restrict), and bring those by a seed"
            yield Finding("DM222", Severity.WARNING, each.table, reason, hint)


def _hubs(walked: Walked) -> Iterator[Finding]:
    """Give the edges that bring more than half of the slice, very many rows for each that they start from."""
    total = sum(len(chosen.own) + len(chosen.need) for chosen in walked.slices.values())
    for arrow, rows in walked.brought.items():
        start = walked.slices[arrow.start]
        parents = max(1, len(start.own))
        if arrow.down and rows >= max(_MANY_ROWS, total // 2, _MANY_CHILDREN * parents):
            each = rows // parents
            reason = f"{rows:,} of the slice's {total:,} rows come over this key, about {each:,} for each parent"
            hint = f'give it a limit: {{edge: "{arrow.edge}", limit: 100}} in slice.edges; or children: stop'
            yield Finding("DM216", Severity.WARNING, str(arrow.edge), reason, hint)

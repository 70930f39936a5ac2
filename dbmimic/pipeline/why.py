"""Why one row is in the slice; nothing is written anywhere."""

from __future__ import annotations

from dbmimic import subset
from dbmimic.errors import Problem, UsageError
from dbmimic.model.amount import amount
from dbmimic.model.events import Stage
from dbmimic.model.explanation import Explanation, Link
from dbmimic.model.masking import Kept
from dbmimic.model.request import IdsSeed
from dbmimic.model.schema import Column, Table
from dbmimic.model.settings import Named
from dbmimic.model.types import Kind
from dbmimic.pipeline.job import Chapters, Request, World
from dbmimic.pipeline.prepare import Prepared, prepare, walked
from dbmimic.ports.source import Source
from dbmimic.subset import Reason

_HIDDEN = "(masked)"
_NUMBERS = frozenset({Kind.INTEGER, Kind.UUID})  # they identify a row, and nobody by themselves


def why(request: Request, source: Source, world: World, table: str, key: tuple[str, ...]) -> Explanation:
    """
    Give the chain from where the slice starts to the row with this key.

    Raises:
        UsageError: DM101, there is no such table, key or row.
    """
    chapters = Chapters(world)
    with chapters.chapter(Stage.INTROSPECT):
        prepared = prepare(request, source, world)
        asked = _table(table, key, prepared)
        row = source.seed(asked, IdsSeed(asked.id, (key,)))
    if not row:
        raise UsageError("DM101", "no row has this key", place=str(asked.id), hint="give it as it stands in the source")
    if asked.id in prepared.plan.excluded or not asked.holds_rows:
        return Explanation(str(asked.id), ())
    with chapters.chapter(Stage.WALK):
        prepared, afforded = walked(prepared, request, source)
        chain = subset.why(asked.id, row, prepared.plan, prepared.schema, afforded.walked, source, request.secret)
        return Explanation(str(asked.id), tuple(_link(reason, prepared, source) for reason in chain))


def _table(name: str, key: tuple[str, ...], prepared: Prepared) -> Table:
    found = subset.find_table(Named(name, name), prepared.schema)
    if isinstance(found, Problem):
        raise UsageError("DM101", found.message, place=name, hint=found.hint)
    table = prepared.schema.table(found)
    columns = table.stable_key.columns if table.stable_key is not None else ()
    if not columns:
        raise UsageError("DM101", "the table has no key to find a row by", place=str(found))
    if len(columns) != len(key):
        message = f"the key of the table has {amount(len(columns), 'column')}"
        raise UsageError("DM101", message, place=str(found), hint=" ".join(columns))
    return table


def _link(reason: Reason, prepared: Prepared, source: Source) -> Link:
    table = prepared.schema.table(reason.table)
    arrow = reason.arrow
    return Link(
        table=str(table.id),
        key=_key(table, reason, prepared, source),
        edge=str(arrow.edge) if arrow else "",
        came=("child" if arrow.down else "parent") if arrow else "",
        reason=reason.start,
    )


def _key(table: Table, reason: Reason, prepared: Prepared, source: Source) -> tuple[str, ...]:
    """Give the row's key; values of a column that is masked, or may be, are shown only where they are mere numbers."""
    if table.stable_key is None:
        return ()
    columns = [column for name in table.stable_key.columns if (column := table.column(name)) is not None]
    (rows,) = source.keyed(table, table.stable_key.columns, reason.row)
    values = zip(columns, rows.columns, strict=True)
    return tuple(str(value[0]) if _is_shown(table, column, prepared) else _HIDDEN for column, value in values)


def _is_shown(table: Table, column: Column, prepared: Prepared) -> bool:
    decision = prepared.resolution.plan.decisions.get(table.id.column(column.name))
    return isinstance(decision, Kept) or column.logical.kind in _NUMBERS

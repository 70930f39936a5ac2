"""What a copy would do: the same questions, and no writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from dbmimic import rules, subset
from dbmimic.errors import Problem, RefusedError
from dbmimic.model.events import Stage
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.keys import KeySet, TableSlice
from dbmimic.model.masking import Decision, Kept
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.plan import SubsetPlan
from dbmimic.model.preview import ColumnPreview, CutPreview, EdgePreview, Preview, TablePreview
from dbmimic.model.request import Mode
from dbmimic.model.schema import ForeignKey
from dbmimic.pipeline.job import Chapters, Request, World
from dbmimic.pipeline.prepare import Prepared, prepare, slice_count, source_count, too_many, walked
from dbmimic.pipeline.summaries import counted
from dbmimic.pipeline.trial import tried
from dbmimic.ports.source import Source
from dbmimic.subset import Arrow, Walked, Width, width

Cuts = tuple[CutPreview, ...]
T = TypeVar("T")


def preview(request: Request, source: Source, world: World) -> Preview:
    """
    Give the plan with its exact rows; nothing is written anywhere.

    What a copy would be refused for once the rules are read is no error here, but a finding of the plan.
    """
    chapters = Chapters(world)
    with chapters.chapter(Stage.INTROSPECT):
        prepared = prepare(request, source, world)
    with chapters.chapter(Stage.WALK):
        decided = prepared.resolution.plan
        masks, refused = _answered(lambda: counted(decided, prepared.schema, world.registry, source, request.secret))
        prepared, afforded = walked(prepared, request, source)
        slices = afforded.walked.slices
        columns = _columns(prepared)
        order = [*prepared.plan.tables, *sorted(prepared.plan.excluded)]
        noticed = (*afforded.findings, *subset.notices(prepared.plan, prepared.schema, afforded.walked, source))
        widths: dict[str, Width] = {}
        tables = tuple(_table(table, prepared, slices.get(table), columns, source, widths) for table in order)
        cut = _cuts(request, prepared, afforded.walked, source, widths)
        if masks is not None:
            tries = tried(prepared.schema, slices, masks, world.registry, request.secret, source)
            trial, refused = _answered(lambda: tuple(tries))
            refused = (*(trial or ()), *refused)
    inside = {table: component for component in prepared.graph.components for table in component}
    return Preview(
        engine=source.engine,
        mode=prepared.plan.mode,
        tables=tables,
        columns=columns,
        edges=tuple(
            _edge(edge, prepared.plan, afforded.walked, cycle=edge.parent in inside[edge.child])
            for edge in prepared.graph.edges
        ),
        cuts=cut,
        findings=(
            *prepared.schema.findings,
            *_errors(prepared.resolution.unfit),
            *prepared.resolution.noticed,
            *prepared.drifted,
            *noticed,
            *rules.risks(prepared.schema, prepared.graph, decided),
            *refused,
            *too_many(sum(table.rows for table in tables), request.slice.max_rows),
        ),
        coverage=afforded.walked.coverage,
        budget=afforded.outcome,
    )


def _answered(question: Callable[[], T]) -> tuple[T | None, tuple[Finding, ...]]:
    """Give the answer to a question, or what a copy would be refused for there."""
    try:
        return question(), ()
    except RefusedError as error:
        return None, tuple(_errors(error.problems))


def _errors(problems: Iterable[Problem]) -> Iterator[Finding]:
    return (Finding(each.code, Severity.ERROR, each.place, each.message, each.hint) for each in problems)


def _edge(edge: ForeignKey, plan: SubsetPlan, found: Walked, *, cycle: bool) -> EdgePreview:
    policy = plan.edges.get(edge)
    told = () if policy is None or plan.mode is Mode.FULL else policy.words
    return EdgePreview(
        edge=str(edge),
        nullable=edge.nullable,
        cycle=cycle,
        virtual=edge.virtual,
        policy=", ".join(told),
        children=found.brought.get(Arrow(edge, down=True), 0),
        parents=found.brought.get(Arrow(edge, down=False), 0),
    )


def _table(
    table: TableId,
    prepared: Prepared,
    chosen: TableSlice | None,
    columns: tuple[ColumnPreview, ...],
    source: Source,
    widths: dict[str, Width],
) -> TablePreview:
    held = prepared.schema.table(table)
    chosen = chosen or TableSlice(KeySet(), KeySet())
    rows = slice_count(held, chosen, source)
    wide = widths[str(table)] = width(held, chosen.rows, rows, source)
    outcomes = [column.outcome for column in columns if column.table == str(table)]
    return TablePreview(
        table=str(table),
        role=_role(table, prepared.plan, chosen),
        rows=rows,
        source_rows=source_count(held, chosen, rows, source),
        own=len(chosen.own),
        need=len(chosen.need),
        columns_masked=outcomes.count("masked"),
        columns_kept=outcomes.count("kept"),
        columns_undecided=outcomes.count("undecided"),
        bytes=round(rows * wide.mean),
        bytes_low=round(rows * wide.low),
        bytes_high=round(rows * wide.high),
    )


def _role(table: TableId, plan: SubsetPlan, chosen: TableSlice) -> str:
    role = plan.role(table)
    if role == "table" or plan.mode is Mode.FULL:
        reached = "closure" if chosen.own or chosen.need else "empty"
        return role if role == "excluded" else "full" if plan.mode is Mode.FULL else reached
    return role


def _cuts(request: Request, prepared: Prepared, walked: Walked, source: Source, widths: Mapping[str, Width]) -> Cuts:
    asked = replace(prepared.asked, seeds=prepared.plan.seeds)
    found = subset.cuts(prepared.schema, prepared.graph, asked, walked, source, request.secret)
    return tuple(
        CutPreview(
            edge=str(cut.edge),
            policy=cut.policy,
            rows=sum(cut.saved.values()),
            bytes=round(sum(rows * widths[str(table)].mean for table, rows in cut.saved.items())),
        )
        for cut in found
    )


def _columns(prepared: Prepared) -> tuple[ColumnPreview, ...]:
    decided = prepared.resolution.plan.decisions
    undecided = set(prepared.resolution.undecided)
    return tuple(
        _column(table.id.column(column.name), column.type, decided.get(table.id.column(column.name)))
        for table in prepared.schema.tables
        for column in table.loadable
        if table.id.column(column.name) in decided or table.id.column(column.name) in undecided
    )


def _column(column: ColumnId, type_: str, decision: Decision | None) -> ColumnPreview:
    table, name = str(column.table), column.name
    if decision is None:
        return ColumnPreview(table, name, type_, "undecided", "nothing decides it")
    if isinstance(decision, Kept):
        return ColumnPreview(table, name, type_, "kept", decision.reason, decision.place)
    follows = f" (follows {decision.follows})" if decision.follows else ""
    return ColumnPreview(table, name, type_, "masked", f"{decision.mask}{follows}", decision.place)

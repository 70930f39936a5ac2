"""What the copy should be, and how it is told what it became."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from dbmimic.masks.definition import Promise, left_by
from dbmimic.masks.keyed import key_id
from dbmimic.masks.policy import promises
from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.amount import amount
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.keys import TableSlice
from dbmimic.model.masking import MaskPlan
from dbmimic.model.names import TableId
from dbmimic.model.report import MaskReport, RunReport, TableReport
from dbmimic.model.request import Parent
from dbmimic.model.schema import Schema, Table
from dbmimic.model.target import Structure
from dbmimic.model.work import UnitResult
from dbmimic.pipeline.job import Request, World
from dbmimic.pipeline.prepare import Prepared, rows_of, source_count
from dbmimic.pipeline.units import Maskers
from dbmimic.ports.source import Reader, Source
from dbmimic.rules import Masker
from dbmimic.verdict import Expectation, MaskedColumn, MaskedTable, Verdict

Slices = Mapping[TableId, TableSlice]


def expectation(
    prepared: Prepared,
    structure: Structure,
    slices: Slices,
    maskers: Maskers,
    masks: MaskPlan,
    registry: MaskRegistry,
    *,
    same_snapshot: bool = True,
) -> Expectation:
    """Give what a copy of this slice must be."""
    schema = prepared.schema
    return Expectation(
        schema=schema,
        graph=prepared.graph,
        structure=structure,
        slices=rows_of(slices),
        masked=tuple(
            _masked_table(schema.table(table), chosen, maskers[table], masks, registry, same_run=same_snapshot)
            for table, chosen in slices.items()
            if masks.masked(table) or (same_snapshot and schema.table(table).as_text)
        ),
        same_snapshot=same_snapshot,
        loose=frozenset(edge for edge in prepared.plan.with_parent(Parent.STOP) if edge.virtual),
    )


def _masked_table(
    table: Table, chosen: TableSlice, masker: Masker, masks: MaskPlan, registry: MaskRegistry, *, same_run: bool
) -> MaskedTable:
    decisions = masks.masked(table.id)
    definitions = {name: (registry.get(decision.mask), decision.options) for name, decision in decisions.items()}
    passing = {
        name
        for name, decision in decisions.items()
        if not same_run and (decision.scope == "run" or registry.get(decision.mask).counted)
    }
    passing |= {name for name, (mask, options) in definitions.items() if passing & {*mask.row(options)}}
    return MaskedTable(
        table=table,
        parts=chosen.parts,
        read=masker.layout(table.id).head,
        columns={
            name: MaskedColumn(
                left_by(mask, options),
                Promise.CHANGES in promises(mask, options),
                repeatable=name not in passing,
            )
            for name, (mask, options) in definitions.items()
        },
        mask=masker.mask,
    )


def about(schema: Schema, slices: Slices) -> int:
    """Give about how many rows the slice has: what the catalogue says of whole tables is not counted yet."""
    return sum(
        schema.table(table).estimated_rows if chosen.whole else len(chosen.own) + len(chosen.need)
        for table, chosen in slices.items()
    )


def describe(
    expected: Expectation,
    slices: Slices,
    masks: MaskPlan,
    verdict: Verdict,
    done: Sequence[UnitResult],
    source: Source,
    target_engine: str,
    request: Request,
    world: World,
) -> RunReport:
    """Give the report of a copy whose verdict is known."""
    return RunReport(
        status="verified" if verdict.verified else "failed",
        engine={"source": source.engine, "target": target_engine},
        tables=_tables(expected.schema, slices, verdict.row_counts, done, source),
        foreign_keys=verdict.foreign_keys,
        masks=MaskReport(
            len(masks.masked_columns), len(masks.decisions) - len(masks.masked_columns), invalid=_unread(done)
        ),
        leaks=verdict.leaks,
        findings=verdict.findings,
        versions={**world.versions, "rules": request.rules.fingerprint, **_key(request)},
    )


def _key(request: Request) -> dict[str, str]:
    """Give the id of the key that masked, which tells nothing of the key."""
    return {} if request.secret is None else {"key": key_id(request.secret)}


def _unread(done: Sequence[UnitResult]) -> dict[str, int]:
    """Give by column how many values its mask could not read."""
    counts: Counter[str] = Counter()
    for result in done:
        for name, count in result.unread.items():
            counts[str(result.layout.table.column(name))] += count
    return dict(sorted(counts.items()))


def unread_findings(invalid: Mapping[str, int]) -> Iterator[Finding]:
    """Give a warning for each column with values that its mask could not read."""
    for place, count in invalid.items():
        found = amount(count, "value has", "values have")
        reason = f"{found} not the form that the column's mask reads, so the rule's `invalid` was done"
        yield Finding("DM607", Severity.WARNING, place, reason, "see whether another mask fits the column better")


def mended_findings(done: Sequence[UnitResult]) -> Iterator[Finding]:
    """Give a warning for each column with texts that were none in the source's encoding."""
    counts: Counter[str] = Counter()
    for result in done:
        for name, count in result.mended.items():
            counts[str(result.layout.table.column(name))] += count
    for place, count in sorted(counts.items()):
        found = amount(count, "text is none", "texts are none")
        reason = f"{found} in the source's encoding; U+FFFD or ? stands for the bytes at fault"
        yield Finding("DM608", Severity.WARNING, place, reason, "mend them in the source")


def _tables(
    schema: Schema, slices: Slices, rows: Mapping[TableId, int], done: Sequence[UnitResult], source: Reader
) -> tuple[TableReport, ...]:
    copied: dict[TableId, list[UnitResult]] = {}
    for result in done:
        copied.setdefault(result.layout.table, []).append(result)
    return tuple(
        TableReport(
            table=str(table),
            rows=rows.get(table, 0),
            source_rows=source_count(schema.table(table), chosen, rows.get(table, 0), source),
            bytes=sum(result.byte_count for result in copied.get(table, ())),
            own=len(chosen.own),
            need=len(chosen.need),
            seconds=round(sum(result.seconds for result in copied.get(table, ())), 3),
        )
        for table, chosen in sorted(slices.items())
    )

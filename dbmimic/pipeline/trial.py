"""Masked rows held against what the copy's tables will ask of them, before anything is written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import pyarrow as pa

from dbmimic.errors import Problem, RefusedError
from dbmimic.masks.definition import MaskDefinition
from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.address import Secret
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.keys import TableSlice
from dbmimic.model.masking import MaskPlan
from dbmimic.model.names import TableId
from dbmimic.model.schema import Check, Schema, Table
from dbmimic.pipeline.summaries import NOBODYS
from dbmimic.ports.source import Source
from dbmimic.rules import Masker
from dbmimic.subset.samples import close, streams

_TRIED = 1000  # rows of a table
_OTHER = "choose another mask for the column, or keep it with a reason"

Columns = Mapping[str, pa.Array]


def tried(
    schema: Schema,
    slices: Mapping[TableId, TableSlice],
    masks: MaskPlan,
    registry: MaskRegistry,
    secret: Secret | None,
    source: Source,
) -> Iterator[Finding]:
    """
    Give an error for each check that masked rows break, and a warning for each that could not be tried.

    Up to about 1,000 rows of each table are masked whose checks name a masked column, or a mask of which may give
    what the column does not hold. Cost: a small read and one question for each such check.

    Raises:
        RefusedError: DM304, a mask cannot take a value of the column, or what it gives does not fit.
    """
    for table_id, chosen in slices.items():
        table, decided = schema.table(table_id), masks.masked(table_id)
        checks = [check for check in table.checks if not decided.keys().isdisjoint(check.columns)]
        uncertain = any(_may_not_fit(table, name, registry.get(one.mask)) for name, one in decided.items())
        if not (checks or uncertain) or not (chosen.whole or len(chosen.own) + len(chosen.need)):
            continue
        made = _masked(table, chosen, checks, Masker(table, masks, registry, secret or NOBODYS), source)
        for check in checks:
            if all(name in made for name in check.columns):
                yield from _of_check(table, check, decided.keys(), source.refuses(table, check, made))
            else:
                yield from _of_check(table, check, decided.keys(), None)


def refuse(findings: Iterator[Finding]) -> tuple[Finding, ...]:
    """
    Give the findings that are no errors.

    Raises:
        RefusedError: the others.
    """
    told = tuple(findings)
    problems = [Problem(each.code, each.message, each.place, each.hint) for each in told if each.severity is _ERROR]
    if problems:
        raise RefusedError.of(problems)
    return told


_ERROR = Severity.ERROR


def _may_not_fit(table: Table, name: str, definition: MaskDefinition) -> bool:
    """Whether a mask may give more, or other, characters than the column holds."""
    column = table.column(name)
    return definition.outgrows or (column is not None and bool(column.logical.charset))


def _masked(table: Table, chosen: TableSlice, checks: list[Check], masker: Masker, source: Source) -> Columns:
    """Give some rows as they will be in the copy, as far as the checks look at them."""
    loadable = {column.name for column in table.loadable}
    named = {name for check in checks for name in check.columns if name in loadable}
    wanted = {*masker.layout(table.leaves[0]).head, *named}
    columns = tuple(column.name for column in table.columns if column.name in wanted)
    found: dict[str, list[pa.Array]] = {name: [] for name in named}
    for stream in streams(table, columns, chosen.rows, source, _TRIED):
        for batch in stream:
            masked = masker.mask(batch)
            for name in named:
                found[name].append(masked.head[name][:_TRIED])
            break
        close(stream)
    return {name: pa.concat_arrays([pa.array([], pa.string()), *parts]) for name, parts in found.items()}


def _of_check(table: Table, check: Check, masked: Collection[str], refused: bool | None) -> Iterator[Finding]:
    named = (column.name for column in table.columns if column.name in check.columns and column.name in masked)
    place = str(table.id.column(next(named)))
    if refused:
        reason = f"the check {check.name} of {table.id} refuses what the mask gives, so the copy could not be loaded"
        if check.of_partitions:
            reason = (
                f"no partition of {table.id} that is copied takes all that the mask gives, so it could not be loaded"
            )
        yield Finding("DM313", Severity.ERROR, place, reason, _OTHER)
    elif refused is None:
        reason = f"nobody could try whether the check {check.name} of {table.id} takes what the mask gives"
        yield Finding("DM314", Severity.WARNING, place, reason, "if it does not, the copy is refused when it is loaded")

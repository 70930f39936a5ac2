"""Everything that can be refused before a row is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dbmimic import introspect, rules, subset
from dbmimic.errors import ConfigError, Problem, RefusedError
from dbmimic.masks.pinned import differences, pinned
from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.amount import amount
from dbmimic.model.events import SchemaRead
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.graph import FkGraph
from dbmimic.model.keys import Rows, TableSlice
from dbmimic.model.known import Known
from dbmimic.model.masking import Masked, MaskPlan
from dbmimic.model.names import TableId
from dbmimic.model.plan import SubsetPlan
from dbmimic.model.request import SliceRequest
from dbmimic.model.schema import Schema, Table
from dbmimic.pipeline.job import Request, World
from dbmimic.ports.source import Reader, Source
from dbmimic.rules import Resolution
from dbmimic.subset import Afforded

# Above this many rows by the catalogue's estimate, the estimate is told instead of counting on the source.
_COUNTED_ROWS = 1_000_000


@dataclass(frozen=True)
class Sliced:
    """The schema, its graph, and the slice as it was asked for and as it is planned."""

    schema: Schema
    graph: FkGraph
    asked: SliceRequest
    plan: SubsetPlan


@dataclass(frozen=True)
class Prepared(Sliced):
    """The same, with what the rules say, and what is told of changes since the last copy."""

    resolution: Resolution
    drifted: tuple[Finding, ...] = ()


def sliced(request: Request, source: Source) -> Sliced:
    """Give what follows from the catalogue and the slice as it was written."""
    schema = introspect.read(source)
    graph = introspect.link(schema, subset.virtual_keys(request.slice.virtual_keys, schema, source))
    asked = subset.resolve(request.slice, schema, graph)
    return Sliced(schema, graph, asked, subset.plan(schema, graph, asked))


def prepare(request: Request, source: Source, world: World) -> Prepared:
    """Give all that follows from the catalogue and the configuration alone."""
    found = sliced(request, source)
    world.listener(SchemaRead(Known.of(found.schema)))
    if request.secret is None and request.slice.needs_secret:
        reason = "percent, ratio, limit and cover choose rows by keyed hash, and there is no secret"
        hint = "`dbmimic key new` prints one; set it as DBMIMIC_SECRET"
        raise ConfigError("DM209", reason, place="secret", hint=hint)
    resolution = rules.resolve(request.rules, found.schema, found.graph, world.registry, found.plan.excluded)
    _hold(request, resolution.plan, world.registry)
    drifted = _drifted(request, found.schema, resolution.plan)
    resolution = replace(resolution, doubts=drifted.doubts)
    return Prepared(found.schema, found.graph, found.asked, found.plan, resolution, drifted.findings)


def _drifted(request: Request, schema: Schema, plan: MaskPlan) -> introspect.Drifted:
    """Give what changed since the last copy; what somebody accepted is no doubt, and warns of nothing."""
    if request.known is None:
        return introspect.Drifted()
    found = introspect.drift(request.known, schema, plan)
    if not request.accept_drift:
        return found
    accepted = (Finding(each.code, Severity.INFO, each.place, f"{each.message} (accepted)") for each in found.doubts)
    return introspect.Drifted((), (*accepted, *(replace(each, severity=Severity.INFO) for each in found.findings)))


def _hold(request: Request, plan: MaskPlan, registry: MaskRegistry) -> None:
    """
    Make sure that this run masks as was pinned.

    Raises:
        RefusedError: DM311 for each thing that would make it mask otherwise.
    """
    if request.lock is None:
        return
    decided = [decision for decision in plan.decisions.values() if isinstance(decision, Masked)]
    used = {name for one in decided for name in registry.within(one.mask, one.options)}
    hint = "use what is pinned, or accept that values are masked otherwise than before: `dbmimic rules lock --renew`"
    problems = [
        Problem("DM311", f"the copy would not be masked as before: {reason}", request.lock_place, hint)
        for reason in differences(request.lock, pinned(registry, request.secret), used)
    ]
    if problems:
        raise RefusedError.of(problems)


def walked(prepared: Prepared, request: Request, source: Source) -> tuple[Prepared, Afforded]:
    """Give the slice, and what follows once its percents are scaled to its budget, if it has one."""
    afforded = subset.afford(prepared.plan, prepared.schema, source, request.secret)
    return replace(prepared, plan=afforded.plan), afforded


def rows_of(slices: Mapping[TableId, TableSlice]) -> Mapping[TableId, Rows]:
    """Give the rows to read of each table."""
    return {table: chosen.rows for table, chosen in slices.items()}


def slice_count(table: Table, chosen: TableSlice, source: Reader) -> int:
    """Give how many rows of a table are in the slice."""
    return source.count(table) if chosen.whole else len(chosen.own) + len(chosen.need)


def source_count(table: Table, chosen: TableSlice, rows: int, source: Reader) -> int:
    """
    Give how many rows the source has: those of the slice where it is the whole table, else counted where that is cheap
    and estimated by the catalogue where it is not.
    """
    if chosen.whole:
        return rows
    return source.count(table) if table.estimated_rows <= _COUNTED_ROWS else table.estimated_rows


def too_many(rows: int, most: int | None) -> tuple[Finding, ...]:
    """Give the finding that a slice has more rows than it may have, if it has."""
    if most is None or rows <= most:
        return ()
    reason = f"the slice has {amount(rows, 'row')}, and slice.max_rows lets it have {most:,}"
    hint = "`dbmimic plan -v` tells what each foreign key brings: limit one (slice.edges), or ask for less"
    return (Finding("DM310", Severity.ERROR, "slice.max_rows", reason, hint),)


def refuse_too_many(schema: Schema, slices: Mapping[TableId, TableSlice], source: Reader, most: int | None) -> None:
    """
    Make sure that a slice has not more rows than it may have; where it may have any number nothing is counted.

    Raises:
        RefusedError: DM310, it has.
    """
    if most is None:
        return
    rows = sum(slice_count(schema.table(table), chosen, source) for table, chosen in slices.items())
    for finding in too_many(rows, most):
        raise RefusedError(finding.code, finding.message, place=finding.place, hint=finding.hint)

"""The slice cut into units, and what is done with one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import replace

from dbmimic import load
from dbmimic.load import ClearedTarget
from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.address import Secret
from dbmimic.model.batch import MaskedBatch, RawBatch
from dbmimic.model.events import RowsCopied
from dbmimic.model.keys import KeySet, TableSlice
from dbmimic.model.masking import MaskPlan
from dbmimic.model.names import TableId
from dbmimic.model.schema import Schema
from dbmimic.model.work import UnitResult, WorkUnit
from dbmimic.pipeline.job import World
from dbmimic.ports.source import Reader
from dbmimic.rules import Masker

Maskers = Mapping[TableId, Masker]


def maskers_of(
    schema: Schema, slices: Iterable[TableId], masks: MaskPlan, registry: MaskRegistry, secret: Secret
) -> Maskers:
    """Give a masker for each table of the slice."""
    return {table: Masker(schema.table(table), masks, registry, secret) for table in slices}


def split(schema: Schema, slices: Mapping[TableId, TableSlice], maskers: Maskers) -> list[WorkUnit]:
    """Give one unit for each leaf that has rows in the slice, in the slice's order."""
    units = []
    for table, chosen in slices.items():
        rows = chosen.rows
        leaves = schema.table(table).leaves if not isinstance(rows, KeySet) else rows.leaves
        units += [WorkUnit(f"{table}/{leaf}", maskers[table].layout(leaf), rows) for leaf in leaves]
    return units


def run(
    units: Iterable[WorkUnit], source: Reader, target: ClearedTarget, maskers: Maskers, world: World
) -> list[UnitResult]:
    """
    Run every unit on the executor and give the results in the units' order.

    Raises what the first unit that failed raised; units after it are not begun where that can be helped.
    """
    futures: list[Future[UnitResult]] = []
    for unit in units:
        future = world.executor.submit(process, unit, source, target, maskers[unit.layout.table], world)
        futures.append(future)
        if future.done():
            future.result()
    return [future.result() for future in futures]


def process(unit: WorkUnit, source: Reader, target: ClearedTarget, masker: Masker, world: World) -> UnitResult:
    """Read, mask and load one unit's rows: all of them, or none."""
    began = world.clock.seconds()
    counts = {"rows": 0, "bytes": 0}
    into = replace(unit.layout, leaf=unit.layout.table) if masker.moves_rows else unit.layout

    def watched(batches: Iterable[RawBatch]) -> Iterator[MaskedBatch]:
        for batch in batches:
            masked = masker.mask(batch)
            size = masked.tail.byte_count + sum(values.nbytes for values in masked.head.values())
            yield masked
            counts["rows"] += masked.row_count
            counts["bytes"] += size
            world.listener(RowsCopied(unit.layout.table, masked.row_count, size))

    load.write(target, into, watched(source.read(unit.layout, unit.rows)))
    return UnitResult(unit.id, unit.layout, counts["rows"], counts["bytes"], world.clock.seconds() - began)

"""The slice cut into units, and what is done with one: here, or by workers that join the run."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, replace

from dbmimic import load
from dbmimic.errors import DbmimicError, InternalError, TextRefused, TryAgainError, UnreadableText
from dbmimic.load import ClearedCopy, ClearedTarget
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.registry import MaskRegistry
from dbmimic.model.address import Secret
from dbmimic.model.aside import begun
from dbmimic.model.batch import MaskedBatch, RawBatch
from dbmimic.model.events import RowsCopied
from dbmimic.model.keys import KeySet, TableSlice
from dbmimic.model.masking import MaskPlan
from dbmimic.model.names import TableId
from dbmimic.model.schema import Schema, Table
from dbmimic.model.work import Account, Seen, UnitResult, WorkUnit
from dbmimic.pipeline.job import Crew, Joining, World
from dbmimic.ports.clock import Clock
from dbmimic.ports.listener import Listener, silent
from dbmimic.ports.source import JoinedSource, Reader, Source
from dbmimic.rules import Masker
from dbmimic.verdict import MaskedColumn, StreamCheck, together

Maskers = Mapping[TableId, Masker]
Checked = Mapping[TableId, Mapping[str, MaskedColumn]]

_WHOLE = 1 << 62  # more bytes than any leaf has
_ORDERS_A_WORKER = 6  # each starts two programs and two sessions; enough that nobody waits long for the last one
_SMALLEST_ORDER = 16 << 20
_LARGEST_ORDER = 512 << 20
_WORTH_A_THREAD = 1 << 20
_BEAT_SECONDS = 5.0
_TRIES = 3


def maskers_of(
    schema: Schema, slices: Iterable[TableId], masks: MaskPlan, registry: MaskRegistry, secret: Secret
) -> Maskers:
    """Give a masker for each table of the slice."""
    return {table: Masker(schema.table(table), masks, registry, secret) for table in slices}


def split(
    schema: Schema,
    slices: Mapping[TableId, TableSlice],
    maskers: Maskers,
    source: Reader,
    byte_count: int = _WHOLE,
) -> list[WorkUnit]:
    """Give the units of the slice in its order: one for each leaf with rows, or portions of about so many bytes."""
    units = []
    for table, chosen in slices.items():
        for rows, nulled in chosen.parts:
            leaves = schema.table(table).leaves if not isinstance(rows, KeySet) else rows.leaves
            for leaf in leaves:
                layout = maskers[table].layout(leaf, nulled)
                portions = source.cut(layout, rows, byte_count)
                title = "/".join((str(table), str(leaf), *nulled))
                units += [
                    WorkUnit(f"{title}/{number}", layout, portion.rows, portion.byte_count)
                    for number, portion in enumerate(portions)
                ]
    return units


def sizes_of(slices: Mapping[TableId, TableSlice], schema: Schema, maskers: Maskers, source: Reader) -> tuple[int, int]:
    """Give about how many bytes the slice takes in the source, without masks and with; 0 where nobody can tell."""
    units = split(schema, slices, maskers, source)
    masked = sum(unit.byte_count for unit in units if unit.layout.head)
    return sum(unit.byte_count for unit in units) - masked, masked


Arrange = Callable[[list[WorkUnit]], list[WorkUnit]]


def as_they_are(units: list[WorkUnit]) -> list[WorkUnit]:
    """Give the units that were given."""
    return units


@dataclass(frozen=True, slots=True)
class Order:
    """
    Some units, and all that a worker needs to do them: a recipe that can be sent anywhere.

    It holds references (which source, which snapshot, which copy, which secret), and no socket and no secret.
    """

    units: tuple[WorkUnit, ...]
    tables: Mapping[TableId, Table]
    masks: MaskPlan
    checked: Checked
    joining: Joining
    snapshot: str
    copy: str


def run(
    slices: Mapping[TableId, TableSlice],
    schema: Schema,
    masks: MaskPlan,
    maskers: Maskers,
    checked: Checked,
    source: Source,
    target: ClearedTarget,
    secret: Secret,
    world: World,
    *,
    few: bool = False,
    arrange: Arrange = as_they_are,
) -> list[UnitResult]:
    """
    Copy every row of the slice, by the crew where that is worth its start, and give what came of each unit.

    Of `few` rows, which go into tables with indexes, a second thread copies some: it is the servers that work.
    `arrange` is given the units, and gives those that are to be done.
    """
    units = split(schema, slices, maskers, source)
    crew = world.crew
    total = sum(unit.byte_count for unit in units)
    if crew is not None and total >= crew.least_bytes:
        snapshot, copy = source.share(crew.workers), target.target.share()
        if snapshot is not None and copy is not None:
            size = min(max(total // (crew.workers * _ORDERS_A_WORKER), _SMALLEST_ORDER), _LARGEST_ORDER)
            units = arrange(split(schema, slices, maskers, source, size))
            orders = [_order(each, schema, masks, checked, crew, snapshot, copy) for each in packed(units, size)]
            return _ordered(orders, source, crew, world)
    units = arrange(units)
    digest = KeyedFunction.derive(secret, "verify")

    def here(chosen: Iterable[WorkUnit]) -> list[UnitResult]:
        with contextlib.closing(_ahead(chosen, source)) as each:
            return [
                process(
                    unit,
                    coming,
                    source,
                    target,
                    maskers[unit.layout.table],
                    checked,
                    digest,
                    world.clock,
                    world.listener,
                )
                for unit, coming in each
            ]

    snapshot, copy = (source.share(1), target.target.share()) if few and crew is not None else (None, None)
    if crew is None or snapshot is None or copy is None or total < _WORTH_A_THREAD:
        return here(units)
    shared = Shared(sorted(units, key=lambda unit: (-unit.byte_count, unit.id)))
    order = _order(tuple(units), schema, masks, checked, crew, snapshot, copy)
    beside = begun(lambda: work(order, shared))
    try:
        found = {result.id: result for result in here(shared)}
    finally:
        shared.end()
    for result in beside.result():
        found[result.id] = result
        world.listener(RowsCopied(result.layout.table, result.row_count, result.byte_count))
    return [found[unit.id] for unit in units]


class Shared(Iterator[WorkUnit]):
    """Gives each unit to one of the threads that ask: whoever is done with one takes the next."""

    def __init__(self, units: Iterable[WorkUnit]) -> None:
        self._units = iter(units)
        self._lock = threading.Lock()

    def __next__(self) -> WorkUnit:
        with self._lock:
            return next(self._units)

    def end(self) -> None:
        """Give no more."""
        with self._lock:
            self._units = iter(())


def _ahead(
    units: Iterable[WorkUnit], source: Reader | JoinedSource
) -> Generator[tuple[WorkUnit, Iterator[RawBatch]], None, None]:
    """Give each unit with its rows; those of the next one are asked for already while they are loaded."""
    waiting: deque[tuple[WorkUnit, Iterator[RawBatch]]] = deque()
    try:
        for unit in units:
            waiting.append((unit, source.read(unit.layout, unit.rows)))
            if len(waiting) > 1:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
    finally:
        for _, coming in waiting:
            _end(coming)


def _end(coming: Iterator[RawBatch]) -> None:
    """End a stream of which the rest is not wanted."""
    if (end := getattr(coming, "close", None)) is not None:
        end()


def packed(units: Sequence[WorkUnit], size: int) -> list[tuple[WorkUnit, ...]]:
    """
    Give the units in bundles of about so many bytes, in the order in which they are best begun.

    Large tables go side by side rather than one after the other, so that workers do not queue for one table's end;
    what is small comes last and evens out who is done when.
    """
    by_table: dict[TableId, list[WorkUnit]] = {}
    small: list[WorkUnit] = []
    for unit in units:
        if unit.byte_count * 2 >= size:
            by_table.setdefault(unit.layout.leaf, []).append(unit)
        else:
            small.append(unit)
    spread = sorted(
        (
            ((number + 0.5) / len(of_one), -unit.byte_count, unit.id, unit)
            for of_one in by_table.values()
            for number, unit in enumerate(of_one)
        ),
        key=lambda each: each[:3],
    )
    bundles: list[tuple[WorkUnit, ...]] = [(unit,) for *_, unit in spread]
    bundle: list[WorkUnit] = []
    for unit in sorted(small, key=lambda unit: (-unit.byte_count, unit.id)):
        if bundle and sum(each.byte_count for each in bundle) + unit.byte_count > size:
            bundles.append(tuple(bundle))
            bundle = []
        bundle.append(unit)
    return [*bundles, tuple(bundle)] if bundle else bundles


def _order(
    units: tuple[WorkUnit, ...],
    schema: Schema,
    masks: MaskPlan,
    checked: Checked,
    crew: Crew,
    snapshot: str,
    copy: str,
) -> Order:
    tables = {unit.layout.table for unit in units}
    decisions = {column: decided for column, decided in masks.decisions.items() if column.table in tables}
    return Order(
        units=units,
        tables={table: schema.table(table) for table in sorted(tables)},
        masks=MaskPlan(decisions),
        checked={table: checked[table] for table in tables & checked.keys()},
        joining=crew.joining,
        snapshot=snapshot,
        copy=copy,
    )


def _ordered(orders: Sequence[Order], source: Source, crew: Crew, world: World) -> list[UnitResult]:
    """
    Have the orders done, and give the results in the units' order.

    What a lost worker was doing is done again. The first failure ends the run; the snapshot is asked for all along.
    """
    results: dict[str, UnitResult] = {}
    tries = dict.fromkeys(range(len(orders)), 1)
    pending = {crew.executor.submit(work, order): number for number, order in enumerate(orders)}
    try:
        while pending:
            done, _ = wait(pending, timeout=_BEAT_SECONDS, return_when=FIRST_COMPLETED)
            source.beat()
            for future in done:
                number = pending.pop(future)
                found = _result(future, tries, number)
                if found is None:
                    pending[crew.executor.submit(work, orders[number])] = number
                    continue
                for result in found:
                    results[result.id] = result
                    world.listener(RowsCopied(result.layout.table, result.row_count, result.byte_count))
    finally:
        for future in pending:
            future.cancel()
    return [results[unit.id] for order in orders for unit in order.units]


def _result(future: Future[list[UnitResult]], tries: dict[int, int], number: int) -> list[UnitResult] | None:
    """Give what an order came to, or None where its worker was lost and it should be tried again."""
    try:
        return future.result()
    except BrokenExecutor:
        tries[number] += 1
        if tries[number] > _TRIES:
            hint = "see whether the system ended them for their memory; fewer --workers need less"
            raise TryAgainError("DM704", "workers were lost again and again", hint=hint) from None
        return None


def work(order: Order, units: Iterable[WorkUnit] | None = None) -> list[UnitResult]:
    """
    Do an order, or of its units those that are given: join the run's snapshot and its new copy, and copy one by one.

    What goes wrong leaves this process as an error of ours, since any other may hold a row's value.
    """
    try:
        return _worked(order, order.units if units is None else units)
    except DbmimicError:
        raise
    except Exception as error:  # noqa: BLE001 -- it is told by its kind and place
        failure = InternalError.unexpected(error)
    raise failure


def _worked(order: Order, units: Iterable[WorkUnit]) -> list[UnitResult]:
    joining = order.joining
    secret, registry, clock = joining.secret(), joining.registry(), joining.clock()
    digest = KeyedFunction.derive(secret, "verify")
    results = []
    with contextlib.ExitStack() as closing:
        source: JoinedSource = joining.source(order.snapshot)
        closing.callback(source.close)
        writer = joining.target(order.copy)
        closing.callback(writer.close)
        copy = load.rejoin(writer, order.copy)
        coming = closing.enter_context(contextlib.closing(_ahead(units, source)))
        for table, of_one in itertools.groupby(coming, key=lambda each: each[0].layout.table):
            masker = Masker(order.tables[table], order.masks, registry, secret)
            results += [process(*each, source, copy, masker, order.checked, digest, clock) for each in of_one]
    return results


def process(
    unit: WorkUnit,
    coming: Iterator[RawBatch],
    source: Reader | JoinedSource,
    target: ClearedTarget | ClearedCopy,
    masker: Masker,
    checked: Checked,
    digest: KeyedFunction,
    clock: Clock,
    listener: Listener = silent,
) -> UnitResult:
    """Mask and load the rows of one unit that are `coming`: all of them, or none."""
    began = clock.seconds()
    layout = unit.layout
    into = replace(layout, leaf=layout.table) if masker.moves_rows else layout
    columns = checked.get(layout.table)
    read = masker.layout(layout.leaf).head
    check = StreamCheck(masker.table, columns, read, digest) if columns is not None else None
    told = {"rows": 0, "bytes": 0}
    unread: Counter[str] = Counter()
    mended: Counter[str] = Counter()

    def watched(batches: Iterable[RawBatch]) -> Generator[MaskedBatch, None, None]:
        for batch in batches:
            masked = masker.mask(batch)
            if check is not None:
                check.see(batch, masked)
            size = masked.tail.byte_count + sum(values.nbytes for values in masked.head.values())
            yield masked
            told["rows"] += masked.row_count
            told["bytes"] += size
            unread.update(masked.unread)
            mended.update(batch.mended)
            listener(RowsCopied(layout.table, masked.row_count, size))

    def account() -> str:
        return Account(check.seen if check is not None else None, dict(unread), dict(mended)).text()

    # A session that is left in the middle of its rows waits for us, and the server's databases with it.
    try:
        with contextlib.ExitStack() as ended:
            ended.callback(_end, coming)
            masked = ended.enter_context(contextlib.closing(watched(coming)))
            row_count = load.write(target, into, masked, unit.id, account)
    except (TextRefused, UnreadableText):
        _read_closely(unit, source)
        raise
    if told["rows"] < row_count:  # some never came by
        if masker.may_miss:
            unread = _counted_again(masker, source.read(layout, unit.rows))
        told["bytes"] = told["bytes"] or unit.byte_count
        listener(RowsCopied(layout.table, row_count - told["rows"], told["bytes"]))
    seen = check.seen if check is not None else None
    took = clock.seconds() - began
    return UnitResult(unit.id, layout, row_count, told["bytes"], took, seen, dict(unread), dict(mended))


def _read_closely(unit: WorkUnit, source: Reader | JoinedSource) -> None:
    """
    Read every column of the unit's rows as a mask would.

    Raises:
        SourceError: DM404, the text that is none, by its place.
    """
    layout = replace(unit.layout, head=(*unit.layout.head, *unit.layout.tail), tail=())
    for _ in source.read(layout, unit.rows):
        pass


def _counted_again(masker: Masker, batches: Iterable[RawBatch]) -> Counter[str]:
    """Give what masks could not read of rows that a lost worker loaded."""
    unread: Counter[str] = Counter()
    for batch in batches:
        unread.update(masker.mask(batch).unread)
    return unread


def seen_of(results: Iterable[UnitResult]) -> dict[TableId, Seen]:
    """Give what was seen of each masked table on its way."""
    parts: dict[TableId, list[Seen]] = {}
    for result in results:
        if result.seen is not None:
            parts.setdefault(result.layout.table, []).append(result.seen)
    return {table: seen for table, of_one in parts.items() if (seen := together(of_one)) is not None}

"""Whether a copy holds what was sent, however its engine spells it: asked where the digests of the two differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.batch import Layout
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.keys import WHOLE
from dbmimic.model.schema import Column
from dbmimic.model.types import Kind
from dbmimic.model.work import Seen
from dbmimic.ports.source import Source
from dbmimic.ports.spelling import Spelling
from dbmimic.verdict.masking import MaskedTable, TableCheck, compare
from dbmimic.verdict.spelling import inside, spelt
from dbmimic.verdict.stream import WRAP, check_of, column_of, sum_of

_Heads = Iterable[Mapping[str, pa.Array]]
_Spell = Callable[[str, pa.Array], pa.Array]


@dataclass(frozen=True, slots=True)
class _Digest:
    """What some rows come to: of their columns together, and of each alone."""

    rows: int
    columns: Mapping[str, int]


def held(
    table: MaskedTable, row_count: int, source: Source, copy: Source, keyed: KeyedFunction, seen: Seen
) -> TableCheck:
    """
    Check a table that does not hold what was sent, by its digest: a value may only be spelt otherwise.

    Where that is all, what was seen on the way is what came of it. Where it is not, there is an error for each column
    whose values are others, and the table is compared with the source's as well.

    Cost: one more read of the table on each side; where the copy's engine must be asked for its spelling, or values
    hold others, a second one.
    """
    others = unlike(table, source, copy, keyed)
    if others is None:
        return check_of(table.table, seen)
    check = compare(table, row_count, source, copy, keyed)
    return replace(check, findings=(*check.findings, *_findings(table, others)))


def unlike(table: MaskedTable, source: Source, copy: Source, keyed: KeyedFunction) -> tuple[str, ...] | None:
    """
    Give the columns that masks read or write (or all, in another engine) whose values are others than were sent.

    None where all rows are as they were sent; no column where only rows are others: more, fewer, or with values that
    stood in others.
    """
    engine = "" if table.table.as_text else copy.engine
    columns = {name: column_of(table.table, name) for name in table.read}

    def plainly(name: str, values: pa.Array) -> pa.Array:
        return spelt(columns[name], values, engine)

    others = _differing(table, source, copy, keyed, plainly, plainly)
    asked = copy if engine and isinstance(copy, Spelling) else None
    deep = {name: inside(columns[name], engine) for name in others or ()}
    if not any(spell is not None or (asked and _is_asked(columns[name])) for name, spell in deep.items()):
        return others

    def as_held(name: str, values: pa.Array) -> pa.Array:
        spell = deep.get(name)
        return plainly(name, values if spell is None else spell(values))

    def as_sent(name: str, values: pa.Array) -> pa.Array:
        if asked and name in deep and _is_asked(columns[name]):
            values = asked.spelled(table.table.id.column(name), values)
        return as_held(name, values)

    return _differing(table, source, copy, keyed, as_sent, as_held)


def _is_asked(column: Column) -> bool:
    """Whether an engine may spell a value of the column in more than one way; of text it has one only."""
    return column.logical.kind not in {Kind.TEXT, Kind.ENUM}


def _differing(
    table: MaskedTable, source: Source, copy: Source, keyed: KeyedFunction, as_sent: _Spell, as_held: _Spell
) -> tuple[str, ...] | None:
    sent = _digest(table, _sent(table, source), keyed, as_sent)
    held = _digest(table, _read(table, copy), keyed, as_held)
    if sent == held:
        return None
    return tuple(name for name, digest in sent.columns.items() if digest != held.columns[name])


def _sent(table: MaskedTable, source: Source) -> Iterator[Mapping[str, pa.Array]]:
    for rows, nulled in table.parts:
        for leaf in table.table.leaves:
            for batch in source.read(Layout(table.table.id, leaf, table.read, (), nulled), rows):
                yield table.mask(batch).head


def _read(table: MaskedTable, copy: Source) -> Iterator[Mapping[str, pa.Array]]:
    for leaf in table.table.leaves:
        for batch in copy.read(Layout(table.table.id, leaf, table.read, ()), WHOLE):
            yield batch.head


def _digest(table: MaskedTable, heads: _Heads, keyed: KeyedFunction, spell: _Spell) -> _Digest:
    rows, columns = 0, dict.fromkeys(table.read, 0)
    for head in heads:
        spelled = {name: spell(name, head[name]) for name in table.read}
        rows = (rows + sum_of(list(spelled.values()), keyed)) % WRAP
        for name, values in spelled.items():
            columns[name] = (columns[name] + sum_of([values], keyed)) % WRAP
    return _Digest(rows, columns)


def _findings(table: MaskedTable, others: tuple[str, ...]) -> Iterator[Finding]:
    for name in others:
        place = str(table.table.id.column(name))
        reason = "the copy holds other values than were sent: its engine changed them"
        hint = "report this; exclude the table until it is mended"
        if name in table.columns:
            hint = "take a mask whose values the column holds as they are (`python` must give the same again)"
        yield Finding("DM606", Severity.ERROR, place, reason, hint)
    if not others:
        reason = "the copy holds other rows than were sent"
        yield Finding(
            "DM606", Severity.ERROR, str(table.table.id), reason, "run the copy again; report this if it stays"
        )

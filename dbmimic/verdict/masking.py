"""Every masked value differs from the source's value of the same row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.amount import amount
from dbmimic.model.batch import Layout, MaskedBatch, RawBatch
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.keys import WHOLE, Rows
from dbmimic.model.schema import Table
from dbmimic.model.types import Kind, LogicalType
from dbmimic.ports.source import Reader

Hashes = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.intp]
Heads = dict[str, pa.Array]
Batches = Iterator[tuple[Heads, Heads, MaskedBatch | None]]  # what tells rows apart, as they are, as they should be

# Rows compared at once: two sides, a key and some columns of eight bytes each stay well below 200 MB.
_ROWS_AT_ONCE = 2_000_000
_SEPARATOR = "\x1f"
_NULL = "\x00"


@dataclass(frozen=True, slots=True)
class MaskedColumn:
    """
    What can be asked of a masked column.

    `leaves` is a regular expression of the values that its mask leaves because they identify nobody; `changes` says
    that the mask promises never to give back any other. Without that promise only those rows count whose value
    the mask does change. `repeatable` says that the mask can be asked again: not after a run whose masks were its own.
    """

    leaves: str
    changes: bool
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class MaskedTable:
    """
    One table with masked columns, and how its rows were masked.

    `parts` are its rows by the columns that become NULL in them; `read` are all the columns that masking a row takes;
    `mask` gives a batch as it was loaded.
    """

    table: Table
    parts: tuple[tuple[Rows, tuple[str, ...]], ...]
    read: tuple[str, ...]
    columns: Mapping[str, MaskedColumn]
    mask: Callable[[RawBatch], MaskedBatch]

    @property
    def key(self) -> tuple[str, ...]:
        """
        The columns that tell a row's two sides belong together: its key, else all that is not masked.

        A key that the engine computes is of no use, because the source's is not the copy's where its inputs are masked;
        nor is one whose mask cannot be asked again.
        """
        loaded = {column.name for column in self.table.loadable}
        loaded -= {name for name, column in self.columns.items() if not column.repeatable}
        key = self.table.stable_key
        if key is not None and loaded.issuperset(key.columns):
            return key.columns
        return tuple(column.name for column in self.table.loadable if column.name not in self.columns)

    @property
    def has_key(self) -> bool:
        """Whether rows are told apart by a key, and not only by what they hold."""
        return self.table.stable_key is not None and self.key == self.table.stable_key.columns


@dataclass(frozen=True, slots=True)
class TableCheck:
    """What came of one table: how many values were compared, how many were equal, and what to say of it."""

    values_checked: int = 0
    found: int = 0
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Side:
    """One database's rows in one share of the keys: a hash of each row's key and of each value (0: nothing there)."""

    keys: Hashes
    values: dict[str, Hashes]


def compare(table: MaskedTable, row_count: int, source: Reader, copy: Reader, keyed: KeyedFunction) -> TableCheck:
    """
    Compare the masked columns of one table of so many rows, row by row, by the rows' keys as they are in the copy.

    NULL and the empty string stay what they are under every mask and are not compared.

    Cost: one read of the key and the masked columns on each side for every two million rows; 8 bytes of memory for
    each compared value.
    """
    if not table.key:
        return TableCheck(findings=tuple(_cannot(table, row_count)))
    shares = max(1, -(-row_count // _ROWS_AT_ONCE))
    checked = unmatched = 0
    equal = dict.fromkeys(table.columns, 0)
    for share in range(shares):
        ours = _side(table, _source_batches(table, source), keyed, share, shares)
        theirs = _side(table, _copy_batches(table, copy), keyed, share, shares)
        here, there = _pairs(ours.keys, theirs.keys)
        unmatched += len(theirs.keys) - len(there)
        for name in table.columns:
            before, after = ours.values[name][here], theirs.values[name][there]
            checked += int(np.count_nonzero(before))
            equal[name] += int(np.count_nonzero((before == after) & (before != 0)))
    return TableCheck(checked, sum(equal.values()), tuple(_findings(table, equal, unmatched)))


def _cannot(table: MaskedTable, row_count: int) -> Iterator[Finding]:
    if row_count:
        reason = "every column is masked and there is no key, so its rows cannot be compared with the source's"
        yield Finding("DM605", Severity.WARNING, str(table.table.id), reason)


def findings_of(table: Table, equal: Mapping[str, int]) -> Iterator[Finding]:
    """Give an error for each column that has values which are still the source's."""
    for name, count in equal.items():
        if count:
            place = str(table.id.column(name))
            reason = f"{amount(count, 'row still holds', 'rows still hold')} the source's value"
            yield Finding("DM603", Severity.ERROR, place, reason, "do not hand this copy out; report this")


def _findings(table: MaskedTable, equal: dict[str, int], unmatched: int) -> Iterator[Finding]:
    yield from findings_of(table.table, equal)
    if unmatched:
        solid = table.has_key
        severity = Severity.ERROR if solid else Severity.WARNING
        why = "no row there has their key" if solid else "nothing tells them apart"
        reason = f"{amount(unmatched, 'row')} could not be compared with the source's, because {why}"
        yield Finding("DM605", severity, str(table.table.id), reason)


def _source_batches(table: MaskedTable, source: Reader) -> Batches:
    """Give the source's batches: they are told apart by their keys as those are in the copy."""
    for rows, nulled in table.parts:
        head = _in_order(table.table, {*table.read, *table.key, *nulled})
        for leaf in table.table.leaves:
            for batch in source.read(Layout(table.table.id, leaf, head, (), nulled), rows):
                masked = table.mask(batch)
                yield dict(masked.head), dict(batch.head), masked


def _copy_batches(table: MaskedTable, copy: Reader) -> Batches:
    head = _in_order(table.table, {*table.columns, *table.key})
    for leaf in table.table.leaves:
        for batch in copy.read(Layout(table.table.id, leaf, head, ()), WHOLE):
            yield dict(batch.head), dict(batch.head), None


def _side(table: MaskedTable, batches: Batches, keyed: KeyedFunction, share: int, shares: int) -> _Side:
    keys: list[Hashes] = []
    values: dict[str, list[Hashes]] = {name: [] for name in table.columns}
    for told_by, held, made in batches:
        hashes = keyed.uniform(joined([_trimmed(table.table, name, told_by[name]) for name in table.key]))
        mine = hashes % np.uint64(shares) == np.uint64(share)
        keys.append(hashes[mine])
        for name, column in table.columns.items():
            found = _hashed(table.table, name, held[name], column.leaves, keyed)
            if made is not None and name in made.kept:
                found = np.where(made.kept[name].to_numpy(zero_copy_only=False), np.uint64(0), found)
            if made is not None and not column.changes:
                unchanged = found == _hashed(table.table, name, made.head[name], column.leaves, keyed)
                found = np.where(unchanged | (not column.repeatable), np.uint64(0), found)
            values[name].append(found[mine])
    return _Side(_concatenated(keys), {name: _concatenated(parts) for name, parts in values.items()})


def _trimmed(table: Table, name: str, values: pa.Array) -> pa.Array:
    """Take off the blanks that the engine itself pads with, so that both sides are spelled alike."""
    column = table.column(name)
    padded = column is not None and column.logical.padded
    return pc.utf8_rtrim(values, characters=" ") if padded else values


def joined(columns: list[pa.Array]) -> pa.Array:
    """Give each row's values, all of them texts or all of them bytes, as one."""
    type_ = columns[0].type
    filled = [pc.fill_null(values, pa.scalar(_NULL).cast(type_)) for values in columns]
    return filled[0] if len(filled) == 1 else pc.binary_join_element_wise(*filled, pa.scalar(_SEPARATOR).cast(type_))


def _hashed(table: Table, name: str, values: pa.Array, leaves: str, keyed: KeyedFunction) -> Hashes:
    """Give a hash of each value in its canonical form, so that one value has one; 0 where there is none to compare."""
    column = table.column(name)
    kind = column.logical if column is not None else LogicalType(Kind.TEXT)
    plain = _trimmed(table, name, values)
    nothing = pc.fill_null(pc.match_substring_regex(plain, f"^(?:{leaves})?$"), True).to_numpy(zero_copy_only=False)
    form = canonical.by_kind(pc.fill_null(plain, ""), kind)
    hashes = keyed.uniform(form.cast(pa.binary()))
    return np.where(nothing, np.uint64(0), np.maximum(hashes, np.uint64(1)))


def _concatenated(parts: list[Hashes]) -> Hashes:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)


def _pairs(ours: Hashes, theirs: Hashes) -> tuple[Positions, Positions]:
    """Give where the rows stand whose keys occur exactly once on both sides, pair by pair."""
    left, right = _single(ours), _single(theirs)
    _, here, there = np.intersect1d(ours[left], theirs[right], assume_unique=True, return_indices=True)
    return left[here], right[there]


def _single(keys: Hashes) -> Positions:
    """Give where the keys stand that occur exactly once."""
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    single: Positions = first[counts == 1]
    return single


def _in_order(table: Table, names: set[str]) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns if column.name in names)

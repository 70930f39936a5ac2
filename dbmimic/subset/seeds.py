"""The rows that a slice starts from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.errors import ConfigError, InternalError
from dbmimic.masks import canonical
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.address import Secret
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.keys import KeySet, TableSlice
from dbmimic.model.names import TableId
from dbmimic.model.request import PercentSeed, Seed
from dbmimic.model.schema import Schema, Table
from dbmimic.ports.source import KeyedRows, Walker

_SEPARATOR = b"\x1f"  # the unit separator of ASCII: keys hardly hold it, and if one does only the choice changes
_NULL = b"\x00"


def choose(seed: Seed, schema: Schema, source: Walker, secret: Secret | None) -> KeySet:
    """Give the rows that a seed names; only a percent needs the secret."""
    table = schema.table(seed.table)
    if isinstance(seed, PercentSeed):
        if secret is None:
            raise InternalError("DM901", "a percent seed was walked without a secret", place=str(seed.table))
        return _by_hash(table, seed.percent, source, secret)
    try:
        return source.seed(table, seed)
    except ConfigError as error:
        place = f"{seed.place} ({table.id})" if seed.place else str(table.id)
        raise ConfigError.of([replace(problem, place=place) for problem in error.problems]) from None


def fruitless(seeds: Iterable[Seed], slices: Mapping[TableId, TableSlice]) -> Iterator[Finding]:
    """Give a warning for each table whose seeds name no row: a slice without them is seldom what was meant."""
    for table, place in {seed.table: seed.place for seed in seeds if not slices[seed.table].own}.items():
        where = f"{place} ({table})" if place else str(table)
        yield Finding("DM212", Severity.WARNING, where, "the seeds of this table name no row", "try them in a SELECT")


def _by_hash(table: Table, percent: float, source: Walker, secret: Secret) -> KeySet:
    """
    Give the rows whose keyed hash lies below the share: the same rows every night while their keys stay, and a
    smaller share inside a larger one. Rows of a table without a key are told apart by all their columns.

    Cost: one scan of the key's columns.
    """
    key = table.stable_key
    names = key.columns if key is not None else tuple(column.name for column in table.loadable)
    keyed = KeyedFunction.derive(secret, f"slice:{table.id.name.casefold()}")
    limit = percent / 100
    chosen = KeySet()
    for rows in source.keyed(table, names):
        fractions = keyed.uniform(_joined(rows, table, names)) / 2.0**64
        chosen |= KeySet.of(rows.leaf, rows.ids[fractions < limit])
    return chosen


def _joined(rows: KeyedRows, table: Table, names: tuple[str, ...]) -> pa.Array:
    """Give one canonical text per row, the same on every engine."""
    columns = {column.name: column for column in table.columns}
    parts = [
        pc.fill_null(canonical.by_kind(values, columns[name].logical).cast(pa.binary()), _NULL)
        for name, values in zip(names, rows.columns, strict=True)
    ]
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, _SEPARATOR)

"""Whose a row is where its parents tell: a path of foreign keys, and the key of somebody at its end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks.hand import MOST_BYTES, UndealableError, numbers, places_of
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.model.address import Secret
from dbmimic.model.batch import RawBatch
from dbmimic.model.graph import FkGraph
from dbmimic.model.masking import Step
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.schema import ForeignKey, Generated, Schema, Table
from dbmimic.model.summary import Reached
from dbmimic.rules.context import joined

_DOMAIN = "reached"
_BETWEEN = "."

Read = Callable[[TableId, tuple[str, ...]], Iterable[RawBatch]]
"""Gives some columns of all rows of a table."""


class NoPathError(ValueError):
    """What a rule names leads from the row to nobody. The message says why."""


@dataclass(frozen=True, slots=True)
class Path:
    """From a row to the column that says whose it is: by columns of the row itself, and over its parents."""

    columns: tuple[str, ...]
    steps: tuple[Step, ...]
    owner: ColumnId


def path(schema: Schema, graph: FkGraph, table: Table, written: str, excluded: frozenset[TableId]) -> Path:
    """
    Give what a column of the table leads to, or `KEY.COLUMN`: a column of the row that its foreign key references.

    Raises:
        NoPathError: there is none, or more than one.
    """
    if table.column(written) is not None or _BETWEEN not in written:
        return Path((written,), (), table.id.column(written))
    *keys, last = written.split(_BETWEEN)
    if not all((*keys, last)):
        raise NoPathError(f"between the points of {written} stands no column's name; it is written as KEY.COLUMN")
    edges: list[ForeignKey] = []
    for place, name in enumerate(keys):
        edge = _edge(schema, graph, table, name, [*keys, last][place + 1])
        table = schema.table(edge.parent)
        if table.id in excluded:
            raise NoPathError(f"it leads over {table.id}, which is excluded")
        edges.append(edge)
    column = table.column(last)
    if column is None or column.generated is not Generated.NO:
        raise NoPathError(f"{table.id}, to which it leads, has no column {last} to be read")
    onwards = [*(edge.child_columns for edge in edges[1:]), (last,)]
    steps = (Step(edge.parent, edge.parent_columns, onward) for edge, onward in zip(edges, onwards, strict=True))
    return Path(edges[0].child_columns, tuple(steps), table.id.column(last))


def _edge(schema: Schema, graph: FkGraph, table: Table, name: str, onward: str) -> ForeignKey:
    """Give the one foreign key of the column that leads to a row with the column `onward`."""
    leading = [edge for edge in graph.edges if edge.child == table.id and name in edge.child_columns]
    if not leading:
        raise NoPathError(f"no foreign key of {table.id} has the column {name}, so it leads to no other row")
    plain = {
        (edge.child_columns, edge.parent, edge.parent_columns): edge
        for edge in leading
        if _finds_one(edge, schema.table(edge.parent)) and schema.table(edge.parent).column(onward) is not None
    }
    if not plain:
        parents = ", ".join(sorted({str(edge.parent) for edge in leading}))
        raise NoPathError(f"{name} leads to no one row with a column {onward}, but to {parents}")
    if len(plain) > 1:
        parents = ", ".join(sorted({str(edge.parent) for edge in plain.values()}))
        raise NoPathError(f"{name} leads to more than one row with a column {onward}, of {parents}")
    return next(iter(plain.values()))


def _finds_one(edge: ForeignKey, parent: Table) -> bool:
    """Whether every child with a foreign key has one parent by it, and by its columns as they are."""
    partial = edge.inside is not None or edge.period or edge.when or edge.child_leaves is not None
    return not partial and any(set(key.columns) == set(edge.parent_columns) for key in parent.keys)


def reached(steps: Sequence[Step], schema: Schema, read: Read, secret: Secret, most_bytes: int = MOST_BYTES) -> Reached:
    """
    Give whose the rows are that the first step leads to.

    Cost: one read of two columns for each step. Memory: about 16 bytes and the key of whose it is for each row of a
    parent, some three times that while they are put in order.

    Raises:
        UndealableError: they are more than may be held at once.
    """
    keyed = KeyedFunction.derive(secret, _DOMAIN)
    found: Reached | None = None
    for step in reversed(steps):
        found = _whose(step, found, schema, read, keyed, most_bytes)
    if found is None:
        raise TypeError("a path without steps leads nowhere")
    return found


def _whose(step: Step, onward: Reached | None, schema: Schema, read: Read, keyed: KeyedFunction, room: int) -> Reached:
    rows: list[Words] = [np.zeros(0, dtype=np.uint64)]
    owners: list[pa.Array] = [pa.array([], pa.string())]
    table, wanted = schema.table(step.table), {*step.key, *step.columns}
    columns = tuple(column.name for column in table.columns if column.name in wanted)
    for batch in read(step.table, columns):
        keys, owner = joined(table, batch.head, step.key), joined(table, batch.head, step.columns)
        if onward is not None and owner is not None:
            owner = _found(onward, keyed, owner)
        if keys is None or owner is None:
            raise TypeError("a step without columns leads nowhere")
        told = pc.and_(pc.is_valid(keys), pc.is_valid(owner))
        rows.append(numbers(keyed, keys.filter(told)))
        owners.append(owner.filter(told))
        room -= rows[-1].nbytes + owners[-1].nbytes
        if room < 0:
            raise UndealableError(
                f"whose the rows of {step.table} are takes more than {MOST_BYTES >> 20} MB, and all of it must be"
                " known before the first row is masked"
            )
    together = np.concatenate(rows)
    order = np.argsort(together)
    together = together[order]
    if bool((together[1:] == together[:-1]).any()):
        raise UndealableError(f"two rows of {step.table} have one key, or keys that cannot be told apart")
    put = pa.concat_arrays(owners).take(pa.array(order))
    digest = hashlib.blake2b(together.tobytes(), digest_size=16)
    for buffer in put.buffers():
        digest.update(b"" if buffer is None else buffer)
    return Reached(together, put, digest.hexdigest())


def owners(found: Reached, secret: Secret) -> Callable[[pa.Array | None], pa.Array]:
    """Give what tells whose rows with some foreign keys are: NULL where a key is NULL, or leads to nobody's row."""
    keyed = KeyedFunction.derive(secret, _DOMAIN)

    def whose(keys: pa.Array | None) -> pa.Array:
        if keys is None:
            raise TypeError("a row without a foreign key leads nowhere")
        return _found(found, keyed, keys)

    return whose


def _found(found: Reached, keyed: KeyedFunction, keys: pa.Array) -> pa.Array:
    places, there = places_of(keyed, keys, found.rows)
    there &= pc.is_valid(keys).to_numpy(zero_copy_only=False)
    return found.owners.take(pa.array(places, mask=~there))

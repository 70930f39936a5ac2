"""What the work needs from a database that it reads: production, or a copy that is being verified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import pyarrow as pa

from dbmimic.model.batch import Layout, RawBatch
from dbmimic.model.keys import WHOLE, KeySet, Portion, RowIds, Rows, Span
from dbmimic.model.names import TableId
from dbmimic.model.request import IdsSeed, WhereSeed
from dbmimic.model.schema import Check, ForeignKey, Schema, Table
from dbmimic.model.target import Identity, Structure
from dbmimic.ports.watch import Watch


@dataclass(frozen=True, slots=True)
class KeyedRows:
    """Some rows of one leaf: their identities, and the asked-for columns as Arrow text in the same order."""

    leaf: TableId
    ids: RowIds
    columns: tuple[pa.Array, ...]


class End(StrEnum):
    """One end of an edge: the row that holds the foreign key, or the row that it references."""

    CHILD = "child"
    PARENT = "parent"


@dataclass(frozen=True, slots=True)
class Links:
    """Rows of one leaf with the rows of another that they reference: `children[i]` references `parents[i]`."""

    child_leaf: TableId
    children: RowIds
    parent_leaf: TableId
    parents: RowIds


class Catalogue(Protocol):
    """What the database says of itself."""

    @property
    def engine(self) -> str:
        """The engine's name: `postgresql`, `mysql` or `sqlite`."""
        ...

    def identity(self) -> Identity:
        """Give which database this is, as far as the role may know."""
        ...

    def schema(self) -> Schema:
        """Give the structure, read once from the catalogues under the snapshot."""
        ...

    def structure(self) -> Structure:
        """Give the structure in the engine's own words, read under the same snapshot."""
        ...

    def hold(self, token: int) -> None:
        """Take the session lock of that number (0 <= token < 2**31), for a target to find out whether it sees it."""
        ...


class Walker(Protocol):
    """
    The questions that the walk asks; each is one or more SELECTs with identities as parameters.

    Nothing is created on the source. All answers are from the one snapshot.
    """

    @property
    def abreast(self) -> int:
        """How many questions may be asked at the same time, each from a thread of its own; 1: by one thread only."""
        ...

    def seed(self, table: Table, seed: WhereSeed | IdsSeed) -> KeySet:
        """
        Give the rows that a seed names.

        Raises:
            ConfigError: DM212, the condition is not one boolean expression over the table, or an id does not fit.
        """
        ...

    def check(self, condition: WhereSeed) -> None:
        """
        Make sure that a condition is one that the engine takes, without reading a row.

        Raises:
            ConfigError: DM212, it is not one boolean expression over its table.
        """
        ...

    def keyed(self, table: Table, columns: tuple[str, ...], rows: Rows = WHOLE) -> Iterator[KeyedRows]:
        """Stream these rows' identities with some columns as text (in the engine's own text form)."""
        ...

    def parents(self, edge: ForeignKey, children: Rows) -> KeySet:
        """Give the parent rows that these child rows reference over one edge; NULLs reference nothing."""
        ...

    def children(self, edge: ForeignKey, parents: KeySet) -> KeySet:
        """Give the child rows that reference any of these parent rows over one edge."""
        ...

    def links(self, edge: ForeignKey, rows: Rows, end: End) -> Iterator[Links]:
        """
        Stream which child row references which parent row over one edge, where the row at `end` is one of these.

        A child row that references nothing that is there is in no pair.
        """
        ...


class Reader(Protocol):
    """Rows in bulk."""

    def count(self, table: Table) -> int:
        """Give how many rows the table holds."""
        ...

    def read(self, layout: Layout, rows: Rows | Span) -> Iterator[RawBatch]:
        """
        Stream the chosen rows of `layout.leaf`, in ascending identity, in batches of about a megabyte.

        Memory is bounded by the batch, not by the table. A batch's layout is the given one; batches of no rows are
        not given.
        """
        ...

    def cut(self, layout: Layout, rows: Rows, byte_count: int) -> Sequence[Portion]:
        """
        Cut the chosen rows of `layout.leaf` into portions of about so many bytes, in ascending identity.

        Together they are the same rows, each once; where an engine cannot cut, there is one portion. Cost: an
        estimate from the catalogue, no read of the table.
        """
        ...

    def orphans(self, edge: ForeignKey, children: Rows) -> int:
        """Give how many of these child rows reference a parent row that is not there (by the edge's match type)."""
        ...


class Trier(Protocol):
    """The conditions of the catalogue, asked of rows that are in no table."""

    def refuses(self, table: Table, check: Check, columns: Mapping[str, pa.Array]) -> bool | None:
        """
        Tell whether a check, or a type of its columns, refuses any of these rows; None where that cannot be asked.

        `columns` holds as text what the check's columns hold in each row. Nothing is written.
        """
        ...


class JoinedSource(Protocol):
    """The snapshot of a run, read by a session of another process."""

    def read(self, layout: Layout, rows: Rows | Span) -> Iterator[RawBatch]:
        """Stream the chosen rows, as `Reader.read` does."""
        ...

    def close(self) -> None:
        """End the session; the snapshot is the keeper's, and stays. Safe to call twice."""
        ...


class Source(Catalogue, Walker, Reader, Trier, Protocol):
    """
    One database under one read-only snapshot, from opening to closing.

    Raises `SourceError` (or `TryAgainError`) built from the driver's code and object names; never a driver's exception.
    """

    def share(self, sessions: int) -> str | None:
        """
        Give a token by which so many other sessions at a time read this very snapshot (`Engine.join_source`).

        None where no way is proven: then this one session is the only reader. The token is good until `close`.
        """
        ...

    def beat(self) -> None:
        """
        Make sure that the snapshot is still held.

        Raises:
            SnapshotLost: it is not, so that what is read from now on would be of another moment.
        """
        ...

    def watch(self) -> Watch | None:
        """Open a session that sees whom this one holds up, or give None where the engine has nothing to see."""
        ...

    def close(self) -> None:
        """End the snapshot and the connection; safe to call twice."""
        ...

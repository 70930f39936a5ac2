"""A target of another engine than the source's, and its copies, under the source's names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import pyarrow as pa

from dbmimic.engines.crossing.carriage import Carriage
from dbmimic.engines.crossing.composing import described
from dbmimic.engines.crossing.source import CrossingSource
from dbmimic.errors import InternalError
from dbmimic.model.batch import Layout, MaskedBatch, RawBatch
from dbmimic.model.checkup import CheckResult
from dbmimic.model.findings import Finding
from dbmimic.model.keys import WHOLE, KeySet, Portion, Rows, Span, Whole
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.request import IdsSeed, WhereSeed
from dbmimic.model.schema import Check, ForeignKey, Schema, Table
from dbmimic.model.target import Amendment, Composed, Identity, KeptCopy, Stamp, Structure, TargetState
from dbmimic.ports.examined import ExaminedTarget
from dbmimic.ports.source import End, KeyedRows, Links, Source
from dbmimic.ports.target import Target


class CrossingTarget:
    """A `ports.target.Target` that is built and loaded under the source's names."""

    def __init__(self, target: Target, source: CrossingSource) -> None:
        self._target = target
        self._source = source
        self._structure: Structure | None = None

    @property
    def engine(self) -> str:
        """The target's own engine."""
        return self._target.engine

    def identity(self) -> Identity:
        """Give which database would be replaced."""
        return self._target.identity()

    def state(self) -> TargetState:
        """Give whether the target exists, is empty and carries our stamp."""
        return self._target.state()

    def sees(self, token: int) -> bool:
        """Tell that no lock is seen: a server of another engine is another server."""
        del token
        return False

    def room(self) -> int | None:
        """Give how many bytes are free where the new copy will stand."""
        return self._target.room()

    def examine(self, structure: Structure | None, sessions: int) -> Iterator[CheckResult]:
        """Tell what would keep a run from building its copy or from putting it in place."""
        if isinstance(self._target, ExaminedTarget):
            made = None if structure is None else self.structure_of(_composed(structure))
            yield from self._target.examine(made, sessions)

    def now(self) -> float | None:
        """Give the time by the target's clock."""
        return self._target.now() if isinstance(self._target, ExaminedTarget) else None

    def structure_of(self, composed: Composed) -> Structure:
        """Give what the target builds composed tables from."""
        return self._target.structure_of(composed)

    def hold(self) -> None:
        """Take the run lock."""
        self._target.hold()

    def build(self, structure: Structure) -> None:
        """Take the run lock and create the new copy's tables."""
        self._structure = self.structure_of(_composed(structure))
        self._target.build(self._structure)

    def write(
        self, layout: Layout, batches: Iterable[MaskedBatch], unit: str = "", account: Callable[[], str] = str
    ) -> int:
        """Load the batches into the table that stands for the source's."""
        return self._target.write(_mapped(layout, self._source.carriage), batches, unit, account)

    def share(self) -> None:
        """Give no token: one process translates."""

    def finish(self, structure: Structure, masked: frozenset[ColumnId]) -> tuple[Finding, ...]:
        """Build foreign keys and set what numbers new rows."""
        del structure, masked  # counters go past the largest value, masked or not
        if self._structure is None:
            raise InternalError("DM901", "a copy was to be finished that was not built")
        return self._target.finish(self._structure, frozenset())

    def amend(self, amendment: Amendment) -> None:
        """Run SQL of the user's own in the new copy: its tables have the target's names."""
        self._target.amend(amendment)

    def copy(self) -> CrossingCopy:
        """Open the new copy for reading."""
        return CrossingCopy(self._target.copy(), self._source)

    def swap(self, stamp: Stamp, copies: int = 1) -> None:
        """Put the new copy in the target's place."""
        self._target.swap(stamp, copies)

    def swapped(self, run: str) -> bool:
        """Tell whether the target is the copy of that run."""
        return self._target.swapped(run)

    def discard(self) -> None:
        """Remove the new copy and let go of the run lock."""
        self._target.discard()

    def kept(self) -> tuple[KeptCopy, ...]:
        """Give the copies that are kept."""
        return self._target.kept()

    def rollback(self, name: str | None = None) -> None:
        """Put a kept copy back."""
        self._target.rollback(name)

    def close(self) -> None:
        """Discard what was not swapped in and close."""
        self._target.close()


class CrossingCopy:
    """A copy in another engine as a `ports.source.Source` under the source's names: to be read whole and judged."""

    def __init__(self, copy: Source, source: CrossingSource) -> None:
        self._copy = copy
        self._source = source

    @property
    def _carriage(self) -> Carriage:
        return self._source.carriage

    @property
    def engine(self) -> str:
        """The copy's own engine."""
        return self._copy.engine

    def identity(self) -> Identity:
        """Give which database the copy is."""
        return self._copy.identity()

    def schema(self) -> Schema:
        """Give the copy's tables and keys under the source's names; what the source has not is left as it is."""
        back = {ours: theirs for theirs, ours in self._carriage.design.names.items()}
        held = self._copy.schema()
        tables = (replace(table, id=back.get(table.id, table.id)) for table in held.tables)
        edges = (
            replace(edge, child=back.get(edge.child, edge.child), parent=back.get(edge.parent, edge.parent))
            for edge in held.foreign_keys
        )
        return replace(held, tables=tuple(sorted(tables, key=lambda table: table.id)), foreign_keys=tuple(edges))

    def structure(self) -> Structure:
        """Give the description that is compared with the wanted one; nothing is built from it."""
        schema = self.schema()
        kinds = {
            table.id.column(column.name): column.logical.kind for table in schema.tables for column in table.columns
        }
        return Structure(self.engine, described(schema, kinds, schema.foreign_keys), None)

    def count(self, table: Table) -> int:
        """Give how many rows the copy's table holds."""
        return self._copy.count(self._own(table.id))

    def orphans(self, edge: ForeignKey, children: Rows) -> int:
        """Give how many child rows of the copy reference a parent row that is not there."""
        names = self._carriage.design.names
        return self._copy.orphans(replace(edge, child=names[edge.child], parent=names[edge.parent]), children)

    def refuses(self, table: Table, check: Check, columns: Mapping[str, pa.Array]) -> None:
        """Tell nothing: a copy in another engine has no checks."""
        del table, check, columns

    def read(self, layout: Layout, rows: Rows | Span) -> Iterator[RawBatch]:
        """Stream all rows of the copy's table."""
        if not isinstance(rows, Whole):
            raise InternalError("DM901", "a copy in another engine is read as a whole", place=str(layout.table))
        for batch in self._copy.read(_mapped(layout, self._carriage), rows):
            yield replace(batch, layout=layout)

    def _own(self, table: TableId) -> Table:
        return self._copy.schema().table(self._carriage.design.names[table])

    def cut(self, layout: Layout, rows: Rows, byte_count: int) -> tuple[Portion, ...]:
        """Give all rows as one portion."""
        del layout, byte_count
        return (Portion(rows, 0),)

    def hold(self, token: int) -> None:
        """Do nothing: nobody looks for a copy."""
        del token

    def share(self, sessions: int) -> None:
        """Give no token."""
        del sessions

    def watch(self) -> None:
        """Give none: a copy that nobody uses yet holds nobody up."""

    def beat(self) -> None:
        """Make sure that the snapshot is still held."""
        self._copy.beat()

    def close(self) -> None:
        """End the snapshot and the connection."""
        self._copy.close()

    @property
    def abreast(self) -> int:
        """One: copies are judged, not walked."""
        return 1

    def seed(self, table: Table, seed: WhereSeed | IdsSeed) -> KeySet:
        """Refuse: copies are judged, not walked."""
        del seed
        raise _not_walked(table.id)

    def check(self, condition: WhereSeed) -> None:
        """Refuse: copies are judged, not walked."""
        raise _not_walked(condition.table)

    def keyed(self, table: Table, columns: tuple[str, ...], rows: Rows = WHOLE) -> Iterator[KeyedRows]:
        """Refuse: copies are judged, not walked."""
        del columns, rows
        raise _not_walked(table.id)

    def parents(self, edge: ForeignKey, children: Rows) -> KeySet:
        """Refuse: copies are judged, not walked."""
        del children
        raise _not_walked(edge.child)

    def children(self, edge: ForeignKey, parents: KeySet) -> KeySet:
        """Refuse: copies are judged, not walked."""
        del parents
        raise _not_walked(edge.parent)

    def links(self, edge: ForeignKey, rows: Rows, end: End) -> Iterator[Links]:
        """Refuse: copies are judged, not walked."""
        del rows, end
        raise _not_walked(edge.child)


def _not_walked(table: TableId) -> InternalError:
    return InternalError("DM901", "a copy in another engine was to be walked", place=str(table))


def _mapped(layout: Layout, carriage: Carriage) -> Layout:
    ours = carriage.design.names[layout.table]
    return replace(layout, table=ours, leaf=ours)


def _composed(structure: Structure) -> Composed:
    if not isinstance(structure.body, Composed):
        raise InternalError("DM901", f"a structure of {structure.engine} was not composed for another engine")
    return structure.body

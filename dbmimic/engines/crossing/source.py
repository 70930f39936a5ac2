"""A source of one engine as the pipeline sees it when the rows go into another."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property

import pyarrow as pa

from dbmimic.engines.crossing import forms
from dbmimic.engines.crossing.carriage import Carriage, carriage
from dbmimic.engines.crossing.forms import Step, Unfit
from dbmimic.errors import ConfigError, InternalError
from dbmimic.model.batch import NO_TAIL, Layout, RawBatch
from dbmimic.model.keys import WHOLE, KeySet, Portion, Rows, Span
from dbmimic.model.names import TableId
from dbmimic.model.request import IdsSeed, WhereSeed
from dbmimic.model.schema import Check, ForeignKey, Schema, Table
from dbmimic.model.target import Identity, Structure
from dbmimic.ports.source import End, KeyedRows, Links, Source
from dbmimic.ports.watch import Watch

_FROM = {"postgresql": forms.from_postgresql, "mysql": forms.from_mysql}
_TO = {"postgresql": forms.to_postgresql, "mysql": forms.to_mysql, "sqlite": forms.to_sqlite}


class CrossingSource:
    """
    A `ports.source.Source` that gives its rows in the text forms of the engine `to`.

    Tables, columns and keys keep their names, and are walked by the source itself. One process reads.

    Raises:
        ConfigError: DM213, nothing is known of how the source's engine spells values for others.
    """

    def __init__(self, source: Source, to: str) -> None:
        if source.engine not in _FROM:
            reason = f"copying from {source.engine} into {to} is not part of this version"
            raise ConfigError("DM213", reason, place="target", hint=f"give a target on {source.engine}")
        self._source = source
        self._to = to
        self._steps: dict[TableId, dict[str, list[Step]]] = {}

    @cached_property
    def carriage(self) -> Carriage:
        """What is carried and as what. Cost: the source's `structure`, which names what is not carried."""
        return carriage(self._source.schema(), self._source.structure(), self._to)

    @property
    def engine(self) -> str:
        """The source's own engine."""
        return self._source.engine

    def identity(self) -> Identity:
        """Give which database the source is."""
        return self._source.identity()

    def schema(self) -> Schema:
        """Give the source's schema with findings about what is not carried."""
        return self.carriage.schema

    def structure(self) -> Structure:
        """Give the statements that make the tables in the target's engine."""
        return self.carriage.structure()

    def hold(self, token: int) -> None:
        """Do nothing: a server of another engine is another server."""
        del token

    @property
    def abreast(self) -> int:
        """As many as the source takes."""
        return self._source.abreast

    def seed(self, table: Table, seed: WhereSeed | IdsSeed) -> KeySet:
        """Give the rows that a seed names, in the source's own SQL."""
        return self._source.seed(self._own(table), seed)

    def check(self, condition: WhereSeed) -> None:
        """Make sure that a condition is one that the source takes."""
        self._source.check(condition)

    def keyed(self, table: Table, columns: tuple[str, ...], rows: Rows = WHOLE) -> Iterator[KeyedRows]:
        """Stream these rows' identities with some columns in the source's own text form."""
        return self._source.keyed(self._own(table), columns, rows)

    def parents(self, edge: ForeignKey, children: Rows) -> KeySet:
        """Give the parent rows that these child rows reference."""
        return self._source.parents(edge, children)

    def children(self, edge: ForeignKey, parents: KeySet) -> KeySet:
        """Give the child rows that reference any of these parent rows."""
        return self._source.children(edge, parents)

    def links(self, edge: ForeignKey, rows: Rows, end: End) -> Iterator[Links]:
        """Stream which child row references which parent row."""
        return self._source.links(edge, rows, end)

    def count(self, table: Table) -> int:
        """Give how many rows the table holds."""
        return self._source.count(self._own(table))

    def orphans(self, edge: ForeignKey, children: Rows) -> int:
        """Give how many of these child rows reference a parent row that is not there."""
        return self._source.orphans(edge, children)

    def refuses(self, table: Table, check: Check, columns: Mapping[str, pa.Array]) -> bool | None:
        """Tell whether a check refuses any of these rows: none is carried, so the source is asked of its own."""
        return self._source.refuses(table, check, columns)

    def cut(self, layout: Layout, rows: Rows, byte_count: int) -> tuple[Portion, ...]:
        """Give all rows as one portion."""
        del layout, byte_count
        return (Portion(rows, 0),)

    def share(self, sessions: int) -> None:
        """Give no token: one process translates."""
        del sessions

    def beat(self) -> None:
        """Make sure that the snapshot is still held."""
        self._source.beat()

    def read(self, layout: Layout, rows: Rows | Span) -> Iterator[RawBatch]:
        """
        Stream the chosen rows of a table, or of one leaf, with every column as the target's engine writes it.

        A column with a value that it cannot hold is `unfit` in that batch.
        """
        if layout.tail:
            raise InternalError("DM901", "rows were to go into another engine untranslated", place=str(layout.table))
        own = self._source.schema().table(layout.table)
        leaves = own.leaves if layout.leaf == layout.table else (layout.leaf,)
        for leaf in leaves:
            for batch in self._source.read(replace(layout, leaf=leaf), rows):
                yield self._translated(layout, batch)

    def _translated(self, layout: Layout, batch: RawBatch) -> RawBatch:
        held, steps = self.carriage.design.held, self._steps_of(layout.table)
        head: dict[str, pa.Array] = {}
        unfit: dict[str, str] = {}
        for name, values in batch.head.items():
            head[name] = pa.nulls(len(values), pa.string())
            if held[layout.table.column(name)].barred:  # only NULL may come of it, and `rules` sees to that
                continue
            try:
                head[name] = functools.reduce(lambda given, step: step(given), steps[name], values)
            except Unfit:
                unfit[name] = f"a value of the source has no counterpart in {self._to}'s type"
        return RawBatch(layout, batch.row_count, head, NO_TAIL, unfit, batch.mended)

    def _steps_of(self, table: TableId) -> dict[str, list[Step]]:
        if table not in self._steps:
            own, design = self._source.schema().table(table), self.carriage.design
            self._steps[table] = {
                column.name: [
                    step
                    for step in (
                        _FROM[self.engine](column),
                        _TO[self._to](column, design.held[table.column(column.name)].kind),
                    )
                    if step is not None
                ]
                for column in own.columns
            }
        return self._steps[table]

    def _own(self, table: Table) -> Table:
        return self._source.schema().table(table.id)

    def watch(self) -> Watch | None:
        """Open a session that sees whom the source holds up."""
        return self._source.watch()

    def close(self) -> None:
        """End the snapshot and the connection."""
        self._source.close()

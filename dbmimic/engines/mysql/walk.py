"""The questions of the walk: which rows do these reference, which reference these. SELECTs only, ids in the text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pymysql
from pyroaring import BitMap64

from dbmimic.engines import condition
from dbmimic.engines.mysql import errors, ids, quoting, wire
from dbmimic.engines.mysql.catalogue import Catalogue
from dbmimic.engines.mysql.keys import KeyValues, RowIdentity, batches_of, equalities, identity_of
from dbmimic.engines.mysql.session import Session
from dbmimic.engines.mysql.types import Form
from dbmimic.model.keys import KeySet, Rows, Whole
from dbmimic.model.names import TableId
from dbmimic.model.request import IdsSeed, WhereSeed
from dbmimic.model.schema import ForeignKey, Table
from dbmimic.ports.source import KeyedRows

_IDS_AT_ONCE = 500
# What is not the condition's fault: rights, locks, the connection.
_OURS = errors.DENIED | errors.CONNECTION_LOST | errors.LOCKED | errors.SERVER_BUSY | {errors.TABLE_CHANGED}


@dataclass
class Walk:
    """Answers from one session under its snapshot. Row numbers stay the same as long as this lives."""

    session: Session
    catalogue: Catalogue
    _identities: dict[TableId, RowIdentity] = field(default_factory=dict)

    def identity(self, table: TableId) -> RowIdentity:
        """Give the table's row identity, one and the same for all questions."""
        if table not in self._identities:
            found = identity_of(self.catalogue.schema.table(table), self.forms(table))
            self._identities[table] = found
        return self._identities[table]

    def forms(self, table: TableId) -> Mapping[str, Form]:
        """Give the forms of the table's columns."""
        return self.catalogue.forms[table]

    def seed(self, table: Table, seed: WhereSeed | IdsSeed) -> KeySet:
        """Give the rows that a seed names."""
        if isinstance(seed, WhereSeed):
            condition.check(table.id, seed.where, "mysql")
            return self._seeded(table.id, f"({seed.where}\n)")
        each = ids.conditions(table, seed, dict(self.forms(table.id)))
        chosen = KeySet()
        for start in range(0, len(each), _IDS_AT_ONCE):
            chosen |= self._seeded(table.id, " OR ".join(each[start : start + _IDS_AT_ONCE]))
        return chosen

    def _seeded(self, table: TableId, where: str) -> KeySet:
        try:
            return self._chosen(table, f"{self._select(table, '')} WHERE {where}")
        except pymysql.MySQLError as error:
            code = errors.number(error)
            if code in _OURS:
                failure = errors.translated(error, self.session.side, str(table))
            else:
                failure = condition.refused(table, f"the server refuses it (error {code})")
        raise failure from None

    def keyed(self, table: Table, columns: tuple[str, ...]) -> Iterator[KeyedRows]:
        """Stream every row's number with some columns as text."""
        identity, forms = self.identity(table.id), self.forms(table.id)
        wanted = [forms[column].text() for column in columns]
        listed = ", ".join([*(form.exact() for form in identity.forms), *wanted])
        number = identity.numbering()
        width = len(identity.forms)
        for block in self.session.blocks(f"SELECT {listed} FROM {quoting.name(table.id.name)}", str(table.id)):  # noqa: S608 -- names are quoted
            arrays = wire.columns(block, width + len(wanted))
            texts = tuple(wire.as_text(values) for values in arrays[width:])
            yield KeyedRows(table.id, number(arrays[:width]), texts)

    def parents(self, edge: ForeignKey, children: Rows) -> KeySet:
        """Give the parent rows that these child rows reference."""
        if isinstance(children, Whole):
            return self._joined(edge.parent, edge.parent_columns, edge.child, edge.child_columns, "TRUE")
        return self._related(edge.parent, edge.parent_columns, edge.child, edge.child_columns, children)

    def children(self, edge: ForeignKey, parents: KeySet) -> KeySet:
        """Give the child rows that reference any of these parent rows."""
        return self._related(edge.child, edge.child_columns, edge.parent, edge.parent_columns, parents)

    def orphans(self, edge: ForeignKey, children: Rows) -> int:
        """Give how many of these child rows reference a parent row that is not there."""
        child, parent = quoting.name(edge.child.name), quoting.name(edge.parent.name)
        pairs = list(zip(edge.child_columns, edge.parent_columns, strict=True))
        filled = " AND ".join(f"c.{quoting.name(column)} IS NOT NULL" for column in edge.child_columns)
        matching = " AND ".join(f"p.{quoting.name(there)} = c.{quoting.name(here)}" for here, there in pairs)
        dangling = f"{filled} AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE {matching})"  # noqa: S608 -- names are quoted
        if isinstance(children, Whole):
            return int(self.session.value(f"SELECT COUNT(*) FROM {child} AS c WHERE {dangling}", str(edge.child)))  # noqa: S608 -- names are quoted
        found = self._answer(edge.child, f"{self._select(edge.child, 'c')} WHERE {dangling}")
        return len(found & children)

    def _related(
        self, wanted: TableId, columns: tuple[str, ...], held: TableId, held_columns: tuple[str, ...], rows: KeySet
    ) -> KeySet:
        """Give the rows of `wanted` whose columns equal those of the held rows."""
        bits = rows.bits(held)
        shares = self.identity(held).conditions(bits, "h")
        found = KeySet()
        if shares is None:
            for keys in batches_of(iter(self._values(held, held_columns, bits)), len(columns)):
                found |= self._equal(wanted, columns, held, held_columns, keys)
        else:
            for condition, _ in shares:
                found |= self._joined(wanted, columns, held, held_columns, condition)
        return found

    def _joined(
        self, wanted: TableId, columns: tuple[str, ...], held: TableId, held_columns: tuple[str, ...], condition: str
    ) -> KeySet:
        theirs = ", ".join(f"h.{quoting.name(column)}" for column in held_columns)
        inner = f"SELECT {theirs} FROM {quoting.name(held.name)} AS h WHERE {condition}"  # noqa: S608 -- names are quoted
        ours = ", ".join(f"t.{quoting.name(column)}" for column in columns)
        return self._answer(wanted, f"{self._select(wanted)} WHERE ({ours}) IN ({inner})")

    def _equal(
        self,
        wanted: TableId,
        columns: tuple[str, ...],
        held: TableId,
        held_columns: tuple[str, ...],
        keys: list[KeyValues],
    ) -> KeySet:
        ours = [self.forms(wanted)[column] for column in columns]
        theirs = [self.forms(held)[column] for column in held_columns]
        return self._answer(wanted, f"{self._select(wanted)} WHERE {equalities(ours, theirs, keys, 't')}")

    def _values(self, table: TableId, columns: tuple[str, ...], bits: BitMap64) -> set[KeyValues]:
        """Give the distinct values of some columns in these rows of a table without a key: one scan of it."""
        identity, forms = self.identity(table), self.forms(table)
        listed = ", ".join(form.exact() for form in (*identity.forms, *(forms[column] for column in columns)))
        number = identity.numbering()
        width = len(identity.forms)
        values: set[KeyValues] = set()
        for block in self.session.blocks(f"SELECT {listed} FROM {quoting.name(table.name)}", str(table)):  # noqa: S608 -- names are quoted
            arrays = wire.columns(block, width + len(columns))
            rows = zip(*(each.to_pylist() for each in arrays[width:]), strict=True)
            numbered = zip(number(arrays[:width]).tolist(), rows, strict=True)
            values.update(row for found, row in numbered if found in bits and None not in row)
        return values

    def _select(self, table: TableId, alias: str = "t") -> str:
        listed = ", ".join(form.exact(alias) for form in self.identity(table).forms)
        renamed = f" AS {alias}" if alias else ""
        return f"SELECT {listed} FROM {quoting.name(table.name)}{renamed}"  # noqa: S608 -- names are quoted

    def _answer(self, table: TableId, statement: str) -> KeySet:
        with errors.speaking_of(self.session.side, str(table)):
            return self._chosen(table, statement)

    def _chosen(self, table: TableId, statement: str) -> KeySet:
        identity = self.identity(table)
        number = identity.numbering()
        bits = BitMap64()
        for block in self.session.attempt_blocks(statement):
            bits |= BitMap64(number(wire.columns(block, len(identity.forms))))
        return KeySet({table: bits})

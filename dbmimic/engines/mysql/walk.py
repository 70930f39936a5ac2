"""The questions of the walk: which rows do these reference, which reference these. SELECTs only, ids in the text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pymysql

from dbmimic.engines import condition
from dbmimic.engines.mysql import errors, ids, quoting, wire
from dbmimic.engines.mysql.catalogue import Catalogue
from dbmimic.engines.mysql.keys import INTEGERS_AT_ONCE, KeyValues, RowIdentity, batches_of, equalities, identity_of
from dbmimic.engines.mysql.session import Row, Session
from dbmimic.engines.mysql.types import Form
from dbmimic.model.bits import Bits
from dbmimic.model.keys import WHOLE, Gathering, KeySet, RowIds, Rows, Whole
from dbmimic.model.names import TableId
from dbmimic.model.request import IdsSeed, WhereSeed
from dbmimic.model.schema import ForeignKey, Inside, Table
from dbmimic.model.types import Kind
from dbmimic.ports.source import End, KeyedRows, Links

_IDS_AT_ONCE = 500
# What is not the condition's fault: rights, locks, the connection.
_OURS = errors.DENIED | errors.CONNECTION_LOST | errors.LOCKED | errors.SERVER_BUSY | {errors.TABLE_CHANGED}


@dataclass(frozen=True, slots=True)
class _Side:
    """One end of an edge: its table, its columns there, and what to select its rows from."""

    table: TableId
    columns: tuple[str, ...]
    rows: str


@dataclass
class Walk:
    """Answers from one session under its snapshot. Row numbers stay the same as long as this lives."""

    session: Session
    catalogue: Catalogue
    _identities: dict[TableId, RowIdentity] = field(default_factory=dict)
    _ends: dict[tuple[TableId, tuple[str, ...]], Row] = field(default_factory=dict)

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
            return self.where(seed)
        each = ids.conditions(table, seed, dict(self.forms(table.id)))
        chosen = KeySet()
        for start in range(0, len(each), _IDS_AT_ONCE):
            chosen |= self._seeded(table.id, " OR ".join(each[start : start + _IDS_AT_ONCE]))
        return chosen

    def where(self, seed: WhereSeed, *, wanted: bool = True) -> KeySet:
        """Give the rows for which a condition is true; if they are not wanted, only let the server judge it."""
        from dbmimic.engines import expression  # noqa: PLC0415 -- slow to load, and few slices need it

        tree = expression.check(seed.table, seed.where, "mysql")
        expression.refuse_values(self.catalogue.schema.table(seed.table), tree)
        return self._seeded(seed.table, f"{'TRUE' if wanted else 'FALSE'} AND ({seed.where}\n)")

    def _seeded(self, table: TableId, where: str) -> KeySet:
        try:
            listed = ", ".join(form.exact() for form in self.identity(table).forms)
            statement = f"SELECT {listed} FROM {quoting.name(table.name)} WHERE {where}"  # noqa: S608 -- names are quoted
            return self._chosen(table, [statement])
        except pymysql.MySQLError as error:
            code = errors.number(error)
            if code in _OURS:
                failure = errors.translated(error, self.session.side, str(table))
            else:
                failure = condition.refused(table, f"the server refuses it (error {code})")
        raise failure from None

    def keyed(self, table: Table, columns: tuple[str, ...], rows: Rows = WHOLE) -> Iterator[KeyedRows]:
        """Stream these rows' numbers with some columns as text."""
        identity, forms = self.identity(table.id), self.forms(table.id)
        wanted = [forms[column].text() for column in columns]
        listed = ", ".join([*(form.exact() for form in identity.forms), *wanted])
        width = len(identity.forms)
        for where, among in self._shares(table.id, rows, quoting.name(table.id.name)):
            number = identity.numbering()
            statement = f"SELECT {listed} FROM {quoting.name(table.id.name)} WHERE {where}"  # noqa: S608 -- names are quoted
            for block in self.session.blocks(statement, str(table.id)):
                arrays = wire.columns(block, width + len(wanted))
                ids = number(arrays[:width])
                kept = _among(ids, among)
                texts = tuple(wire.as_text(values.filter(pa.array(kept))) for values in arrays[width:])
                yield KeyedRows(table.id, ids[kept], texts)

    def links(self, edge: ForeignKey, rows: Rows, end: End) -> Iterator[Links]:
        """Stream which child row references which parent row, where the row at one end is one of these."""
        if end is End.PARENT and isinstance(rows, KeySet) and self._scans(edge, rows):
            yield from self._links_by_scan(edge, rows)
            return
        child, parent = self.identity(edge.child), self.identity(edge.parent)
        listed = ", ".join([*(form.exact("c") for form in child.forms), *(form.exact("p") for form in parent.forms)])
        sides = f"{self._sides(edge)[0].rows} AS c JOIN {quoting.name(edge.parent.name)} AS p ON {_matching(edge)}"
        width = len(child.forms)
        table, alias = (edge.child, "c") if end is End.CHILD else (edge.parent, "p")
        for where, among in self._shares(table, rows, alias):
            of_child, of_parent = child.numbering(), parent.numbering(repeated=True)
            for block in self.session.blocks(f"SELECT {listed} FROM {sides} WHERE {where}", str(edge.child)):  # noqa: S608 -- names are quoted
                arrays = wire.columns(block, width + len(parent.forms))
                children, parents = of_child(arrays[:width]), of_parent(arrays[width:])
                kept = _among(children if end is End.CHILD else parents, among)
                yield Links(edge.child, children[kept], edge.parent, parents[kept])

    def _shares(self, table: TableId, rows: Rows, alias: str) -> Iterator[tuple[str, Bits | None]]:
        """Give conditions that hold for these rows; where one holds for others as well, the rows to keep."""
        if isinstance(rows, Whole):
            yield "TRUE", None
            return
        bits = rows.bits(table)
        shares = self.identity(table).conditions(bits, alias)
        if shares is None:
            yield "TRUE", bits
            return
        for where, _ in shares:
            yield where, None

    def parents(self, edge: ForeignKey, children: Rows) -> KeySet:
        """Give the parent rows that these child rows reference."""
        child, parent = self._sides(edge)
        if isinstance(children, Whole):
            return self._answer(parent.table, [f"{self._select(parent)} WHERE {self._joined(parent, child, 'TRUE')}"])
        return self._related(parent, child, children)

    def children(self, edge: ForeignKey, parents: KeySet) -> KeySet:
        """Give the child rows that reference any of these parent rows."""
        if not self._scans(edge, parents):
            return self._related(*self._sides(edge), parents)
        found = Gathering()
        for links in self._links_by_scan(edge, parents):
            found.add(edge.child, links.children)
        return found.keys()

    def _scans(self, edge: ForeignKey, parents: KeySet) -> bool:
        """
        Tell whether the child is read once as a whole, because a question for each share of the parents would read it
        each time: InnoDB has an index for each key that is declared, and for a virtual one as it may be.
        """
        if not edge.virtual or len(parents) <= INTEGERS_AT_ONCE:
            return False
        question = (
            "SELECT index_name, column_name FROM information_schema.statistics WHERE table_schema = DATABASE()"  # noqa: S608 -- a literal
            f" AND table_name = {quoting.text(edge.child.name)} ORDER BY index_name, seq_in_index"
        )
        indexes: dict[str, list[str]] = {}
        for index, column in self.session.rows(question, str(edge.child)):
            indexes.setdefault(index, []).append(column)
        width = len(edge.child_columns)
        return not any(set(columns[:width]) == set(edge.child_columns) for columns in indexes.values())

    def _links_by_scan(self, edge: ForeignKey, parents: KeySet) -> Iterator[Links]:
        for links in self.links(edge, WHOLE, End.CHILD):
            hit = parents.holds(links.parent_leaf, links.parents)
            yield Links(links.child_leaf, links.children[hit], links.parent_leaf, links.parents[hit])

    def orphans(self, edge: ForeignKey, children: Rows) -> int:
        """Give how many of these child rows reference a parent row that is not there."""
        child, _ = self._sides(edge)
        filled = " AND ".join(f"c.{quoting.name(column)} IS NOT NULL" for column in edge.child_columns)
        if isinstance(children, Whole) and (ends := self._without_gaps(edge)) is not None:
            # Nearly all rows are told by their number alone; the others are still looked for.
            filled += f" AND NOT (c.{quoting.name(edge.child_columns[0])} BETWEEN {ends[0]} AND {ends[1]})"
        parent = f"SELECT 1 FROM {quoting.name(edge.parent.name)} AS p WHERE {_matching(edge)}"  # noqa: S608 -- names are quoted
        dangling = f"FROM {child.rows} AS c WHERE {filled} AND NOT EXISTS ({parent})"
        if isinstance(children, Whole):
            return int(self.session.value(f"SELECT COUNT(*) {dangling}", str(edge.child)))
        listed = ", ".join(form.exact("c") for form in self.identity(edge.child).forms)
        found = self._answer(edge.child, [f"SELECT {listed} {dangling}"])
        return len(found & children)

    def _without_gaps(self, edge: ForeignKey) -> tuple[int, int] | None:
        """Give the parent's smallest and largest key where both sides are integers and none between them is missing."""
        sides = [(edge.child, edge.child_columns), (edge.parent, edge.parent_columns)]
        columns = [self.forms(table)[names[0]].column for table, names in sides if len(names) == 1]
        if len(columns) < len(sides) or any(each.logical.kind is not Kind.INTEGER for each in columns):
            return None
        keys = self.catalogue.schema.table(edge.parent).keys
        if not any(key.columns == edge.parent_columns for key in keys):
            return None
        if (edge.parent, edge.parent_columns) not in self._ends:
            key, table = quoting.name(edge.parent_columns[0]), quoting.name(edge.parent.name)
            asked = f"SELECT MIN({key}), MAX({key}), COUNT({key}) FROM {table}"  # noqa: S608 -- names are quoted
            self._ends[edge.parent, edge.parent_columns] = self.session.rows(asked, str(edge.parent))[0]
        smallest, largest, count = self._ends[edge.parent, edge.parent_columns]
        first, last = int(smallest or 0), int(largest or 0)
        return (first, last) if int(count) and last - first + 1 == int(count) else None

    def _sides(self, edge: ForeignKey) -> tuple[_Side, _Side]:
        """Give an edge's child and parent."""
        rows = quoting.name(edge.child.name)
        if edge.when or edge.inside is not None:
            names = {column: form.name for column, form in self.forms(edge.child).items()}
            if edge.inside is not None:
                names |= {column: _reference(names[column], edge.inside) for column in edge.child_columns}
            listed = ", ".join(names.values())  # a star misses invisible ones
            rows = f"(SELECT {listed} FROM {rows} WHERE ({edge.when or 'TRUE'}\n))"  # noqa: S608 -- it was checked
        return (
            _Side(edge.child, edge.child_columns, rows),
            _Side(edge.parent, edge.parent_columns, quoting.name(edge.parent.name)),
        )

    def _related(self, wanted: _Side, held: _Side, rows: KeySet) -> KeySet:
        """Give the rows of `wanted` whose columns equal those of the held rows."""
        conditions = self._equal(wanted, held, rows)
        return self._answer(wanted.table, (f"{self._select(wanted)} WHERE {where}" for where in conditions))

    def _equal(self, wanted: _Side, held: _Side, rows: KeySet) -> Iterator[str]:
        bits = rows.bits(held.table)
        shares = self.identity(held.table).conditions(bits, "h")
        if shares is None:
            for keys in batches_of(iter(self._values(held, bits)), len(wanted.columns)):
                ours = [self.forms(wanted.table)[column] for column in wanted.columns]
                theirs = [self.forms(held.table)[column] for column in held.columns]
                yield equalities(ours, theirs, keys, "t")
        else:
            for where, _ in shares:
                yield self._joined(wanted, held, where)

    def _joined(self, wanted: _Side, held: _Side, where: str) -> str:
        theirs = ", ".join(f"h.{quoting.name(column)}" for column in held.columns)
        ours = ", ".join(f"t.{quoting.name(column)}" for column in wanted.columns)
        return f"({ours}) IN (SELECT {theirs} FROM {held.rows} AS h WHERE {where})"  # noqa: S608 -- names are quoted

    def _values(self, held: _Side, bits: Bits) -> set[KeyValues]:
        """Give the distinct values of some columns in these rows of a table without a key: one scan of it."""
        identity, forms = self.identity(held.table), self.forms(held.table)
        listed = ", ".join(form.exact() for form in (*identity.forms, *(forms[column] for column in held.columns)))
        number = identity.numbering()
        width = len(identity.forms)
        values: set[KeyValues] = set()
        for block in self.session.blocks(f"SELECT {listed} FROM {held.rows} AS h", str(held.table)):  # noqa: S608 -- names are quoted
            arrays = wire.columns(block, width + len(held.columns))
            chosen = pa.array(bits.holds(number(arrays[:width])))
            rows = zip(*(each.filter(chosen).to_pylist() for each in arrays[width:]), strict=True)
            values.update(row for row in rows if None not in row)
        return values

    def _select(self, side: _Side) -> str:
        listed = ", ".join(form.exact("t") for form in self.identity(side.table).forms)
        return f"SELECT {listed} FROM {side.rows} AS t"  # noqa: S608 -- names are quoted

    def _answer(self, table: TableId, statements: Iterable[str]) -> KeySet:
        with errors.speaking_of(self.session.side, str(table)):
            return self._chosen(table, statements)

    def _chosen(self, table: TableId, statements: Iterable[str]) -> KeySet:
        identity = self.identity(table)
        found = Gathering()
        for statement in statements:
            number = identity.numbering()
            for block in self.session.attempt_blocks(statement):
                found.add(table, number(wire.columns(block, len(identity.forms))))
        return found.keys()


def _reference(column: str, inside: Inside) -> str:
    """Give what stands at a place of a document, under the column's name; NULL where it cannot be a key."""
    steps = "".join(f"[{step}]" if isinstance(step, int) else f'."{step}"' for step in inside.steps)
    found = f"JSON_EXTRACT({column}, {quoting.text(f'${steps}')})"
    value = f"JSON_UNQUOTE({found})"
    if inside.kind is Kind.INTEGER:
        value = f"CASE WHEN {value} REGEXP '^-?[0-9]{{1,20}}$' THEN CAST({value} AS DECIMAL(20)) END"
    scalar = f"JSON_TYPE({found}) IN ('INTEGER', 'UNSIGNED INTEGER', 'STRING')"
    return f"CASE WHEN JSON_VALID({column}) THEN CASE WHEN {scalar} THEN {value} END END AS {column}"


def _matching(edge: ForeignKey) -> str:
    """Give the comparison of parent `p` with child `c`."""
    pairs = zip(edge.child_columns, edge.parent_columns, strict=True)
    return " AND ".join(f"p.{quoting.name(there)} = c.{quoting.name(here)}" for here, there in pairs)


def _among(ids: RowIds, bits: Bits | None) -> npt.NDArray[np.bool_]:
    """Tell which of these numbers are among some; all of them where there is nothing to look in."""
    return np.ones(len(ids), dtype=np.bool_) if bits is None else bits.holds(ids)

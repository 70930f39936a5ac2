"""
The questions of the walk: which rows a seed names, which rows reference which.

Every question is one SELECT for some thousands of rows. Identities go to the server as one `tid[]` parameter and come
back as one byte string for each stretch of a leaf, so that no row becomes a Python object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Json

from dbmimic.engines import condition
from dbmimic.engines.postgres import catalog, conditions, inside, tids
from dbmimic.engines.postgres.catalog import Facts, Operator, edge_key
from dbmimic.engines.postgres.connect import Connection
from dbmimic.engines.postgres.errors import Fault, Side, speaking, translated
from dbmimic.engines.postgres.tids import TidArray, TidArrayDumper
from dbmimic.errors import ConfigError
from dbmimic.model.amount import amount
from dbmimic.model.keys import Gathering, KeySet, Rows
from dbmimic.model.names import TableId
from dbmimic.model.request import IdsSeed, WhereSeed
from dbmimic.model.schema import ForeignKey, Match, Table
from dbmimic.ports.source import End, Links

_IDS_A_QUESTION = 250_000  # 2.5 MB a parameter
_IDS_A_SCAN = 2_500_000  # where each question reads a whole child: 25 MB a parameter, and about 100 MB while it is made
_FEW_ROWS = 10_000_000  # 60 MB of places, about what a question may use of memory
_HASHED_PLACES = 140000  # the first version that has a hash of a place
_PLAIN_EQUAL = Operator("pg_catalog", "=", None, None, None)


@dataclass(frozen=True, slots=True)
class _Part:
    """
    Some rows of one relation for which a condition, if there is one, is true: all of them where `ids` is None.

    `listed` are the columns to give in place of all, if not all.
    """

    relation: sql.Composable
    when: str = ""
    ids: TidArray | None = None
    listed: sql.Composable | None = None

    def rows(self, alias: str) -> sql.Composable:
        """Give these rows as what stands after FROM; the condition stands where only they are named."""
        chosen: list[sql.Composable] = [sql.SQL("ctid = ANY ($1)")] if self.ids else []
        chosen += [sql.SQL("({}\n)").format(sql.SQL(self.when))] if self.when else []
        name = sql.Identifier(alias)
        if not chosen and self.listed is None:
            return sql.SQL("{} AS {}").format(self.relation, name)
        return sql.SQL("(SELECT tableoid, ctid, {} FROM {} WHERE {}) AS {}").format(
            self.listed or sql.SQL("*"), self.relation, sql.SQL(" AND ").join(chosen or [sql.SQL("true")]), name
        )

    @property
    def parameters(self) -> tuple[TidArray, ...]:
        """The parameters of the condition."""
        return (self.ids,) if self.ids else ()


@dataclass(frozen=True)
class Walk:
    """Answers the walk's questions over one connection under the snapshot."""

    connection: Connection
    facts: Facts
    side: Side
    search_path: str

    def __post_init__(self) -> None:
        """Let the connection take rows' identities as parameters."""
        self.connection.adapters.register_dumper(TidArray, TidArrayDumper)

    def where(self, seed: WhereSeed, *, wanted: bool = True) -> KeySet:
        """Give the rows for which a condition is true; if they are not wanted, only let the server judge it."""
        from dbmimic.engines import expression  # noqa: PLC0415 -- slow to load, and few slices need it

        expression.check(seed.table, seed.where, "postgres")
        # The parameter makes the server take one statement only.
        question = sql.SQL("WHERE $1 AND ({})").format(sql.SQL(seed.where))
        try:
            return self._seeded(seed.table, question, (wanted,))
        except psycopg.Error as error:
            fault = Fault.of(error, self.connection)
            why = None if fault.broken else conditions.reason(fault.state)
            if why is not None:
                raise condition.refused(seed.table, why) from None
            raise translated(fault, self.side, "finding the seed's rows", str(seed.table)) from None

    def by_key(self, table: Table, seed: IdsSeed) -> KeySet:
        """Give the rows with these keys."""
        key = table.stable_key
        if key is None:
            hint = "choose the rows by a condition (where)"
            raise ConfigError("DM212", "the table has no key to find ids by", place=str(table.id), hint=hint)
        if any(len(values) != len(key.columns) for values in seed.ids):
            message = f"each id needs {amount(len(key.columns), 'value')}, for the key ({', '.join(key.columns)})"
            raise ConfigError("DM212", message, place=str(table.id))
        given = [[str(values[position]) for values in seed.ids] for position in range(len(key.columns))]
        names = [sql.Identifier(f"k{position}") for position in range(len(key.columns))]
        types = (sql.SQL(self.facts.bare_types[table.id.column(column)]) for column in key.columns)
        wanted = sql.SQL("WHERE ({}) IN (SELECT {} FROM ROWS FROM ({}) AS wanted ({}))").format(
            sql.SQL(", ").join(map(sql.Identifier, key.columns)),
            sql.SQL(", ").join(sql.SQL("{}::{}").format(name, bare) for name, bare in zip(names, types, strict=True)),
            sql.SQL(", ").join(sql.SQL(f"pg_catalog.unnest(${number}::text[])") for number in range(1, len(names) + 1)),
            sql.SQL(", ").join(names),
        )
        try:
            return self._seeded(table.id, wanted, given)
        except psycopg.Error as error:
            fault = Fault.of(error, self.connection)
            if not fault.broken and fault.state.startswith(("22", "23", "42")):
                message = f"an id does not fit the key ({', '.join(key.columns)}) (SQLSTATE {fault.state})"
                hint = "write each id as the key's own type is written"
                raise ConfigError("DM212", message, place=str(table.id), hint=hint) from None
            raise translated(fault, self.side, "finding the seed's rows", str(table.id)) from None

    def parents(self, edge: ForeignKey, children: Rows) -> KeySet:
        """Give the rows that these rows reference."""
        found = Gathering()
        keys = sql.SQL(", ").join(
            sql.SQL("c.{} AS {}").format(sql.Identifier(column), sql.Identifier(f"k{position}"))
            for position, column in enumerate(edge.child_columns)
        )
        for part in self._children_of(edge, children):
            for parent in self._relations(edge.parent_leaf or edge.parent):
                question = sql.SQL(
                    "SELECT p.tableoid AS leaf, p.ctid AS place"
                    " FROM (SELECT DISTINCT {keys} FROM {children} WHERE {solid}) AS c JOIN {parent} AS p ON {equal}"
                ).format(
                    keys=keys,
                    children=part.rows("c"),
                    solid=_all_solid(edge.child_columns),
                    parent=parent,
                    equal=self._equal(edge, [f"k{position}" for position in range(len(edge.child_columns))]),
                )
                doing = "following a key to its parents"
                self._answer(found, question, part.parameters, doing, edge, edge.parent_leaf or edge.parent)
        return found.keys()

    def children(self, edge: ForeignKey, parents: KeySet) -> KeySet:
        """Give the rows that reference any of these rows."""
        found = Gathering()
        for part in self._parts(parents, self._referenced(edge, parents), size=self._at_once(edge, parents)):
            for child in self._children_of(edge, None):
                question = sql.SQL(
                    "SELECT c.tableoid AS leaf, c.ctid AS place FROM {parents} JOIN {child} ON {equal}"
                ).format(
                    parents=part.rows("p"),
                    child=child.rows("c"),
                    equal=self._equal(edge, edge.child_columns),
                )
                self._answer(found, question, part.parameters, "following a key to its children", edge, edge.child)
        return found.keys()

    def _at_once(self, edge: ForeignKey, parents: KeySet) -> int:
        """Give how many parents a question is for; without an index on the key each one reads the whole child."""
        if len(parents) <= _IDS_A_QUESTION:
            return _IDS_A_QUESTION
        asked = {
            "tables": Json([[leaf.schema, leaf.name] for leaf in edge.child_leaves or self.facts.beneath[edge.child]]),
            "columns": list(edge.child_columns),
        }
        with speaking(self.connection, self.side, "reading the catalogue", edge.child):
            row = self.connection.execute(catalog.query("indexed"), asked).fetchone()
        return _IDS_A_QUESTION if row == (True,) else _IDS_A_SCAN

    def links(self, edge: ForeignKey, rows: Rows, end: End) -> Iterator[Links]:
        """Stream which of these rows reference which; one answer for each 256 blocks of the child's leaf."""
        for child, parent, parameters in self._pairs(edge, rows, end):
            question = sql.SQL(
                "SELECT q.child_leaf, q.parent_leaf, pg_catalog.string_agg(q.child, ''),"
                " pg_catalog.string_agg(q.parent, '') FROM ("
                "SELECT c.tableoid AS child_leaf, p.tableoid AS parent_leaf,"
                " pg_catalog.tidsend(c.ctid) AS child, pg_catalog.tidsend(p.ctid) AS parent"
                " FROM {child} JOIN {parent} ON {equal}"
                ") AS q GROUP BY q.child_leaf, q.parent_leaf, pg_catalog.substring(q.child, 1, 3)"
            ).format(child=child, parent=parent, equal=self._equal(edge, edge.child_columns))
            names = self.facts.names
            with speaking(self.connection, self.side, "following a key", edge.child), self._naming(edge):
                for child_leaf, parent_leaf, children, parents in self._streamed(question, parameters):
                    yield Links(names[child_leaf], tids.unpacked(children), names[parent_leaf], tids.unpacked(parents))

    def _pairs(
        self, edge: ForeignKey, rows: Rows, end: End
    ) -> Iterator[tuple[sql.Composable, sql.Composable, tuple[TidArray, ...]]]:
        """Give the child and parent to join, with the parameters, until all of these rows had their turn."""
        if end is End.PARENT and isinstance(rows, KeySet):
            for part in self._parts(rows, self._referenced(edge, rows), size=self._at_once(edge, rows)):
                for child in self._children_of(edge, None):
                    yield child.rows("c"), part.rows("p"), part.parameters
            return
        for part in self._children_of(edge, rows):
            for parent in self._relations(edge.parent_leaf or edge.parent):
                yield part.rows("c"), _Part(parent).rows("p"), part.parameters

    def _referenced(self, edge: ForeignKey, parents: KeySet) -> frozenset[TableId]:
        """Give the leaves of the parent in which rows may be referenced over the edge."""
        leaves = self.facts.beneath.get(edge.parent_leaf) if edge.parent_leaf else parents.leaves
        return frozenset(leaves or ())

    def orphans(self, edge: ForeignKey, children: Rows) -> int:
        """Give how many of these rows reference nothing that is there."""
        total = 0
        dangling = sql.SQL("({} AND {})").format(_all_solid(edge.child_columns), self._without_parent(edge))
        if edge.match is Match.FULL:
            dangling = sql.SQL("({} OR NOT {} AND NOT {})").format(
                dangling, _all_solid(edge.child_columns), _all_null(edge.child_columns)
            )
        for part in self._children_of(edge, children):
            question = sql.SQL("SELECT pg_catalog.count(*) FROM {} WHERE {}").format(part.rows("c"), dangling)
            with speaking(self.connection, self.side, "counting orphans", edge.child), self._naming(edge):
                row = self._run(question, part.parameters).fetchone()
            total += int(row[0]) if row else 0
        return total

    def _without_parent(self, edge: ForeignKey) -> sql.Composable:
        """Give the condition that holds for child rows `c` whose values no parent has; of a period, not all of it."""
        relations = self._relations(edge.parent_leaf or edge.parent)
        equal = self._equal(edge, edge.child_columns)
        if edge.period:
            held = sql.SQL(" UNION ALL ").join(
                sql.SQL("SELECT p.{} AS held FROM {} AS p WHERE {}").format(
                    sql.Identifier(edge.parent_columns[-1]), parent, equal
                )
                for parent in relations
            )
            return sql.SQL(
                "(SELECT c.{} OPERATOR(pg_catalog.<@) pg_catalog.range_agg(p.held) FROM ({}) AS p) IS NOT TRUE"
            ).format(sql.Identifier(edge.child_columns[-1]), held)
        return sql.SQL(" AND ").join(
            sql.SQL("NOT EXISTS (SELECT FROM {} AS p WHERE {})").format(parent, equal) for parent in relations
        )

    def count(self, table: Table) -> int:
        """Give how many rows a table holds."""
        total = 0
        for relation in self._relations(table.id):
            with speaking(self.connection, self.side, "counting rows", table.id):
                row = self.connection.execute(sql.SQL("SELECT count(*) FROM {}").format(relation)).fetchone()
            total += int(row[0]) if row else 0
        return total

    def _seeded(self, table: TableId, wanted: sql.Composable, parameters: Sequence[object]) -> KeySet:
        """
        Run a seed's question with the role's own search path, as the user would in `psql`; what is ours in it names
        its schema.

        Raises the driver's exception, the transaction still usable.
        """
        found = Gathering()
        for relation in self._relations(table):
            question = sql.SQL("SELECT tableoid AS leaf, ctid AS place FROM {} {}").format(relation, wanted)
            with self.connection.transaction():  # a savepoint, because the snapshot's transaction is open
                self._search(self.search_path)
                self._collect(found, question, parameters, table)
                self._search("")
        return found.keys()

    def _search(self, path: str) -> None:
        self.connection.execute("SELECT set_config('search_path', %s, true)", (path,))

    def _answer(
        self,
        found: Gathering,
        question: sql.Composed,
        parameters: Sequence[object],
        doing: str,
        edge: ForeignKey,
        table: TableId,
    ) -> None:
        with speaking(self.connection, self.side, doing, edge.child), self._naming(edge):
            self._collect(found, question, parameters, table)

    @contextmanager
    def _naming(self, edge: ForeignKey) -> Iterator[None]:
        """Let the condition of an edge, if it has one, name things as its author would."""
        if not edge.when:
            yield
            return
        with self.connection.transaction():
            self._search(self.search_path)
            yield
            self._search("")

    def _collect(self, found: Gathering, question: sql.Composed, parameters: Sequence[object], table: TableId) -> None:
        """
        Add the rows of a table that a question with columns `leaf` and `place` gives.

        They come in some answers for each leaf, so that neither side holds all in one: of a large table one for each
        256 blocks, else as it costs the server least.
        """
        known, mixed = self.facts.schema.by_id.get(table), table in self.facts.whole
        few = known is not None and known.estimated_rows <= _FEW_ROWS and self._hashes_places
        split = "pg_catalog.hashtid(q.place) & 15" if few else "pg_catalog.substring(pg_catalog.tidsend(q.place), 1, 3)"
        gathered = sql.SQL(
            "SELECT {leaf}, pg_catalog.string_agg(pg_catalog.tidsend(q.place), '') FROM ({question}) AS q"
            " GROUP BY {split}"
        ).format(
            leaf=sql.SQL("q.leaf" if mixed else "pg_catalog.min(q.leaf)"),
            question=question,
            split=sql.SQL(f"q.leaf, {split}" if mixed else split),
        )
        for leaf, sent in self._streamed(gathered, parameters):
            found.add(self.facts.names[leaf], tids.unpacked(sent))

    @property
    def _hashes_places(self) -> bool:
        return self.connection.info.server_version >= _HASHED_PLACES

    def _streamed(self, question: sql.Composed, parameters: Sequence[object]) -> Iterator[tuple[Any, ...]]:
        """Run a question and give its answers one by one, so that they are never held together."""
        return psycopg.RawCursor(self.connection).stream(question, parameters, binary=True)

    def _run(self, question: sql.Composed, parameters: Sequence[object]) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run a question with parameters as PostgreSQL numbers them: a name may hold a per cent sign."""
        return psycopg.RawCursor(self.connection).execute(question, parameters, binary=True)

    def _relations(self, table: TableId) -> tuple[sql.Composable, ...]:
        """Give what to select from for all rows of a table or partition: itself, or each of its readable leaves."""
        if table in self.facts.whole:
            return (_name(table),)
        return tuple(_only(leaf) for leaf in self.facts.beneath.get(table, ()))

    def _children_of(self, edge: ForeignKey, rows: Rows | None) -> Iterator[_Part]:
        """Give the child's rows, in parts that fit a question; None and `Whole` stand for all of them."""
        if isinstance(rows, KeySet):
            yield from self._parts(rows, frozenset(edge.child_leaves or rows.leaves), edge)
        elif edge.child_leaves is not None:
            yield from (self._part(_only(leaf), edge) for leaf in edge.child_leaves)
        else:
            yield from (self._part(relation, edge) for relation in self._relations(edge.child))

    def _parts(
        self, rows: KeySet, among: frozenset[TableId], of: ForeignKey | None = None, size: int = _IDS_A_QUESTION
    ) -> Iterator[_Part]:
        for leaf in rows.leaves:
            if leaf in among:
                for ids in rows.chunks(leaf, size):
                    yield self._part(_only(leaf), of, TidArray(ids))

    def _part(self, relation: sql.Composable, of: ForeignKey | None, ids: TidArray | None = None) -> _Part:
        """Give rows of a relation; of the child of an edge, those that the edge holds for, with what they reference."""
        if of is None:
            return _Part(relation, ids=ids)
        if of.inside is None:
            return _Part(relation, of.when, ids)
        (column,) = of.child_columns
        found = self.facts.schema.table(of.child).column(column)
        return _Part(
            relation, of.when, ids, inside.reference(column, found.type if found is not None else "", of.inside)
        )

    def _equal(self, edge: ForeignKey, child_columns: Sequence[str]) -> sql.Composable:
        """Give the comparison of parent `p` with child `c`, as the constraint itself makes it."""
        operators = self.facts.operators.get(edge_key(edge)) or (_PLAIN_EQUAL,) * len(edge.child_columns)
        return sql.SQL(" AND ").join(
            sql.SQL("{} OPERATOR({}.{}) {}").format(
                _cast("p", parent, operator.left),
                sql.Identifier(operator.schema),
                sql.SQL(operator.name),
                _collated(_cast("c", child, operator.right), operator.collation),
            )
            for parent, child, operator in zip(edge.parent_columns, child_columns, operators, strict=True)
        )


def _name(table: TableId) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)


def _only(leaf: TableId) -> sql.Composed:
    return sql.SQL("ONLY {}").format(_name(leaf))


def _cast(alias: str, column: str, to: str | None) -> sql.Composable:
    reference = sql.Identifier(alias, column)
    return sql.SQL("{}::{}").format(reference, sql.SQL(to)) if to else reference


def _collated(value: sql.Composable, collation: tuple[str, str] | None) -> sql.Composable:
    return sql.SQL("({} COLLATE {})").format(value, sql.Identifier(*collation)) if collation else value


def _all_solid(columns: Sequence[str]) -> sql.Composed:
    """All columns hold something. A test of each, because a row value's IS NOT NULL cannot use an index."""
    tests = (sql.SQL("c.{} IS NOT NULL").format(sql.Identifier(column)) for column in columns)
    return sql.SQL("({})").format(sql.SQL(" AND ").join(tests))


def _all_null(columns: Sequence[str]) -> sql.Composed:
    tests = (sql.SQL("c.{} IS NULL").format(sql.Identifier(column)) for column in columns)
    return sql.SQL("({})").format(sql.SQL(" AND ").join(tests))

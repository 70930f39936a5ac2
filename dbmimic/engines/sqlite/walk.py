"""The questions of the walk in SQLite's SQL: identities travel as parameters, nothing is created."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dbmimic.engines import condition
from dbmimic.engines.sqlite.catalogue import ROWID_NAMES, Catalogue, folded
from dbmimic.engines.sqlite.connection import Row, Snapshot, name
from dbmimic.engines.sqlite.identity import ByKey, ByRowid, RowIdentity
from dbmimic.errors import ConfigError, SourceError
from dbmimic.model.amount import amount
from dbmimic.model.keys import WHOLE, Gathering, KeySet, Rows, Whole
from dbmimic.model.names import TableId
from dbmimic.model.request import IdsSeed, WhereSeed
from dbmimic.model.schema import ForeignKey, Inside, Table
from dbmimic.model.types import Kind
from dbmimic.ports.source import End, Links

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_INTEGER = re.compile(r"[+-]?[0-9]+\Z")


class Walk:
    """
    Answers the walk's questions from one snapshot.

    Foreign keys are compared as SQLite compares them: with the affinity and the collation of the parent's columns.
    """

    def __init__(self, snapshot: Snapshot, catalogue: Catalogue) -> None:
        self._snapshot = snapshot
        self._catalogue = catalogue
        self._identities: dict[TableId, RowIdentity] = {}
        self._ends: dict[TableId, Row] = {}

    def identity(self, table: TableId) -> RowIdentity:
        """Give how the rows of a table are told apart."""
        if table not in self._identities:
            facts = self._catalogue.by_id[table]
            key = facts.table.primary_key
            self._identities[table] = (
                ByRowid(facts.rowid)
                if facts.rowid is not None
                else ByKey(self._snapshot, table.name, key.columns if key else ())
            )
        return self._identities[table]

    def _gathered(self, table: TableId, answers: Iterable[Iterator[list[Row]]]) -> KeySet:
        """Give the set of the identities that statements select, their only columns."""
        identity = self.identity(table)
        found = Gathering()
        for pages in answers:
            for page in pages:
                found.add(table, identity.ids(page))
        return found.keys()

    def where(self, seed: WhereSeed, *, wanted: bool = True) -> KeySet:
        """Give the rows for which a condition is true; if they are not wanted, only let SQLite judge it."""
        table = self._catalogue.by_id[seed.table].table
        _check(table, seed.where)
        listed = ", ".join(f"{name(table.id.name)}.{column}" for column in self.identity(table.id).columns)
        # The condition stands on lines of its own, so that a comment at its end ends there. It was parsed and found to
        # be one expression, and the connection can only read. Before a parameter its names are looked up all the same.
        sql = f"SELECT {listed} FROM {name(table.id.name)} WHERE ? AND (\n{seed.where}\n)"  # noqa: S608
        try:
            return self._gathered(table.id, [self._snapshot.pages(sql, (int(wanted),), str(table.id))])
        except SourceError as error:
            if error.code != "DM404":
                raise
        raise ConfigError(
            "DM212",
            "SQLite does not accept the condition",
            place=str(table.id),
            hint="try it in a SELECT on this table; look for misspelt columns and functions",
        )

    def ids(self, table: Table, seed: IdsSeed) -> KeySet:
        """Give the rows with these keys: primary keys, or the unique key that stands in for one."""
        key = table.stable_key
        if key is None:
            hint = "name its rows by a condition (`where`)"
            raise ConfigError("DM212", "a table without a key has no ids", place=str(table.id), hint=hint)
        integers = [_is_integer(table, column) for column in key.columns]
        listed = ", ".join(self.identity(table.id).columns)
        matched = " AND ".join(f"{name(column)} = ?" for column in key.columns)
        sql = f"SELECT {listed} FROM {name(table.id.name)} WHERE {matched}"  # noqa: S608 -- names are quoted
        found = KeySet()
        for number, values in enumerate(seed.ids, 1):
            if len(values) != len(key.columns) or not all(map(_fits, values, integers)):
                reason = f"id number {number} of a seed does not fit the key ({amount(len(key.columns), 'column')})"
                raise ConfigError("DM212", reason, place=str(table.id), hint="give one value per column of the key")
            found |= self._gathered(table.id, [self._snapshot.pages(sql, values, str(table.id))])
        return found

    def parents(self, edge: ForeignKey, children: Rows) -> KeySet:
        """Give the parent rows that these child rows reference."""
        joined = f"{self._child(edge)} AS c CROSS JOIN {name(edge.parent.name)} AS p ON {self._match(edge)}"
        listed = _columns("p", self.identity(edge.parent))
        return self._gathered(edge.parent, self._over(listed, joined, "c", edge.child, children, str(edge)))

    def children(self, edge: ForeignKey, parents: KeySet) -> KeySet:
        """Give the child rows that reference any of these parent rows."""
        if not self._seeks_child(edge):
            return self._children_by_scan(edge, parents)
        joined = f"{name(edge.parent.name)} AS p CROSS JOIN {self._child(edge)} AS c ON {self._match(edge)}"
        listed = _columns("c", self.identity(edge.child))
        return self._gathered(edge.child, self._over(listed, joined, "p", edge.parent, parents, str(edge)))

    def _children_by_scan(self, edge: ForeignKey, parents: KeySet) -> KeySet:
        """
        Read each child row's own and parent's identity once and keep those of the chosen parents.

        Without an index on the child's columns every other way reads the whole child table for each chunk of parents.
        """
        found = Gathering()
        for links in self._links_by_scan(edge, parents):
            found.add(edge.child, links.children)
        return found.keys()

    def links(self, edge: ForeignKey, rows: Rows, end: End) -> Iterator[Links]:
        """Stream which child row references which parent row, where the row at one end is one of these."""
        if end is End.PARENT and isinstance(rows, KeySet) and not self._seeks_child(edge):
            yield from self._links_by_scan(edge, rows)
            return
        child, parent = self.identity(edge.child), self.identity(edge.parent)
        sides = [f"{self._child(edge)} AS c", f"{name(edge.parent.name)} AS p"]
        alias, table = ("c", edge.child) if end is End.CHILD else ("p", edge.parent)
        joined = f"{' CROSS JOIN '.join(sides if end is End.CHILD else reversed(sides))} ON {self._match(edge)}"
        listed = f"{_columns('c', child)}, {_columns('p', parent)}"
        width = len(child.columns)
        for pages in self._over(listed, joined, alias, table, rows, str(edge)):
            for page in pages:
                children = child.ids([row[:width] for row in page])
                yield Links(edge.child, children, edge.parent, parent.ids([row[width:] for row in page]))

    def _links_by_scan(self, edge: ForeignKey, parents: KeySet) -> Iterator[Links]:
        for links in self.links(edge, WHOLE, End.CHILD):
            hit = parents.holds(links.parent_leaf, links.parents)
            yield Links(links.child_leaf, links.children[hit], links.parent_leaf, links.parents[hit])

    def _child(self, edge: ForeignKey) -> str:
        """Give the child's rows that the edge holds for."""
        if not edge.when and edge.inside is None:
            return name(edge.child.name)
        held = self._catalogue.by_id[edge.child].table
        columns = dict.fromkeys((*self.identity(edge.child).columns, *(name(column.name) for column in held.columns)))
        within = {name(column): edge.inside for column in edge.child_columns if edge.inside is not None}
        listed = ", ".join(
            f"{_reference(column, within[column]) if column in within else column} AS {column}" for column in columns
        )
        return f"(SELECT {listed} FROM {name(edge.child.name)} WHERE (\n{edge.when or '1'}\n))"  # noqa: S608 -- it was checked

    def orphans(self, edge: ForeignKey, children: Rows) -> int:
        """Give how many child rows reference a parent that is not there; SQLite knows MATCH SIMPLE only."""
        present = " AND ".join(f"c.{name(column)} IS NOT NULL" for column in edge.child_columns)
        if isinstance(children, Whole) and (ends := self._without_gaps(edge)) is not None:
            # Nearly all rows are told by their number alone; the others are still looked for.
            column = f"c.{name(edge.child_columns[0])}"
            present += f" AND NOT (typeof({column}) = 'integer' AND {column} BETWEEN {ends[0]} AND {ends[1]})"
        parent = f"SELECT 1 FROM {name(edge.parent.name)} AS p WHERE {self._match(edge)}"  # noqa: S608 -- quoted
        joined = f"{self._child(edge)} AS c ON {present} AND NOT EXISTS ({parent})"
        pages = self._over("count(*)", joined, "c", edge.child, children, str(edge))
        return sum(row[0] for page in pages for rows in page for row in rows)

    def _without_gaps(self, edge: ForeignKey) -> tuple[int, int] | None:
        """Give the parent's smallest and largest rowid where the key is the rowid and none between them is missing."""
        identity = self.identity(edge.parent)
        if not isinstance(identity, ByRowid) or [name(column) for column in edge.parent_columns] != [*identity.columns]:
            return None
        if edge.parent not in self._ends:
            number = identity.columns[0]
            first, last, count = (
                f"(SELECT {what} FROM {name(edge.parent.name)})"  # noqa: S608 -- names are quoted
                for what in (f"min({number})", f"max({number})", "count(*)")
            )
            self._ends[edge.parent] = self._snapshot.all(f"SELECT {first}, {last}, {count}", (), str(edge.parent))[0]
        smallest, largest, rows = self._ends[edge.parent]
        return (int(smallest), int(largest)) if rows and largest - smallest + 1 == rows else None

    def _over(
        self, listed: str, joined: str, alias: str, table: TableId, rows: Rows, place: str
    ) -> Iterator[Iterator[list[Row]]]:
        """Select over some rows of one table of a join, a statement for each chunk of them."""
        if isinstance(rows, Whole):
            sql = f"SELECT {listed} FROM (SELECT 1) CROSS JOIN {joined}"  # noqa: S608 -- names are quoted
            yield self._snapshot.pages(sql, (), place)
            return
        identity = self.identity(table)
        for ids in rows.chunks(table, identity.capacity):
            chosen = identity.chosen(ids)
            sql = (
                f"WITH {chosen.sql} SELECT {listed} FROM chosen CROSS JOIN {joined} "  # noqa: S608 -- names are quoted
                f"WHERE {these(alias, identity)}"
            )
            yield self._snapshot.pages(sql, chosen.parameters, place)

    def _match(self, edge: ForeignKey) -> str:
        """
        Give the join of a foreign key.

        The parent's column stands on the left, where its collation decides. Where the child's column has another
        affinity, a `+` takes that away, so that the parent's decides; elsewhere it stands bare and an index serves.
        """
        pairs = zip(edge.parent_columns, edge.child_columns, strict=True)
        return " AND ".join(
            f"p.{name(above)} = {'' if self._alike(edge, above, below) else '+'}c.{name(below)}"
            for above, below in pairs
        )

    def _seeks_child(self, edge: ForeignKey) -> bool:
        pairs = zip(edge.parent_columns, edge.child_columns, strict=True)
        seeks = self._catalogue.by_id[edge.child].seeks(edge.child_columns)
        return seeks and all(self._alike(edge, above, below) for above, below in pairs)

    def _alike(self, edge: ForeignKey, above: str, below: str) -> bool:
        """Tell whether a parent's and a child's column have one affinity; what stands in a document has none."""
        child, parent = self._catalogue.by_id[edge.child], self._catalogue.by_id[edge.parent]
        return edge.inside is None and parent.affinities[above] is child.affinities[below]


def these(alias: str, identity: RowIdentity) -> str:
    """Give the join of a table with its chosen keys."""
    return " AND ".join(f"{alias}.{column} = chosen.k{place}" for place, column in enumerate(identity.columns))


def _columns(alias: str, identity: RowIdentity) -> str:
    return ", ".join(f"{alias}.{column}" for column in identity.columns)


def _reference(column: str, inside: Inside) -> str:
    """Give what stands at a place of a document, where it is a number or a text that can be a key."""
    steps = "".join(f"[{step}]" if isinstance(step, int) else f'."{step}"' for step in inside.steps)
    at = f"{column}, '${steps}'"  # no step holds a quote
    value = f"json_extract({at})"
    word = value
    if inside.kind is Kind.INTEGER:
        digits = f"ltrim({value}, '-')"
        word = f"CASE WHEN {digits} <> '' AND NOT {digits} GLOB '*[^0-9]*' THEN {value} END"
    found = f"CASE json_type({at}) WHEN 'integer' THEN {value} WHEN 'text' THEN {word} END"
    return f"CASE WHEN json_valid({column}) THEN {found} END"


def _is_integer(table: Table, column: str) -> bool:
    found = table.column(column)
    return found is not None and found.logical.kind is Kind.INTEGER


def _fits(value: int | str, integer: bool) -> bool:
    if isinstance(value, str) and (not integer or _INTEGER.match(value)):
        return True
    return isinstance(value, int) and _SMALLEST <= value <= _LARGEST


def _check(table: Table, where: str) -> None:
    """Refuse a condition that is not one boolean expression over the table's columns."""
    from dbmimic.engines import expression  # noqa: PLC0415 -- slow to load, and few slices need it

    tree = expression.check(table.id, where, "sqlite")
    if tree is None:
        raise condition.refused(table.id, "it is not valid SQL")
    # SQLite takes a quoted name that is no column for a string, and the slice would be empty without a word.
    own = {folded(column.name) for column in table.columns} | set(ROWID_NAMES)
    if not own.issuperset(map(folded, expression.quoted_names(tree))):
        raise condition.refused(table.id, "it quotes a name that is no column (strings stand in single quotes)")
    expression.refuse_values(table, tree)

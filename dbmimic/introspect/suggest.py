"""Foreign keys that no database declares, found by names, types and what the columns hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.introspect.likeness import Likeness, likenesses, nearer, words
from dbmimic.model.graph import FkGraph
from dbmimic.model.keys import KeySet
from dbmimic.model.names import TableId, column_list
from dbmimic.model.schema import Column, ForeignKey, Schema, Table
from dbmimic.model.suggestion import Suggestion
from dbmimic.model.types import Kind
from dbmimic.ports.source import End, KeyedRows, Walker

_ROWS_READ = 100_000  # of a table, as the engine gives them
_ROWS_TESTED = 1_000  # of these, spread evenly over them
_KINDS_OF_PARENT = 50  # more words in a column than that, and they name no tables
_BY_NAME, _WEAK = 3, 1
_MOST_ORPHANS = {3: 0.5, 2: 0.05, 1: 0.0}  # by strength: a name alone convinces nobody where the rows speak against it


@dataclass(frozen=True, slots=True)
class _Tried:
    """What the rows say of one likeness."""

    likeness: Likeness
    when: str
    tested: int
    orphans: int

    @property
    def holds(self) -> bool:
        """Whether the rows bear the name out, as far as there are any."""
        return self.orphans <= _MOST_ORPHANS[self.likeness.strength] * self.tested


def suggest(schema: Schema, graph: FkGraph, source: Walker) -> Iterator[Suggestion]:
    """
    Give the keys that seem to be meant and that the graph does not have, for each column the likeliest.

    Names propose, types allow, and rows decide: of each table with such columns some are read, and asked what they
    reference. A column with a word beside it (`x_type`, `x_id`) gets a key for each word that names a table.

    Cost: of each such table at most 100,000 rows' keys and candidate columns; one question for 1,000 rows a candidate.
    """
    declared = {(edge.child, column) for edge in graph.edges for column in edge.child_columns}
    proposed: dict[TableId, list[Likeness]] = {}
    for likeness in likenesses(schema):
        if (likeness.child.id, likeness.column.name) not in declared:
            proposed.setdefault(likeness.child.id, []).append(likeness)
    for table in schema.tables:
        if not table.holds_rows:
            continue
        pairs = [pair for pair in _pairs(table) if (table.id, pair[1].name) not in declared]
        of_table = proposed.get(table.id, [])
        names = [each.column.name for each in of_table] + [part.name for pair in pairs for part in pair]
        if not names:
            continue
        read = _read(table, tuple(dict.fromkeys(names)), source)
        for column in table.columns:
            mine = sorted((each for each in of_table if each.column.name == column.name), key=nearer)
            kinds = [kind for kind, number in pairs if number is column]
            by_word = [each for kind in kinds for each in _by_word(table, kind, column, schema, read, source)]
            found = by_word or _first(mine, read, source)
            yield from map(_told, found)


def _first(mine: list[Likeness], read: _Read, source: Walker) -> list[_Tried]:
    """Give the likeliest that the rows bear out; where there are no rows, one whose name leaves no doubt."""
    for likeness in mine:
        tried = _try(likeness, "", read, source)
        if not tried.tested:
            rivals = [each for each in mine if each.strength == likeness.strength]
            sure = likeness.strength == _BY_NAME or (likeness.strength > _WEAK and len(rivals) == 1)
            return [tried] if sure else []
        if tried.holds:
            return [tried]
    return []


@dataclass(frozen=True, slots=True)
class _Read:
    """Some rows of one table: `columns` by name, row by row in the order of `ids`; all stand in one leaf or another."""

    leaves: tuple[tuple[TableId, int], ...]
    ids: np.ndarray[tuple[int], np.dtype[np.uint64]]
    columns: dict[str, pa.Array]

    def rows(self, those: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> KeySet:
        """Give at most so many of these rows as are tested."""
        picked = np.flatnonzero(those)
        if len(picked) > _ROWS_TESTED:
            picked = picked[np.linspace(0, len(picked) - 1, _ROWS_TESTED).astype(np.int64)]
        chosen, start = KeySet(), 0
        for leaf, length in self.leaves:
            mine = picked[(picked >= start) & (picked < start + length)]
            chosen |= KeySet.of(leaf, self.ids[mine])
            start += length
        return chosen


def _read(table: Table, columns: tuple[str, ...], source: Walker) -> _Read:
    parts: list[KeyedRows] = []
    stream = source.keyed(table, columns)
    for part in stream:
        parts.append(part)
        if sum(len(each.ids) for each in parts) >= _ROWS_READ:
            break
    close = getattr(stream, "close", None)
    if close is not None:
        close()
    held = [pa.chunked_array([part.columns[n] for part in parts], pa.string()) for n in range(len(columns))]
    return _Read(
        leaves=tuple((part.leaf, len(part.ids)) for part in parts),
        ids=np.concatenate([np.empty(0, dtype=np.uint64), *(part.ids for part in parts)]),
        columns=dict(zip(columns, held, strict=True)),
    )


def _try(likeness: Likeness, when: str, read: _Read, source: Walker, word: str | None = None, kind: str = "") -> _Tried:
    filled = pc.is_valid(read.columns[likeness.column.name])
    if word is not None:
        filled = pc.and_(filled, pc.fill_null(pc.equal(read.columns[kind], word), False))
    rows = read.rows(filled.to_numpy())
    edge = ForeignKey(
        name="suggested",
        child=likeness.child.id,
        child_columns=(likeness.column.name,),
        parent=likeness.parent.id,
        parent_columns=likeness.key.columns,
        nullable=likeness.column.nullable,
        validated=False,
        virtual=True,
    )
    found = KeySet()
    if rows:
        for links in source.links(edge, rows, End.CHILD):
            found |= KeySet.of(links.child_leaf, links.children)
    return _Tried(likeness, when, len(rows), len(rows - found))


def _pairs(table: Table) -> Iterator[tuple[Column, Column]]:
    """Give the columns `x_type` and `x_id` that stand beside each other."""
    by_words = {words(column.name): column for column in table.columns}
    for said, column in by_words.items():
        if said[-1:] == ("type",) and column.logical.kind in {Kind.TEXT, Kind.ENUM}:
            number = by_words.get((*said[:-1], "id"))
            if number is not None:
                yield column, number


def _by_word(
    table: Table, kind: Column, number: Column, schema: Schema, read: _Read, source: Walker
) -> Iterator[_Tried]:
    met = pc.unique(read.columns[kind.name].combine_chunks()).drop_null().to_pylist()
    if len(met) > _KINDS_OF_PARENT:
        return
    keyed = {words(each.id.name): each for each in schema.tables if each.primary_key and each.holds_rows}
    for word in sorted(met):
        said = words(word.rpartition("::")[2].rpartition(".")[2].rpartition("\\")[2])
        parent = keyed.get(said)
        key = parent.primary_key if parent is not None else None
        if parent is None or key is None or len(key.columns) != 1:
            continue
        when = f"{_name(kind.name, schema.engine)} = {_literal(word, schema.engine)}"
        likeness = Likeness(table, number, parent, key, 2, f"{kind.name} says so")
        tried = _try(likeness, when, read, source, word, kind.name)
        if tried.holds:
            yield tried


def _literal(word: str, engine: str) -> str:
    text = word.replace("'", "''")
    return "'" + (text.replace("\\", "\\\\") if engine == "mysql" else text) + "'"


def _name(name: str, engine: str) -> str:
    mark = "`" if engine == "mysql" else '"'
    plain = name.isidentifier() and (name.islower() or engine != "postgresql")
    return name if plain else f"{mark}{name.replace(mark, mark * 2)}{mark}"


def _told(tried: _Tried) -> Suggestion:
    likeness = tried.likeness
    return Suggestion(
        child=f"{likeness.child.id}{column_list((likeness.column.name,))}",
        parent=f"{likeness.parent.id}{column_list(likeness.key.columns)}",
        when=tried.when,
        why=likeness.why,
        tested=tried.tested,
        orphans=tried.orphans,
    )

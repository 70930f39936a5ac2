"""Foreign keys that no database declares become edges like any other."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dbmimic.errors import ConfigError, Problem
from dbmimic.model.amount import amount
from dbmimic.model.names import nearest
from dbmimic.model.request import WhereSeed
from dbmimic.model.schema import Column, ForeignKey, Inside, Schema, Table, comparable
from dbmimic.model.settings import Named, VirtualKeySpec
from dbmimic.model.types import Kind
from dbmimic.ports.source import Walker
from dbmimic.subset.edges import read_end
from dbmimic.subset.request import find_table
from dbmimic.subset.seeds import placed

_STEP = re.compile(r"([^\s.\[\]\"\\'*]+)|\[([0-9]+)\]")
_PATH = re.compile(rf"(?:\$\.?)?(?:{_STEP.pattern})(?:\.?(?:{_STEP.pattern}))*\Z")
_REFERENCED = frozenset({Kind.INTEGER, Kind.UUID, Kind.TEXT})

_End = tuple[Table, tuple[Column, ...]]


def virtual_keys(specs: Iterable[VirtualKeySpec], schema: Schema, source: Walker) -> tuple[ForeignKey, ...]:
    """
    Give the edges that somebody wrote.

    Raises:
        ConfigError: DM205 and DM206 for what is not there, DM212 for ends that cannot meet and for a condition that is
            none; all of the first kinds at once.
    """
    problems: list[Problem] = []
    found: list[ForeignKey] = []
    for spec in specs:
        ends = [_end(spec.child, schema), _end(spec.parent, schema)]
        told = [problem for end in ends if isinstance(end, list) for problem in end]
        child, parent = ends
        if isinstance(child, list) or isinstance(parent, list):
            problems += told
            continue
        inside = _inside(spec.path, parent)
        if isinstance(inside, Problem):
            problems.append(inside)
            continue
        edge = _edge(spec, child, parent, inside)
        unfit = list(_unfit(edge, child, parent, (*schema.foreign_keys, *found), schema.engine))
        problems += [Problem("DM212", reason, edge.place, hint) for reason, hint in unfit]
        found.append(edge)
    if problems:
        raise ConfigError.of(problems)
    for edge, spec in zip(found, specs, strict=True):
        if spec.when is not None:
            condition = WhereSeed(edge.child, edge.when, spec.when.place)
            with placed(condition):
                source.check(condition)
    return tuple(found)


def _end(name: Named, schema: Schema) -> _End | list[Problem]:
    read = read_end(name.text)
    if read is None:
        hint = "write it as table(column) or table(column, column)"
        return [Problem("DM204", "this names no columns of a table", name.place, hint)]
    _, columns = read
    found = find_table(Named(name.text.partition("(")[0].strip(), name.place), schema)
    if isinstance(found, Problem):
        return [found]
    table = schema.table(found)
    missing = [_unknown(column, table, name.place) for column in columns if table.column(column) is None]
    if missing:
        return missing
    return table, tuple(held for column in columns if (held := table.column(column)) is not None)


def _unknown(column: str, table: Table, place: str) -> Problem:
    guess = nearest(column, [held.name for held in table.columns])
    return Problem(
        "DM206", f"table {table.id} has no column {column}", place, f"did you mean {guess}?" if guess else ""
    )


def _inside(path: Named | None, parent: _End) -> Inside | Problem | None:
    """Give where a reference stands in a document."""
    if path is None:
        return None
    steps = _STEP.findall(path.text.removeprefix("$").removeprefix("."))
    if not steps or not _PATH.match(path.text):
        reason = "the path is not one place in a document"
        return Problem("DM204", reason, path.place, "write it as userId, user.id or users[0].id")
    return Inside(tuple(int(place) if place else name for name, place in steps), parent[1][0].logical.kind)


def _edge(spec: VirtualKeySpec, child: _End, parent: _End, inside: Inside | None) -> ForeignKey:
    return ForeignKey(
        name=spec.child.text,
        child=child[0].id,
        child_columns=tuple(column.name for column in child[1]),
        parent=parent[0].id,
        parent_columns=tuple(column.name for column in parent[1]),
        nullable=any(column.nullable for column in child[1]),
        validated=False,
        virtual=True,
        when=spec.when.text if spec.when is not None else "",
        place=spec.child.place,
        inside=inside,
    )


def _unfit(
    edge: ForeignKey, child: _End, parent: _End, known: Iterable[ForeignKey], engine: str
) -> Iterable[tuple[str, str]]:
    if len(child[1]) != len(parent[1]):
        reason = f"the key {edge} has {amount(len(child[1]), 'column')} on one side and {len(parent[1])} on the other"
        yield reason, "name as many columns on both sides"
        return
    for table in (child[0], parent[0]):
        if not table.holds_rows:
            yield f"table {table.id} holds no rows of its own to follow the key over", "leave the key out"
    if edge.inside is not None:
        yield from _unfit_inside(edge, child, parent, engine)
    for below, above in zip(child[1], parent[1], strict=True):
        if edge.inside is None and not comparable(below, above):
            reason = (
                f"column {edge.child.column(below.name)} is of the type {below.type} and "
                f"{edge.parent.column(above.name)} of {above.type}, which cannot be compared"
            )
            yield reason, "reference a column of the same type"
    if any(_same(edge, other) for other in known):
        yield f"the key {edge} is there already", "leave it out here"


def _unfit_inside(edge: ForeignKey, child: _End, parent: _End, engine: str) -> Iterable[tuple[str, str]]:
    document, key = child[1][0], parent[1][0]
    if len(child[1]) != 1:
        yield f"the key {edge} has a path and several columns", "name the one column that holds the document"
    elif document.logical.kind is not Kind.JSON and (document.logical.kind is not Kind.TEXT or engine == "postgresql"):
        reason = f"column {edge.child.column(document.name)} is of the type {document.type}, which holds no documents"
        yield reason, "a path leads into a json column" + ("" if engine == "postgresql" else ", or a text")
    elif key.logical.kind not in _REFERENCED:
        reason = f"{edge.parent.column(key.name)} is of the type {key.type}, which stands in no document"
        yield reason, "reference an integer, a UUID or a text"


def _same(one: ForeignKey, other: ForeignKey) -> bool:
    mine, theirs = (one.child, one.parent, one.when, one.inside), (other.child, other.parent, other.when, other.inside)
    return mine == theirs and set(zip(one.child_columns, one.parent_columns, strict=False)) == set(
        zip(other.child_columns, other.parent_columns, strict=True)
    )

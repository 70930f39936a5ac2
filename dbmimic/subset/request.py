"""A slice as written becomes a slice as meant: every name found in the schema, or told with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from dbmimic.errors import ConfigError, Problem
from dbmimic.model.graph import FkGraph
from dbmimic.model.names import TableId, nearest, split_name
from dbmimic.model.request import Enter, IdsSeed, Mode, PercentSeed, Seed, SliceRequest, WhereSeed
from dbmimic.model.schema import Schema
from dbmimic.model.settings import CoverSpec, Named, SeedSpec, SliceSpec, TableSpec
from dbmimic.subset.covers import covers
from dbmimic.subset.edges import owned, policies


def resolve(spec: SliceSpec, schema: Schema, graph: FkGraph) -> SliceRequest:
    """
    Give the request that a slice's text means in this schema.

    Raises:
        ConfigError: DM205 for each unknown table or edge, DM212 for each contradiction; all of them at once.
    """
    problems: list[Problem] = []
    static = _tables(spec.static, schema, problems)
    excluded = _tables(spec.exclude, schema, problems)
    problems += [
        Problem(
            "DM212", f"table {table} is both static and excluded", static[table].place, "take it out of one of the two"
        )
        for table in sorted(static.keys() & excluded.keys())
    ]
    seeds = [seed for written in spec.seeds if (seed := _seed(written, schema, excluded, problems)) is not None]
    tables = _by_table(spec, schema, problems)
    modes = {table: written.mode for table, written in tables.items() if written.mode is not None}
    asked = bool(seeds or static or modes or spec.cover)
    mode = spec.mode or (Mode.CLOSURE if asked else Mode.FULL)
    request = SliceRequest(
        mode=mode,
        children=spec.children,
        seeds=tuple(seeds),
        budget=spec.budget,
        static=frozenset(static),
        excluded=frozenset(excluded),
        restricted=_restricted(mode, modes, schema) - static.keys() - excluded.keys(),
        joint=frozenset(table for table, written in tables.items() if written.enter is Enter.ALL) - excluded.keys(),
    )
    edges = policies(spec.edges, schema, graph, request, problems)
    owners = {table: written.owner for table, written in tables.items() if written.owner is not None}
    edges = {**owned(owners, edges, graph, request, problems), **edges}
    request = replace(request, edges=edges)
    covered = covers(_covered(spec, schema, problems), schema, graph, request, problems)
    if problems:
        raise ConfigError.of(problems)
    return replace(request, cover=covered)


def _covered(spec: SliceSpec, schema: Schema, problems: list[Problem]) -> Iterator[tuple[CoverSpec, TableId]]:
    for written in spec.cover:
        table = find_table(written.table, schema)
        if isinstance(table, Problem):
            problems.append(table)
        else:
            yield written, table


def _by_table(spec: SliceSpec, schema: Schema, problems: list[Problem]) -> dict[TableId, TableSpec]:
    found: dict[TableId, TableSpec] = {}
    for written in spec.tables:
        table = find_table(written.table, schema)
        if isinstance(table, Problem):
            problems.append(table)
        elif table in found:
            place = found[table].table.place
            problems.append(Problem("DM212", f"table {table} stands here twice", written.table.place, f"see {place}"))
        else:
            found[table] = written
    return found


def _restricted(mode: Mode, modes: Mapping[TableId, Mode], schema: Schema) -> frozenset[TableId]:
    """Give the tables that are sliced by `restrict`."""
    of_most = mode if mode is Mode.RESTRICT else Mode.CLOSURE
    holding = [table.id for table in schema.tables if table.holds_rows]
    return frozenset(table for table in holding if modes.get(table, of_most) is Mode.RESTRICT)


def find_table(name: Named, schema: Schema) -> TableId | Problem:
    """Give the one table that a name means; a name without a schema may stand for the only table called so."""
    parts = split_name(name.text)
    ids = [table.id for table in schema.tables]
    matches = [table for table in ids if (table.schema, table.name)[-len(parts) :] == parts] if len(parts) <= 2 else []  # noqa: PLR2004 - schema and table
    if len(matches) == 1:
        return matches[0]
    if matches:
        return Problem(
            "DM205",
            f"table {name.text} could be any of {', '.join(map(str, matches))}",
            name.place,
            "write its schema too",
        )
    guess = nearest(name.text, [str(table) for table in ids] + [table.name for table in ids])
    hint = f"did you mean {guess}?" if guess else "`dbmimic plan` lists the tables that the source has"
    return Problem("DM205", f"there is no table {name.text} in the source", name.place, hint)


def _tables(names: Iterable[Named], schema: Schema, problems: list[Problem]) -> dict[TableId, Named]:
    found: dict[TableId, Named] = {}
    for name in names:
        table = find_table(name, schema)
        if isinstance(table, Problem):
            problems.append(table)
        else:
            found[table] = name
    return found


def _seed(written: SeedSpec, schema: Schema, excluded: dict[TableId, Named], problems: list[Problem]) -> Seed | None:
    table = find_table(written.table, schema)
    if isinstance(table, Problem):
        problems.append(table)
        return None
    place = written.table.place
    if table in excluded:
        problems.append(
            Problem("DM212", f"table {table} has a seed and is excluded", place, "take it out of one of the two")
        )
    if not schema.table(table).holds_rows:
        problems.append(
            Problem("DM212", f"table {table} holds no rows of its own to start from", place, "seed another table")
        )
    if written.where is not None:
        return WhereSeed(table, written.where, place)
    if written.percent is not None:
        return PercentSeed(table, written.percent, place)
    key = schema.table(table).stable_key
    if key is None:
        problems.append(
            Problem("DM212", f"table {table} has no key for ids to name", place, "use `where` instead of `ids`")
        )
    elif any(len(values) != len(key.columns) for values in written.ids or ()):
        wanted = ", ".join(key.columns)
        problems.append(
            Problem(
                "DM212",
                f"an id of {table} has one value per column of its key ({wanted})",
                place,
                "write each id as a list of that length",
            )
        )
    return IdsSeed(table, written.ids or (), place)

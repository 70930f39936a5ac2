"""What copies were made from, as it is kept in the register: numbers, digests, row identities, unmasked keys."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from dbmimic.engines.postgres.connect import Connection
from dbmimic.engines.postgres.errors import Side, speaking
from dbmimic.model.baseline import Baseline, Keys, LeafMark, Position, TableRows
from dbmimic.model.bits import Bits
from dbmimic.model.keys import WHOLE, KeySet
from dbmimic.model.names import TableId

_FORM = 3
_DOING = "noting what the copy was made from"
_HEAD = "head"


def write(books: Connection, baseline: Baseline, standing: Collection[str]) -> None:
    """Keep a baseline, and forget those of runs whose copy is not among the standing ones: theirs may come back."""
    with speaking(books, Side.TARGET, _DOING), books.transaction():
        kept = [run for run in standing if run != baseline.run]
        books.execute("DELETE FROM public.baselines WHERE run <> ALL (%s::text[])", (kept,))
        for part, body in _parts(baseline):
            books.execute(
                "INSERT INTO public.baselines (run, part, body) VALUES (%s, %s, %b)", (baseline.run, part, body)
            )


def read(books: Connection, run: str) -> Baseline | None:
    """Give the baseline of a run, or None where there is none that this version can read."""
    with speaking(books, Side.TARGET, _DOING):
        there = books.execute("SELECT to_regclass('public.baselines') IS NOT NULL").fetchone()
        if there != (True,):
            return None
        asked = "SELECT part, body FROM public.baselines WHERE run = %s"
        parts = {str(part): bytes(body) for part, body in books.execute(asked, (run,))}
    try:
        return _baseline(run, parts)
    except (KeyError, TypeError, ValueError):
        return None


def _parts(baseline: Baseline) -> Iterator[tuple[str, bytes]]:
    head = {
        "form": _FORM,
        "made_by": dict(baseline.made_by),
        "standing": dict(baseline.standing),
        "position": told_of(baseline.position),
        "tables": [
            [
                table.schema,
                table.name,
                kept.row_count,
                not isinstance(kept.rows, KeySet),
                None if kept.keys is None else kept.keys.columns,
                kept.parted,
            ]
            for table, kept in baseline.tables.items()
        ],
    }
    yield _HEAD, json.dumps(head).encode()
    for table, kept in baseline.tables.items():
        values = kept.keys.values if kept.keys is not None else None
        for kind, keys in (("rows", kept.rows), ("nulled", kept.nulled), ("keys", values)):
            if isinstance(keys, KeySet):
                for leaf in keys.leaves:
                    yield _name(kind, table, leaf), keys.bits(leaf).serialize()


def _name(kind: str, table: TableId, leaf: TableId) -> str:
    return json.dumps([kind, table.schema, table.name, leaf.schema, leaf.name])


def _baseline(run: str, parts: Mapping[str, bytes]) -> Baseline:
    head = json.loads(parts[_HEAD])
    if head["form"] != _FORM:
        raise ValueError(head["form"])
    bits: dict[tuple[str, TableId], dict[TableId, Bits]] = {}
    for part, body in parts.items():
        if part != _HEAD:
            kind, *names = json.loads(part)
            of_one = bits.setdefault((kind, TableId(*names[:2])), {})
            of_one[TableId(*names[2:])] = Bits.deserialize(body)
    tables = {}
    for schema, name, row_count, whole, key, parted in head["tables"]:
        table = TableId(schema, name)
        rows = WHOLE if whole else KeySet(bits.get(("rows", table)))
        keys = None if key is None else Keys(tuple(key), KeySet(bits.get(("keys", table))))
        tables[table] = TableRows(row_count, rows, KeySet(bits.get(("nulled", table))), keys, parted)
    return Baseline(run, head["made_by"], position_of(head["position"]), tables, head["standing"])


def told_of(position: Position) -> dict[str, Any]:
    """Give a position in words of JSON."""
    return {
        "history": position.history,
        "types": position.types,
        "settled": position.settled,
        "next": position.next,
        "leaves": [[leaf.schema, leaf.name, asdict(mark)] for leaf, mark in position.leaves.items()],
    }


def position_of(told: Mapping[str, Any]) -> Position:
    """Give the position that `told_of` told."""
    leaves = {TableId(schema, name): LeafMark(**mark) for schema, name, mark in told["leaves"]}
    return Position(told["history"], told["types"], told["settled"], told["next"], leaves)

"""`python -m tests.bench keys`: what very many chosen rows take of memory, made by `generate_series` on keys alone."""

from __future__ import annotations

import argparse
import resource
import time

from dbmimic.engines.postgres import tids
from dbmimic.model.keys import Gathering, KeySet
from dbmimic.model.names import TableId
from dbmimic.model.spill import SPILL
from tests.bench.servers import Postgres

_LEAF = TableId("public", "made")
_AT_ONCE = 250_000
# One of each `step` rows of a table with 100 rows in a page, as the walk asks for them.
_PLACES = """
SELECT string_agg(int4send((i / 100)::int4) || int2send((1 + i % 100)::int2), '')
  FROM generate_series({first}::int8, {stop}::int8 - 1, {step}) AS i
"""


def keys(options: argparse.Namespace, server: Postgres) -> int:
    """Gather the keys, make sets of them as the walk does, read them in order, and tell what it took."""
    began, before = time.monotonic(), _most()
    first, second = (
        _gathered(server, options.count, options.step, start) for start in (0, options.step // 2 or options.count)
    )
    gathered = time.monotonic() - began
    if not len(first) == len(second) == options.count:
        raise RuntimeError(f"{len(first)} and {len(second)} keys were gathered")
    both = first | second
    if len(both) != 2 * options.count or both - second != first or both & first != first:
        raise RuntimeError("the sets are wrong")
    del both, second
    if sum(len(ids) for ids in first.chunks(_LEAF, _AT_ONCE)) != options.count:
        raise RuntimeError("not all keys were given")
    spent = time.monotonic() - began - gathered
    print(
        f"{options.count:,} keys, one in {options.step} rows: gathered twice in {gathered:.1f} s, joined, subtracted and"
        f" read in {spent:.1f} s; {_most() - before:.0f} MB more than before, {_most():.0f} MB in all;"
        f" {SPILL.written / 1e6:.0f} MB on disk"
    )
    return 0


def _gathered(server: Postgres, count: int, step: int, start: int) -> KeySet:
    found = Gathering()
    with server.connect("postgres") as connection:
        connection.execute("SET max_parallel_workers_per_gather = 0")
        for number in range(0, count, _AT_ONCE):
            ends = (start + step * each for each in (number, min(number + _AT_ONCE, count)))
            asked = _PLACES.format(step=step, **dict(zip(("first", "stop"), ends, strict=True)))
            row = connection.execute(asked.encode(), binary=True).fetchone()
            found.add(_LEAF, tids.unpacked(row[0]))
    return found.keys()


def _most() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6

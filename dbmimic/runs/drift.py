"""What changed from run to run: in the source's structure, and in how many rows its slice has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dbmimic.model.known import Known
from dbmimic.model.run import Drift, Run

_STRONGLY = 1.5  # times as many rows, or as few
_FEW = 100  # a difference of less is none


def drift(run: Run, before: Sequence[Run]) -> Drift:
    """
    Give how a run differs from those `before` it, the newest first.

    Rows and structure are each held against the newest run from the same source into the same target that knew them.
    A table that became empty, or was, is told however few its rows are.
    """
    alike = [each for each in before if (each.source, each.target) == (run.source, run.target)]
    rows = next((each.row_counts for each in alike if each.good and each.row_counts is not None), None)
    old = next((each.known for each in alike if each.known is not None), None)
    counted = () if rows is None or run.row_counts is None else tuple(_moved(rows, run.row_counts))
    new = run.known
    if old is None or new is None:
        return Drift(rows=counted)
    stayed = [(table, old.shapes[table], shapes) for table, shapes in new.shapes.items() if table in old.shapes]
    return Drift(
        new_tables=tuple(table for table in new.shapes if table not in old.shapes),
        gone_tables=tuple(table for table in old.shapes if table not in new.shapes),
        new_columns=tuple(f"{table}.{name}" for table, was, now in stayed for name in now if name not in was),
        gone_columns=tuple(f"{table}.{name}" for table, was, now in stayed for name in was if name not in now),
        changed_columns=tuple(
            (f"{table}.{name}", str(was[name]), str(now[name]))
            for table, was, now in stayed
            for name in now
            if name in was and was[name] != now[name]
        ),
        new_foreign_keys=_only(new, old),
        gone_foreign_keys=_only(old, new),
        rows=counted,
    )


def _only(one: Known, other: Known) -> tuple[str, ...]:
    return tuple(str(each) for each in one.references if each not in other.references)


def _moved(old: Mapping[str, int], new: Mapping[str, int]) -> Iterator[tuple[str, int, int]]:
    for table in new:
        if table not in old:
            continue
        before, now = old[table], new[table]
        low, high = sorted((before, now))
        if (low == 0 and high) or (high - low >= _FEW and high >= low * _STRONGLY):
            yield table, before, now

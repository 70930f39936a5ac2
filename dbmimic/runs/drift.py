"""What changed from run to run: in the source's structure, and in how many rows its slice has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

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
    columns = next((each.columns for each in alike if each.columns is not None), None)
    counted = () if rows is None or run.row_counts is None else tuple(_moved(rows, run.row_counts))
    if columns is None or run.columns is None:
        return Drift(rows=counted)
    old, new = columns, run.columns
    stayed = [table for table in new if table in old]
    return Drift(
        new_tables=tuple(table for table in new if table not in old),
        gone_tables=tuple(table for table in old if table not in new),
        new_columns=tuple(f"{table}.{name}" for table in stayed for name in new[table] if name not in old[table]),
        gone_columns=tuple(f"{table}.{name}" for table in stayed for name in old[table] if name not in new[table]),
        rows=counted,
    )


def _moved(old: Mapping[str, int], new: Mapping[str, int]) -> Iterator[tuple[str, int, int]]:
    for table in new:
        if table not in old:
            continue
        before, now = old[table], new[table]
        low, high = sorted((before, now))
        if (low == 0 and high) or (high - low >= _FEW and high >= low * _STRONGLY):
            yield table, before, now

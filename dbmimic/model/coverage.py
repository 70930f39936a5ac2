"""What a slice holds of the values and pairs of values that the source holds: counts, never a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TableCoverage:
    """
    One table that is covered; `kind` is `values` or `pairs`. A tuple is a class of a column's values, or two of them.

    `tuples` are those that at least `min_count` rows of the source hold, `too_rare` those that fewer do. The slice
    holds `covered` of the former; without the `rows` that were chosen for them it would hold `covered_without`.
    """

    table: str
    tuples: int
    covered: int
    covered_without: int
    too_rare: int
    rows: int = 0
    kind: str = "pairs"
    min_count: int = 5

"""A condition on a row as it was, asked of whole Arrow arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

Row = Mapping[str, pa.Array]
Test = Callable[[Row], pa.Array]


class ConditionError(ValueError):
    """The condition is none that can be asked of a row here; the message says why."""


@dataclass(frozen=True)
class Condition:
    """
    A condition of SQL over the columns of one row, as the source spells them.

    Numbers compare as numbers, moments as moments and text to the letter.
    """

    columns: tuple[str, ...]
    test: Test

    def refused(self, row: Row) -> pa.Array:
        """Tell for which rows the condition is false. Unknown (a comparison with NULL) is not false."""
        return pc.invert(pc.fill_null(self.test(row), True))

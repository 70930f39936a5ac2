"""What a column holds in all of its rows, and what it is to hold in each of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Summary:
    """
    The different values of a column in their canonical order, without NULL and the empty text; how many rows hold each.

    Where they are counted by group, a value stands once for each of its `groups`, which are then as many.

    They are rows' values: they are never told, and stand in no error and no file.
    """

    values: tuple[str, ...] = field(repr=False)
    counts: tuple[int, ...] = field(repr=False)
    groups: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Dealt:
    """
    What becomes of a column in each row, where that hangs on other rows; NULL where nothing can be made of a value.

    Shape: `rows` is (n,) uint64, a keyed number of each row's key, ascending; `values` are as many. A row without a
    value is not among them. `digest` tells one dealing from another. They are rows' values: see `Summary`.
    """

    rows: npt.NDArray[np.uint64] = field(repr=False)
    values: pa.Array = field(repr=False)
    digest: str = ""

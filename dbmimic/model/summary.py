"""What a column holds in all of its rows, what it is to hold in each of them, and whose the rows of a parent are."""

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


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """
    Whose each row of a table is, for rows of others that lead to it.

    Shape: `rows` is (n,) uint64, a keyed number of each row's key, ascending; `owners` are as many, each the key of
    whose the row is. A row of nobody is not among them. `digest` as in `Dealt`. They are rows' values: see `Summary`.
    """

    rows: npt.NDArray[np.uint64] = field(repr=False)
    owners: pa.Array = field(repr=False)
    digest: str = ""

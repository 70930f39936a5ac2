"""Rows on their way: read but not masked, or masked and fit to load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from dbmimic.model.names import TableId


@dataclass(frozen=True, slots=True)
class Layout:
    """
    Which columns a batch carries, and how.

    `head` columns travel as Arrow text, because a mask reads or writes them; `tail` columns travel untouched in the
    engine's own form. Together they are all the columns that are loaded, each exactly once. Columns of the head that
    are `nulled` become NULL in every row.
    """

    table: TableId
    leaf: TableId
    head: tuple[str, ...]
    tail: tuple[str, ...]
    nulled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Payload:
    """
    What is not masked is not parsed: the tail columns in one engine's own form, which only that engine reads.

    `byte_count` is its size as far as the engine knows it, for the report.
    """

    engine: str
    body: object
    byte_count: int = 0


NO_TAIL = Payload("", None)
"""The tail of rows all of whose columns travel in the head: every engine reads it."""


@dataclass(frozen=True, slots=True)
class RawBatch:
    """
    Some rows as they were read. **Cannot be loaded.**

    Shape: each array of `head` is a `pa.string()` array (the engine's own text form; NULL is null) of `row_count`
    values; the payload holds the same rows in the same order. `unfit` names columns with a value that the target's
    engine cannot hold, and says why: their arrays are all null, and nothing but NULL may be made of them. `mended`
    counts by column the values that were no text in the source's encoding.
    """

    layout: Layout
    row_count: int
    head: Mapping[str, pa.Array]
    tail: Payload
    unfit: Mapping[str, str] = field(default_factory=dict)
    mended: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MaskedBatch:
    """
    The same rows, masked: the only thing that can be loaded.

    `kept` tells by column which rows (a boolean array) are not masked there because the rule's condition is false;
    `unread` counts the values that a mask could not read. Only `dbmimic.rules.apply` makes one; a test of the house
    holds that.
    """

    layout: Layout
    row_count: int
    head: Mapping[str, pa.Array]
    tail: Payload
    kept: Mapping[str, pa.Array] = field(default_factory=dict)
    unread: Mapping[str, int] = field(default_factory=dict)

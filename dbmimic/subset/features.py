"""
A column's values become a few classes, so that every class, and every pair of two columns' classes, can be counted.

A column with few different values has one class for each. Of numbers and moments with many, the classes are bands; of
texts with many, the most frequent ones and the rest. NULL, empty, zero, the smallest, the largest and the longest are
classes of their own. A class never has a value in it that a plan or report could show: values are known by their keyed
hashes alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.schema import Column
from dbmimic.model.types import Kind

Words = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

_SAMPLE = 10_000  # rows that the bands are cut by
_QUANTILES = (0.25, 0.5, 0.75)
_FEW_NUMBERS = 32  # numbers with more different values are paired by their bands
_FEW_WORDS = 200

_NUMBERS = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT})
_MOMENTS = frozenset({Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMPTZ})
_PLAIN = frozenset({Kind.BOOLEAN, Kind.UUID, Kind.ENUM, Kind.BIT, Kind.GEOMETRY})

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_DATE = r"^\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d+)?)?$"
_TIME = r"^\d\d:\d\d:\d\d(\.\d+)?$"

# The classes of a column with many values. Texts have their most frequent values, numbers their bands after these.
_NULL, _REST, _FIRST, _LAST, _ZERO, _OTHERS = range(6)
_LONGEST, _EMPTY = _FIRST, _LAST  # texts have no order


class Style(Enum):
    """What is known of a column's values beside whether they are equal."""

    ORDERED = auto()  # numbers and moments
    TEXT = auto()  # they have a length
    PLAIN = auto()


def style_of(column: Column, *, refers: bool) -> Style:
    """Give the style of a column; one that `refers` to another table holds names, whatever its type."""
    kind = column.logical.kind
    if refers or kind in _PLAIN:
        return Style.PLAIN
    return Style.ORDERED if kind in _NUMBERS | _MOMENTS else Style.TEXT


@dataclass(frozen=True, slots=True)
class Feature:
    """
    Classes of one column, numbered from 0; a code of -1 is none of them.

    `tags` tells the classes apart in this run and the next. Each is counted `alone`, or in pairs with those of other
    columns, or both.
    """

    tags: Words
    alone: bool
    paired: bool

    @property
    def size(self) -> int:
        """How many classes there are."""
        return len(self.tags)


class Profile:
    """
    What one read of a column tells of its values: which there are, up to `most`, and where its bands lie.

    Memory: 16 bytes for each of `most` values, 160 KB for the sample.
    """

    def __init__(self, column: Column, style: Style, most: int, min_count: int, keyed: KeyedFunction) -> None:
        self._column, self._style, self._most, self._min_count, self._keyed = column, style, most, min_count, keyed
        self._known: tuple[Words, npt.NDArray[np.int64]] | None = (
            np.empty(0, dtype=np.uint64),
            np.empty(0, dtype=np.int64),
        )
        self._low = self._high = np.empty(0)
        self._sample = (np.empty(0, dtype=np.uint64), np.empty(0))

    def add(self, values: pa.Array, hashes: Words) -> None:
        """Read some more rows' values; `hashes` are the rows'."""
        if self._known is not None:
            self._count(values.drop_null().dictionary_encode())
        measured = _measured(values, self._column, self._style)
        if measured is None:
            return
        there = np.isfinite(measured)
        known = measured[there]
        self._low = _smallest(np.concatenate([self._low, known]), self._min_count)
        self._high = -_smallest(-np.concatenate([self._high, known]), self._min_count)
        if self._style is Style.ORDERED:
            there &= measured != 0  # zero is a class of its own
            keys = np.concatenate([self._sample[0], hashes[there]])
            kept = np.argpartition(keys, _SAMPLE)[:_SAMPLE] if len(keys) > _SAMPLE else slice(None)
            self._sample = (keys[kept], np.concatenate([self._sample[1], measured[there]])[kept])

    def _count(self, encoded: pa.DictionaryArray) -> None:
        if self._known is None:
            return
        labels = _labels(encoded.dictionary, self._column, self._keyed)
        counts = np.bincount(encoded.indices.to_numpy(), minlength=len(labels))
        together, where = np.unique(np.concatenate([self._known[0], labels]), return_inverse=True)
        sums = np.bincount(where.reshape(-1), weights=np.concatenate([self._known[1], counts]), minlength=len(together))
        self._known = (together, sums.astype(np.int64)) if len(together) <= self._most else None

    def coding(self, *, pairs: bool) -> Coding:
        """Give how the column's values are classed, once all rows were read."""
        few = _FEW_NUMBERS if self._style is Style.ORDERED else _FEW_WORDS
        labels, counts = self._known or (None, None)
        top = np.empty(0, dtype=np.uint64)
        if labels is not None and counts is not None and self._style is not Style.ORDERED and len(labels) > few:
            top = np.sort(labels[np.lexsort((labels, -counts))[:few]])
        return Coding(
            column=self._column,
            style=self._style,
            keyed=self._keyed,
            labels=labels,
            top=top,
            low_end=float(self._low.min(initial=np.inf)),
            low=float(self._low.max(initial=-np.inf)),
            high=float(self._high.min(initial=np.inf)),
            bands=self._bands(),
            is_few=labels is not None and len(labels) <= few,
            pairs=pairs,
        )

    def _bands(self) -> Floats:
        """
        Give where the bands begin: near the quartiles of the sample, and at zero.

        They lie on a grid of an eighth of the distance between the quartiles, rounded to a power of two: so they stay
        where they are while the data hardly change.
        """
        values = self._sample[1]
        if not len(values):
            return np.empty(0)
        cuts = np.quantile(values, _QUANTILES)
        spread = cuts[-1] - cuts[0] or np.ptp(values)
        if spread > 0 and np.isfinite(spread):
            step = 2.0 ** (np.floor(np.log2(spread)) - 3)
            cuts = np.round(cuts / step) * step
        crossing = [0.0] if self._low.min(initial=0.0) < 0 else []
        found: Floats = np.unique(np.concatenate([cuts, crossing]))
        return found


@dataclass(frozen=True)
class Coding:
    """Classes of one column, and which of them each value is in."""

    column: Column
    style: Style
    keyed: KeyedFunction
    labels: Words | None
    top: Words
    low_end: float  # the smallest of all
    low: float  # the largest of the smallest
    high: float
    bands: Floats
    is_few: bool
    pairs: bool

    @property
    def features(self) -> tuple[Feature, ...]:
        """The classes: the values where they are known; and NULL, smallest, largest, longest, bands."""
        found = []
        if self.labels is not None:
            tags = np.concatenate([np.zeros(1, dtype=np.uint64), self.labels])
            found.append(Feature(tags, alone=True, paired=self.pairs and self.is_few))
        if self._has_signs:
            found.append(Feature(np.arange(3, 5, dtype=np.uint64), alone=True, paired=self.pairs and not self.is_few))
        if self.is_few:
            if self.style is not Style.PLAIN:
                found.append(Feature(np.arange(1, 3, dtype=np.uint64), alone=True, paired=False))
            return tuple(found)
        begins = self.top if self.style is not Style.ORDERED else np.arange(len(self.bands) + 1, dtype=np.uint64)
        tags = np.concatenate([np.arange(1, _OTHERS + 1, dtype=np.uint64), begins + np.uint64(_OTHERS + 1)])
        return (*found, Feature(tags, alone=True, paired=self.pairs))

    def codes(self, values: pa.Array) -> list[Codes]:
        """Give the class of each value, for each of the features."""
        found = []
        labelled = self._labelled(values) if self.labels is not None else None
        if labelled is not None and self.labels is not None:
            found.append(_placed(labelled, self.labels) + 1)
        measured = _measured(values, self.column, self.style)
        if self._has_signs and measured is not None:
            found.append(np.select([measured < 0, measured > 0], [0, 1], -1).astype(np.int32))
        if not self.is_few:
            found.append(self._shapes(values, measured, labelled))
        elif measured is not None:
            found.append(self._ends(measured))
        return found

    @property
    def _has_signs(self) -> bool:
        """Whether negative and positive are classes: of numbers, where not all are positive."""
        return self.low_end <= 0 and self.style is Style.ORDERED and self.column.logical.kind in _NUMBERS

    def _labelled(self, values: pa.Array) -> tuple[Words, npt.NDArray[np.int64]]:
        """Give the labels of the different values, and for each row which it has; -1 where it is NULL."""
        encoded = values.dictionary_encode()
        indices = pc.fill_null(encoded.indices, -1).to_numpy().astype(np.int64)
        return _labels(encoded.dictionary, self.column, self.keyed), indices

    def _ends(self, measured: Floats) -> Codes:
        found = np.full(len(measured), -1, dtype=np.int32)
        if self.style is Style.ORDERED:
            found[measured <= self.low] = 0
        found[measured >= self.high] = 1
        return found

    def _shapes(
        self, values: pa.Array, measured: Floats | None, labelled: tuple[Words, npt.NDArray[np.int64]] | None
    ) -> Codes:
        found = np.full(len(values), _REST, dtype=np.int32)
        if measured is not None and self.style is Style.ORDERED:
            there = np.isfinite(measured)
            found[there] = _OTHERS + np.searchsorted(self.bands, measured[there], side="right")
            found[measured >= self.high] = _LAST
            found[measured <= self.low] = _FIRST
            if self.column.logical.kind in _NUMBERS:
                found[measured == 0] = _ZERO
        elif labelled is not None:
            at = _placed(labelled, self.top)
            found[at >= 0] = _OTHERS + at[at >= 0]
        if measured is not None and self.style is Style.TEXT:
            found[measured >= self.high] = _LONGEST
            found[measured == 0] = _EMPTY
        found[values.is_null().to_numpy(zero_copy_only=False)] = _NULL
        return found


def _placed(labelled: tuple[Words, npt.NDArray[np.int64]], among: Words) -> Codes:
    """Give for each row the place of its label among some that are sorted; -1 where it is not there."""
    labels, indices = labelled
    places = np.full(len(labels) + 1, -1, dtype=np.int32)  # the last is that of NULL
    if len(among) and len(labels):
        at = np.minimum(np.searchsorted(among, labels), len(among) - 1)
        places[:-1] = np.where(among[at] == labels, at, -1)
    return places[indices]


def _labels(values: pa.Array, column: Column, keyed: KeyedFunction) -> Words:
    """Give the keyed hashes of values, equal where the values are."""
    return keyed.uniform(canonical.by_kind(values, column.logical).cast(pa.binary()))


def _smallest(values: Floats, count: int) -> Floats:
    return np.partition(values, count)[:count] if len(values) > count else values


def _measured(values: pa.Array, column: Column, style: Style) -> Floats | None:
    """Give each value's place in their order, or its length; NaN where it has none."""
    if style is Style.PLAIN:
        return None
    if style is Style.TEXT:
        lengths: Floats = pc.binary_length(values).cast(pa.float64()).to_numpy(zero_copy_only=False)
        return lengths
    return _numbers(values) if column.logical.kind in _NUMBERS else _moments(values)


def _numbers(values: pa.Array) -> Floats:
    try:
        found: Floats = pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:  # text in a column of numbers, which SQLite allows
        plain = pc.if_else(pc.match_substring_regex(values, _NUMBER), values, None)
        found = pc.cast(plain, pa.float64()).to_numpy(zero_copy_only=False)
    return found


def _moments(values: pa.Array) -> Floats:
    """Give days, as if every month had 31; a time of day is a part of one."""
    text = canonical.moments(values)
    dates = _part(text, _DATE)
    days = 372 * _digits(dates, 0, 4) + 31 * _digits(dates, 5, 7) + _digits(dates, 8, 10)
    times = _part(text, _TIME)
    clock = pc.coalesce(times, pc.utf8_slice_codeunits(dates, 11))
    seconds = 3600 * _digits(clock, 0, 2) + 60 * _digits(clock, 3, 5) + _digits(clock, 6, None)
    found: Floats = np.where(np.isnan(days), 0, days) + np.where(np.isnan(seconds), 0, seconds) / 86400
    found[np.isnan(days) & np.isnan(seconds)] = np.nan
    return found


def _part(text: pa.Array, pattern: str) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(text, pattern), text, None)


def _digits(text: pa.Array, begin: int, end: int | None) -> Floats:
    some = pc.utf8_slice_codeunits(text, begin, end)
    plain = pc.if_else(pc.equal(some, ""), None, some)
    found: Floats = pc.cast(plain, pa.float64()).to_numpy(zero_copy_only=False)
    return found

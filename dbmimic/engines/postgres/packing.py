"""Keys of integers as one integer each: the columns side by side, the first one highest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from dbmimic.model.keys import RowIds
from dbmimic.model.schema import Table

Integers = npt.NDArray[np.int64]

_ALL = 64
_NARROWEST = 24  # bits; fewer would seldom hold a number from a sequence
_SIGN = np.uint64(1 << 63)  # what 2**63 comes to, added to an integer


@dataclass(frozen=True, slots=True)
class Packing:
    """
    How many bits each column of a key gets.

    Where a column gets fewer than its type has, a value may not fit: `misfits` counts those.
    """

    columns: tuple[str, ...]
    widths: tuple[int, ...]
    narrowed: tuple[bool, ...]

    @classmethod
    def of(cls, table: Table, columns: tuple[str, ...]) -> Packing | None:
        """Give the packing of these columns, or None where they cannot be packed."""
        types = [found.logical if (found := table.column(name)) is not None else None for name in columns]
        if any(each is None or each.bits is None or not each.signed for each in types):
            return None
        full = [(each.bits or 0) + 1 for each in types if each is not None]
        if len(full) == 1 or sum(full) <= _ALL:
            return cls(columns, tuple(full), (False,) * len(full))
        fixed = sum(bits for bits in full if bits < _ALL)
        share = (_ALL - fixed) // sum(bits == _ALL for bits in full) if _ALL in full else 0
        if share < _NARROWEST:
            return None
        widths = tuple(min(bits, share) if bits == _ALL else bits for bits in full)
        return cls(columns, widths, tuple(bits == _ALL for bits in full))

    @property
    def packed(self) -> sql.Composed:
        """The packed key, as an expression."""
        first, *others = self.columns
        expression = sql.SQL("{}::int8").format(sql.Identifier(first))
        for name, width in zip(others, self.widths[1:], strict=True):
            expression = sql.SQL("(({} << {}) | ({}::int8 & {}))").format(
                expression, sql.Literal(width), sql.Identifier(name), sql.Literal((1 << width) - 1)
            )
        return expression

    @property
    def misfits(self) -> sql.Composed:
        """How many keys do not fit, as an aggregate."""
        limits = [
            sql.SQL("{} NOT BETWEEN {} AND {}").format(
                sql.Identifier(name), sql.Literal(-(1 << width - 1)), sql.Literal((1 << width - 1) - 1)
            )
            for name, width, narrowed in zip(self.columns, self.widths, self.narrowed, strict=True)
            if narrowed
        ]
        if not limits:
            return sql.SQL("0::int8").format()
        return sql.SQL("count(*) FILTER (WHERE {})").format(sql.SQL(" OR ").join(limits))

    def unpacked(self, values: RowIds) -> Sequence[Integers]:
        """Give the columns of packed keys that `received` gave."""
        rest: Integers = (values ^ _SIGN).view(np.int64)
        columns: list[Integers] = []
        for width in reversed(self.widths[1:]):
            columns.insert(0, (rest << (_ALL - width)) >> (_ALL - width))
            rest = rest >> width
        return [rest, *columns]


def literal(values: Integers) -> str:
    """Give integers as the text of an array, made of digits and punctuation alone."""
    joined = pc.binary_join(pa.ListArray.from_arrays([0, len(values)], pc.cast(pa.array(values), pa.string())), ",")
    return "{" + str(joined[0].as_py()) + "}"


def received(sent: bytes) -> RowIds:
    """Give packed keys that the server sent as `string_agg(int8send(...), '')`, each with 2**63 added."""
    ids: RowIds = np.frombuffer(sent, dtype=">u8").astype(np.uint64) ^ _SIGN
    return ids

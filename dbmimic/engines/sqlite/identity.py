"""What tells the rows of one table apart, as the 64-bit identities that key sets hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dbmimic.engines.numbers import Numbers
from dbmimic.engines.sqlite.connection import Row, Snapshot, name
from dbmimic.model.keys import RowIds

_SIGN = np.uint64(1 << 63)  # moves the signed rowids to unsigned identities and keeps their order
_PARAMETERS = 30_000  # SQLite takes 32766 of them in a statement


@dataclass(frozen=True, slots=True)
class Chosen:
    """A common table expression `chosen(k0, k1, ...)` that gives some rows' keys in order, and its parameters."""

    sql: str
    parameters: tuple[object, ...]


class RowIdentity(Protocol):
    """How one table's rows are told apart: `columns` are SQL names, `capacity` how many rows `chosen` takes."""

    columns: tuple[str, ...]
    capacity: int

    def ids(self, keys: Sequence[Row]) -> RowIds:
        """Give the identities of these keys, in their order."""
        ...

    def chosen(self, ids: RowIds) -> Chosen:
        """Give these rows' keys as SQL."""
        ...


class ByRowid:
    """Rows told apart by their number: identity = rowid + 2**63, so that negative ones have a place."""

    capacity = 20_000

    def __init__(self, rowid: str) -> None:
        self.columns: tuple[str, ...] = (rowid,)

    def ids(self, keys: Sequence[Row]) -> RowIds:
        """Give the identities of these rowids."""
        return np.fromiter((key[0] for key in keys), dtype=np.int64, count=len(keys)).view(np.uint64) ^ _SIGN

    def chosen(self, ids: RowIds) -> Chosen:
        """Give the rowids as one JSON array: integers in it are exact to 64 bits."""
        rowids = (ids ^ _SIGN).view(np.int64).tolist()
        return Chosen("chosen(k0) AS (SELECT value FROM json_each(?))", (f"[{','.join(map(str, rowids))}]",))


class ByKey:
    """
    Rows of a WITHOUT ROWID table, told apart by their place in the order of the primary key.

    Cost: a read of the keys of the whole table at the first question, and what `Numbers` takes for them. They are the
    same in every process that reads the same snapshot.
    """

    def __init__(self, snapshot: Snapshot, title: str, key: tuple[str, ...]) -> None:
        self._snapshot = snapshot
        self._title = title
        self.columns: tuple[str, ...] = tuple(name(column) for column in key)
        self.capacity = max(1, _PARAMETERS // len(key))
        self._numbers = Numbers()
        self._learnt = False

    def _learn(self) -> None:
        if self._learnt:
            return
        listed = ", ".join(self.columns)
        sql = f"SELECT {listed} FROM {name(self._title)} ORDER BY {listed}"  # noqa: S608 -- names are quoted
        for page in self._snapshot.pages(sql, (), self._title):
            self._numbers.of(page)
        self._learnt = True

    def ids(self, keys: Sequence[Row]) -> RowIds:
        """Give the places of these keys; each was read from the table, so that it is known."""
        self._learn()
        return self._numbers.of(keys)

    def chosen(self, ids: RowIds) -> Chosen:
        """Give the keys as a list of values, each of its own storage class."""
        self._learn()
        keys = self._numbers.keys(ids)
        values = ", ".join(f"({', '.join(map(marker, key))})" for key in keys)
        columns = ", ".join(f"k{place}" for place in range(len(self.columns)))
        return Chosen(f"chosen({columns}) AS (VALUES {values})", tuple(bound(value) for key in keys for value in key))


def is_lenient(value: object) -> bool:
    """Tell whether a value is text that is not UTF-8, read as lone surrogates."""
    return isinstance(value, str) and not value.isascii() and any("\udc80" <= char <= "\udcff" for char in value)


def marker(value: object) -> str:
    """Give the placeholder for a value; text that is not UTF-8 travels as bytes."""
    return "CAST(? AS TEXT)" if is_lenient(value) else "?"


def bound(value: object) -> object:
    """Give what the driver is handed for a value."""
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) and is_lenient(value) else value

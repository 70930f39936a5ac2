"""
What tells the rows of a table apart, as 64-bit numbers that fit a key set.

An integer key is its own number, shifted so that negatives come first. Any other key is numbered as it is met, in a
dictionary of this process, which goes to disk where it is large; a table without a key is known by a hash of the whole
row, and equal rows by their count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Protocol

import numpy as np
import pyarrow as pa

from dbmimic.engines.mysql import quoting
from dbmimic.engines.mysql.types import Family, Form
from dbmimic.engines.numbers import Numbers
from dbmimic.model.bits import Bits
from dbmimic.model.keys import RowIds, Span
from dbmimic.model.schema import Key, Table
from dbmimic.model.types import Kind

Numbering = Callable[[Sequence[pa.Array]], RowIds]
KeyValues = tuple[bytes | None, ...]

_SIGN = np.uint64(1 << 63)
INTEGERS_AT_ONCE = 10_000
_KEYS_AT_ONCE = 500
_COMPOUND_AT_ONCE = (
    100  # planning a list of ANDs takes the square of its length: measured 30 us a key at 100, 240 at 1000
)
_INEXACT = frozenset({Family.FLOAT, Family.DOUBLE, Family.GEOMETRY})


class RowIdentity(Protocol):
    """How rows of one table get their numbers, and are found again."""

    @property
    def forms(self) -> tuple[Form, ...]:
        """The columns whose exact values make the identity, in their order."""
        ...

    @property
    def ordered(self) -> bool:
        """Whether the numbers ascend with the key."""
        ...

    def numbering(self, *, repeated: bool = False) -> Numbering:
        """
        Give a function that numbers the rows of one answer, batch after batch.

        In an answer where one row may stand `repeated`, as in a join, equal rows without a key count as that one.
        """
        ...

    def conditions(self, bits: Bits, alias: str) -> Iterator[tuple[str, int]] | None:
        """Give conditions that together hold for exactly these rows, each with their count; None if there are none."""
        ...


class IntegerIdentity:
    """A single integer key: the number is the key."""

    ordered = True

    def __init__(self, form: Form) -> None:
        self.forms = (form,)
        self._signed = form.column.logical.signed

    def numbering(self, *, repeated: bool = False) -> Numbering:
        """Give the function that turns keys into numbers."""
        del repeated
        return self._number

    def _number(self, columns: Sequence[pa.Array]) -> RowIds:
        kind = pa.int64() if self._signed else pa.uint64()
        keys = columns[0].cast(pa.string()).cast(kind).to_numpy(zero_copy_only=False)
        numbers: RowIds = keys.view(np.uint64)
        return numbers ^ _SIGN if self._signed else numbers

    def values(self, ids: RowIds) -> list[int]:
        """Give the keys of these numbers."""
        keys: list[int] = ((ids ^ _SIGN).view(np.int64) if self._signed else ids).tolist()
        return keys

    def numbers(self, keys: Sequence[int]) -> list[int]:
        """Give the numbers of these keys."""
        return [key + int(_SIGN) if self._signed else key for key in keys]

    def within(self, span: Span, alias: str) -> str:
        """Give the condition that holds for the rows of a span."""
        column = f"{alias}.{self.forms[0].name}"
        ends = ((">=", span.first), ("<", span.stop))
        limits = [f"{column} {sign} {self._key(number)}" for sign, number in ends if number is not None]
        return " AND ".join(limits) or "TRUE"

    def _key(self, number: int) -> int:
        return number - int(_SIGN) if self._signed else number

    def conditions(self, bits: Bits, alias: str) -> Iterator[tuple[str, int]]:
        """Give ranges where the keys are dense, lists elsewhere."""
        column = f"{alias}.{self.forms[0].name}"
        for ids in bits.arrays(INTEGERS_AT_ONCE):
            keys = self.values(ids)
            if keys[-1] - keys[0] == len(keys) - 1:
                yield f"{column} BETWEEN {keys[0]} AND {keys[-1]}", len(keys)
            else:
                yield f"{column} IN ({','.join(map(str, keys))})", len(keys)


class KeyedIdentity:
    """Any other key: the number is the order in which the key was met (`Numbers`)."""

    ordered = False

    def __init__(self, forms: tuple[Form, ...]) -> None:
        self.forms = forms
        self._numbers = Numbers()

    def numbering(self, *, repeated: bool = False) -> Numbering:
        """Give the function that looks keys up, and numbers those that are new."""
        del repeated
        return self._number

    def _number(self, columns: Sequence[pa.Array]) -> RowIds:
        return self._numbers.of(list(zip(*(column.to_pylist() for column in columns), strict=True)))

    def conditions(self, bits: Bits, alias: str) -> Iterator[tuple[str, int]]:
        """Give lists of keys; a unique key equals one row only, whatever its collation."""
        for ids in bits.arrays(_at_once(len(self.forms))):
            keys = self._numbers.keys(ids)
            yield equalities(self.forms, self.forms, keys, alias), len(keys)


class WholeRowIdentity:
    """No key: the number stands for one of the rows that are equal in all columns. Memory: about 140 bytes a row."""

    ordered = False

    def __init__(self, forms: tuple[Form, ...]) -> None:
        self.forms = forms
        self._firsts: dict[bytes, int] = {}
        self._others: dict[bytes, list[int]] = {}  # of rows that are there more than once
        self._next = 0

    def numbering(self, *, repeated: bool = False) -> Numbering:
        """Give a function that numbers equal rows by the order in which one answer gives them, or all as the first."""
        met: dict[bytes, int] | None = None if repeated else {}

        def number(columns: Sequence[pa.Array]) -> RowIds:
            rows = zip(*(column.to_pylist() for column in columns), strict=True)
            return np.fromiter((self._of(row, met) for row in rows), dtype=np.uint64, count=len(columns[0]))

        return number

    def _of(self, row: KeyValues, met: dict[bytes, int] | None) -> int:
        digest = hashlib.blake2b(repr(row).encode(), digest_size=16).digest()
        place = 0
        if met is not None:
            place = met.get(digest, 0)
            met[digest] = place + 1
        if place == 0:
            return self._numbered(self._firsts.setdefault(digest, self._next))
        others = self._others.setdefault(digest, [])
        if place > len(others):
            others.append(self._next)
        return self._numbered(others[place - 1])

    def _numbered(self, number: int) -> int:
        self._next = max(self._next, number + 1)
        return number

    def conditions(self, bits: Bits, alias: str) -> None:
        """Give None: such rows are found by reading the table."""
        del bits, alias


def equalities(columns: Sequence[Form], literals: Sequence[Form], keys: Sequence[KeyValues], alias: str) -> str:
    """Give a condition that holds where the columns equal one of the keys; `literals` are the keys' own forms."""
    names = [f"{alias}.{column.name}" for column in columns]
    if len(names) == 1:
        listed = ",".join(_literal(literals[0], key[0]) for key in keys)
        return f"{names[0]} IN ({listed})"
    return " OR ".join(
        "(" + " AND ".join(_equal(*each) for each in zip(names, literals, key, strict=True)) + ")" for key in keys
    )


def _equal(name: str, form: Form, value: bytes | None) -> str:
    return f"{name} = {_literal(form, value)}"


def _literal(form: Form, value: bytes | None) -> str:
    return "NULL" if value is None else form.literal(value)


def _at_once(width: int) -> int:
    return _KEYS_AT_ONCE if width == 1 else _COMPOUND_AT_ONCE


def batches_of(keys: Iterator[KeyValues], width: int) -> Iterator[list[KeyValues]]:
    """Give the keys, `width` values each, in lists that fit one condition."""
    while part := list(islice(keys, _at_once(width))):
        yield part


def identity_of(table: Table, forms: Mapping[str, Form]) -> RowIdentity:
    """Give the cheapest exact identity of a table's rows: integer key, other key, whole row."""
    solid = [key for key in table.keys if _solid(key, forms)]
    solid.sort(key=lambda key: (not key.primary, key.name))
    if solid and (solid[0].primary or not any(_integer(key, forms) for key in solid)):
        chosen = solid[0]
    else:
        chosen = next((key for key in solid if _integer(key, forms)), Key("", ()))
    if not chosen.columns:
        return WholeRowIdentity(tuple(forms.values()))
    if _integer(chosen, forms):
        return IntegerIdentity(forms[chosen.columns[0]])
    return KeyedIdentity(tuple(forms[name] for name in chosen.columns))


def _solid(key: Key, forms: Mapping[str, Form]) -> bool:
    return all(not forms[name].column.nullable and forms[name].family not in _INEXACT for name in key.columns)


def _integer(key: Key, forms: Mapping[str, Form]) -> bool:
    if len(key.columns) != 1:
        return False
    form = forms[key.columns[0]]
    return form.family is Family.NUMBER and form.column.logical.kind in {Kind.INTEGER, Kind.BOOLEAN}


def ordering(identity: RowIdentity) -> str:
    """Give the ORDER BY of a read of all rows: by key, so that a copy is read in its source's order."""
    if isinstance(identity, WholeRowIdentity):
        return ""
    return " ORDER BY " + quoting.names(form.column.name for form in identity.forms)

"""
One person, one identity: names, e-mail address, user name and gender that hang on who somebody is and on nothing else.

All of it is drawn from one keyed value of the person's key, so that every column of every row that tells this key
agrees: the full name is the first and the last name, and both stand in the e-mail address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import base32, canonical, pools
from dbmimic.masks.definition import ColumnContext, MaskFunction, Options
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import fixed_width, keep_blank

_FIRST, _LAST, _NAME_BITS = 42, 20, 22  # bits of the first word that a suffix leaves alone
_GENDER = np.uint64(63)  # the bit of the second word that it leaves alone
_DOMAINS = ("@example.com", "@m.test", "")  # reserved: RFC 2606
_SHORT = 8  # characters of each name where whole ones do not fit
_LONGEST = 11  # characters of a name of the pools

# How much of the names stands before the suffix: of the first one, of the last one.
_CUTS = ((_LONGEST, _LONGEST), (_SHORT, _SHORT), (0, _LONGEST), (0, _SHORT), (0, 0))
_BY_NOBODY = "\x1e"  # begins what stands for a key that is NULL


@dataclass(frozen=True)
class Identities:
    """The persons of one batch, a row each."""

    bits: Words

    @classmethod
    def of(cls, keyed: KeyedFunction, values: pa.Array, person: pa.Array) -> Identities:
        """Give who the rows are about; where nobody is named, the value itself says whom it is of."""
        nobody = pc.binary_join_element_wise(_BY_NOBODY, canonical.folded(values), "")
        return cls(keyed.prf(pc.coalesce(person, nobody).fill_null("")))

    @property
    def female(self) -> npt.NDArray[np.bool_]:
        """Whether each person is a woman."""
        return (self.bits[:, 1] >> _GENDER).astype(np.bool_)

    @property
    def first(self) -> pa.Array:
        """The first names."""
        women, men = (
            pool.take(pool.index(self.bits[:, 0], _FIRST, _NAME_BITS))
            for pool in (pools.load("first_names_female"), pools.load("first_names_male"))
        )
        return pc.if_else(pa.array(self.female), women, men)

    @property
    def last(self) -> pa.Array:
        """The last names."""
        pool = pools.load("last_names")
        return pool.take(pool.index(self.bits[:, 0], _LAST, _NAME_BITS))

    def account(self, limit: int | None, *, domain: bool) -> pa.Array:
        """Give a user name, or an e-mail address, of at most so many characters: what fits of names, and a suffix."""
        first, last, ending = _form(limit, domain=domain)
        names = [
            pc.ascii_lower(pc.utf8_slice_codeunits(name, 0, size))
            for name, size in ((self.first, first), (self.last, last))
            if size
        ]
        suffix = fixed_width(base32.spell(self.bits, _suffix_width(limit, ending)))
        return pc.binary_join_element_wise(pc.binary_join_element_wise(*names, suffix, "."), ending, "")


def _form(limit: int | None, *, domain: bool) -> tuple[int, int, str]:
    endings = _DOMAINS[:2] if domain else _DOMAINS[2:]
    for ending in endings:
        for first, last in _CUTS if ending != _DOMAINS[1] else _CUTS[-1:]:
            if limit is None or _length(first, last) + base32.SAFE_WIDTH + len(ending) <= limit:
                return first, last, ending
    return 0, 0, endings[-1]


def _length(first: int, last: int) -> int:
    return sum(size + 1 for size in (first, last) if size)


def _suffix_width(limit: int | None, ending: str) -> int:
    return base32.SAFE_WIDTH if limit is None else max(0, min(base32.SAFE_WIDTH, limit - len(ending)))


def _full_name(who: Identities, limit: int | None) -> pa.Array:
    half = _LONGEST if limit is None else max(1, (limit - 1) // 2)
    return pc.binary_join_element_wise(_cut(who.first, half), _cut(who.last, half), " ")


def _cut(texts: pa.Array, limit: int | None) -> pa.Array:
    return texts if limit is None else pc.utf8_slice_codeunits(texts, 0, limit)


Made = Callable[[Identities, ColumnContext, Options], pa.Array]

_FIELDS: Mapping[str, Made] = {
    "first_name": lambda who, context, _options: _cut(who.first, context.type.length),
    "last_name": lambda who, context, _options: _cut(who.last, context.type.length),
    "full_name": lambda who, context, _options: _cut(_full_name(who, context.type.length), context.type.length),
    "email": lambda who, context, _options: who.account(context.type.length, domain=True),
    "username": lambda who, context, _options: who.account(context.type.length, domain=False),
    "gender": lambda who, _context, options: spelt(who.female, options),
}
FIELDS = frozenset(_FIELDS)
"""The masks that give a part of an identity."""


def spelt(female: npt.NDArray[np.bool_], options: Options) -> pa.Array:
    """Give a gender as the options of the mask `gender` spell it."""
    return pc.if_else(pa.array(female), str(options["female"]), str(options["male"]))


def part_of_identity(name: str, keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    """Give the mask of that name for columns that tell beside them whom they are about."""
    make = _FIELDS[name]

    def mask(values: pa.Array, person: pa.Array | None) -> pa.Array:
        key = pa.nulls(len(values), pa.string()) if person is None else person
        made = make(Identities.of(keyed, values, key), context, options)
        return keep_blank(values, pc.if_else(pc.is_valid(values), made, pa.scalar(None, pa.string())))

    return mask

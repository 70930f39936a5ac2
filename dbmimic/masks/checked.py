"""
Identifiers with check digits: another valid one for a valid one, one to one, in the same form.

A scheme says in a picture what stands at each place, and how the check characters follow from the rest. What is not
valid stays so: a check character that is off by three is off by three afterwards, so no value that was refused before
is accepted after, and no two values become equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import digits
from dbmimic.masks.alike import DIGIT, LOWER, UPPER, alike
from dbmimic.masks.calendar import Days, Flags, day_number, month_and_day
from dbmimic.masks.definition import ColumnContext, MaskFunction
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import Bytes, Positions, byte_layout, keep_blank
from dbmimic.masks.permutation import Permutation
from dbmimic.masks.shape import Shape, shape_mask

_WIDEST = 48
_DAYS = 36_525  # of a hundred years
_MONTHS = 12
_MOST = 1 << 63
_LETTERS = 26

Characters = Sequence[npt.NDArray[np.int64]]  # what stands at each place, as numbers: A is 10


@dataclass(frozen=True)
class Check:
    """
    Check characters: `remainder` gives a number for each row, and `texts` what is written for it.

    An empty text says that no identifier has such a rest.
    """

    remainder: Callable[[Characters], npt.NDArray[np.int64]]
    texts: tuple[str, ...]

    @property
    def width(self) -> int:
        """The number of check characters."""
        return max(map(len, self.texts))

    @cached_property
    def ring(self) -> tuple[str, ...]:
        """Every text that may be written, in order: how far a wrong one is off is counted along it."""
        return tuple(sorted({text for text in self.texts if text}))

    @cached_property
    def positions(self) -> npt.NDArray[np.int64]:
        """Where each remainder's text stands in the ring; -1 for none."""
        return np.array([self.ring.index(text) if text else -1 for text in self.texts], dtype=np.int64)


def by_remainder(characters: str) -> tuple[str, ...]:
    """Give one text for each remainder; a dash stands for none."""
    return tuple("" if character == "-" else character for character in characters)


def weighted(weights: Sequence[int], modulus: int, less: int = 0) -> Callable[[Characters], npt.NDArray[np.int64]]:
    """Give the function that adds up the first places by their weights, less a number, modulo another."""

    def remainder(characters: Characters) -> npt.NDArray[np.int64]:
        parts = (character * weight for character, weight in zip(characters, weights, strict=False) if weight)
        total: npt.NDArray[np.int64] = sum(parts, np.zeros(len(characters[0]), dtype=np.int64))
        return (total - less) % modulus

    return remainder


def luhn(characters: Characters) -> npt.NDArray[np.int64]:
    """Give what the Luhn formula of ISO/IEC 7812-1 adds up, modulo 10, for all places before the check digit."""
    total = np.zeros(len(characters[0]), dtype=np.int64)
    for number, character in enumerate(reversed(characters)):
        doubled = character * 2
        total += character if number % 2 else doubled - 9 * (doubled > 9)  # noqa: PLR2004  the sum of its digits
    return total % 10


def of_number(width: int, modulus: int) -> Callable[[Characters], npt.NDArray[np.int64]]:
    """Give the function that takes the number of so many digits modulo another."""
    return weighted([pow(10, width - 1 - place, modulus) for place in range(width)], modulus)


def mod_11_10(characters: Characters) -> npt.NDArray[np.int64]:
    """Give the check digit of ISO/IEC 7064, MOD 11,10."""
    rest = np.full(len(characters[0]), 10, dtype=np.int64)
    for character in characters:
        total = (rest + character) % 10
        rest = np.where(total == 0, 10, total) * 2 % 11
    return (11 - rest) % 10


def two_stage(first: Sequence[int], second: Sequence[int]) -> Callable[[Characters], npt.NDArray[np.int64]]:
    """Give the function modulo 11 that takes other weights where the first ones leave 10."""
    one, other = weighted(first, 11), weighted(second, 11)

    def remainder(characters: Characters) -> npt.NDArray[np.int64]:
        rest = one(characters)
        return np.where(rest == 10, other(characters), rest)  # noqa: PLR2004  the rest that is no digit

    return remainder


LUHN = Check(luhn, by_remainder("0987654321"))


@dataclass(frozen=True)
class Scheme:
    """
    The form of an identifier, without what separates its places.

    In the picture `n` is a digit, `p` one from 1 to 9, `l` a capital letter, `k` and `h` a digit and a letter that
    stay, `y m d` a date, and `c` a check character. `century` says what may be added to the month. A check reads all
    places before its own (in `reads`, if they are not these).
    """

    picture: str
    checks: tuple[Check, ...]
    century: tuple[int, ...] = (0,)
    reads: tuple[int, ...] | None = None

    def fits(self, classes: Sequence[int]) -> bool:
        """Whether characters of these classes, without what separates them, may be such an identifier."""
        return len(classes) == len(self.picture) and all(
            found == UPPER if sign in "lh" else found == DIGIT or (sign == "c" and found == UPPER)
            for sign, found in zip(self.picture, classes, strict=True)
        )

    @cached_property
    def check_places(self) -> tuple[int, ...]:
        """Where each check begins."""
        places = [place for place, sign in enumerate(self.picture) if sign == "c"]
        begins = []
        for check in self.checks:
            begins.append(places[0])
            places = places[check.width :]
        return tuple(begins)

    def reading(self, place: int) -> tuple[int, ...]:
        """Give the places that the check at a place reads."""
        return self.reads if self.reads is not None else tuple(range(place))


Choose = Callable[[Sequence[int]], Scheme | None]
"""Gives the scheme for the classes of a value's letters and digits, or None where it is no identifier."""


def first_fitting(schemes: Sequence[Scheme]) -> Choose:
    """Give the function that chooses the first scheme which fits."""
    return lambda classes: next((scheme for scheme in schemes if scheme.fits(classes)), None)


def checked_mask(keyed: KeyedFunction, context: ColumnContext, choose: Choose) -> MaskFunction:
    """Give the mask that takes each value for the scheme that is chosen; any other value keeps its shape alone."""
    permuted, other = keyed.sub("checked"), shape_mask(keyed.sub("other"), context, Shape.CODE)

    def mask(values: pa.Array, entity: pa.Array | None) -> pa.Array:
        starts, lengths, data = byte_layout(values)
        copy = data.copy()
        done = np.zeros(len(lengths), dtype=np.bool_)
        groups, _ = alike(starts, lengths, data, _WIDEST, enough=1)
        for group in groups:
            places = [place for place, found in enumerate(group.classes) if found in {DIGIT, LOWER, UPPER}]
            scheme = choose([group.classes[place] for place in places])
            if scheme is not None:
                rows = np.arange(len(starts)) if group.rows is None else group.rows
                _change(permuted, copy, starts[rows], len(group.classes), scheme, places)
                done[rows] = True
        offsets = np.append(starts, len(data)).astype(np.int32)
        made = pa.StringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(copy))
        return keep_blank(values, made if done.all() else pc.if_else(pa.array(done), made, other(values, entity)))

    return mask


def _change(
    keyed: KeyedFunction, copy: Bytes, starts: Positions, width: int, scheme: Scheme, places: Sequence[int]
) -> None:
    """Change the values that start there, in place."""
    cells = np.ndarray((len(copy) - width + 1,), dtype=f"V{width}", buffer=copy, strides=(1,))
    matrix = cells[starts].view(np.uint8).reshape(-1, width)
    compact = np.ascontiguousarray(matrix[:, places])
    matrix[:, places] = changed(keyed, compact, scheme)
    cells[starts] = matrix.view(f"V{width}").reshape(-1)


def changed(keyed: KeyedFunction, compact: Bytes, scheme: Scheme) -> Bytes:
    """Give other identifiers for a matrix of identifiers without separators, one a row."""
    fields = _Fields(scheme)
    result = compact.copy()
    numbers, valid = fields.read(compact)
    valid &= _has_check(compact, scheme)
    permutation = Permutation(keyed.sub(scheme.picture), fields.size)
    rows = np.flatnonzero(valid)
    while len(rows):
        moved = permutation.move(numbers[rows])
        numbers[rows] = moved
        some = result[rows]
        fields.write(some, moved)
        result[rows] = some
        rows = rows[~_has_check(some, scheme)]
    _walk_outside(keyed.sub(scheme.picture + " outside"), result, np.flatnonzero(~valid), scheme)
    rows = np.flatnonzero(valid)
    some = result[rows]
    _set_checks(compact[rows], some, scheme)
    result[rows] = some
    return result


def _walk_outside(keyed: KeyedFunction, result: Bytes, rows: Positions, scheme: Scheme) -> None:
    """Change what is no identifier into what is none either."""
    plain = Scheme(
        "".join({"y": "n", "m": "n", "d": "n", "p": "n"}.get(sign, sign) for sign in scheme.picture), scheme.checks
    )
    loose, strict = _Fields(plain), _Fields(scheme)
    permutation = Permutation(keyed, loose.size)
    while len(rows):
        some = result[rows]
        loose.write(some, permutation.move(loose.read(some)[0]))
        result[rows] = some
        rows = rows[strict.read(some)[1] & _has_check(some, scheme)]


def _numbers(compact: Bytes, places: Sequence[int]) -> list[npt.NDArray[np.int64]]:
    """Give the characters at some places as numbers: a digit is itself, A is 10."""
    found = [compact[:, place].astype(np.int64) for place in places]
    return [np.where(one > ord("9"), one - (ord("A") - 10), one - ord("0")) for one in found]


def _has_check(compact: Bytes, scheme: Scheme) -> Flags:
    """Which rows have a first check character at all: for some rests none is given out."""
    if not scheme.checks or all(scheme.checks[0].texts):
        return np.ones(len(compact), dtype=np.bool_)
    check, place = scheme.checks[0], scheme.check_places[0]
    found: Flags = check.positions.take(check.remainder(_numbers(compact, scheme.reading(place)))) >= 0
    return found


def _set_checks(before: Bytes, after: Bytes, scheme: Scheme) -> None:
    """Make each check character as right or as far off as it was before."""
    for check, place in zip(scheme.checks, scheme.check_places, strict=True):
        right, wanted = (
            check.positions.take(check.remainder(_numbers(side, scheme.reading(place)))) for side in (before, after)
        )
        found = _found(before, place, check)
        known = (found >= 0) & (right >= 0) & (wanted >= 0)
        position = (wanted + found - right) % len(check.ring)
        texts = np.array(check.ring, dtype=f"S{check.width}").view(np.uint8).reshape(-1, check.width)
        new = texts.take(np.where(known, position, 0), axis=0)
        after[:, place : place + check.width] = np.where(known[:, None], new, before[:, place : place + check.width])


def _found(compact: Bytes, place: int, check: Check) -> npt.NDArray[np.int64]:
    """Give where the check characters that stand there stand in the ring; -1 for characters that are not in it."""
    if check.width > 1:
        table = np.full(10**check.width, -1, dtype=np.int64)
        table[[int(text) for text in check.ring]] = range(len(check.ring))
        characters = compact[:, place : place + check.width]
        decimal = ((characters >= ord("0")) & (characters <= ord("9"))).all(axis=1)
        number = digits.read(compact, place, check.width).view(np.int64)
        return np.where(decimal, table.take(np.where(decimal, number, 0)), -1)
    table = np.full(256, -1, dtype=np.int64)
    table[[ord(text) for text in check.ring]] = range(len(check.ring))
    return table.take(compact[:, place])


class _Fields:
    """What varies in a scheme, read as one number in a mixed radix and written back."""

    def __init__(self, scheme: Scheme) -> None:
        self._century = scheme.century
        self._date = tuple(scheme.picture.find(sign) for sign in "ymd")
        self._runs: list[tuple[str, int, int]] = []
        place = 0
        for sign, run in groupby(scheme.picture):
            width = len(list(run))
            if sign in "pl":
                self._runs += [(sign, at, 1) for at in range(place, place + width)]
            elif sign in "ny":
                self._runs.append((sign, place, width))
            place += width
        self.size = 1
        for sign, _, width in self._runs:
            self.size *= self._radix(sign, width)
        if not 1 < self.size < _MOST:
            raise ValueError("a scheme must vary, and within 63 bits")

    def read(self, compact: Bytes) -> tuple[Words, Flags]:
        """Give each row's number, and whether the row is of the scheme."""
        number = np.zeros(len(compact), dtype=np.uint64)
        valid = np.ones(len(compact), dtype=np.bool_)
        for sign, place, width in self._runs:
            part, fits = self._part(compact, sign, place, width)
            number = number * np.uint64(self._radix(sign, width)) + np.where(fits, part, np.uint64(0))
            valid &= fits
        return number, valid

    def write(self, compact: Bytes, numbers: Words) -> None:
        """Write each row's number in place."""
        for sign, place, width in reversed(self._runs):
            radix = np.uint64(self._radix(sign, width))
            rest = numbers // radix
            part = numbers - rest * radix
            if sign == "n":
                digits.write(compact, place, width, part)
            elif sign == "y":
                self._write_date(compact, part.view(np.int64))
            else:
                compact[:, place] = part.astype(np.uint8) + np.uint8(ord("1" if sign == "p" else "A"))
            numbers = rest

    def _part(self, compact: Bytes, sign: str, place: int, width: int) -> tuple[Words, Flags]:
        if sign == "n":
            return digits.read(compact, place, width), np.ones(len(compact), dtype=np.bool_)
        if sign == "y":
            return self._read_date(compact)
        least = ord("1" if sign == "p" else "A")
        fits: Flags = compact[:, place] >= least
        return (compact[:, place] - np.uint8(least)).astype(np.uint64), fits

    def _read_date(self, compact: Bytes) -> tuple[Words, Flags]:
        """Give the day of a hundred years that the date of two-digit years is; what is added to the month stays."""
        year, month, day = (digits.read(compact, place, 2).view(np.int64) for place in self._date)
        return day_number(year, month - self._added(month), day)

    def _write_date(self, compact: Bytes, number: Days) -> None:
        added = self._added(digits.read(compact, self._date[1], 2).view(np.int64))
        year, month, day = month_and_day(number)
        for place, part in zip(self._date, (year, month + added, day), strict=True):
            digits.write(compact, place, 2, part.view(np.uint64))

    def _added(self, month: Days) -> Days:
        """Give what was added to the month to tell the century or the sex."""
        added = np.zeros(len(month), dtype=np.int64)
        for amount in self._century:
            added = np.where((month > amount) & (month <= amount + _MONTHS), amount, added)
        return added

    @staticmethod
    def _radix(sign: str, width: int) -> int:
        return {"p": 9, "l": _LETTERS, "y": _DAYS}.get(sign) or 10**width

"""
Values that keep their shape: digits become digits, letters become letters, one to one, and the rest stays.

The places that vary are read as one number in a mixed radix, the number is permuted, and written back. What decides
which places vary is itself kept, so different values of one shape stay different.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from operator import itemgetter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical, digits
from dbmimic.masks.alike import FOREIGN, PLUS, Alike, alike
from dbmimic.masks.definition import ColumnContext, MaskError, MaskFunction
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import Bytes, Positions, byte_layout, fixed_width, keep_blank, windows
from dbmimic.masks.permutation import Permutation

_WIDEST = 32  # bytes; longer values are no codes and no telephone numbers
_MOST_BITS = 63.0
_OTHER_WIDTH = 19  # digits of what replaces a value without a shape: values with more digits have none, so it differs
_UNIQUE_WIDTH = 15
_DECIMAL = 10
_RADIXES = (0, 10, 26, 26, 0, 0)  # by class
_LONGEST_CODE = 3  # digits of a country code
_LEAD = 5  # digits: two zeros and a country code
_FEWEST_DIGITS = 5  # beside a code; a number with fewer keeps neither country code nor leading zero
_FEWEST_VARYING = 4  # digits beside an area
_TEN_DIGITS = np.uint64(10**10)

_RADIX = np.zeros(256, dtype=np.uint8)
_RADIX[ord("0") : ord("9") + 1] = 10
_RADIX[ord("a") : ord("z") + 1] = 26
_RADIX[ord("A") : ord("Z") + 1] = 26
_BITS = np.log2(np.maximum(np.arange(27), 1))  # by radix
_ZERO = np.zeros(256, dtype=np.uint8)
_ZERO[ord("0") : ord("9") + 1] = ord("0")
_ZERO[ord("a") : ord("z") + 1] = ord("a")
_ZERO[ord("A") : ord("Z") + 1] = ord("A")

# Country codes of one and two digits (ITU-T E.164, list of assigned codes); all others have three.
_TWO_DIGITS = frozenset(
    {20, 27, *range(30, 35), 36, 39, 40, 41, *range(43, 50), *range(51, 59), *range(60, 67)}
    | {81, 82, 84, 86, *range(90, 96), 98}
)  # fmt: skip
_CODE_DIGITS = np.array([1 if pair // 10 in {1, 7} else 2 if pair in _TWO_DIGITS else 3 for pair in range(100)])
# How many digits after a country code say of what area or kind a number is, and whether such numbers are given out: by
# the countries' numbering plans, as libphonenumber tells them.
_AREA_DIGITS = np.full(1000, 3)
_AREA_DIGITS[[247, 266, 290, 376, 500, 508, 673, 682, 690]] = 1
_AREA_DIGITS[
    [
        *(36, 47, 48, 53, 66, 82, 211, 236, 239, 241, 243, 246, 248, 250, 252, 255, 257, 265, 268, 269, 298, 299),
        *(353, 357, 359, 370, 377, 383, 386, 501, 502, 503, 506, 597, 598, 670, 672, 677, 679, 681, 685, 686, 687),
        *(688, 963, 964, 968, 971, 974, 975),
    ]
] = 2
_AREA_DIGITS[
    [
        *(1, 30, 39, 56, 60, 65, 92, 212, 223, 224, 226, 227, 230, 232, 234, 235, 242, 244, 263, 264, 350, 355),
        *(356, 371, 375, 380, 423, 504, 599, 852, 853, 880, 962, 965, 996, 998),
    ]
] = 4
_AREA_DIGITS[[44, 54, 57, 91, 225, 233, 240, 251, 261, 262, 378, 590, 594, 596]] = 5
_AREA_AT_HOME = 3


Flags = npt.NDArray[np.bool_]


class Shape(Enum):
    """
    `PHONE` keeps the country code and whether the number starts with 0, `AREA` the area, too, or three digits of a
    number without a country code; in a `CODE` all digits and letters vary.
    """

    PHONE = "phone"
    AREA = "area"
    CODE = "code"


def shape_mask(keyed: KeyedFunction, context: ColumnContext, shape: Shape) -> MaskFunction:
    """Give the mask. A value without a shape (nothing that varies, not ASCII, too long) becomes a row of digits."""
    permuted, other = keyed.sub("shape"), keyed.sub("no shape")
    limit = context.type.length

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        starts, lengths, data = byte_layout(values)
        copy = data.copy()
        shaped = np.zeros(len(lengths), dtype=np.bool_)
        groups, rare = alike(starts, lengths, data, _WIDEST)
        for group in groups:
            done = _permute_alike(permuted, copy, starts, group, shape)
            shaped[slice(None) if group.rows is None else group.rows] = done
        shaped[rare] = _permute_rare(permuted, copy, starts[rare], lengths[rare], shape)
        offsets = np.append(starts, len(data)).astype(np.int32)
        made = pa.StringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(copy))
        return keep_blank(values, made if shaped.all() else with_unshaped(values, made, shaped))

    def with_unshaped(values: pa.Array, made: pa.Array, shaped: Flags) -> pa.Array:
        unshaped = pc.and_(pc.invert(pa.array(shaped)), pc.fill_null(pc.not_equal(values, ""), False))
        if not pc.any(unshaped).as_py():
            return made
        if context.unique and limit is not None and limit < _UNIQUE_WIDTH:
            raise MaskError("a value has no digits or letters to vary, and the column is too short for a unique one")
        width = min(_OTHER_WIDTH, limit) if limit is not None else _OTHER_WIDTH
        return pc.if_else(unshaped, _digits(other.prf(canonical.text(values)), width), made)

    return mask


def _permute_alike(keyed: KeyedFunction, copy: Bytes, starts: Positions, group: Alike, shape: Shape) -> Flags | bool:
    """Permute the values of a group in place, and give which of them have a shape."""
    width = len(group.classes)
    radixes = [_RADIXES[found] for found in group.classes]
    if FOREIGN in group.classes or not any(radixes):
        return False
    places = np.ndarray((len(copy) - width + 1,), dtype=f"V{width}", buffer=copy, strides=(1,))
    whole = group.rows is None and len(starts) * width == len(copy)
    begins = starts if group.rows is None else starts[group.rows]
    matrix = copy.reshape(-1, width) if whole else places[begins].view(np.uint8).reshape(-1, width)
    shaped = np.zeros(len(matrix), dtype=np.bool_)
    for rows, varying in _parts(matrix, group.classes, radixes, shape):
        if not _has_shape(varying):
            continue
        shaped[slice(None) if rows is None else rows] = True
        some = matrix if rows is None else matrix[rows]
        _permute(keyed, some, varying)
        if rows is not None:
            matrix[rows] = some
    if not whole:
        places[begins] = matrix.view(f"V{width}").reshape(-1)
    return shaped


def _parts(
    matrix: Bytes, classes: tuple[int, ...], radixes: list[int], shape: Shape
) -> Iterator[tuple[Positions | None, list[int]]]:
    """Give the rows of a group that vary alike, and how."""
    if shape is Shape.PHONE:
        yield from _phones(matrix, classes, radixes)
    elif shape is Shape.AREA:
        yield from _areas(matrix, classes, radixes)
    else:
        yield None, radixes


def _areas(matrix: Bytes, classes: tuple[int, ...], radixes: list[int]) -> Iterator[tuple[Positions | None, list[int]]]:
    """Give the rows with as many digits of country and area, and what varies in them."""
    places = [place for place, radix in enumerate(radixes) if radix == _DECIMAL]
    lead = np.zeros((_LEAD, len(matrix)), dtype=np.int64)
    for number, place in enumerate(places[:_LEAD]):
        lead[number] = matrix[:, place] - np.uint8(ord("0"))
    plus, total = np.full(len(matrix), classes[0] == PLUS), np.full(len(matrix), len(places))
    kept = _kept_digits(lead, plus, total)
    for count in np.unique(kept):
        rows = np.flatnonzero(kept == count)
        stay = set(places[:count])
        yield (
            None if len(rows) == len(matrix) else rows,
            [0 if place in stay else radix for place, radix in enumerate(radixes)],
        )


def _kept_digits(lead: Positions, plus: Flags, total: Positions) -> Positions:
    """
    Give how many of a number's first digits stay, of the first five digits (0 past the end) and how many there are.

    What decides that is among those that stay, so different numbers become different ones. Shape: `lead` is (5, n).
    """
    dialled = ~plus & (lead[0] == 0) & (lead[1] == 0)
    first, second, third = (np.where(dialled, lead[place + 2], lead[place]) for place in range(3))
    width = _CODE_DIGITS.take(first * 10 + second)
    code = np.where(
        width == 1, first, np.where(width == _LONGEST_CODE, first * 100 + second * 10 + third, first * 10 + second)
    )
    abroad = 2 * dialled + width + _AREA_DIGITS.take(code)
    kept = np.where(plus | dialled, abroad, (lead[0] == 0) + _AREA_AT_HOME)
    fitting: Positions = np.clip(np.minimum(kept, total - _FEWEST_VARYING), 0, None)
    return fitting


def _has_shape(radixes: Sequence[int]) -> bool:
    """Whether something varies, and no more of it than a number holds."""
    bits = sum(float(_BITS[radix]) for radix in radixes)
    return 0 < bits <= _MOST_BITS


def _phones(
    matrix: Bytes, classes: tuple[int, ...], radixes: list[int]
) -> Iterator[tuple[Positions | None, list[int]]]:
    """
    Give the rows with one country code's length and one kind of first digit, and what varies in them.

    The country code and a leading 0 stay, and a first digit that is not 0 varies over the other nine. Whether a value
    is long enough for that depends on nothing that varies.
    """
    plus = classes[0] == PLUS
    if radixes.count(_DECIMAL) < (_LONGEST_CODE + _FEWEST_DIGITS if plus else _FEWEST_DIGITS):
        yield None, radixes
        return
    spare = _code_digits(matrix, radixes) if plus else np.zeros(len(matrix), dtype=np.int64)
    for count in np.unique(spare):
        kept = [0 if 0 < place <= count else radix for place, radix in enumerate(radixes)]
        first = kept.index(_DECIMAL)
        zero = matrix[:, first] == ord("0")
        for leads, radix in ((zero, 0), (~zero, _DECIMAL - 1)):
            rows = np.flatnonzero(leads & (spare == count))
            if len(rows):
                varying = [*kept[:first], radix, *kept[first + 1 :]]
                yield (None if len(rows) == len(matrix) else rows), varying


def _code_digits(matrix: Bytes, radixes: list[int]) -> Positions:
    """Give how many of the digits right after the + are a country code."""
    run = (
        next(place for place in range(1, _LONGEST_CODE + 2) if place > _LONGEST_CODE or radixes[place] != _DECIMAL) - 1
    )
    tens, ones = (
        matrix[:, place].astype(np.int64) - ord("0") if radixes[place] == _DECIMAL else np.zeros(len(matrix), np.int64)
        for place in (1, 2)
    )
    shortest: Positions = np.minimum(_CODE_DIGITS.take(tens * 10 + ones), run)
    return shortest


def _permute(keyed: KeyedFunction, matrix: Bytes, radixes: Sequence[int]) -> None:
    """Permute the varying places of all rows, which vary alike, in place."""
    number = np.zeros(len(matrix), dtype=np.uint64)
    size = 1
    runs = list(_runs(radixes))
    for place, width, radix in runs:
        part = digits.read(matrix, place, width) if radix == _DECIMAL else _offset(matrix[:, place], radix)
        number = number * np.uint64(radix**width) + part
        size *= radix**width
    number = Permutation(keyed, size).move(number)
    for place, width, radix in reversed(runs):
        rest = number // np.uint64(radix**width)
        part = number - rest * np.uint64(radix**width)
        if radix == _DECIMAL:
            digits.write(matrix, place, width, part)
        else:
            matrix[:, place] += (part - _offset(matrix[:, place], radix)).astype(np.uint8)
        number = rest


def _runs(radixes: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Give the place, width and radix of each run of digits, and of each other place that varies."""
    for radix, run in groupby(enumerate(radixes), key=itemgetter(1)):
        places = [place for place, _ in run]
        if radix == _DECIMAL:
            yield places[0], len(places), radix
        elif radix:
            yield from ((place, 1, radix) for place in places)


def _offset(characters: Bytes, radix: int) -> Words:
    """Give the numbers that characters of one class stand for."""
    if radix < _DECIMAL:
        return (characters - np.uint8(ord("1"))).astype(np.uint64)
    return (characters - _ZERO.take(characters)).astype(np.uint64)


def _permute_rare(keyed: KeyedFunction, copy: Bytes, starts: Positions, lengths: Positions, shape: Shape) -> Flags:
    """Permute values that do not look alike, in place, and give which of them have a shape."""
    view = _View.of(starts, lengths, copy)
    radixes = view.radixes()
    if shape is Shape.PHONE:
        _spare_prefix(view.matrix, radixes)
    elif shape is Shape.AREA:
        _spare_area(view.matrix, radixes)
    shaped = view.shaped(radixes)
    _permute_unlike(keyed, view.matrix, radixes, np.flatnonzero(shaped))
    for place, characters in enumerate(view.matrix):
        rows = np.flatnonzero(shaped & (lengths > place))
        copy[starts[rows] + place] = characters[rows]
    return shaped


@dataclass(frozen=True)
class _View:
    """The first bytes of each value, zeros past its end. Shape: (places, n): one place of all rows lies together."""

    matrix: Bytes

    @classmethod
    def of(cls, starts: Positions, lengths: Positions, data: Bytes) -> _View:
        width = min(_WIDEST, int(lengths.max(initial=4)))
        rows = windows(data, width)[starts].view(np.uint8).reshape(-1, width)
        matrix = np.ascontiguousarray(rows.T)
        matrix[np.arange(width)[:, None] >= lengths[None, :]] = 0
        return cls(matrix)

    def radixes(self) -> Bytes:
        """Give how many characters may stand at each place; 0 where the place stays as it is."""
        return _RADIX[self.matrix]

    def shaped(self, radixes: Bytes) -> npt.NDArray[np.bool_]:
        """Which rows are ASCII with something that varies, and no more of it than a number holds."""
        bits = _BITS[radixes].sum(axis=0)
        ascii_only = self.matrix.max(axis=0) < 128  # noqa: PLR2004  ASCII
        shaped: npt.NDArray[np.bool_] = ascii_only & (bits > 0) & (bits <= _MOST_BITS)
        return shaped


def _spare_prefix(matrix: Bytes, radixes: Bytes) -> None:
    """
    Make the country code and a leading 0 stay, and a first digit that is not 0 vary over the other nine.

    Whether a value is long enough for that depends on nothing that varies.
    """
    decimal = radixes == _DECIMAL
    plus = matrix[0] == ord("+")
    long = decimal.sum(axis=0) >= np.where(plus, _LONGEST_CODE + _FEWEST_DIGITS, _FEWEST_DIGITS)
    spare = np.where(long & plus, _country_code(matrix, decimal), 0)
    for place in range(1, min(_LONGEST_CODE + 1, len(matrix))):
        radixes[place, spare >= place] = 0
    rows = np.flatnonzero(long)
    first = np.argmax(radixes[:, rows] == _DECIMAL, axis=0)
    radixes[first, rows] = np.where(matrix[first, rows] == ord("0"), 0, _DECIMAL - 1)


def _spare_area(matrix: Bytes, radixes: Bytes) -> None:
    """Make the digits of the country and the area stay."""
    decimal = radixes == _DECIMAL
    rank = np.cumsum(decimal, axis=0)
    lead = np.zeros((_LEAD, matrix.shape[1]), dtype=np.int64)
    for number in range(_LEAD):
        found = decimal & (rank == number + 1)
        place = np.argmax(found, axis=0)
        rows = np.flatnonzero(found.any(axis=0))
        lead[number, rows] = matrix[place[rows], rows] - np.uint8(ord("0"))
    kept = _kept_digits(lead, matrix[0] == ord("+"), decimal.sum(axis=0))
    radixes[decimal & (rank <= kept)] = 0


def _country_code(matrix: Bytes, decimal: Flags) -> Positions:
    """Give how many of the digits right after the + are a country code. The matrix has at least four places."""
    pair = np.where(decimal[1:3], matrix[1:3] - np.uint8(ord("0")), 0).astype(np.int64)
    code = _CODE_DIGITS[pair[0] * 10 + pair[1]]
    run = np.where(decimal[1], np.where(decimal[2], 2 + decimal[3], 1), 0)
    shortest: Positions = np.minimum(code, run)
    return shortest


def _permute_unlike(keyed: KeyedFunction, matrix: Bytes, radixes: Bytes, rows: Positions) -> None:
    """Permute the varying places of these rows in place."""
    if len(rows) == 0:
        return
    chosen, radix = matrix[:, rows], radixes[:, rows]
    varying = [place for place in range(len(matrix)) if radix[place].any()]
    number = np.zeros(len(rows), dtype=np.uint64)
    size = np.ones(len(rows), dtype=np.uint64)
    for place in varying:
        factor = _factor(radix[place])
        offset = chosen[place] - _zeros(chosen[place], radix[place])
        number = number * factor + np.where(radix[place] > 0, offset, np.uint8(0)).astype(np.uint64)
        size *= factor
    for one_size in np.unique(size):
        same = np.flatnonzero(size == one_size)
        number[same] = Permutation(keyed, int(one_size)).move(number[same])
    for place in reversed(varying):
        rest = number // _factor(radix[place])
        digit = (number - rest * _factor(radix[place])).astype(np.uint8)
        number = rest
        before = chosen[place]
        matrix[place, rows] = np.where(radix[place] > 0, _zeros(before, radix[place]) + digit, before)


def _factor(radix: Bytes) -> Words | np.uint64:
    """Give what a place multiplies by, as one number where it is the same in all rows: that divides much faster."""
    if radix[0] and (radix == radix[0]).all():
        return np.uint64(radix[0])
    return np.maximum(radix, 1).astype(np.uint64)


def _zeros(characters: Bytes, radix: Bytes) -> Bytes:
    """Give the character that stands for 0 at each place: '0', 'a', 'A', or '1' where only nine digits may stand."""
    zeros: Bytes = _ZERO[characters] + (radix == _DECIMAL - 1)
    return zeros


def _digits(bits: Words, width: int) -> pa.Array:
    """Give `width` digits (at most 20) for each row."""
    matrix = np.empty((len(bits), 20), dtype=np.uint8)
    for word in range(2):
        digits.write(matrix, word * 10, 10, bits[:, word] % _TEN_DIGITS)
    return fixed_width(matrix[:, 20 - width :])

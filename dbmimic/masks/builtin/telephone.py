"""`fictitious_phone`: telephone numbers that ring nobody, of the ranges set aside for films and books."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import digits
from dbmimic.masks.definition import ColumnContext, MaskDefinition, MaskFunction, Options, Parameter, Promise
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import byte_layout, fixed_width, keep_blank
from dbmimic.model.types import Kind

_ABROAD = r"^[^0-9+]*(?:\+|00)"
_ANY_AREA = r"^(?:[2-7][0-8]|9[1-8])[0-9]{8}$"  # a number of North America that has an area
_AREA_WIDTH = 3
_NO_DIGIT = r"[^0-9]"
_NOTATION = r"^[0-9 +()./-]*$"  # anything else is no part of a number: a name, say
_HALF = np.uint64(32)
_MOST_DRAWN = 5  # digits
_LONGEST = 13  # characters of a plus, a country code and a number


_TOWNS = ("113", "114", "115", "116", "117", "118", "121", "131", "141", "151", "161")  # of Great Britain


@dataclass(frozen=True, slots=True)
class _Range:
    """Numbers that begin alike, and how many digits follow: all of them, or those from a first one on."""

    beginning: str
    width: int
    first: int = 0


@dataclass(frozen=True, slots=True)
class _Plan:
    """
    What one country set aside: its code, the digit before national numbers, and a range by how a number begins.

    The longest beginning decides. With `any_area` every area code has the numbers; the beginning follows it.
    """

    code: str
    trunk: str
    ranges: Mapping[str, _Range]
    any_area: _Range | None = None


# The regulators' own lists: NANPA on 555 line numbers; Ofcom, numbers for use in drama; ACMA, numbers for use in
# creative works; ARCEP, numbering plan; Bundesnetzagentur, numbers for media productions; ComReg, numbering
# conditions of use; PTS, numbers for books and films.
PLANS: Mapping[str, _Plan] = {
    "AU": _Plan("61", "0", {"": _Range("25550", 4), **{area: _Range(f"{area}5550", 4) for area in "378"}}),
    "DE": _Plan(
        "49",
        "0",
        {
            "": _Range("3023125", 3),
            "1": _Range("17139200", 2),
            "221": _Range("2214710", 3),
            "40": _Range("4066969", 3),
            "69": _Range("6990009", 3),
            "89": _Range("8999998", 3),
        },
    ),
    "FR": _Plan(
        "33",
        "0",
        {
            "": _Range("19900", 4),
            "2": _Range("26191", 4),
            "3": _Range("35301", 4),
            "4": _Range("46571", 4),
            "5": _Range("53649", 4),
            "6": _Range("63998", 4),
            "7": _Range("63998", 4),
        },
    ),
    "GB": _Plan(
        "44",
        "0",
        {
            "": _Range("1632960", 3),
            **{area: _Range(f"{area}4960", 3) for area in _TOWNS},
            "191": _Range("1914980", 3),
            "20": _Range("2079460", 3),
            "28": _Range("2896496", 3),
            "29": _Range("2920180", 3),
            "3": _Range("3069990", 3),
            "7": _Range("7700900", 3),
            "80": _Range("8081570", 3),
        },
    ),
    "IE": _Plan("353", "0", {"": _Range("2091", 5)}),
    "SE": _Plan(
        "46",
        "0",
        {
            "": _Range("8465004", 2),
            "31": _Range("3139006", 2),
            "40": _Range("4062804", 2),
            "7": _Range("7017406", 2, first=5),
        },
    ),
    "US": _Plan("1", "1", {"": _Range("55555501", 2)}, any_area=_Range("55501", 2)),
}


_CODE_AND_TRUNK = f"^({'|'.join(plan.code for plan in PLANS.values() if plan.trunk == '0')})0+"  # +44 (0)20


def _build(keyed: KeyedFunction, options: Options, _context: ColumnContext) -> MaskFunction:
    home = PLANS[str(options["country"])]

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        given = values.fill_null("")
        dialled = pc.replace_substring_regex(given, _NO_DIGIT, "")
        abroad = pc.match_substring_regex(given, _ABROAD)
        at_home = pc.binary_join_element_wise(home.code, pc.replace_substring_regex(dialled, f"^{home.trunk}+", ""), "")
        whole = pc.if_else(abroad, pc.replace_substring_regex(dialled, "^0+", ""), at_home)
        whole = pc.replace_substring_regex(whole, _CODE_AND_TRUNK, r"\1")
        code, number = _numbers(home, whole, keyed.uniform(whole))
        called = pc.if_else(pc.starts_with(dialled, "00"), "00", "")
        local = pc.if_else(pc.starts_with(dialled, home.trunk), home.trunk, "")
        before = pc.if_else(abroad, pc.binary_join_element_wise(called, code, ""), local)
        plain = pc.if_else(abroad, pc.binary_join_element_wise("+", code, ""), home.trunk if home.trunk == "0" else "")
        made = _in_form(given, pc.binary_join_element_wise(before, number, ""))
        made = pc.if_else(pc.match_substring_regex(given, _NOTATION), made, pa.scalar(None, pa.string()))
        made = pc.coalesce(made, pc.binary_join_element_wise(plain, number, ""))
        return keep_blank(values, pc.if_else(pc.is_valid(values), made, pa.scalar(None, pa.string())))

    return mask


def _numbers(home: _Plan, whole: pa.Array, bits: Words) -> tuple[pa.Array, pa.Array]:
    """Give a country code and a national number for each number; where its country set none aside, of home."""
    codes = [pc.starts_with(whole, plan.code) for plan in PLANS.values()]
    foreign = pc.invert(reduce(pc.or_, codes))
    code, number = (pa.repeat(pa.scalar("", pa.string()), len(whole)) for _ in range(2))
    for plan, here in zip(PLANS.values(), codes, strict=True):
        mine = pc.or_(here, foreign) if plan is home else here
        if not pc.any(mine, min_count=0).as_py():
            continue
        national = pc.replace_substring_regex(whole.filter(mine), f"^{plan.code}", "")
        national = pc.if_else(foreign.filter(mine), "", national)
        drawn = _drawn(plan, national, bits[mine.to_numpy(zero_copy_only=False)])
        code, number = pc.if_else(mine, plan.code, code), pc.replace_with_mask(number, mine, drawn)
    return code, number


def _drawn(plan: _Plan, national: pa.Array, bits: Words) -> pa.Array:
    """Give a number of the range that each number's beginning tells."""
    areas = sorted(plan.ranges, key=len)
    chosen = np.zeros(len(national), dtype=np.int64)
    for place, area in enumerate(areas):
        chosen[pc.starts_with(national, area).to_numpy(zero_copy_only=False)] = place
    ranges = [plan.ranges[area] for area in areas]
    beginning = pa.array([one.beginning for one in ranges]).take(pa.array(chosen))
    width, first = (np.array([getattr(one, name) for one in ranges]).take(chosen) for name in ("width", "first"))
    if plan.any_area is not None:
        area = pc.utf8_slice_codeunits(national, 0, _AREA_WIDTH)
        theirs = pc.binary_join_element_wise(area, plan.any_area.beginning, "")
        beginning = pc.if_else(pc.match_substring_regex(national, _ANY_AREA), theirs, beginning)
    size = (10**width - first).astype(np.uint64)
    number = (((bits >> _HALF) * size) >> _HALF) + first.astype(np.uint64)
    return pc.binary_join_element_wise(beginning, _spelt(number, width), "")


def _spelt(numbers: Words, width: npt.NDArray[np.int64]) -> pa.Array:
    """Give each number in so many digits."""
    matrix = np.empty((len(numbers), _MOST_DRAWN), dtype=np.uint8)
    digits.write(matrix, 0, _MOST_DRAWN, numbers)
    whole = fixed_width(matrix)
    made = whole
    for each in np.unique(width):
        made = pc.if_else(pa.array(width == each), pc.utf8_slice_codeunits(whole, _MOST_DRAWN - int(each)), made)
    return made


def _in_form(values: pa.Array, made: pa.Array) -> pa.Array:
    """Give the values with other digits in the places of theirs; NULL where they are not as many."""
    starts, lengths, data = byte_layout(values)
    is_digit = (data >= ord("0")) & (data <= ord("9"))
    before = np.append(0, np.cumsum(is_digit))
    alike = before[starts + lengths] - before[starts] == byte_layout(made)[1]
    copy = data.copy()
    copy[is_digit & np.repeat(alike, lengths)] = byte_layout(made.filter(pa.array(alike)))[2]
    offsets = np.append(starts, len(data)).astype(np.int32)
    text = pa.StringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(copy))
    return pc.if_else(pa.array(alike), text, pa.scalar(None, pa.string()))


def _fits(_options: Options, context: ColumnContext) -> str | None:
    limit = context.type.length
    if limit is not None and limit < _LONGEST:
        return f"a telephone number needs {_LONGEST} characters, and the column holds {limit}"
    return None


DEFINITIONS = (
    MaskDefinition(
        name="fictitious_phone",
        summary="A number of the same country and area that rings nobody: of the few that are set aside for fiction.",
        kinds=frozenset({Kind.TEXT}),
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(
            Parameter(
                "country",
                "text",
                required=True,
                choices=tuple(PLANS),
                summary="whose numbers have no country code; those of countries that set none aside become its own",
            ),
        ),
        domain="phone",
        build=_build,
        reads=lambda values, _options: pc.match_substring_regex(values, "[0-9]"),
        fits=_fits,
    ),
)

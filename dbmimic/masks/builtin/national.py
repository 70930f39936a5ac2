"""`national_id`: another number of the country, with the check digits that belong to it; `ssn`: one never issued."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import digits
from dbmimic.masks.checked import (
    LUHN,
    Characters,
    Check,
    Scheme,
    by_remainder,
    checked_mask,
    first_fitting,
    mod_11_10,
    of_number,
    two_stage,
    weighted,
)
from dbmimic.masks.definition import (
    ONE_TO_ONE,
    ColumnContext,
    MaskDefinition,
    MaskFunction,
    Options,
    Parameter,
    Promise,
    matching,
)
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.layout import fixed_width, keep_blank, same_text
from dbmimic.model.types import Kind

_DIGITS = by_remainder("0123456789")
_DIGITS_OR_NONE = by_remainder("0123456789-")
_DIGITS_TEN_IS_0 = by_remainder("01234567890")
_REST_TO_10 = by_remainder("0987654321")
_REST_TO_11_OR_0 = by_remainder("00987654321")
_REST_TO_11_OR_NONE = by_remainder("0-987654321")
_REST_TO_11_LAST_DIGIT = by_remainder("10987654321")
_REST_TO_97 = tuple(f"{97 - rest:02}" for rest in range(97))
_DNI = tuple("TRWAGMYFPDXBNJZSQVHLCKE")
_DAYS_SIX = of_number(9, 31)

_CPF = [
    Check(weighted(range(10, 1, -1), 11), _REST_TO_11_OR_0),
    Check(weighted(range(11, 1, -1), 11), _REST_TO_11_OR_0),
]
_BALTIC = Check(two_stage([*range(1, 10), 1], [*range(3, 10), 1, 2, 3]), _DIGITS_TEN_IS_0)
_TURKISH = (Check(weighted((7, -1) * 4 + (7,), 10), _DIGITS), Check(weighted((1,) * 10, 10), _DIGITS))
_PPS = weighted((8, 7, 6, 5, 4, 3, 2, 9), 23)

# The tables of the Italian tax code (decree of 23 December 1976): what odd places count, digits first, then A to Z.
_ODD = np.array(
    [
        *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21),
        *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
    ]
)

# The tables of Verhoeff's code: multiplication in the dihedral group of ten elements, and the permutation of places.
_DIHEDRAL = np.array(
    [
        (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
        (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
        (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
        (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
        (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
        (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
        (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
        (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
        (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
        (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
    ]
)
_SHUFFLE = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


def _italian(characters: Characters) -> npt.NDArray[np.int64]:
    total = np.zeros(len(characters[0]), dtype=np.int64)
    for number, character in enumerate(characters):
        letter = np.where(character > 9, character - 10, character)  # noqa: PLR2004  A is 10
        total += letter if number % 2 else _ODD.take(character)
    return total % 26


def _verhoeff(characters: Characters) -> npt.NDArray[np.int64]:
    permuted = np.arange(10)
    rest = np.zeros(len(characters[0]), dtype=np.int64)
    for character in reversed(characters):
        permuted = np.array(_SHUFFLE).take(permuted)
        rest = _DIHEDRAL[rest, permuted.take(character)]
    inverse: npt.NDArray[np.int64] = np.array([0, 4, 3, 2, 1, 5, 6, 7, 8, 9]).take(rest)
    return inverse


def _irish(characters: Characters) -> npt.NDArray[np.int64]:
    """Of the letters after the check letter, those given out since 2013 (A, B, H) count nine times their number."""
    letters = [np.where(np.isin(character, (10, 11, 17)), character - 9, 0) for character in characters[7:]]
    return _PPS([*characters[:7], *letters])


# By country (ISO 3166-1 alpha-2), the forms that its numbers have. Each row follows the issuer's own description.
SCHEMES: Mapping[str, tuple[Scheme, ...]] = {
    "AR": (Scheme("kknnnnnnnnc", (Check(weighted((5, 4, 3, 2, 7, 6, 5, 4, 3, 2), 11), _REST_TO_11_OR_NONE),)),),
    "AU": (Scheme("nnnnnnnnc", (Check(weighted((1, 4, 3, 7, 5, 8, 6, 9), 11), _DIGITS_OR_NONE),)),),
    "BE": (Scheme("yymmddnnncc", (Check(of_number(9, 97), _REST_TO_97),)),),
    "BG": (Scheme("yymmddnnnc", (Check(weighted((2, 4, 8, 5, 10, 9, 7, 3, 6), 11), _DIGITS_TEN_IS_0),), (0, 20, 40)),),
    "BR": (Scheme("nnnnnnnnncc", tuple(_CPF)),),
    "CA": (Scheme("knnnnnnnc", (LUHN,)),),
    "CH": (Scheme("kkknnnnnnnnnc", (Check(weighted((1, 3) * 6, 10), _REST_TO_10),)),),
    "CL": (
        Scheme("nnnnnnnnc", (Check(weighted((3, 2, 7, 6, 5, 4, 3, 2), 11), by_remainder("0K987654321")),)),
        Scheme("nnnnnnnc", (Check(weighted((2, 7, 6, 5, 4, 3, 2), 11), by_remainder("0K987654321")),)),
    ),
    "CN": (
        Scheme(
            "kkkkkkkkyymmddnnnc",
            (Check(weighted([pow(2, 17 - place, 11) for place in range(17)], 11), by_remainder("10X98765432")),),
        ),
    ),
    "CZ": (Scheme("yymmddnnnc", (Check(of_number(9, 11), _DIGITS_TEN_IS_0),), (0, 20, 50, 70)),),
    "DK": (Scheme("ddmmyyknnn", ()),),
    "EE": (Scheme("kyymmddnnnc", (_BALTIC,)),),
    "ES": (
        Scheme("nnnnnnnnc", (Check(of_number(8, 23), _DNI),)),
        Scheme("hnnnnnnnc", (Check(weighted([pow(10, 7 - p, 23) for p in range(8)], 23, 33 * 10**7), _DNI),)),
    ),
    "FI": (
        Scheme("ddmmyyknnc", (Check(_DAYS_SIX, tuple("0123456789ABCDEFHJKLMNPRSTUVWXY")),)),
        Scheme(
            "ddmmyyhknnc",
            (Check(_DAYS_SIX, tuple("0123456789ABCDEFHJKLMNPRSTUVWXY")),),
            reads=(0, 1, 2, 3, 4, 5, 7, 8, 9),
        ),
    ),
    "FR": (Scheme("knnkkkknnnnnncc", (Check(of_number(13, 97), _REST_TO_97),)),),
    "GB": (
        Scheme("hhnnnnnnh", ()),
        Scheme("nnnnnnnnnc", (Check(weighted(range(10, 1, -1), 11), _REST_TO_11_OR_NONE),)),
    ),
    "GR": (Scheme("ddmmyynnnnc", (LUHN,)),),
    "HR": (Scheme("nnnnnnnnnnc", (Check(mod_11_10, _DIGITS),)),),
    "IE": (
        Scheme("nnnnnnnc", (Check(_irish, tuple("WABCDEFGHIJKLMNOPQRSTUV")),)),
        Scheme("nnnnnnnch", (Check(_irish, tuple("WABCDEFGHIJKLMNOPQRSTUV")),), reads=(0, 1, 2, 3, 4, 5, 6, 8)),
    ),
    "IL": (Scheme("nnnnnnnnc", (LUHN,)),),
    "IN": (Scheme("knnnnnnnnnnc", (Check(_verhoeff, _DIGITS),)),),
    "IT": (Scheme("llllllnnhkkhnnnc", (Check(_italian, tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")),)),),
    "JP": (Scheme("nnnnnnnnnnnc", (Check(weighted((6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2), 11), _REST_TO_11_OR_0),)),),
    "KR": (Scheme("yymmddkknnnnc", (Check(weighted([*range(2, 10), *range(2, 6)], 11), _REST_TO_11_LAST_DIGIT),)),),
    "LT": (Scheme("kyymmddnnnc", (_BALTIC,)),),
    "NL": (Scheme("nnnnnnnnc", (Check(weighted(range(9, 1, -1), 11), _DIGITS_OR_NONE),)),),
    "PL": (
        Scheme("yymmddnnnnc", (Check(weighted((1, 3, 7, 9, 1, 3, 7, 9, 1, 3), 10), _REST_TO_10),), (0, 20, 40, 60, 80)),
    ),
    "PT": (Scheme("knnnnnnnc", (Check(weighted(range(9, 1, -1), 11), _REST_TO_11_OR_0),)),),
    "RO": (
        Scheme(
            "kyymmddkknnnc", (Check(weighted((2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9), 11), by_remainder("01234567891")),)
        ),
    ),
    "RS": (Scheme("ddmmkyykknnnc", (Check(weighted((7, 6, 5, 4, 3, 2) * 2, 11), _REST_TO_11_OR_NONE),)),),
    "SE": (Scheme("yymmddnnnc", (LUHN,)), Scheme("kkyymmddnnnc", (LUHN,), reads=tuple(range(2, 11)))),
    "SK": (Scheme("yymmddnnnc", (Check(of_number(9, 11), _DIGITS_TEN_IS_0),), (0, 20, 50, 70)),),
    "TH": (Scheme("knnnnnnnnnnnc", (Check(weighted(range(13, 1, -1), 11), _REST_TO_11_LAST_DIGIT),)),),
    "TR": (Scheme("pnnnnnnnncc", _TURKISH),),
    "UA": (Scheme("nnnnnnnnnc", (Check(weighted((-1, 5, 7, 9, 4, 6, 10, 5, 7), 11), _DIGITS_TEN_IS_0),)),),
    "ZA": (Scheme("yymmddnnnnkkc", (LUHN,)),),
}


def _build_national_id(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    country = str(options["country"])
    return checked_mask(keyed.sub(country), context, first_fitting(SCHEMES[country]))


def _reads(values: pa.Array, options: Options) -> pa.Array:
    """Tell of each value whether it has one of the country's forms, whatever its check digits say."""
    forms = (
        r"\W*".join("[A-Z]" if sign in "lh" else "[0-9A-Z]" if sign == "c" else "[0-9]" for sign in scheme.picture)
        for scheme in SCHEMES[str(options["country"])]
    )
    return pc.match_substring_regex(values, rf"^\W*(?:{'|'.join(forms)})\W*$")


_SSN_PLAIN, _SSN_DASHED = 9, 11
_SSN_BITS = 32


def _build_ssn(keyed: KeyedFunction, _options: Options, context: ColumnContext) -> MaskFunction:
    limit = context.type.length
    dashed = limit is None or limit >= _SSN_DASHED

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:

        bare = pc.replace_substring_regex(values, r"[^0-9]", "")
        bits = keyed.uniform(bare)
        number = ((bits >> np.uint64(_SSN_BITS)) * np.uint64(10**8)) >> np.uint64(_SSN_BITS)
        made = _spelt(number, dashed=False)
        same = same_text(made, bare)
        number[same] = (number[same] + np.uint64(1)) % np.uint64(10**8)
        plain = _spelt(number, dashed=False)
        if not dashed:
            return keep_blank(values, plain)
        is_plain = pc.match_substring_regex(values, r"^[0-9]{9}\s*$")
        return keep_blank(values, pc.if_else(pc.fill_null(is_plain, False), plain, _spelt(number, dashed=True)))

    return mask


def _spelt(number: npt.NDArray[np.uint64], *, dashed: bool) -> pa.Array:
    """Give 9 and eight digits, with dashes as the United States write them."""
    matrix = np.full((len(number), _SSN_DASHED if dashed else _SSN_PLAIN), ord("-"), dtype=np.uint8)
    matrix[:, 0] = ord("9")
    area, group, serial = (
        number // np.uint64(10**6),
        number // np.uint64(10**4) % np.uint64(100),
        number % np.uint64(10**4),
    )
    for place, width, part in ((1, 2, area), (4 if dashed else 3, 2, group), (7 if dashed else 5, 4, serial)):
        digits.write(matrix, place, width, part)
    return fixed_width(matrix)


def _ssn_fits(_options: Options, context: ColumnContext) -> str | None:
    limit = context.type.length
    if limit is not None and limit < _SSN_PLAIN:
        return f"a social security number needs {_SSN_PLAIN} characters, and the column holds {limit}"
    return None


DEFINITIONS = (
    MaskDefinition(
        name="national_id",
        summary="Another number in the form of a country's, valid if it was valid; a birth date in it becomes another.",
        kinds=frozenset({Kind.TEXT}),
        promises=ONE_TO_ONE | Promise.KEEPS_LENGTH,
        parameters=(
            Parameter("country", "text", required=True, choices=tuple(SCHEMES), summary="the country, as `ES`"),
        ),
        domain="national_id",
        build=_build_national_id,
        reads=_reads,
    ),
    MaskDefinition(
        name="ssn",
        summary="A social security number of the range 9xx, which the United States never issue.",
        kinds=frozenset({Kind.TEXT}),
        promises=Promise.CHANGES | Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(),
        domain="ssn",
        build=_build_ssn,
        reads=matching(r"[^0-9]*(?:[0-9][^0-9]*){9}"),
        fits=_ssn_fits,
    ),
)

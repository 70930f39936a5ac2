"""Accounts and cards: `payment_card`, `iban` and `bic`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dbmimic.masks.alike import DIGIT, UPPER
from dbmimic.masks.checked import LUHN, Characters, Check, Choose, Scheme, checked_mask
from dbmimic.masks.definition import (
    ONE_TO_ONE,
    Build,
    ColumnContext,
    MaskDefinition,
    MaskFunction,
    Options,
    Parameter,
    Promise,
    matching,
)
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.types import Kind

_SHORTEST_CARD, _LONGEST_CARD = 12, 19
_FEWEST_VARYING = 6
_SHORTEST_IBAN, _LONGEST_IBAN = 15, 34
_MOST_IBAN = 10**18
_BIC_LENGTHS = (8, 11)
_COUNTRY = 2


def _build_card(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    kept = int(str(options["bin"]))

    def choose(classes: Sequence[int]) -> Scheme | None:
        if not _SHORTEST_CARD <= len(classes) <= _LONGEST_CARD or set(classes) != {DIGIT}:
            return None
        varying = max(len(classes) - 1 - kept, _FEWEST_VARYING)
        return Scheme("k" * (len(classes) - 1 - varying) + "n" * varying + "c", (LUHN,))

    return checked_mask(keyed, context, choose)


def _mod_97(characters: Characters) -> npt.NDArray[np.int64]:
    """Give the rest of ISO/IEC 7064, MOD 97-10, with 00 for the check digits; a letter counts as two digits."""
    rest = np.zeros(len(characters[0]), dtype=np.int64)
    for character in characters:
        rest = (rest * np.where(character > 9, 100, 10) + character) % 97  # noqa: PLR2004  A is 10
    return rest * 100 % 97


_IBAN_CHECK = Check(_mod_97, tuple(f"{98 - rest:02}" for rest in range(97)))


def _iban(classes: Sequence[int]) -> Scheme | None:
    """Give the scheme of an IBAN: of the bank and account the last places vary, as many as make up 18 digits."""
    if not _SHORTEST_IBAN <= len(classes) <= _LONGEST_IBAN or list(classes[:4]) != [UPPER, UPPER, DIGIT, DIGIT]:
        return None
    if not set(classes) <= {DIGIT, UPPER}:
        return None
    picture, size = "", 1
    for found in reversed(classes[4:]):
        size *= 10 if found == DIGIT else 26
        varies = size <= _MOST_IBAN
        picture = (("n" if varies else "k") if found == DIGIT else ("l" if varies else "h")) + picture
    return Scheme(f"hhcc{picture}", (_IBAN_CHECK,), reads=(*range(4, len(classes)), 0, 1))


def _bic(classes: Sequence[int]) -> Scheme | None:
    if (
        len(classes) not in _BIC_LENGTHS
        or set(classes[: 4 + _COUNTRY]) != {UPPER}
        or not set(classes) <= {DIGIT, UPPER}
    ):
        return None
    rest = "".join("n" if found == DIGIT else "l" for found in classes[4 + _COUNTRY :])
    return Scheme(f"llllhh{rest}", ())


def _with(choose: Choose) -> Build:
    return lambda keyed, _options, context: checked_mask(keyed, context, choose)


DEFINITIONS = (
    MaskDefinition(
        name="payment_card",
        summary="Another card number of the same issuer, with a check digit as right as it was.",
        kinds=frozenset({Kind.TEXT}),
        promises=ONE_TO_ONE | Promise.KEEPS_LENGTH,
        parameters=(
            Parameter("bin", "integer", default=6, minimum=0, maximum=8, summary="first digits (the issuer's) to keep"),
        ),
        domain="payment_card",
        build=_build_card,
        reads=matching(r"\W*(?:[0-9]\W*){12,19}"),
    ),
    MaskDefinition(
        name="iban",
        summary="Another account in the same country, with check digits as right as they were.",
        kinds=frozenset({Kind.TEXT}),
        promises=ONE_TO_ONE | Promise.KEEPS_LENGTH,
        parameters=(),
        domain="iban",
        build=_with(_iban),
        reads=matching(r"\W*(?:[A-Z]\W*){2}(?:[0-9]\W*){2}(?:[A-Z0-9]\W*){11,30}"),
    ),
    MaskDefinition(
        name="bic",
        summary="Another bank's code in the same country.",
        kinds=frozenset({Kind.TEXT}),
        promises=ONE_TO_ONE | Promise.KEEPS_LENGTH,
        parameters=(),
        domain="bic",
        build=_with(_bic),
        reads=matching(r"\W*(?:[A-Z]\W*){6}(?:[A-Z0-9]\W*){2}(?:(?:[A-Z0-9]\W*){3})?"),
    ),
)

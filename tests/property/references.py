"""
What each mask gives, worked out in plain Python for one value at a time, from the papers' and the docstrings' words.

A reference gives None where a value is none that it speaks of. `step` is what a permutation adds to a rank: with -1
instead of 1 a reference of a one-to-one mask takes a masked value back to what it was.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import ipaddress
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from dbmimic.masks import canonical, locales, places, pools
from dbmimic.masks.builtin import finance, national, network, work
from dbmimic.masks.builtin.telephone import PLANS
from dbmimic.masks.checked import Scheme
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.shape import _AREA_DIGITS, Shape
from dbmimic.model.address import Secret
from dbmimic.model.types import Kind, LogicalType

SECRET = Secret(bytes(range(100, 140)))

_WORD = (1 << 64) - 1
_HALF = (1 << 32) - 1
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class Told:
    """One value with all that a mask is told of it; `who` is the entity's key, where the options name one."""

    value: str
    keyed: KeyedFunction
    options: Mapping[str, object] = field(default_factory=dict)
    column: LogicalType = field(default_factory=lambda: LogicalType(Kind.TEXT))
    who: str | None = None
    step: int = 1

    @property
    def folded(self) -> str:
        return str(canonical.folded(pa.array([self.value]))[0])

    @property
    def plain(self) -> str:
        return unicodedata.normalize("NFC", self.value)


Reference = Callable[[Told], str | None]


def mac(keyed: KeyedFunction, value: str | bytes) -> tuple[int, int]:
    """Give the two words of AES-CBC-MAC with the length in the first block."""
    raw = value.encode() if isinstance(value, str) else value
    encryptor = Cipher(algorithms.AES(keyed.key), modes.CBC(bytes(16))).encryptor()
    made = encryptor.update(len(raw).to_bytes(16, "little") + raw + bytes(-len(raw) % 16))[-16:]
    return int.from_bytes(made[:8], "little"), int.from_bytes(made[8:], "little")


def block(keyed: KeyedFunction, first: int, second: int) -> bytes:
    """Give one block of AES."""
    encryptor = Cipher(algorithms.AES(keyed.key), modes.ECB()).encryptor()
    return encryptor.update((first & _WORD).to_bytes(8, "little") + second.to_bytes(8, "little"))


def stream(keyed: KeyedFunction, value: str | bytes) -> Iterator[int]:
    """Give pseudo-random bytes without end: the blocks of the value's MAC, counted up."""
    first, second = mac(keyed.sub("value"), value)
    while True:
        yield from block(keyed.sub("stream"), first, second)
        first += 1


def permuted(keyed: KeyedFunction, size: int, number: int, step: int = 1) -> int:
    """Give where a number goes in [0, size): one on in the order that a Feistel network of ten rounds makes."""
    low = math.isqrt(size - 1) + 1
    sides = low, -(-size // low)

    def rounds(number: int, sign: int) -> int:
        halves = [number % low, number // low]
        for at in range(10)[::sign]:
            made = block(keyed, halves[1 - at % 2] | at << 32, size & _WORD)
            drawn = int.from_bytes(made[4:8], "little") * sides[at % 2] >> 32
            halves[at % 2] = (halves[at % 2] + sign * drawn) % sides[at % 2]
        return halves[1] * low + halves[0]

    def walk(number: int, sign: int) -> int:
        number = rounds(number, sign)
        while number >= size:
            number = rounds(number, sign)
        return number

    return walk((walk(number, 1) + step) % size, -1)


def base32(words: tuple[int, int], width: int) -> str:
    """Spell words, five bits a character, from the last one on: twelve of them in the second word."""
    made = ""
    for place in range(width):
        word = words[1] if place < 12 else words[0]
        made = _BASE32[word >> 5 * (place % 12) & 31] + made
    return made


def drawn(entries: Sequence[str], bits: int, low: int = 0, width: int = 32) -> int:
    """Give the index of the entry that some of the bits choose."""
    return (bits >> low & (1 << width) - 1) * len(entries) >> width


def entries_of(told: Told, pool: str, room: int | None) -> list[str]:
    """Give the entries of a pool, or of a locale's, that fit so many characters, or the beginnings of all."""
    locale = told.options.get("locale")
    if locale is not None:
        column = LogicalType(Kind.TEXT, length=room, charset=told.column.charset)
        found = locales.pool(str(locale), pool, column)
        assert found is not None
        return found.entries.to_pylist()
    every: list[str] = pools.load(pool).entries.to_pylist()
    if room is None or room >= max(map(len, every)):
        return every
    short = [entry for entry in every if len(entry) <= room]
    return short if len(short) >= 256 else list(dict.fromkeys(entry[:room].rstrip(" ") for entry in every))


def differing(made: Iterator[str], told: Told) -> str:
    """Give the first of some texts that is not what was seen."""
    return next(one for one in made if str(canonical.folded(pa.array([one]))[0]) != told.folded)


def from_pool(pool: str) -> Reference:
    """Give the reference of a mask that draws one entry for each value."""

    def reference(told: Told) -> str:
        entries = entries_of(told, pool, told.column.length)
        index = drawn(entries, mac(told.keyed, told.folded)[0])
        return differing((entries[(index + more) % len(entries)] for more in range(2)), told)

    return reference


def full_name(told: Told) -> str:
    limit, locale = told.column.length, str(told.options.get("locale"))
    if limit is not None and limit < 10:
        return from_pool("last_names")(told) or ""
    room = None if limit is None else (limit - 2) // 2
    firsts, lasts = entries_of(told, "first_names", room), entries_of(told, "last_names", room)
    bits = mac(told.keyed, told.folded)[0]
    first, last = firsts[drawn(firsts, bits)], drawn(lasts, bits, 32)
    between = {"hu_HU": " ", "ja_JP": " ", "ko_KR": "", "zh_CN": "", "zh_TW": ""}.get(locale)

    def made(last: str) -> str:
        if "," in told.value:
            return f"{last}, {first}"
        return f"{first} {last}" if between is None else f"{last}{between}{first}"

    return differing((made(lasts[(last + more) % len(lasts)]) for more in range(2)), told)


def email(told: Told) -> str | None:
    first, second = mac(told.keyed, told.folded if told.options.get("fold", True) else told.plain)
    limit = told.column.length or 99
    names = [
        entries[drawn(entries, first, low, 22)].lower() + "."
        for pool, low in (("first_names", 42), ("last_names", 20))
        for entries in [entries_of(Told("", told.keyed), pool, 8)]
    ]
    forms = [(names, "@example.com"), (names[:1], "@example.com"), ([], "@example.com"), ([], "@m.test")]
    own = re.search(r"(@[^@\s]+)$", told.folded) if told.options.get("keep_domain") else None
    if own is not None:
        for parts, _ in forms[:3]:
            for more in range(2):
                made = "".join(parts) + base32((first, second ^ more), 16) + own[1]
                if made != told.folded:
                    break
            if len(made) <= limit:
                return made
    parts, domain = next(
        ((parts, domain) for parts, domain in forms if 9 * len(parts) + 16 + len(domain) <= limit), ([], "@m.test")
    )
    width = min(16, limit - len(domain))
    return differing(("".join(parts) + base32((first, second ^ more), width) + domain for more in range(2)), told)


def username(told: Told) -> str:
    words = mac(told.keyed, told.folded)
    limit = told.column.length or 99
    gender = "female" if words[1] >> 63 else "male"
    firsts, lasts = (pools.load(pool).entries.to_pylist() for pool in (f"first_names_{gender}", "last_names"))
    first, last = firsts[drawn(firsts, words[0], 42, 22)].lower(), lasts[drawn(lasts, words[0], 20, 22)].lower()
    cuts = ((11, 11), (8, 8), (0, 11), (0, 8), (0, 0))
    one, other = next((c for c in cuts if sum(size + 1 for size in c if size) + 16 <= limit), (0, 0))
    names = [name[:size] for name, size in ((first, one), (last, other)) if size]
    suffixes = (base32((words[0], words[1] ^ more), min(16, limit)) for more in range(2))
    return differing((".".join([*names, suffix]) for suffix in suffixes), told)


def gender(told: Told) -> str:
    return str(told.options["female" if mac(told.keyed, told.folded)[0] >> 63 else "male"])


def street_address(told: Told) -> str:
    limit, locale = told.column.length, told.options.get("locale")
    if locale is None and limit is not None and limit < 11:
        return from_pool("streets")(told) or ""
    streets = entries_of(told, "streets", None if limit is None else limit - 4)
    bits = mac(told.keyed, told.folded)[0]
    street, house = streets[drawn(streets, bits)], drawn(range(999), bits, 32)  # type: ignore[arg-type]
    first = locale is None or str(locale).startswith(("en_", "fr_"))
    numbers = (str((house + more) % 999 + 1) for more in range(2))
    return differing((f"{number} {street}" if first else f"{street} {number}" for number in numbers), told)


def pair_of(firsts: Sequence[str] | str, seconds: Sequence[str]) -> Reference:
    """Give the reference of a mask that draws a word of each of two lists; where both have no room, of one."""

    def reference(told: Told) -> str:
        limit, longest = told.column.length, max(map(len, seconds))
        bits = mac(told.keyed, told.folded)[0]
        if limit is not None and limit < 10 + longest:
            if isinstance(firsts, str):
                return from_pool(firsts)(told) or ""
            short = list(dict.fromkeys(entry[:limit].rstrip(" ") for entry in seconds))
            words = list(seconds) if limit >= longest else short
            at = drawn(words, bits)
            return differing((words[(at + more) % len(words)] for more in range(2)), told)
        room = None if limit is None else limit - longest - 1
        some = entries_of(told, firsts, room) if isinstance(firsts, str) else firsts
        at = drawn(seconds, bits, 32)
        return differing(
            (f"{some[drawn(some, bits)]} {seconds[(at + more) % len(seconds)]}" for more in range(2)), told
        )

    return reference


def user_agent(told: Told) -> str:
    every = network._USER_AGENTS.entries.to_pylist()
    limit = told.column.length
    words = every if limit is None else list(dict.fromkeys(one[:limit].rstrip(" ") for one in every))
    at = drawn(words, mac(told.keyed, told.folded)[0])
    return differing((words[(at + more) % len(words)] for more in range(2)), told)


# --- one to one ------------------------------------------------------------------------------------------------------

_TWO_DIGITS = {20, 27, *range(30, 35), 36, 39, 40, 41, *range(43, 50), *range(51, 59), *range(60, 67), 81, 82, 84, 86}
_TWO_DIGITS |= {*range(90, 96), 98}


def varying(value: str, shape: Shape) -> list[tuple[int, int, str]]:
    """Give place, radix and the character that stands for 0 of all that varies in a value."""
    classes = ((r"[0-9]", 10, "0"), (r"[a-z]", 26, "a"), (r"[A-Z]", 26, "A"))
    places = [
        (place, radix, zero)
        for place, character in enumerate(value)
        for pattern, radix, zero in classes
        if re.fullmatch(pattern, character)
    ]
    numbers = [place for place, radix, _ in places if radix == 10]
    if shape is Shape.AREA:
        stay = numbers[: _area("".join(value[place] for place in numbers), abroad=value.startswith("+"))]
        return [each for each in places if each[0] not in stay]
    if shape is Shape.CODE or len(numbers) < (8 if value.startswith("+") else 5):
        return places
    kept = 0
    if value.startswith("+"):
        run = (re.match(r"\+([0-9]{0,3})", value) or [""])[1]
        pair = (run + "00")[:2]
        kept = min(1 if pair[0] in "17" else 2 if int(pair) in _TWO_DIGITS else 3, len(run))
    places = [each for each in places if not (value.startswith("+") and 1 <= each[0] <= kept)]
    first = next(number for number, each in enumerate(places) if each[1] == 10)
    place = places[first][0]
    places[first : first + 1] = [] if value[place] == "0" else [(place, 9, "1")]
    return places


def _area(digits: str, *, abroad: bool) -> int:
    """Give how many of a number's digits tell its country and its area."""
    begin = 2 if not abroad and digits.startswith("00") else 0
    code = f"{digits[begin:]}000"
    width = 1 if code[0] in "17" else 2 if int(code[:2]) in _TWO_DIGITS else 3
    kept = digits.startswith("0") + 3
    if abroad or begin:
        kept = begin + width + int(_AREA_DIGITS[int(code[:width])])
    return max(0, min(kept, len(digits) - 4))


def shaped(keyed: KeyedFunction, told: Told, shape: Shape = Shape.CODE) -> str | None:
    """Give what a value becomes that keeps its shape; what has none becomes digits, and nobody takes that back."""
    value = told.value
    places = varying(value, shape)
    bits = sum(math.log2(radix) for _, radix, _ in places)
    if not value.isascii() or len(value) > 32 or not 0 < bits <= 63:
        words = mac(keyed.sub("no shape"), told.plain)
        width = min(19, told.column.length or 19)
        return None if told.step < 0 else "".join(f"{word % 10**10:010}" for word in words)[-width:]
    number, size = 0, 1
    for place, radix, zero in places:
        number, size = number * radix + ord(value[place]) - ord(zero), size * radix
    number = permuted(keyed.sub("shape"), size, number, told.step)
    characters = list(value)
    for place, radix, zero in reversed(places):
        number, rest = divmod(number, radix)
        characters[place] = chr(ord(zero) + rest)
    return "".join(characters)


_HUNDRED_YEARS = [dt.date(2000, 1, 1) + dt.timedelta(days) for days in range(36_525)]


class Identifier:
    """One identifier by a scheme: its number, whether it is one at all, and how it is written."""

    def __init__(self, scheme: Scheme, compact: str, *, plain: bool = False) -> None:
        self.scheme, self.compact, self.plain = scheme, compact, plain
        date = [] if plain else [scheme.picture.find(sign) for sign in "ymd"]
        self.date = [place for place in date if place >= 0]
        month = int(compact[self.date[1] : self.date[1] + 2]) if self.date else 0
        self.century = next((more for more in reversed(scheme.century) if more < month <= more + 12), 0)

    def places(self) -> Iterator[tuple[str, int, int]]:
        """Give sign, place and width of what varies; digits in a row are one number."""
        run: tuple[int, int] | None = None
        for place, sign in enumerate(self.scheme.picture + "."):
            shown = {"y": "n", "m": "n", "d": "n", "p": "n"}.get(sign, sign) if self.plain else sign
            if run is not None and shown != "n":
                yield ("n", *run)
                run = None
            if shown == "n":
                run = (place, 1) if run is None else (run[0], run[1] + 1)
            elif shown in "pl" or (shown == "y" and place == self.date[0]):
                yield shown, place, 2 if shown == "y" else 1

    def number(self) -> tuple[int, int, bool]:
        """Give the number, how many there are, and whether it is one of the scheme."""
        number, size, valid = 0, 1, True
        for sign, place, width in self.places():
            part, radix = self._part(sign, place, width)
            valid &= part is not None
            number, size = number * radix + (part or 0), size * radix
        return number, size, valid

    def _part(self, sign: str, place: int, width: int) -> tuple[int | None, int]:
        text = self.compact[place : place + width]
        if sign == "n":
            return int(text), 10**width
        if sign == "y":
            year, month, day = (int(self.compact[at : at + 2]) for at in self.date)
            try:
                return _HUNDRED_YEARS.index(dt.date(2000 + year, month - self.century, day)), 36_525
            except ValueError:
                return None, 36_525
        least, radix = ("1", 9) if sign == "p" else ("A", 26)
        return (ord(text) - ord(least), radix) if text >= least else (None, radix)

    def written(self, number: int) -> str:
        """Give the identifier with another number, its check characters as they stand."""
        made = list(self.compact)
        for sign, place, width in reversed(list(self.places())):
            number, part = divmod(number, {"p": 9, "l": 26, "y": 36_525}.get(sign) or 10**width)
            if sign == "y":
                date = _HUNDRED_YEARS[part]
                for at, piece in zip(self.date, (date.year % 100, date.month + self.century, date.day), strict=True):
                    made[at : at + 2] = f"{piece:02}"
            else:
                made[place : place + width] = (
                    f"{part:0{width}}" if sign == "n" else chr(ord("1" if sign == "p" else "A") + part)
                )
        return "".join(made)

    def right(self, which: int, compact: str) -> str:
        """Give the check characters that belong there; empty where no identifier has such a rest."""
        check, place = self.scheme.checks[which], self.scheme.check_places[which]
        read = [np.array([int(compact[at], 36)]) for at in self.scheme.reading(place)]
        return check.texts[int(check.remainder(read)[0])]

    def has_check(self, compact: str) -> bool:
        return not self.scheme.checks or bool(self.right(0, compact))


def checked(keyed: KeyedFunction, told: Told, scheme: Scheme | None) -> str | None:
    """Give another identifier for one: of what is none another that is none, with a check as right as it was."""
    places = [place for place, character in enumerate(told.value) if character.isascii() and character.isalnum()]
    if scheme is None:
        return shaped(keyed.sub("other"), told)
    permute = keyed.sub("checked")
    before = "".join(told.value[place] for place in places)
    one = Identifier(scheme, before)
    number, size, valid = one.number()
    made = before
    if valid and one.has_check(before):
        while made == before or not one.has_check(made):
            number = permuted(permute.sub(scheme.picture), size, number, told.step)
            made = one.written(number)
        for which, place in enumerate(scheme.check_places):
            made = _with_check(one, which, place, before, made)
    else:
        loose = Identifier(scheme, before, plain=True)
        number, size, _ = loose.number()
        while made == before or (Identifier(scheme, made).number()[2] and one.has_check(made)):
            number = permuted(permute.sub(scheme.picture + " outside"), size, number, told.step)
            made = loose.written(number)
    result = list(told.value)
    for place, character in zip(places, made, strict=True):
        result[place] = character
    return "".join(result)


def _with_check(one: Identifier, which: int, place: int, before: str, made: str) -> str:
    check = one.scheme.checks[which]
    right, wanted = one.right(which, before), one.right(which, made)
    found = before[place : place + check.width]
    if found not in check.ring or not right or not wanted:
        return made
    ring = check.ring
    moved = ring[(ring.index(wanted) + ring.index(found) - ring.index(right)) % len(ring)]
    return made[:place] + moved + made[place + check.width :]


def classes_of(value: str) -> list[int]:
    """Give the classes of a value's letters and digits, as `alike` counts them."""
    kept = [character for character in value if character.isascii() and character.isalnum()]
    return [1 if character.isdigit() else 2 if character.islower() else 3 for character in kept]


def national_id(told: Told) -> str | None:
    if len(told.value.encode()) > 48:
        return None
    schemes, classes = national.SCHEMES[str(told.options["country"])], classes_of(told.value)
    scheme = next((one for one in schemes if one.fits(classes)), None)
    return checked(told.keyed.sub(str(told.options["country"])), told, scheme)


def payment_card(told: Told) -> str | None:
    classes = classes_of(told.value)
    if not 12 <= len(classes) <= 19 or set(classes) != {1}:
        return checked(told.keyed, told, None)
    free = max(len(classes) - 1 - int(str(told.options["bin"])), 6)
    scheme = Scheme("k" * (len(classes) - 1 - free) + "n" * free + "c", (finance.LUHN,))
    return checked(told.keyed, told, scheme)


def iban(told: Told) -> str | None:
    return checked(told.keyed, told, finance._iban(classes_of(told.value)))


def bic(told: Told) -> str | None:
    return checked(told.keyed, told, finance._bic(classes_of(told.value)))


def integer_key(told: Told) -> str:
    number, column = int(Decimal(told.value)), told.column
    if column.kind is Kind.TEXT:
        ceilings = 10 ** (column.length or 20), 10 ** ((column.length or 20) - 1) - 1
    elif column.kind is Kind.DECIMAL:
        top = 10 ** ((column.precision or 20) - (column.scale or 0))
        ceilings = top, top - 1
    else:
        ceilings = (1 << (column.bits or 63),) * 2
    ceilings = min(ceilings[0], 1 << 64), min(ceilings[1], 1 << 64)
    low = min(30, ceilings[0].bit_length() - 2)
    magnitude = -1 - number if number < 0 else number
    edges = sorted({1, *(1 << bits for bits in range(low, 65)), max(ceilings[number < 0], 1)})
    for begin, end in pairwise(edges):
        if begin <= magnitude < end:
            moved = permuted(told.keyed.sub("integer_key"), end - begin, magnitude - begin, told.step) + begin
            return str(-1 - moved if number < 0 else moved)
    return str(number)


_MACS = (r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}", r"[0-9A-Fa-f]{4}(\.[0-9A-Fa-f]{4}){2}", r"[0-9A-Fa-f]{12}")


def hardware_address(told: Told) -> str | None:
    if not any(re.fullmatch(form, told.value) for form in _MACS):
        return shaped(told.keyed.sub("other"), told)
    places = [place for place, character in enumerate(told.value) if character.isalnum()]
    text, keeps = "".join(told.value[place] for place in places), told.options["vendor"] == "keep"
    begin = 6 if keeps else 2
    moved = permuted(told.keyed.sub("mac"), 16 ** (12 - begin), int(text[begin:], 16), told.step)
    made = (text[:6] if keeps else "02") + f"{moved:0{12 - begin}x}"
    tail = made[begin:].upper() if re.search("[A-F]", told.value) else made[begin:]
    result = list(told.value)
    for place, character in zip(places, made[:begin] + tail, strict=True):
        result[place] = character
    return "".join(result)


# --- words that nobody can take back ---------------------------------------------------------------------------------


def token(told: Told) -> str:
    if told.column.kind is Kind.UUID:
        return _uuid(told.keyed, told.value)
    plain = told.folded if told.options.get("fold") else told.plain
    prefix, limit = str(told.options["prefix"]), told.column.length
    width = int(str(told.options["length"] or min(16, 24 if limit is None else limit - len(prefix))))
    free = not prefix and told.options["length"] is None and (limit is None or limit >= 36)
    if free and re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", plain):
        return _uuid(told.keyed, plain)
    first, second = mac(told.keyed, plain)
    return differing((prefix + base32((first, second ^ more), width) for more in range(2)), told)


def _uuid(keyed: KeyedFunction, value: str) -> str:
    words = mac(keyed, re.sub("[-{}]", "", value.lower()))
    raw = bytearray(b"".join(word.to_bytes(8, "little") for word in words))
    raw[6], raw[8] = raw[6] & 0x0F | 0x40, raw[8] & 0x3F | 0x80
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def hash_(told: Told) -> str:
    width = int(str(told.options["length"] or min(64, told.column.length or 64)))
    bytes_of = stream(told.keyed, told.plain)
    made = "".join(f"{next(bytes_of):02x}" for _ in range(-(-width // 2)))[:width]
    return made if made != told.folded else made[:-1] + f"{(int(made[-1], 16) + 1) % 16:x}"


def api_key(told: Told) -> str:
    prefix = (re.match(r"(?:[A-Za-z][A-Za-z0-9]{0,15}[_-]){0,3}", told.plain) or [""])[0]
    first, second = mac(told.keyed, told.plain)
    if told.column.length is not None and len(prefix) > told.column.length - 24:
        prefix = ""
    return differing((prefix + base32((first, second ^ more), 24) for more in range(2)), told)


def ulid(told: Told) -> str:
    first, second = mac(told.keyed, told.plain)
    rest = "".join(_CROCKFORD[_BASE32.index(character)] for character in base32((first, second), 16))
    number = first >> 20 | second >> 60 << 44
    time = "".join(_CROCKFORD[number >> 5 * place & 31] for place in range(9, -1, -1))
    keeps = told.options["time"] == "keep" and re.fullmatch("[0-7][0-9A-HJKMNP-TV-Z]{25}", told.value)
    return (told.value[:10] if keeps else time) + rest


def pattern(told: Told) -> str:
    """Give what follows the one pattern that the test knows: two capitals and six digits."""
    assert told.options["pattern"] == r"[A-Z]{2}\d{6}"
    bytes_of = stream(told.keyed, told.plain)
    made = ""
    for alphabet in ("ABCDEFGHIJKLMNOPQRSTUVWXYZ",) * 2 + ("0123456789",) * 6:
        made += alphabet[(next(bytes_of) | next(bytes_of) << 8) * len(alphabet) >> 16]
    return made


def scramble(told: Told) -> str:
    bytes_of, made = stream(told.keyed, told.plain), ""
    for character in told.value:
        seen, byte = character if character.isascii() else "x", next(bytes_of)
        for zero, count in (("0", 10), ("a", 26), ("A", 26)):
            if ord(zero) <= ord(seen) < ord(zero) + count:
                seen = chr(ord(zero) + (byte * count >> 8))
                break
        made += seen
    return made


def prefix(told: Told) -> str:
    kept, fill = int(str(told.options["keep"])), str(told.options["fill"])
    rest = (fill if unicodedata.category(one)[0] in "LNM" else one for one in told.value[kept:])
    return told.value[:kept] + "".join(rest)


def ssn(told: Told) -> str:
    bare = "".join(character for character in told.value if character in "0123456789")
    number = (mac(told.keyed, bare)[0] >> 32) * 10**8 >> 32
    text = next(one for one in (f"9{(number + more) % 10**8:08}" for more in range(2)) if one != bare)
    dashed = told.column.length is None or told.column.length >= 11
    return text if not dashed or re.fullmatch(r"[0-9]{9}\s*", told.value) else f"{text[:3]}-{text[3:5]}-{text[5:]}"


def host(told: Told) -> str:
    return base32(mac(told.keyed, told.folded), 16) + ".example.com"


def ip(told: Told) -> str | None:
    padded = re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?", told.value)
    plain = re.sub(r"(?<![0-9])0+(?=[0-9])", "", told.value) if padded else told.value  # as in 010.001.000.009
    try:
        before = ipaddress.ip_interface(plain)
    except ValueError:
        return shaped(told.keyed.sub("other"), told)
    number, width = int(before.ip), before.max_prefixlen
    for length in range(width):
        high = int(before.ip) >> (width - length)
        if width == 32:
            made = block(told.keyed.sub("ipv4"), high << (32 - length) | length << 32, 32)
            bit = made[0] & 1
        else:
            bit = mac(told.keyed.sub("ipv6"), f"{length}:{high:x}")[0] & 1
        number ^= bit << (width - 1 - length)
    net = int(before.network.prefixlen)
    if net < width and before.ip == before.network.network_address:
        number &= int(before.netmask)
    tail = told.value.partition("/")[2] if width == 32 else ("" if net == width else str(net))
    return str(type(before.ip)(number)) + (f"/{tail}" if tail else "")


def fictitious_phone(told: Told) -> str:
    home, value = PLANS[str(told.options["country"])], told.value
    dialled = re.sub("[^0-9]", "", value)
    abroad = re.match(r"[^0-9+]*(\+|00)", value)
    whole = dialled.lstrip("0") if abroad else home.code + dialled.lstrip(home.trunk)
    plan = next((one for one in PLANS.values() if whole.startswith(one.code)), None)
    if plan is not None and plan.trunk == "0":
        whole = plan.code + whole[len(plan.code) :].lstrip("0")
    national, plan = whole[len(plan.code) :] if plan else "", plan or home
    of = plan.ranges[max((area for area in plan.ranges if national.startswith(area)), key=len)]
    beginning = of.beginning
    if plan.any_area and re.fullmatch(r"([2-7][0-8]|9[1-8])[0-9]{8}", national):
        beginning = national[:3] + plan.any_area.beginning
    number = ((mac(told.keyed, whole)[0] >> 32) * (10**of.width - of.first) >> 32) + of.first
    made = f"{beginning}{number:0{of.width}}"
    called = "00" * dialled.startswith("00") + plan.code if abroad else home.trunk * dialled.startswith(home.trunk)
    if len(called + made) == len(dialled) and re.fullmatch("[0-9 +()./-]*", value):
        others = iter(called + made)
        return re.sub("[0-9]", lambda _: next(others), value)
    return (f"+{plan.code}" if abroad else home.trunk if home.trunk == "0" else "") + made


def sealed(told: Told) -> str | None:
    """RFC 5297, with CMAC and CTR as they come and no associated data."""
    authentication, encryption = (
        algorithms.AES(told.keyed.sub(f"seal: {each}").key) for each in ("authentication", "encryption")
    )

    def tag(text: bytes) -> bytes:
        first = cmac(authentication, bytes(16))
        if len(text) < 16:
            padded = (text + b"\x80").ljust(16, b"\0")
            return cmac(authentication, _xor(_doubled(first), padded))
        return cmac(authentication, text[:-16] + _xor(text[-16:], first))

    def crypted(beginning: bytes, text: bytes) -> bytes:
        counter = int.from_bytes(beginning, "big") & ~(1 << 63 | 1 << 31)
        return Cipher(encryption, modes.CTR(counter.to_bytes(16, "big"))).encryptor().update(text)

    if told.step > 0:
        plain = told.plain.encode()
        return base64.b32encode(tag(plain) + crypted(tag(plain), plain)).decode().rstrip("=").lower()
    if not re.fullmatch("[a-z2-7]{28,}", told.value):
        return None
    both = base64.b32decode(told.value.upper() + "=" * (-len(told.value) % 8))
    found = crypted(both[:16], both[16:])
    assert tag(found) == both[:16]
    return found.decode()


def cmac(cipher: algorithms.AES, text: bytes) -> bytes:
    made = CMAC(cipher)
    made.update(text)
    return made.finalize()


def _doubled(block_: bytes) -> bytes:
    number = int.from_bytes(block_, "big") << 1
    return (number & (1 << 128) - 1 ^ (0x87 if number >> 128 else 0)).to_bytes(16, "big")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=True))


# --- numbers, days, places -------------------------------------------------------------------------------------------


def _units(told: Told) -> tuple[int, int]:
    """Give a number in units of its last place, and how many places there are."""
    number, column = Decimal(told.value), told.column
    if column.kind is Kind.DECIMAL and column.precision is not None:
        places = column.scale or 0
    else:
        exponent = number.normalize().as_tuple().exponent
        places = 0 if column.kind is Kind.INTEGER else max(0, -int(exponent))
    return int(number.scaleb(places)), places


def _spelt(units: int, places: int) -> str:
    return f"{Decimal(units).scaleb(-places):.{places}f}" if units or places == 0 else f"0.{'0' * places}"


def _bounds(column: LogicalType, places: int) -> tuple[int, int]:
    if column.kind is Kind.INTEGER:
        top = (1 << (column.bits or 63)) - 1
        return (-top - 1 if column.signed else 0), top
    digits = 19 if column.precision is None else column.precision - (column.scale or 0) + places
    top = 10**digits - 1 if digits < 19 else (1 << 63) - 1
    return (-top if column.signed else 0), top


def noise(told: Told) -> str:
    units, places = _units(told)
    by = told.keyed.sub("value" if told.who is None else "entity")
    bits = mac(by, units.to_bytes(8, "little", signed=True) if told.who is None else told.who)[0]
    ratio, amount = told.options["ratio"] or 0.1, told.options["amount"]
    reach = float(str(amount)) * 10.0**places if amount is not None else abs(units) * float(str(ratio))
    most = max(int(reach), 1)
    step = min(int((bits >> 11) * 0.5**53 * most), most - 1) + 1
    lowest, highest = _bounds(told.column, places)
    for moved in (units - step, units + step) if bits & 1 else (units + step, units - step):
        if units and lowest <= moved <= highest and moved and (moved > 0) == (units > 0):
            return _spelt(moved, places)
    return _spelt(units, places)


def ordered_noise(told: Told) -> str:
    units, places = _units(told)
    size = int(str(told.options["step"])) * 10**places
    lowest, highest = _bounds(told.column, places)
    if abs(units) > 1 << 62:
        return _spelt(units, places)

    def knot(number: int) -> int:
        drawn = mac(told.keyed.sub("knots"), number.to_bytes(8, "little", signed=True))[0] >> 32
        return number * size + (drawn * size >> 32) - size // 2

    number, rest = divmod(units, size)
    here, following = knot(number), knot(number + 1)
    made = here + rest * (following - here) // size
    return _spelt(min(max(made, lowest), highest), places)


def round_(told: Told) -> str:
    units, places = _units(told)
    multiple = int(str(told.options["to"])) * 10**places
    lowest, highest = _bounds(told.column, places)
    count, rest = divmod(abs(units), multiple)
    sign = -1 if units < 0 else 1
    away = sign * (count + 1) * multiple
    return _spelt(away if 2 * rest >= multiple and lowest <= away <= highest else sign * count * multiple, places)


def bucket(told: Told) -> str:
    units, places = _units(told)
    made = units - units % (int(str(told.options["size"])) * 10**places)
    top = int(str(told.options["top"])) * 10**places
    return _spelt(max(top if units >= top else made, _bounds(told.column, places)[0]), places)


_LEFT = re.compile(r"-?infinity|0000-00-00.*")
_FIRST, _LAST = dt.date(1, 1, 1).toordinal(), dt.date(9999, 12, 31).toordinal()
_STAMPS = dt.date(1970, 1, 1).toordinal(), dt.date(2038, 1, 19).toordinal()


def date_shift(told: Told) -> str | None:
    if _LEFT.fullmatch(told.value):
        return told.value
    day, most = dt.date.fromisoformat(told.value[:10]).toordinal(), int(str(told.options["days"]))
    since = (day - dt.date(1970, 1, 1).toordinal()).to_bytes(8, "little", signed=True)
    bits = mac(told.keyed.sub("value"), since) if told.who is None else mac(told.keyed.sub("entity"), told.who)
    choice = (bits[0] >> 32) * 2 * most >> 32
    shift = choice - most + (choice >= most)
    moved = day + shift
    outside = not _FIRST <= moved <= _LAST
    if told.column.kind is Kind.TIMESTAMPTZ:
        outside |= (day >= _STAMPS[0] and moved <= _STAMPS[0]) or (day <= _STAMPS[1] and moved >= _STAMPS[1])
    moved = day - shift if outside else moved
    return dt.date.fromordinal(moved).isoformat() + told.value[10:]


def date_truncate(told: Told) -> str | None:
    if _LEFT.fullmatch(told.value):
        return told.value
    day = dt.date.fromisoformat(told.value[:10])
    month = {"year": 1, "quarter": (day.month - 1) // 3 * 3 + 1, "month": day.month}[str(told.options["to"])]
    first = day.replace(month=month, day=1)
    if told.column.kind is Kind.TIMESTAMPTZ and first == dt.date(1970, 1, 1):
        first = dt.date(1970, 1, 2)
    return first.isoformat() + re.sub(r"^([ T])\d\d:\d\d(:\d\d)?(\.\d+)?", r"\g<1>00:00:00", told.value[10:])


def location(told: Told) -> str:
    """Give where a latitude of so many places goes: up to half a square's side away, and back at a pole."""
    units, places = _units(told)
    bits = mac(
        told.keyed.sub("value"), canonical.by_kind(pa.array([told.value]), told.column)[0].as_buffer().to_pybytes()
    )
    degrees = ((bits[0] & _HALF) * 0.5**31 - 1.0) * (float(str(told.options["meters"])) * 0.7071 / 111_700.0)
    shift = math.trunc(degrees * 10**places)
    return _spelt(units - shift if abs(units + shift) > 90 * 10**places else units + shift, places)


def place(told: Told) -> str:
    entries = places.load()[str(told.options["part"])]
    return entries[drawn(entries, mac(told.keyed, told.who or "")[0])][: told.column.length]


def redact(told: Told) -> str:
    return str(told.options["text"] or "redacted")[: told.column.length]


def constant(told: Told) -> str:
    return str(told.options["value"])


def password(told: Told) -> str:
    salt = base32(mac(told.keyed, "salt"), 22)
    made = hashlib.pbkdf2_hmac("sha256", b"staging", salt.encode(), 10_000)
    return f"pbkdf2_sha256$10000${salt}${base64.b64encode(made).decode()}"


COMPANY = pair_of("last_names", work._FORMS.entries.to_pylist())
JOB_TITLE = pair_of(work._LEVELS.entries.to_pylist(), work._FIELDS.entries.to_pylist())


def resample(told: Told) -> str:
    """Give one of three values of which the rarest is drawn for nobody: see the test's summary."""
    ball = (mac(told.keyed, told.who or told.plain)[0] >> 32) * 14 >> 32
    return "often" if ball < 5 else "more often"


def template(told: Told) -> str:
    """Give what the one template that the test knows makes where there is no row."""
    assert told.options["template"] == "a{{{#}}}b"
    return "a{" + base32(mac(told.keyed, told.plain), 16) + "}b"


def url(told: Told) -> str:
    """Give a URL of another host, or other letters."""

    def part(name: str, value: str) -> str:
        keyed = KeyedFunction.derive(SECRET, name)
        return {"host": host, "scramble": scramble}[name](Told(value, keyed)) if value else value

    found = re.fullmatch(network._URL.strip("^$"), told.value, re.DOTALL)
    made = part("scramble", told.value)
    if found is not None:
        rest = part("scramble", found["rest"])
        made = found["scheme"] + part("host", found["host"]) + (found["port"] or "") + rest
    return made[: told.column.length]

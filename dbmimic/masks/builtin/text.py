"""Text by its characters: `scramble` keeps their classes, `pattern` follows yours, `prefix` keeps a beginning."""

from __future__ import annotations

import math
import re
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import canonical
from dbmimic.masks.definition import (
    ColumnContext,
    MaskDefinition,
    MaskFunction,
    OptionError,
    Options,
    Parameter,
    Promise,
)
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.layout import byte_layout, fixed_width, is_ascii, keep_blank
from dbmimic.model.types import Kind

_BLOCK = 16
_SAFE_BITS = 80  # a chance of 10**-10 of any collision in 15 million values
_MOST_WIDTH = 64
_FOREIGN = r"[^\x00-\x7F]"

_LEAST = np.zeros(256, dtype=np.uint8)
_COUNT = np.zeros(256, dtype=np.uint8)  # characters of the same class; 0 where a character stays
for _first, _last in ("09", "az", "AZ"):
    _LEAST[ord(_first) : ord(_last) + 1] = ord(_first)
    _COUNT[ord(_first) : ord(_last) + 1] = ord(_last) - ord(_first) + 1


def _build_scramble(keyed: KeyedFunction, _options: Options, _context: ColumnContext) -> MaskFunction:
    states, bytes_of = keyed.sub("value"), keyed.sub("stream")

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        bits = states.prf(canonical.text(values))
        plain = values if is_ascii(values) else pc.replace_substring_regex(values, _FOREIGN, "x")
        starts, lengths, data = byte_layout(plain)
        blocks = (lengths + (_BLOCK - 1)) // _BLOCK
        stream = bytes_of.stream(bits, blocks)
        if bool((lengths % _BLOCK).any()):
            begins = (np.cumsum(blocks) - blocks) * _BLOCK
            stream = stream.take(np.arange(len(data)) + np.repeat(begins - starts, lengths))
        count = _COUNT.take(data)
        drawn = (stream.astype(np.uint16) * count) >> np.uint16(8)
        made = np.where(count > 0, _LEAST.take(data) + drawn.astype(np.uint8), data)
        offsets = np.append(starts, len(data)).astype(np.int32)
        text = pa.StringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(made))
        return keep_blank(values, pc.if_else(pc.is_valid(values), text, pa.scalar(None, pa.string())))

    return mask


_ITEM = re.compile(r"\\d|\\w|\[((?:\\.|[^\]\\])+)\]|\\(.)|([^\\\[\]{}()|*+?.^$])", re.DOTALL)
_TIMES = re.compile(r"\{(\d{1,2})\}")
_MEMBER = re.compile(r"\\(.)|([^\\])-([^\\])|(.)", re.DOTALL)  # an escaped one, a range, one by itself
_DIGITS, _WORD = "0123456789", "abcdefghijklmnopqrstuvwxyz0123456789"


@cache
def _alphabets(pattern: str) -> tuple[str, ...]:
    """
    Give which characters may stand at each place.

    Raises:
        OptionError: the pattern is none that this mask follows.
    """
    places: list[str] = []
    at = 0
    while at < len(pattern):
        item = _ITEM.match(pattern, at)
        if item is None:
            raise OptionError("pattern", r"option 'pattern' may have text, \d, \w, [a-z0-9] and {n} after each of them")
        times = _TIMES.match(pattern, item.end())
        at = times.end() if times else item.end()
        places += [_alphabet(item)] * (int(times[1]) if times else 1)
    if not 0 < len(places) <= _MOST_WIDTH or not all(place.isascii() for place in places):
        raise OptionError("pattern", f"option 'pattern' must give 1 to {_MOST_WIDTH} characters of ASCII")
    return tuple(places)


def _alphabet(item: re.Match[str]) -> str:
    if item[0] in {r"\d", r"\w"}:
        return _DIGITS if item[0] == r"\d" else _WORD
    if item[1] is None:
        return item[2] or item[3]
    return "".join(sorted(set("".join(map(_members, _MEMBER.finditer(item[1]))))))


def _members(member: re.Match[str]) -> str:
    """Give the characters that one part of a class stands for."""
    if member[1]:
        return _DIGITS if member[1] == "d" else member[1]
    return "".join(map(chr, range(ord(member[2]), ord(member[3]) + 1))) if member[2] else member[4]


def _build_pattern(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    alphabets = [np.frombuffer(place.encode(), dtype=np.uint8) for place in _alphabets(str(options["pattern"]))]
    states, bytes_of = keyed.sub("value"), keyed.sub("stream")
    column = context.type
    blocks = -(-2 * len(alphabets) // _BLOCK)

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        bits = states.prf(canonical.by_kind(values, column))
        stream = bytes_of.stream(bits, np.full(len(values), blocks, dtype=np.int64))
        draws = stream.view("<u2").reshape(len(values), blocks * _BLOCK // 2).astype(np.uint32)
        matrix = np.empty((len(values), len(alphabets)), dtype=np.uint8)
        for place, alphabet in enumerate(alphabets):
            matrix[:, place] = alphabet.take((draws[:, place] * np.uint32(len(alphabet))) >> np.uint32(16))
        return keep_blank(values, fixed_width(matrix))

    return mask


def _pattern_fits(options: Options, context: ColumnContext) -> str | None:
    try:
        alphabets = _alphabets(str(options["pattern"]))
    except OptionError as error:
        return error.message
    limit = context.type.length
    if limit is not None and len(alphabets) > limit:
        return f"the pattern gives {len(alphabets)} characters, and the column holds {limit}"
    bits = sum(math.log2(len(alphabet)) for alphabet in alphabets)
    if context.unique and bits < _SAFE_BITS:
        return f"values that cannot collide need a pattern of {_SAFE_BITS} bits, and this one has {int(bits)}; use code"
    return None


def _build_prefix(_keyed: KeyedFunction, options: Options, _context: ColumnContext) -> MaskFunction:
    kept, fill = int(str(options["keep"])), str(options["fill"])

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        rest = pc.replace_substring_regex(pc.utf8_slice_codeunits(values, kept), r"[\pL\pN\pM]", fill)
        return pc.binary_join_element_wise(pc.utf8_slice_codeunits(values, 0, kept), rest, "")

    return mask


_TEXT = frozenset({Kind.TEXT})

DEFINITIONS = (
    MaskDefinition(
        name="scramble",
        summary="Other digits, small and capital letters in their places; what is not ASCII becomes a small letter.",
        kinds=_TEXT,
        promises=Promise.LOSSY | Promise.KEEPS_NULL | Promise.KEEPS_LENGTH,
        parameters=(),
        domain="scramble",
        build=_build_scramble,
    ),
    MaskDefinition(
        name="pattern",
        summary=r"Text that follows a pattern, as `INV-\d{8}`.",
        kinds=_TEXT,
        promises=Promise.UNIQUE | Promise.KEY_SAFE | Promise.KEEPS_NULL,
        parameters=(
            Parameter("pattern", "text", required=True, summary=r"text, \d, \w, [a-z0-9], each with {n} or without"),
        ),
        domain="pattern",
        build=_build_pattern,
        drawn=True,
        fits=_pattern_fits,
    ),
    MaskDefinition(
        name="prefix",
        summary="The first characters, and a fill for each letter and digit after them.",
        kinds=_TEXT,
        promises=Promise.LOSSY | Promise.KEEPS_NULL | Promise.KEEPS_LENGTH,
        parameters=(
            Parameter("keep", "integer", default=3, minimum=0, maximum=64, summary="characters to keep"),
            Parameter("fill", "text", default="0", minimum=1, maximum=1, summary="the character for what follows"),
        ),
        domain="prefix",
        build=_build_prefix,
    ),
)

"""Masks for what identifies a row: `integer_key`, `code` and `token`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import base32, canonical
from dbmimic.masks.definition import (
    ONE_TO_ONE,
    ColumnContext,
    MaskDefinition,
    MaskError,
    MaskFunction,
    Options,
    Parameter,
    Promise,
)
from dbmimic.masks.digits import spell
from dbmimic.masks.keyed import KeyedFunction, Words
from dbmimic.masks.layout import Bytes, byte_layout, fixed_width, keep_blank
from dbmimic.masks.permutation import Permutation
from dbmimic.masks.shape import Shape, shape_mask
from dbmimic.model.types import Kind, LogicalType

_LOW_BITS = 30
_FEWEST_BITS = 2  # [1, 4) is the least block in which every number can move
_NARROWEST = 16  # below that a block of one number can be left over
_INT64_BITS = 63
_WORD_BITS = 64
_WORD_DIGITS = 20  # more than 64 bits hold
_WHOLE = r"^(0|-?[1-9][0-9]*)$"
_NUMERIC = r"^[+-]?[0-9]+(\.0*)?$"

_UUID_TEXT = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_UUID_LENGTH = 36
_UUID_PAIRS = (0, 4, 9, 14, 19, 24, 28, 32)  # where each two bytes begin
_PAIRS = np.arange(1 << 16)
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)[
    np.stack([_PAIRS >> shift & 15 for shift in (4, 0, 12, 8)], 1)
]
_HEX_PAIRS = np.ascontiguousarray(_HEX).view("<u4").reshape(-1)


def _build_integer_key(keyed: KeyedFunction, _options: Options, context: ColumnContext) -> MaskFunction:
    blocks = _Blocks(keyed.sub("integer_key"), _low_bits(context), [*map(_ceilings, (context.type, *context.digits))])
    form = _WHOLE if context.type.kind is Kind.TEXT else _NUMERIC

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        whole = None if context.type.kind is Kind.TEXT else canonical.integers(values)
        masked = _in_text(blocks, values, form) if whole is None else spell(blocks.signed(whole))
        return keep_blank(values, pc.if_else(pc.is_null(values), pa.scalar(None, pa.string()), masked))

    return mask


class _Blocks:
    """
    The bijection: each block of magnitudes is permuted in itself.

    The blocks are [1, 2**low_bits) and from there on the powers of two, cut once more at what the column can hold, and
    at what the others can that are masked alike.
    """

    def __init__(self, keyed: KeyedFunction, low_bits: int, ceilings: Sequence[tuple[int, int]]) -> None:
        self._keyed = keyed
        edges = {1, *(1 << bits for bits in range(low_bits, _WORD_BITS + 1))}
        self._up, self._down = (
            sorted(edges | {max(ceiling, 1) for ceiling in each}) for each in zip(*ceilings, strict=True)
        )

    def signed(self, values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Move int64 values; -1 - x goes where x goes, so that each signed type keeps to its range."""
        negative = values < 0
        moved = self.magnitudes(np.where(negative, ~values, values).view(np.uint64), negative).view(np.int64)
        return np.where(negative, ~moved, moved)

    def magnitudes(self, values: Words, negative: npt.NDArray[np.bool_]) -> Words:
        """Move x, or -1 - x for a negative x, as numbers from 0 on; 0 stays."""
        result = values.copy()
        self._move(result, np.flatnonzero(~negative), self._up)
        self._move(result, np.flatnonzero(negative), self._down)
        return result

    def _move(self, numbers: Words, of: npt.NDArray[np.intp], edges: list[int]) -> None:
        values = numbers[of]
        highest = int(values.max(initial=0))
        for low, high in pairwise(edges):
            if low > highest:
                break
            rows = np.flatnonzero((values >= np.uint64(low)) & (values <= np.uint64(high - 1)))
            if len(rows):
                inside = values[rows] - np.uint64(low)
                numbers[of[rows]] = Permutation(self._keyed, high - low).move(inside) + np.uint64(low)


def _in_text(blocks: _Blocks, values: pa.Array, form: str) -> pa.Array:
    """Move whole numbers of up to 64 bits and a sign, from their text."""
    if not pc.all(pc.fill_null(_or_blank(values, form), True), min_count=0).as_py():
        raise MaskError("a value is not a whole number in its usual form, so integer_key cannot take it")
    digits = pc.replace_substring_regex(pc.replace_substring_regex(values, r"^[+-]", ""), r"\.0*$", "")
    filled = pc.if_else(pc.equal(digits, ""), "0", digits).fill_null("0")
    try:
        magnitudes = filled.cast(pa.uint64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        raise MaskError("a value has more than 64 bits, so integer_key cannot take it") from None
    negative = pc.starts_with(values, "-").fill_null(False).to_numpy(zero_copy_only=False) & (magnitudes > 0)
    moved = blocks.magnitudes(np.where(negative, magnitudes - np.uint64(1), magnitudes), negative)
    text = spell(np.where(negative, moved + np.uint64(1), moved))
    return pc.if_else(pa.array(negative), pc.binary_join_element_wise("-", text, ""), text)


def _or_blank(values: pa.Array, form: str) -> pa.Array:
    return pc.or_(pc.match_substring_regex(values, form), pc.equal(values, ""))


def _ceilings(column: LogicalType) -> tuple[int, int]:
    """Give how many numbers from 0 up the column holds, and how many from -1 down; at most 2**64."""
    if column.kind is Kind.TEXT and column.length is not None:
        return ceiling(column), _power_of_ten(max(column.length - 1, 0)) - 1
    symmetric = column.kind is Kind.DECIMAL and column.precision is not None
    return ceiling(column), ceiling(column) - 1 if symmetric else ceiling(column)


def ceiling(column: LogicalType) -> int:
    """Give how many numbers from 0 up the column holds; at most 2**64."""
    if column.kind is Kind.DECIMAL and column.precision is not None:
        return _power_of_ten(column.precision - (column.scale or 0))
    if column.kind is Kind.TEXT and column.length is not None:
        return _power_of_ten(column.length)
    if column.bits is not None:
        return 1 << column.bits
    return 1 << (_INT64_BITS if column.signed else _WORD_BITS)


def _power_of_ten(digits: int) -> int:
    return int(10**digits) if digits < _WORD_DIGITS else 1 << _WORD_BITS


def _low_bits(context: ColumnContext) -> int:
    if context.low_bits is not None:
        return context.low_bits
    return min(_LOW_BITS, ceiling(context.type).bit_length() - 2)


def _integer_fits(_options: Options, context: ColumnContext) -> str | None:
    column = context.type
    if column.kind is Kind.DECIMAL and column.scale:
        return "mask 'integer_key' takes whole numbers, and the column holds fractions"
    if column.years:
        return "mask 'integer_key' gives numbers that are no years"
    low_bits = _low_bits(context)
    if low_bits < _FEWEST_BITS or 1 << low_bits > ceiling(column) or ceiling(column) < _NARROWEST:
        return "the column is too narrow for masked keys of its domain"
    return None


def _build_token(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    if context.type.kind is Kind.UUID:
        return lambda values, _entity: keep_blank(values, _uuids(keyed, values))
    width, prefix = _token_width(options, context), str(options["prefix"])
    limit = context.type.length
    shapes_uuids = not prefix and options["length"] is None and (limit is None or limit >= _UUID_LENGTH)

    def canon(values: pa.Array) -> pa.Array:
        return canonical.folded(values) if options["fold"] else canonical.text(values)

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        bits = keyed.prf(canon(values))
        made = _tokens(bits, prefix, width)
        same = pc.fill_null(pc.equal(made, canonical.folded(values)), False)
        if pc.any(same).as_py():
            made = pc.if_else(same, _tokens(base32.other(bits), prefix, width), made)
        if shapes_uuids and bool(np.any(byte_layout(values)[1] >= _UUID_LENGTH)):
            plain = canon(values)
            is_uuid = pc.fill_null(pc.match_substring_regex(plain, _UUID_TEXT), False)
            made = pc.if_else(is_uuid, _uuids(keyed, plain), made)
        return keep_blank(values, made)

    return mask


def _tokens(bits: Words, prefix: str, width: int) -> pa.Array:
    spelt = fixed_width(base32.spell(bits, width))
    return pc.binary_join_element_wise(prefix, spelt, "") if prefix else spelt


def _uuids(keyed: KeyedFunction, values: pa.Array) -> pa.Array:
    """Give UUIDs of version 4 (RFC 9562, section 5.4), 122 of their bits from the keyed function."""
    raw = keyed.prf(canonical.uuid(values)).view(np.uint8).reshape(-1, 16)
    raw[:, 6] = (raw[:, 6] & 0x0F) | 0x40
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    matrix = np.full((len(raw), _UUID_LENGTH), ord("-"), dtype=np.uint8)
    if len(raw):
        _write_hex(matrix, raw)
    return fixed_width(matrix)


def _write_hex(matrix: Bytes, raw: Bytes) -> None:
    """Write sixteen bytes a row in hex, four digits at a time, between the dashes."""
    for pair, place in enumerate(_UUID_PAIRS):
        cells = np.ndarray((len(raw),), dtype="<u4", buffer=matrix, offset=place, strides=(_UUID_LENGTH,))
        cells[:] = _HEX_PAIRS.take(raw.view("<u2")[:, pair])


def _token_width(options: Options, context: ColumnContext) -> int:
    """Give the number of characters after the prefix."""
    if options["length"] is not None:
        return int(str(options["length"]))
    room = base32.MAX_WIDTH if context.type.length is None else context.type.length - len(str(options["prefix"]))
    return min(base32.SAFE_WIDTH, room)


def _token_fits(options: Options, context: ColumnContext) -> str | None:
    prefix, limit = str(options["prefix"]), context.type.length
    if context.type.kind is Kind.UUID:
        shaped = bool(prefix) or options["length"] is not None
        return "options 'prefix' and 'length' are for text columns; a uuid column gets a uuid" if shaped else None
    width = _token_width(options, context)
    if limit is not None and (width < 1 or len(prefix) + width > limit):
        return f"the token would have {len(prefix) + max(width, 1)} characters, and the column holds {limit}"
    if context.unique and width < base32.SAFE_WIDTH:
        safe = base32.SAFE_WIDTH
        return f"tokens that cannot collide need {safe} characters and there is room for {width}; use code"
    return None


def _build_code(keyed: KeyedFunction, _options: Options, context: ColumnContext) -> MaskFunction:
    return shape_mask(keyed, context, Shape.CODE)


DEFINITIONS = (
    MaskDefinition(
        name="code",
        summary="Other digits and letters in the same form, one to one: for short keys of text.",
        kinds=frozenset({Kind.TEXT}),
        promises=ONE_TO_ONE,
        parameters=(),
        domain="code",
        build=_build_code,
        advice=dict.fromkeys((Kind.INTEGER, Kind.DECIMAL), "use integer_key"),
        numbers_rows=True,
    ),
    MaskDefinition(
        name="integer_key",
        summary="Another whole number, one to one: for keys.",
        kinds=frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.TEXT}),
        promises=ONE_TO_ONE,
        parameters=(),
        domain="integer_key",
        build=_build_integer_key,
        fits=_integer_fits,
        leaves=r"-?0+(\.0*)?|-0*1(\.0*)?",
        advice=dict.fromkeys((Kind.UUID,), "use token"),
        numbers_rows=True,
    ),
    MaskDefinition(
        name="token",
        summary="An opaque word of lower-case letters and digits; a uuid for a uuid.",
        kinds=frozenset({Kind.TEXT, Kind.UUID}),
        promises=Promise.UNIQUE | Promise.CHANGES | Promise.KEY_SAFE | Promise.KEEPS_NULL,
        parameters=(
            Parameter("prefix", "text", default="", maximum=64, summary="what each token starts with"),
            Parameter("length", "integer", minimum=1, maximum=base32.MAX_WIDTH, summary="characters after the prefix"),
            Parameter("fold", "boolean", default=False, summary="values that differ in case or outer blanks are one"),
        ),
        domain="token",
        build=_build_token,
        drawn=True,
        fits=_token_fits,
        advice=dict.fromkeys((Kind.INTEGER, Kind.DECIMAL), "use integer_key"),
    ),
)

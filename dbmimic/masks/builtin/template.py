"""`template`: text made of the other columns of the row, as they are in the copy."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import base32, canonical
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
from dbmimic.masks.layout import fixed_width, keep_blank
from dbmimic.model.types import Kind

_OPTION = "template"
_PIECE = re.compile(r"\{\{|\}\}|\{(#)\}|\{([^{}|#]+)(?:\|([a-z]+))?\}|([^{}]+)")
_UNSAFE = r"[^\pL\pN]"

_WAYS: Mapping[str, Callable[[pa.Array], pa.Array]] = {
    "": lambda values: values,
    "lower": pc.utf8_lower,
    "upper": pc.utf8_upper,
    "initial": lambda values: pc.utf8_slice_codeunits(values, 0, 1),
    "slug": lambda values: pc.replace_substring_regex(pc.utf8_lower(values), _UNSAFE, ""),
}


@dataclass(frozen=True, slots=True)
class _Piece:
    """One piece: a text, a column in one of the ways, or (neither) a suffix that no other value has."""

    text: str = ""
    column: str = ""
    way: str = ""

    @property
    def is_suffix(self) -> bool:
        return not self.text and not self.column


def _pieces(template: str) -> tuple[_Piece, ...]:
    """
    Give the pieces of a template.

    Raises:
        OptionError: it has a brace too many, or names a way that is none.
    """
    pieces, at = [], 0
    for found in _PIECE.finditer(template):
        if found.start() != at:
            break
        at = found.end()
        suffix, column, way, text = found.groups()
        if way and way not in _WAYS:
            known = ", ".join(filter(None, _WAYS))
            raise OptionError(_OPTION, f"option {_OPTION!r} has a way {way!r}; columns come plain or as: {known}")
        pieces.append(_Piece(text or ("" if suffix or column else found[0][0]), (column or "").strip(), way or ""))
    if at != len(template):
        raise OptionError(_OPTION, f"option {_OPTION!r} has a brace that is no piece; write {{{{ for one that stays")
    return tuple(pieces)


def _columns(options: Options) -> tuple[str, ...]:
    """Give the columns that a template names, each once; what is no template names none."""
    try:
        pieces = _pieces(str(options[_OPTION]))
    except OptionError:
        return ()
    return tuple(dict.fromkeys(piece.column for piece in pieces if piece.column))


def _room(pieces: tuple[_Piece, ...], limit: int | None) -> int | None:
    """Give how many characters each column's piece may have, so that the whole fits."""
    if limit is None:
        return None
    named = sum(bool(piece.column) for piece in pieces)
    fixed = sum(len(piece.text) or base32.SAFE_WIDTH for piece in pieces if not piece.column)
    return (limit - fixed) // named if named else limit - fixed


def _build(keyed: KeyedFunction, options: Options, context: ColumnContext) -> MaskFunction:
    pieces = _pieces(str(options[_OPTION]))
    room = _room(pieces, context.type.length)

    def made_of(piece: _Piece, values: pa.Array, row: pa.Array | None) -> pa.Array:
        if piece.is_suffix:
            return fixed_width(base32.spell(keyed.prf(canonical.text(values)), base32.SAFE_WIDTH))
        if not piece.column:
            return pa.repeat(pa.scalar(piece.text, pa.string()), len(values))
        if row is None:
            return pa.repeat(pa.scalar("", pa.string()), len(values))
        told = _WAYS[piece.way](pc.struct_field(row, piece.column).fill_null(""))
        return told if room is None else pc.utf8_slice_codeunits(told, 0, room)

    def mask(values: pa.Array, row: pa.Array | None) -> pa.Array:
        whole = pc.binary_join_element_wise(*(made_of(piece, values, row) for piece in pieces), "")
        return keep_blank(values, pc.if_else(pc.is_valid(values), whole, pa.scalar(None, pa.string())))

    return mask


def _fits(options: Options, context: ColumnContext) -> str | None:
    try:
        pieces = _pieces(str(options[_OPTION]))
    except OptionError as error:
        return str(error)
    if context.unique and not any(piece.is_suffix for piece in pieces):
        return "two rows may give one text, and this column must be unique: put {#} where a unique suffix is to stand"
    room = _room(pieces, context.type.length)
    if room is not None and room < (1 if any(piece.column for piece in pieces) else 0):
        return f"the template does not fit the {context.type.length} characters that the column holds"
    return None


DEFINITIONS = (
    MaskDefinition(
        name="template",
        summary="Text made of the row's other columns as they are in the copy, as `{first_name|lower}@example.com`.",
        kinds=frozenset({Kind.TEXT}),
        promises=Promise.UNIQUE | Promise.KEEPS_NULL,
        parameters=(
            Parameter(
                _OPTION,
                "text",
                required=True,
                minimum=1,
                summary="text with {column}, {column|lower}, |upper, |initial, |slug, and {#} for a unique suffix",
            ),
        ),
        domain="template",
        build=_build,
        fits=_fits,
        row=_columns,
    ),
)

"""`xml`: text inside of documents, masked by the element or the attribute that it stands in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from html import unescape
from xml.parsers import expat
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks.definition import (
    ColumnContext,
    MaskDefinition,
    MaskError,
    MaskFunction,
    Options,
    Parameter,
    Part,
    PartBuild,
    Promise,
    needs_parts,
)
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.masks.layout import keep_blank
from dbmimic.masks.spans import Span, replaced
from dbmimic.model.types import Kind

_NAME = r"[^\s<>/=\"']+"
_PIECES = re.compile(
    r"(?P<comment><!--.*?-->)|<\?(?P<instruction>.*?)\?>|<!\[CDATA\[(?P<data>.*?)\]\]>"
    rf"|<(?P<close>/?)(?P<name>{_NAME})(?P<attributes>(?:\s+{_NAME}\s*=\s*(?:\"[^\"]*\"|'[^']*'))*)\s*(?P<empty>/?)>"
    r"|(?P<text>[^<]+)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(rf"({_NAME})\s*=\s*(?:\"([^\"]+)\"|'([^']+)')")
_DECLARED = re.compile(r"\s*<\?xml\s[^>]*\?>")
_FIXED = frozenset({"xmlns", "xml:lang", "xml:space"})  # attributes whose values have a meaning of their own
_QUOTES = {'"': "&quot;", "'": "&apos;"}
_REST, _COMMENT, _INVALID = "rest", "comment", "invalid"  # a comment is replaced by nothing
_OPTIONS = ("elements", "attributes")


def _named(options: Options, option: str) -> Mapping[str, object]:
    found = options[option]
    return found if isinstance(found, Mapping) else {}


def _parts(options: Options) -> dict[str, Part]:
    parts = {
        f"{option}: {name}": Part.read(option, str(name), written)
        for option in _OPTIONS
        for name, written in _named(options, option).items()
    }
    if options["rest"] == "scramble":
        parts[_REST] = Part("scramble", {})
    return {**parts, _COMMENT: Part("constant", {"value": ""}), _INVALID: Part("scramble", {}, unread=True)}


class _Document:
    """Finds what is masked in documents; names are compared without their prefix and without case."""

    def __init__(self, options: Options) -> None:
        self._patterns = {
            option: [(str(name).casefold(), f"{option}: {name}") for name in _named(options, option)]
            for option in _OPTIONS
        }
        self._rest = _REST if options["rest"] == "scramble" else None

    def spans(self, text: str) -> Iterator[Span]:
        """
        Give the text in named elements (and in all that stands inside of them), and named attributes.

        Comments go, and where the text around them is masked, so do instructions for programs.
        """
        above: list[str | None] = [self._rest]
        for piece in _PIECES.finditer(text):
            if piece["close"]:
                above.pop()
            elif piece["name"]:
                yield from self._attributes(piece)
                if not piece["empty"]:
                    above.append(self._part("elements", piece["name"]) or above[-1])
            elif piece["comment"]:
                yield Span(piece.start(), piece.end(), piece["comment"], _COMMENT)
            elif above[-1] is not None and piece["instruction"]:
                if not _DECLARED.match(piece[0]):
                    yield Span(piece.start(), piece.end(), piece["instruction"], _COMMENT)
            elif above[-1] is not None:
                yield from _inside(piece, above[-1])

    def _attributes(self, piece: re.Match[str]) -> Iterator[Span]:
        for found in _ATTRIBUTE.finditer(piece["attributes"]):
            is_fixed = found[1] in _FIXED or found[1].startswith("xmlns:")
            part = self._part("attributes", found[1]) or (None if is_fixed else self._rest)
            if part is not None:
                start = piece.start("attributes") + found.end() - 1 - len(found[2] or found[3])
                yield Span(start, start + len(found[2] or found[3]), unescape(found[2] or found[3]), part)

    def _part(self, option: str, name: str) -> str | None:
        plain = name.rpartition(":")[2].casefold()
        return next((part for pattern, part in self._patterns[option] if fnmatchcase(plain, pattern)), None)


def _inside(piece: re.Match[str], part: str) -> Iterator[Span]:
    """Give the text of one piece, without the blanks around it."""
    if piece["data"] and not piece["data"].isspace():
        yield Span(piece.start(), piece.end(), piece["data"].strip(), part)
    elif piece["text"] and not piece["text"].isspace():
        plain = piece["text"].strip()
        start = piece.start("text") + piece["text"].index(plain)
        yield Span(start, start + len(plain), unescape(plain), part)


def _spell(masked: str | None, _before: str) -> str:
    """Give a masked value as it may stand in text and in attributes; instead of NULL there is nothing."""
    return escape(masked or "", _QUOTES)


def _is_xml(text: str) -> bool:
    """Whether a text is a document, or a part of one; one that declares a document type is none."""
    parser = expat.ParserCreate()
    declared = _DECLARED.match(text)
    try:
        parser.Parse(f"<dbmimic>{text[declared.end() if declared else 0 :]}</dbmimic>".encode(), True)
    except (expat.ExpatError, ValueError):
        return False
    return True


def _compose(_keyed: KeyedFunction, options: Options, context: ColumnContext, build: PartBuild) -> MaskFunction:
    parts = {name: build(part) for name, part in _parts(options).items()}
    document, limit = _Document(options), context.type.length

    def mask(values: pa.Array, entity: pa.Array | None) -> pa.Array:
        encoded = values.dictionary_encode()
        fit = pa.array(map(_is_xml, encoded.dictionary.to_pylist()), pa.bool_()).take(encoded.indices)
        made = replaced(pc.if_else(fit, values, ""), document.spans, parts, _spell)
        if not pc.all(fit, min_count=0).as_py():
            if context.type.kind is not Kind.TEXT:
                raise MaskError("a value is no XML, or has a document type")
            unfit = pc.and_(pc.invert(fit), pc.not_equal(values, "").fill_null(False))
            made = pc.replace_with_mask(made, unfit, parts[_INVALID](values.filter(unfit), entity))
        return keep_blank(values, made if limit is None else pc.utf8_slice_codeunits(made, 0, limit))

    return mask


def _fits(options: Options, _context: ColumnContext) -> str | None:
    for option in _OPTIONS:
        if options[option] is not None and not isinstance(options[option], Mapping):
            return f"option {option!r} must name a mask for each of some {option}"
    if not any(_named(options, option) for option in _OPTIONS) and options["rest"] != "scramble":
        return "mask 'xml' needs `elements` or `attributes` to mask, or `rest: scramble`"
    return None


DEFINITIONS = (
    MaskDefinition(
        name="xml",
        summary="The same document, without comments, with the text of some elements and some attributes masked.",
        kinds=frozenset({Kind.OTHER, Kind.TEXT}),
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(
            Parameter("elements", "any", summary="a mask for each element, with * and ?, as `email: email`"),
            Parameter("attributes", "any", summary="a mask for each attribute, with * and ?"),
            Parameter("rest", "text", default="keep", choices=("keep", "scramble"), summary="all other text"),
        ),
        domain="xml",
        build=needs_parts,
        compose=_compose,
        parts=_parts,
        fits=_fits,
    ),
)

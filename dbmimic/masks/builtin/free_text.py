"""`free_text`: what looks like an address, an account, a number or a name inside of text, and what its row holds."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dbmimic.masks import pools
from dbmimic.masks.definition import (
    AFTER,
    BEFORE,
    ColumnContext,
    MaskDefinition,
    MaskFunction,
    Options,
    Parameter,
    Part,
    PartBuild,
    Promise,
    needs_parts,
)
from dbmimic.masks.keyed import KeyedFunction
from dbmimic.model.types import Kind

_AT_ONCE = 4096  # texts, so that their pieces do not fill the memory
_BETWEEN = "\0"  # between texts that are looked through as one; nothing that is found has it inside

_NO_DATE = r"(?<![0-9](?=[0-9]{3}-[0-9]{2}-[0-9]{2}\b))(?<![0-9](?=[0-9]?[./-][0-9]{1,2}[./-][0-9]{2,4}\b))"

# What is looked for in text, the first in this order where two overlap. Each begins with a set of characters, so that a
# text is searched as fast as they are rare in it; an e-mail is found from its @.
_FINDERS: Mapping[str, re.Pattern[str]] = {
    "emails": re.compile(r"@[\w-]+(?:\.[\w-]+)+"),
    "ibans": re.compile(r"[A-Z](?<!\w[A-Z])[A-Z][0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
    "cards": re.compile(r"[0-9](?<![\w+][0-9])(?:[ -]?[0-9]){11,18}\b"),
    "phones": re.compile(r"[0-9+(](?<![\w.].)" + _NO_DATE + r"(?:[ ()./-]{0,2}[0-9]){6,15}(?!\w)"),
    "names": re.compile(r"[A-Z](?<!\w[A-Z])[a-z]+\b"),
}
_NUMBERS = frozenset({"cards", "phones"})
_LOCAL_PART = re.compile(r"[\w.+-]+")
_LONGEST_LOCAL_PART = 64
_FOUND: Mapping[str, str] = {
    "emails": "email",
    "ibans": "iban",
    "cards": "payment_card",
    "phones": "phone",
    "first": "first_name",
    "last": "last_name",
}


_KNOWN = "known"
_SHORTEST = 2  # characters of a value that is looked for
_GONE = "redacted"  # stands for what is NULL or nothing in the copy
_WORDS = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")

Told = Sequence[tuple[int, int, str]]  # where each known value starts and ends in a text, in order, and what it becomes


def _text_parts(_options: Options) -> dict[str, Part]:
    return {found: Part(mask, {}) for found, mask in _FOUND.items()}


@cache
def _known(pool: str) -> frozenset[str]:
    return frozenset(pools.load(pool).entries.to_pylist())


Spans = list[tuple[int, int, str]]  # where each starts and ends, and which part masks it


def _matches(text: str, kind: str, pattern: re.Pattern[str]) -> Spans:
    """Give what has a form."""
    if kind != "emails":
        return [(*match.span(), kind) for match in pattern.finditer(text)]
    spans: Spans = []
    for match in pattern.finditer(text):
        at = match.start()
        backwards = _LOCAL_PART.match(text[max(0, at - _LONGEST_LOCAL_PART) : at][::-1])
        if backwards is not None:
            spans.append((at - backwards.end(), match.end(), kind))
    return spans


def _numbers(text: str, kind: str, pattern: re.Pattern[str], beginnings: Sequence[int]) -> Spans:
    """Give what `finditer` would, and try the pattern at the beginnings of numbers alone."""
    spans: Spans = []
    end = 0
    for place in beginnings:
        if place >= end and (match := pattern.match(text, place)) is not None:
            end = match.end()
            spans.append((place, end, kind))
    return spans


_LETTER, _SIGN, _DIGIT = 1, 2, 3  # what may stand inside of a word is odd
_CLASSES = bytes(
    _DIGIT
    if chr(code) in string.digits
    else _SIGN
    if chr(code) in "+("
    else int(chr(code) in string.ascii_letters + "_")
    for code in range(256)
)


def _beginnings(text: str) -> list[int]:
    """Give where a digit, a + or a ( stands and no letter or digit of ASCII before it."""
    plain = text.encode("ascii", "replace")  # a byte for each character; the pattern looks for itself what it was
    classes = np.frombuffer(plain.translate(_CLASSES), dtype=np.uint8)
    begins = classes > _LETTER
    begins[1:] &= classes[:-1] & 1 == 0
    places: list[int] = np.flatnonzero(begins).tolist()
    return places


def _names(text: str, pattern: re.Pattern[str]) -> Spans:
    """Give the words that are names: a known first name, what follows one, and known last names."""
    firsts, lasts = _known("first_names"), _known("last_names")
    spans: Spans = []
    after_first = -2  # where a first name ended
    for match in pattern.finditer(text):
        word, (start, end) = match[0], match.span()
        follows = start == after_first + 1 and text[after_first] != _BETWEEN
        if word in firsts and not follows:
            after_first = end
            spans.append((start, end, "first"))
        elif follows or word in lasts:
            spans.append((start, end, "last"))
    return spans


def _found(text: str, wanted: Sequence[str]) -> Spans:
    """Give all that is to be masked in a text, or in some with nothing but `_BETWEEN` between them, in order."""
    spans: Spans = []
    beginnings = _beginnings(text) if not _NUMBERS.isdisjoint(wanted) else []
    for kind, pattern in _FINDERS.items():
        if kind not in wanted:
            continue
        if kind in _NUMBERS:
            more = _numbers(text, kind, pattern, beginnings)
        else:
            more = _names(text, pattern) if kind == "names" else _matches(text, kind, pattern)
        spans = _beside(spans, more)
    return spans


def _beside(spans: Spans, more: Spans) -> Spans:
    """Give the spans, and those of some more that overlap none of them, in order."""
    if not spans or not more:
        return spans or more
    starts, ends = (np.array([span[side] for span in spans]) for side in (0, 1))
    begins, stops = (np.array([span[side] for span in more]) for side in (0, 1))
    last = np.searchsorted(starts, stops, side="left") - 1  # the last one that starts before this one ends
    free = (last < 0) | (ends[last] <= begins)
    return sorted([*spans, *(span for span, alone in zip(more, free.tolist(), strict=True) if alone)])


def _in_row(text: str, pairs: Sequence[tuple[str, str]]) -> Told:
    """Give where a text repeats what its row holds, as a word: the longest first, and none inside of another."""
    lowered, taken = text.lower(), np.zeros(len(text), dtype=np.bool_)
    told = []
    for before, after, as_spelt in sorted(_sought(pairs), key=lambda one: -len(one[0])):
        exact = as_spelt or len(lowered) != len(text)
        within, value = (text, before) if exact else (lowered, before.lower())
        start = within.find(value)
        while start >= 0:
            end = start + len(value)
            if _is_word(text, start, end) and not taken[start:end].any():
                taken[start:end] = True
                told.append((start, end, after))
            start = within.find(value, start + 1)
    return sorted(told)


def _sought(pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, bool]]:
    """Give what is looked for, what stands for it, and whether it must be spelt so: the words of a name must."""
    for before, after in pairs:
        yield before, after, False
        words, others = before.split(), after.split()
        if len(words) == len(others) > 1 and all(map(_WORDS.fullmatch, words)):
            yield from ((word, other, True) for word, other in zip(words, others, strict=True) if _is_name(word))


def _is_name(word: str) -> bool:
    return len(word) >= _SHORTEST and word[0].isupper()


def _is_word(text: str, start: int, end: int) -> bool:
    """Whether no word goes on before or after a part of a text that begins, or ends, with one."""
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    return not (before.isalnum() and text[start].isalnum()) and not (after.isalnum() and text[end - 1].isalnum())


def _outside(told: Told, spans: Spans) -> Told:
    """Give what is known, less what is a piece of more that is found: of an e-mail address, of a number."""
    wider = [span for span in spans if span[2] not in {"first", "last"}]
    if not told or not wider:
        return told
    starts, ends = (np.array([span[side] for span in wider]) for side in (0, 1))
    place = np.searchsorted(starts, [span[0] for span in told], side="right") - 1
    begins, stops = (np.array([span[side] for span in told]) for side in (0, 1))
    inside = (place >= 0) & (ends[place] >= stops) & (ends[place] - starts[place] > stops - begins)
    return [span for span, less in zip(told, inside.tolist(), strict=True) if not less]


def _replaced(
    texts: Sequence[str], wanted: Sequence[str], masks: Mapping[str, MaskFunction], known: Sequence[Told] = ()
) -> list[str]:
    """
    Give the texts with all that is found masked by its part; all else stays character by character.

    All texts are looked through as one, and each mask runs once. `known` tells of each text what stands for what in it.
    """
    joined = _BETWEEN.join(texts)
    if joined.count(_BETWEEN) >= len(texts) > 1:
        alone = [known[place : place + 1] for place in range(len(texts))]
        return [one for text, its in zip(texts, alone, strict=True) for one in _replaced([text], wanted, masks, its)]
    spans = _found(joined, wanted)
    begins = np.cumsum([0, *(len(text) + 1 for text in texts)]).tolist()
    told = [
        (at + start, at + end, after) for at, those in zip(begins, known, strict=False) for start, end, after in those
    ]
    told = list(_outside(told, spans))
    spans = _beside([(start, end, _KNOWN) for start, end, _ in told], spans)
    values: dict[str, list[str]] = {part: [] for part in masks}
    for start, end, part in spans:
        if part != _KNOWN:
            values[part].append(joined[start:end])
    masked = {
        part: iter(masks[part](pa.array(those, pa.string()), None).fill_null("").to_pylist())
        for part, those in values.items()
        if those
    }
    masked[_KNOWN] = iter([after for _, _, after in told])
    pieces, at = [], 0
    for start, end, part in spans:
        pieces += [joined[at:start], next(masked[part])]
        at = end
    made = "".join([*pieces, joined[at:]])
    return made.split(_BETWEEN) if len(texts) > 1 else [made]


def _compose_text(_keyed: KeyedFunction, options: Options, context: ColumnContext, build: PartBuild) -> MaskFunction:
    wanted = options["find"] if isinstance(options["find"], list | tuple) else tuple(_FINDERS)
    masks = {found: build(part) for found, part in _text_parts(options).items()}
    limit = context.type.length

    def fitting(made: list[str]) -> pa.Array:
        return pa.array([text[:limit] for text in made] if limit is not None else made, pa.string())

    def found(values: pa.Array) -> pa.Array:
        encoded = values.dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        made = [
            text
            for start in range(0, len(texts), _AT_ONCE)
            for text in _replaced(texts[start : start + _AT_ONCE], wanted, masks)
        ]
        return fitting(made).take(encoded.indices)

    def mask(values: pa.Array, row: pa.Array | None) -> pa.Array:
        if row is None or not _columns(options):
            return found(values)
        known = [
            _in_row(text, pairs) if text is not None and pairs else ()
            for text, pairs in zip(values.to_pylist(), _pairs(row, _columns(options)), strict=True)
        ]
        rows = np.flatnonzero([bool(told) for told in known])
        texts = values.take(pa.array(rows)).to_pylist()
        made = [
            text
            for start in range(0, len(rows), _AT_ONCE)
            for text in _replaced(
                texts[start : start + _AT_ONCE],
                wanted,
                masks,
                [known[place] for place in rows[start : start + _AT_ONCE].tolist()],
            )
        ]
        here = np.zeros(len(values), dtype=np.bool_)
        here[rows] = True
        others = found(pc.if_else(pa.array(here), pa.scalar(None, pa.string()), values))
        return pc.replace_with_mask(others, pa.array(here), fitting(made))

    return mask


def _columns(options: Options) -> tuple[str, ...]:
    """Give the columns whose values are known, each once."""
    named = options.get(_KNOWN)
    names = [named] if isinstance(named, str) else named if isinstance(named, list | tuple) else []
    return tuple(dict.fromkeys(map(str, names)))


def _pairs(row: pa.Array, names: Sequence[str]) -> Iterator[list[tuple[str, str]]]:
    """Give of each row what it holds in these columns, and what that is in the copy."""
    sides = [[pc.struct_field(row.field(side), name).to_pylist() for name in names] for side in (BEFORE, AFTER)]
    for held, made in zip(zip(*sides[0], strict=True), zip(*sides[1], strict=True), strict=True):
        stripped = [(before.strip(), after) for before, after in zip(held, made, strict=True) if before is not None]
        yield [(before, after or _GONE) for before, after in stripped if len(before) >= _SHORTEST and before != after]


def _text_fits(options: Options, _context: ColumnContext) -> str | None:
    wanted = options["find"]
    if isinstance(wanted, list | tuple) and (not wanted or not set(wanted) <= _FINDERS.keys()):
        return f"option 'find' takes some of: {', '.join(_FINDERS)}"
    return None


DEFINITIONS = (
    MaskDefinition(
        name="free_text",
        summary="The same text with e-mails, accounts, cards, telephone numbers and names in it masked as in columns.",
        kinds=frozenset({Kind.TEXT}),
        promises=Promise.LOSSY | Promise.KEEPS_NULL,
        parameters=(
            Parameter("find", "list", summary=f"some of {', '.join(_FINDERS)}; all, if not told"),
            Parameter(_KNOWN, "columns", summary="columns of the row: what they hold is replaced by what they become"),
        ),
        domain="free_text",
        build=needs_parts,
        compose=_compose_text,
        parts=_text_parts,
        fits=_text_fits,
        row=_columns,
        row_before=True,
    ),
)

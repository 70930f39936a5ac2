"""`free_text`: what looks like an address, an account, a number or a name inside of text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pyarrow as pa

from dbmimic.masks import pools
from dbmimic.masks.definition import (
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
    for kind, pattern in _FINDERS.items():
        if kind in wanted:
            spans = _beside(spans, _names(text, pattern) if kind == "names" else _matches(text, kind, pattern))
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


def _replaced(texts: Sequence[str], wanted: Sequence[str], masks: Mapping[str, MaskFunction]) -> list[str]:
    """
    Give the texts with all that is found masked by its part; all else stays character by character.

    All texts are looked through as one, and each mask runs once.
    """
    joined = _BETWEEN.join(texts)
    if joined.count(_BETWEEN) >= len(texts) > 1:
        return [one for text in texts for one in _replaced([text], wanted, masks)]
    spans = _found(joined, wanted)
    values: dict[str, list[str]] = {part: [] for part in masks}
    for start, end, part in spans:
        values[part].append(joined[start:end])
    masked = {
        part: iter(masks[part](pa.array(those, pa.string()), None).fill_null("").to_pylist())
        for part, those in values.items()
        if those
    }
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

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        encoded = values.dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        made = [
            text
            for start in range(0, len(texts), _AT_ONCE)
            for text in _replaced(texts[start : start + _AT_ONCE], wanted, masks)
        ]
        cut = [text[:limit] for text in made] if limit is not None else made
        return pa.array(cut, pa.string()).take(encoded.indices)

    return mask


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
        parameters=(Parameter("find", "list", summary=f"some of {', '.join(_FINDERS)}; all, if not told"),),
        domain="free_text",
        build=needs_parts,
        compose=_compose_text,
        parts=_text_parts,
        fits=_text_fits,
    ),
)

"""`free_text`: what looks like an address, an account, a number or a name inside of text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from operator import attrgetter

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
from dbmimic.masks.spans import Span, replaced
from dbmimic.model.types import Kind

_AT_ONCE = 1024  # texts, so that their pieces do not fill the memory

_NO_DATE = r"(?<![0-9](?=[0-9]{3}-[0-9]{2}-[0-9]{2}\b))(?<![0-9](?=[0-9]?[./-][0-9]{1,2}[./-][0-9]{2,4}\b))"

# What is looked for in text, the first in this order where two overlap. Each begins with a set of characters, so that a
# text is searched as fast as they are rare in it; an e-mail is found from its @.
_FINDERS: Mapping[str, re.Pattern[str]] = {
    "emails": re.compile(r"@[\w-]+(?:\.[\w-]+)+"),
    "ibans": re.compile(r"[A-Z](?<!\w[A-Z])[A-Z][0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
    "cards": re.compile(r"[0-9](?<!\w[0-9])(?:[ -]?[0-9]){11,18}\b"),
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


def _matches(text: str, kind: str, pattern: re.Pattern[str]) -> Iterator[Span]:
    """Give what has a form."""
    for match in pattern.finditer(text):
        start = match.start()
        if kind == "emails":
            backwards = _LOCAL_PART.match(text[max(0, start - _LONGEST_LOCAL_PART) : start][::-1])
            if backwards is None:
                continue
            start -= backwards.end()
        yield Span(start, match.end(), text[start : match.end()], kind)


def _names(text: str, pattern: re.Pattern[str]) -> Iterator[Span]:
    """Give the words that are names: a known first name, what follows one, and known last names."""
    firsts, lasts = _known("first_names"), _known("last_names")
    after_first = -2  # where a first name ended
    for match in pattern.finditer(text):
        word, follows = match[0], match.start() == after_first + 1
        if word in firsts and not follows:
            after_first = match.end()
            yield Span(match.start(), match.end(), word, "first")
        elif follows or word in lasts:
            yield Span(match.start(), match.end(), word, "last")


def _compose_text(_keyed: KeyedFunction, options: Options, context: ColumnContext, build: PartBuild) -> MaskFunction:
    wanted = options["find"] if isinstance(options["find"], list | tuple) else tuple(_FINDERS)
    masks = {found: build(part) for found, part in _text_parts(options).items()}
    limit = context.type.length

    def find(text: str) -> list[Span]:
        spans: list[Span] = []
        for kind, pattern in _FINDERS.items():
            if kind in wanted:
                looked_at = _names(text, pattern) if kind == "names" else _matches(text, kind, pattern)
                spans += [one for one in looked_at if all(one.end <= s.start or s.end <= one.start for s in spans)]
        return sorted(spans, key=attrgetter("start"))

    def mask(values: pa.Array, _entity: pa.Array | None) -> pa.Array:
        encoded = values.dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        made = [
            text
            for start in range(0, len(texts), _AT_ONCE)
            for text in replaced(texts[start : start + _AT_ONCE], find, masks)
        ]
        cut = [text if text is None else text[:limit] for text in made] if limit is not None else made
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

"""Pieces of texts that are masked where they stand: gathered over all rows, masked as columns, put back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from dbmimic.masks.definition import MaskFunction

_AT_ONCE = 1024  # texts, so that their pieces do not fill the memory


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text: what stands from `start` to `end`, its plain `value`, and which part masks it."""

    start: int
    end: int
    value: str
    part: str


Find = Callable[[str], Iterable[Span]]
Spell = Callable[[str | None, str], str]  # of a masked value, and of what stood there before


def replaced(values: pa.Array, find: Find, parts: Mapping[str, MaskFunction], spell: Spell) -> pa.Array:
    """
    Give the texts with every span that is found (in order) masked by its part; all else stays character by character.

    Each different text is looked at once, and each mask runs once for a thousand of them.
    """
    encoded = values.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    made: list[str] = []
    for first in range(0, len(texts), _AT_ONCE):
        made += _some(texts[first : first + _AT_ONCE], find, parts, spell)
    return pa.array(made, pa.string()).take(encoded.indices)


def _some(texts: list[str], find: Find, parts: Mapping[str, MaskFunction], spell: Spell) -> list[str]:
    found = [list(find(text)) if text else [] for text in texts]
    gathered: dict[str, list[str]] = {name: [] for name in parts}
    for spans in found:
        for span in spans:
            gathered[span.part].append(span.value)
    masked = {
        name: iter(parts[name](pa.array(those, pa.string()), None).to_pylist())
        for name, those in gathered.items()
        if those
    }
    result = []
    for text, spans in zip(texts, found, strict=True):
        pieces, at = [], 0
        for span in spans:
            pieces += [text[at : span.start], spell(next(masked[span.part]), text[span.start : span.end])]
            at = span.end
        result.append("".join([*pieces, text[at:]]))
    return result

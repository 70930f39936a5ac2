"""Pieces of texts that are masked where they stand: gathered over all rows, masked as columns, put back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from dbmimic.masks.definition import MaskFunction


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text: what stands from `start` to `end`, its plain `value`, and which part masks it."""

    start: int
    end: int
    value: str
    part: str


def replaced(
    texts: Sequence[str | None],
    find: Callable[[str], Iterable[Span]],
    parts: dict[str, MaskFunction],
    spell: Callable[[str | None, str], str],
) -> list[str | None]:
    """
    Give the texts with every span that is found masked by its part; all else stays character by character.

    `spell` gives the text for a span's place, of the masked value and what stood there. Each mask runs once, over all
    spans of its part.
    """
    found = [list(find(text)) if text else [] for text in texts]
    masked: dict[str, list[str | None]] = {}
    for name, mask in parts.items():
        values = [span.value for spans in found for span in spans if span.part == name]
        if values:
            masked[name] = mask(pa.array(values, pa.string()), None).to_pylist()
    queues = {name: iter(values) for name, values in masked.items()}
    result: list[str | None] = []
    for text, spans in zip(texts, found, strict=True):
        if text is None or not spans:
            result.append(text)
            continue
        pieces, at = [], 0
        for span in spans:
            pieces += [text[at : span.start], spell(next(queues[span.part]), text[span.start : span.end])]
            at = span.end
        result.append("".join([*pieces, text[at:]]))
    return result

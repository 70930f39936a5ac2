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
) -> list[str | None]:
    """
    Give the texts with every span that is found masked by its part; all else stays character by character.

    Each mask runs once, over all spans of its part.
    """
    found = [list(find(text)) if text else [] for text in texts]
    values: dict[str, list[str]] = {name: [] for name in parts}
    for spans in found:
        for span in spans:
            values[span.part].append(span.value)
    masked = {
        name: iter(parts[name](pa.array(those, pa.string()), None).to_pylist())
        for name, those in values.items()
        if those
    }
    result: list[str | None] = []
    for text, spans in zip(texts, found, strict=True):
        if text is None or not spans:
            result.append(text)
            continue
        pieces, at = [], 0
        for span in spans:
            pieces += [text[at : span.start], next(masked[span.part]) or ""]
            at = span.end
        result.append("".join([*pieces, text[at:]]))
    return result

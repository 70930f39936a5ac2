"""Identities of things in a database: never a dotted string."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

_PLAIN = re.compile(r"[^\W\d][\w$]*\Z")


def _shown(name: str) -> str:
    return name if _PLAIN.match(name) else '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True, order=True)
class TableId:
    """
    One table. `schema` is empty on engines where a connection sees one namespace (MySQL, SQLite).

    Two ids are equal exactly where the engine says that the names are; an engine that folds names folds them
    before it makes the id.
    """

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{_shown(self.schema)}.{_shown(self.name)}" if self.schema else _shown(self.name)

    def column(self, name: str) -> ColumnId:
        """Give the id of this table's column of that name."""
        return ColumnId(self, name)


@dataclass(frozen=True, slots=True, order=True)
class ColumnId:
    """One column of one table."""

    table: TableId
    name: str

    def __str__(self) -> str:
        return f"{self.table}.{_shown(self.name)}"


def column_list(names: tuple[str, ...]) -> str:
    """Give the names as they stand in an edge's name: `(a, b)`."""
    return "(" + ", ".join(_shown(name) for name in names) + ")"


def split_name(text: str) -> tuple[str, ...]:
    """
    Give the parts of a dotted name as somebody wrote it; a part in double quotes may hold anything.

    `public."a.b".c` has three parts. An unclosed quote is taken as an ordinary character.
    """
    parts = re.findall(r'(?:^|\.)(?:"((?:[^"]|"")*)"(?=\.|$)|([^.]*))', text)
    return tuple(quoted.replace('""', '"') if quoted else plain for quoted, plain in parts)


def nearest(wrong: str, known: Iterable[str]) -> str | None:
    """Give the known word that is most like a wrong one, where any is alike at all; few mistype the first letter."""
    spelled = {word.casefold(): word for word in sorted(known, reverse=True)}
    matches = difflib.get_close_matches(wrong.casefold(), spelled, cutoff=0.6)
    best = max(matches, key=lambda match: match[:1] == wrong[:1].casefold(), default=None)
    return None if best is None else spelled[best]

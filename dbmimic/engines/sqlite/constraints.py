"""What SQLite keeps in its CREATE statements alone: the conditions of tables, the elements of indexes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dbmimic.model.schema import Check, Distinct

DIALECT = "sqlite"  # sqlglot's name of its SQL

_OPAQUE = r"'(?:[^']|'')*'|--[^\n]*|/\*.*?(?:\*/|\Z)"
_QUOTED = r"\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`|\[[^\]]*\]"
_WORD = r"[A-Za-z_\x80-\U0010ffff][\w$]*"
_TOKEN = re.compile(rf"(?P<opaque>{_OPAQUE})|(?P<quoted>{_QUOTED})|(?P<word>{_WORD})|(?P<sign>[(),])", re.DOTALL)
_ORDER = re.compile(r"\s+(?:ASC|DESC)\s*\Z", re.IGNORECASE)


def checks(sql: str, columns: Sequence[str]) -> tuple[Check, ...]:
    """Give the conditions of a CREATE TABLE statement, each with the columns that it names."""
    found: list[Check] = []
    before: list[str] = []  # the last two words
    tokens = list(_TOKEN.finditer(sql))
    for number, token in enumerate(tokens):
        if token["word"] and token["word"].upper() == "CHECK" and number + 1 < len(tokens):
            inner = _inside(sql, tokens, number + 1)
            if inner is not None:
                named = len(before) > 1 and before[-2].upper() == "CONSTRAINT"
                title = _plain(before[-1]) if named else f"CHECK {len(found) + 1}"
                found.append(Check(title, inner, _named(inner, columns), DIALECT))
        if token["word"] or token["quoted"]:
            before = [*before[-1:], token[0]]
    return tuple(found)


def computed(sql: str, columns: Sequence[str]) -> dict[str, str]:
    """Give what a CREATE TABLE statement computes its generated columns of, by column."""
    found: dict[str, str] = {}
    known = {column.lower(): column for column in columns}
    tokens = list(_TOKEN.finditer(sql))
    depth, column, begins = 0, None, False
    for number, token in enumerate(tokens):
        if token["opaque"]:
            continue
        if begins and depth == 1:
            column = known.get(_plain(token[0]).lower())
        begins = token["sign"] in {"(", ","} and depth <= 1
        depth += {"(": 1, ")": -1}.get(token["sign"] or "", 0)
        if depth == 1 and column and token["word"] and token["word"].upper() == "AS" and number + 1 < len(tokens):
            inner = _inside(sql, tokens, number + 1)
            if inner is not None:
                found[column] = inner.strip()
    return found


def distinct(title: str, sql: str) -> Distinct:
    """Give what a CREATE UNIQUE INDEX statement keeps apart."""
    tokens = list(_TOKEN.finditer(sql))
    opening = next(number for number, token in enumerate(tokens) if token["sign"] == "(")
    start, depth = tokens[opening].end(), 0
    elements = []
    for token in tokens[opening:]:
        depth += {"(": 1, ")": -1}.get(token["sign"] or "", 0)
        if depth == 0 or (depth == 1 and token["sign"] == ","):
            elements.append(_ORDER.sub("", sql[start : token.start()]).strip())
            start = token.end()
        if depth == 0:
            break
    return Distinct(title, tuple(elements), DIALECT)


def _inside(sql: str, tokens: Sequence[re.Match[str]], opening: int) -> str | None:
    """Give what stands between the parenthesis at that token and the one that closes it."""
    if tokens[opening]["sign"] != "(":
        return None
    depth = 0
    for token in tokens[opening:]:
        depth += {"(": 1, ")": -1}.get(token["sign"] or "", 0)
        if depth == 0:
            return sql[tokens[opening].end() : token.start()]
    return None


def _named(expression: str, columns: Sequence[str]) -> tuple[str, ...]:
    """Give the columns that an expression names, in the table's spelling and order."""
    words = {_plain(word).lower() for word in _words(expression)}
    return tuple(column for column in columns if column.lower() in words)


def _words(expression: str) -> Iterator[str]:
    return (token[0] for token in _TOKEN.finditer(expression) if token["word"] or token["quoted"])


def _plain(word: str) -> str:
    """Give a name without its quotes."""
    if word[0] == "[":
        return word[1:-1]
    return word[1:-1].replace(word[0] * 2, word[0]) if word[0] in '"`' else word

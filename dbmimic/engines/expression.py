"""A condition as sqlglot reads it; apart from `condition`, because sqlglot is slow to load and few slices need it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import SqlglotError

_OPENING = {TokenType.L_PAREN: TokenType.R_PAREN, TokenType.L_BRACKET: TokenType.R_BRACKET}
_CLOSING = frozenset(_OPENING.values())
_STATEMENTS = (exp.Query, exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock)


@dataclass(frozen=True, slots=True)
class Reading:
    """
    What is there to say of a condition: what speaks against it, if anything, and the quoted names outside of queries.

    `quoted` is None where sqlglot does not know enough of the dialect to tell.
    """

    fault: str = ""
    quoted: tuple[str, ...] | None = None


def read(where: str, dialect: str) -> Reading:
    """Tell whether a text is one boolean expression, as far as that can be seen from outside of a server."""
    fault = _fault(where, dialect)
    if fault:
        return Reading(fault)
    try:
        parsed = [tree for tree in sqlglot.parse(where, read=dialect) if tree is not None]
    except SqlglotError:
        return Reading()
    if len(parsed) != 1 or isinstance(parsed[0], _STATEMENTS):
        return Reading("it is a statement")
    if parsed[0].find(exp.Placeholder, exp.Parameter):
        return Reading("it holds a parameter")
    return Reading(quoted=tuple(_quoted(parsed[0])))


def _fault(where: str, dialect: str) -> str:
    try:
        tokens = sqlglot.tokenize(where, read=dialect)
    except SqlglotError:
        return "it is not valid SQL"
    if "/*" in where or any(token.comments for token in tokens):
        return "it holds a comment"
    return _shape([token.token_type for token in tokens])


def _quoted(tree: exp.Expr) -> Iterator[str]:
    for column in tree.find_all(exp.Column):
        if isinstance(column.this, exp.Identifier) and column.this.quoted and column.find_ancestor(exp.Query) is None:
            yield column.name


def _shape(tokens: Sequence[TokenType]) -> str:
    """Give what keeps the tokens from standing between parentheses as one expression, if anything does."""
    if not tokens:
        return "it is empty"
    awaited: list[TokenType] = []
    for token in tokens:
        if token is TokenType.SEMICOLON:
            return "it holds a semicolon"
        if token in _OPENING:
            awaited.append(_OPENING[token])
        elif token in _CLOSING and (not awaited or awaited.pop() is not token):
            return "its parentheses do not match"
    return "its parentheses do not match" if awaited else ""

"""Whether what somebody wrote as a seed's condition is one boolean expression, and no way out of one."""

from __future__ import annotations

from collections.abc import Sequence

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import SqlglotError

from dbmimic.errors import ConfigError
from dbmimic.model.names import TableId

_OPENING = {TokenType.L_PAREN: TokenType.R_PAREN, TokenType.L_BRACKET: TokenType.R_BRACKET}
_CLOSING = frozenset(_OPENING.values())
_STATEMENTS = (exp.Query, exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock)


def check(table: TableId, where: str, dialect: str) -> exp.Expr | None:
    """
    Give the condition as sqlglot reads it, or None where it does not know enough of the dialect to.

    What it cannot read is left to the server to judge, between parentheses and in a read-only session; here it is made
    sure that the condition does not close those parentheses itself.

    Raises:
        ConfigError: DM212, it is more than one expression, or none.
    """
    try:
        tokens = sqlglot.tokenize(where, read=dialect)
    except SqlglotError:
        raise refused(table, "it is not valid SQL") from None
    if "/*" in where or any(token.comments for token in tokens):
        raise refused(table, "it holds a comment")
    fault = _shape([token.token_type for token in tokens])
    if fault is not None:
        raise refused(table, fault)
    try:
        parsed = [tree for tree in sqlglot.parse(where, read=dialect) if tree is not None]
    except SqlglotError:
        return None
    if len(parsed) != 1 or isinstance(parsed[0], _STATEMENTS):
        raise refused(table, "it is a statement")
    if parsed[0].find(exp.Placeholder, exp.Parameter):
        raise refused(table, "it holds a parameter")
    return parsed[0]


def refused(table: TableId, reason: str) -> ConfigError:
    """Give the error for a condition that cannot be used; the condition itself is not told, for it may hold values."""
    message = f"the condition is not one boolean expression over the table: {reason}"
    return ConfigError("DM212", message, place=str(table), hint="write what would stand after WHERE, without comments")


def _shape(tokens: Sequence[TokenType]) -> str | None:
    """Give what keeps the tokens from standing between parentheses as one expression, or None."""
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
    return "its parentheses do not match" if awaited else None

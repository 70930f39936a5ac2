"""
Whether what somebody wrote as a seed's condition is one boolean expression, and no way out of one.

A module that those import who have a condition in their hands: sqlglot is slow to load, and few slices need it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import SqlglotError

from dbmimic.engines.condition import refused
from dbmimic.model.names import TableId
from dbmimic.model.schema import Table
from dbmimic.model.types import Kind

_OPENING = {TokenType.L_PAREN: TokenType.R_PAREN, TokenType.L_BRACKET: TokenType.R_BRACKET}
_CLOSING = frozenset(_OPENING.values())
_STATEMENTS = (exp.Query, exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock)

# What gives a number or a text, which SQLite and MySQL take for a truth value without a word.
_VALUES = (
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.IntDiv,
    exp.Mod,
    exp.Neg,
    exp.DPipe,
    exp.BitwiseAnd,
    exp.BitwiseOr,
    exp.BitwiseXor,
    exp.BitwiseNot,
    exp.BitwiseLeftShift,
    exp.BitwiseRightShift,
)


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


def quoted_names(tree: exp.Expr) -> Iterator[str]:
    """Give the names of columns that a condition quotes outside of queries in it."""
    for column in tree.find_all(exp.Column):
        if isinstance(column.this, exp.Identifier) and column.this.quoted and column.find_ancestor(exp.Query) is None:
            yield column.name


def refuse_values(table: Table, tree: exp.Expr | None) -> None:
    """
    Make sure that a condition is no value that the engine would take for true or false: a text counts as 0.

    What cannot be told without the server (functions, subqueries) passes.

    Raises:
        ConfigError: DM212, it is a column that is not boolean, a text, a number, or arithmetic.
    """
    inside = [tree]
    while inside:
        part = inside.pop()
        if isinstance(part, exp.Paren | exp.Not):
            inside.append(part.this)
        elif isinstance(part, exp.Connector):
            inside += [part.left, part.right]
        elif isinstance(part, _VALUES) or (isinstance(part, exp.Literal) and part.this not in {"0", "1"}):
            raise refused(table.id, "it gives a value, not true or false")
        elif isinstance(part, exp.Column):
            column = table.column(part.name)
            if column is not None and column.logical.kind is not Kind.BOOLEAN:
                raise refused(table.id, f"the column {column.name} alone is not true or false")


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

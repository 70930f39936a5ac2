"""
What checks and indexes ask of a column, read from their SQL as far as that is plain.

What is not plain asks nothing here: checks are tried on masked rows besides. Apart from `context`, because sqlglot is
slow to load and few tables need it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dbmimic.model.schema import Check, Column, Distinct, Generated, Table

_VALUE = "value"  # what stands for the column in a domain's check
_TURNED = {"LT": "GT", "LTE": "GTE", "GT": "LT", "GTE": "LTE", "EQ": "EQ"}


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What a column's texts must be: of at most `length` characters, and one of `members`, if there are any.

    `by` names the check that asks for the members.
    """

    length: int | None = None
    members: tuple[str, ...] = ()
    by: str = ""


def asked(table: Table, column: Column) -> Asked:
    """Give what the checks of a table ask of a column's texts."""
    found = Asked()
    for check in table.checks:
        if check.columns == (column.name,) and not check.of_partitions:
            found = _both(found, _of_check(check))
    return found


def told_apart(table: Table, column: Column) -> bool:
    """Tell whether rows are told apart by the column's values, whatever their case and what stands for NULL in them."""
    name = column.name.casefold()
    return any(name in _plain(one) for one in _distinct(table))


def told_apart_by_more(table: Table, column: Column) -> tuple[str, ...]:
    """Give the names of the indexes that tell rows apart by something else that is made of the column's values."""
    name = column.name.casefold()
    return tuple(one.name for one in _distinct(table) if name in _named(one) - _plain(one))


def _distinct(table: Table) -> Iterator[Distinct]:
    """Give what keeps rows apart beside plain keys, keys of computed columns among it."""
    yield from table.distinct
    made = {column.name: column.default for column in table.columns if column.generated is not Generated.NO}
    for key in table.keys:
        expressions = tuple(default for name in key.columns if (default := made.get(name)))
        if expressions:
            yield Distinct(key.name, expressions, "")


def _both(one: Asked, other: Asked) -> Asked:
    lengths = [each.length for each in (one, other) if each.length is not None]
    members = one.members or other.members
    if one.members and other.members:
        members = tuple(word for word in one.members if word in other.members)
    return Asked(min(lengths, default=None), members, one.by or other.by)


@cache
def _of_check(check: Check) -> Asked:
    tree = _parsed(check.expression, check.dialect)
    column = _VALUE if check.of_type else check.columns[0]
    return Asked() if tree is None else reduce(_both, _asking(tree, column.casefold(), check.name), Asked())


def _asking(tree: Any, column: str, name: str) -> Iterator[Asked]:
    """Give what each part of a condition asks; of an OR only one that lets NULL pass is plain."""
    tree = _bare(tree)
    if isinstance(tree, exp.And):
        yield from _asking(tree.left, column, name)
        yield from _asking(tree.right, column, name)
        return
    if isinstance(tree, exp.Or):
        rest = [side for each in (tree.left, tree.right) if not _is_null(side := _bare(each), column)]
        if len(rest) == 1:
            yield from _asking(rest[0], column, name)
            return
    length = _length(tree, column)
    if length is not None:
        yield Asked(length=max(length, 0))
    members = _members(tree, column)
    if members:
        yield Asked(members=members, by=name)


def _is_null(tree: Any, column: str) -> bool:
    null = isinstance(tree, exp.Is) and isinstance(tree.expression, exp.Null)
    return null and _is_column(tree.this, column)


def _length(tree: Any, column: str) -> int | None:
    """Give the most characters that a comparison of the column's length lets pass."""
    if isinstance(tree, exp.Between) and _measures(tree.this, column):
        return _whole(tree.args["high"])
    if not isinstance(tree, exp.LT | exp.LTE | exp.GT | exp.GTE | exp.EQ):
        return None
    sign, left, right = type(tree).__name__, tree.left, tree.right
    if _measures(right, column):
        sign, left, right = _TURNED[sign], right, left
    limit = _whole(right) if _measures(left, column) else None
    if limit is None or sign in {"GT", "GTE"}:
        return None
    return limit - 1 if sign == "LT" else limit


def _measures(tree: Any, column: str) -> bool:
    """Tell whether this is the length of the column: no text has more characters than bytes."""
    tree = _bare(tree)
    if isinstance(tree, exp.Length):
        return _is_column(tree.this, column)
    named = isinstance(tree, exp.Anonymous) and str(tree.this).casefold() == "octet_length"
    return named and len(tree.expressions) == 1 and _is_column(tree.expressions[0], column)


def _members(tree: Any, column: str) -> tuple[str, ...]:
    """Give the texts of which the column must hold one."""
    values: list[Any] = []
    if isinstance(tree, exp.In) and _is_column(tree.this, column):
        values = tree.expressions
    elif isinstance(tree, exp.EQ) and _is_column(tree.left, column):
        right = _bare(tree.right)
        inner = _bare(right.this) if isinstance(right, exp.Any) else right
        values = inner.expressions if isinstance(inner, exp.Array) else [inner]
    plain = [_bare(value) for value in values]
    if plain and all(isinstance(value, exp.Literal) and value.is_string for value in plain):
        return tuple(str(value.this) for value in plain)
    return ()


def _whole(tree: Any) -> int | None:
    tree = _bare(tree)
    plain = isinstance(tree, exp.Literal) and not tree.is_string and str(tree.this).isdecimal()
    return int(tree.this) if plain else None


@cache
def _plain(one: Distinct) -> frozenset[str]:
    """Give the columns that an index takes as they are, or in one case, without blanks, or with something for NULL."""
    found = set()
    for element in one.elements:
        tree = _parsed(element, one.dialect)
        while isinstance(tree := _bare(tree), exp.Lower | exp.Upper | exp.Coalesce | exp.Collate | exp.Trim):
            tree = tree.this
        if isinstance(tree, exp.Column):
            found.add(tree.name.casefold())
    return frozenset(found)


@cache
def _named(one: Distinct) -> frozenset[str]:
    """Give all columns that an index names."""
    trees = [tree for element in one.elements if (tree := _parsed(element, one.dialect)) is not None]
    return frozenset(column.name.casefold() for tree in trees for column in tree.find_all(exp.Column))


def _is_column(tree: Any, column: str) -> bool:
    tree = _bare(tree)
    return isinstance(tree, exp.Column) and tree.name.casefold() == column


def _bare(tree: Any) -> Any:
    """Give what stands inside of parentheses and casts."""
    while isinstance(tree, exp.Paren | exp.Cast):
        tree = tree.this
    return tree


def _parsed(text: str, dialect: str) -> Any:
    """Give the tree of an expression, or None where it cannot be read."""
    try:
        return sqlglot.parse_one(text, read=dialect or None)
    except SqlglotError:
        return None

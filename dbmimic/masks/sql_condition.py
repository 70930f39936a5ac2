"""Conditions from SQL's words. Apart from `condition`, because sqlglot is slow to load and few rules need it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dbmimic.masks import canonical
from dbmimic.masks.condition import Condition, ConditionError, Test
from dbmimic.model.types import Kind, LogicalType

Compare = Callable[..., pa.Array]

_NUMBERS = {Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT}
_MOMENTS = {Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMPTZ}
_COMPARED: Mapping[type[exp.Expr], Compare] = {
    exp.EQ: pc.equal,
    exp.NEQ: pc.not_equal,
    exp.LT: pc.less,
    exp.LTE: pc.less_equal,
    exp.GT: pc.greater,
    exp.GTE: pc.greater_equal,
}
_TURNED: Mapping[type[exp.Expr], type[exp.Expr]] = {exp.LT: exp.GT, exp.LTE: exp.GTE, exp.GT: exp.LT, exp.GTE: exp.LTE}
_DIGITS = 20  # that a whole number of 64 bits has, at most
_WHOLE = rf"[+-]?[0-9]{{1,{_DIGITS}}}"
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?i:inf|infinity)"
_DATE, _TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
_FORMS: Mapping[Kind, str] = {
    Kind.DATE: "'2024-01-31'",
    Kind.TIME: "'10:20:30'",
    Kind.TIMESTAMP: "'2024-01-31' or '2024-01-31 10:20:30'",
    Kind.TIMESTAMPTZ: "'2024-01-31' or '2024-01-31 10:20:30+00'",
}
_KNOWN = "comparisons of a column with a value, AND, OR, NOT, IN, BETWEEN, LIKE and IS NULL"


def condition(text: str, columns: Mapping[str, LogicalType]) -> Condition:
    """
    Give the condition that a text spells.

    Raises:
        ConditionError: it is no condition, names a column that is not there, or asks what cannot be asked of arrays.
    """
    try:
        tree = sqlglot.parse_one(text)
    except SqlglotError:
        raise ConditionError("this is no condition of SQL") from None
    reader = _Reader({name.casefold(): (name, type_) for name, type_ in columns.items()}, set())
    test = reader.test(tree)
    return Condition(tuple(sorted(reader.used)), test)


@dataclass
class _Reader:
    """Reads the tree of one condition, and notes which columns it names."""

    columns: Mapping[str, tuple[str, LogicalType]]
    used: set[str]

    def test(self, tree: exp.Expr) -> Test:
        """Give what tells of each row whether the condition is true, false or (NULL) unknown."""
        if isinstance(tree, exp.Paren):
            return self.test(tree.this)
        if isinstance(tree, exp.Not):
            inner = self.test(tree.this)
            return lambda row: pc.invert(inner(row))
        if isinstance(tree, exp.And | exp.Or):
            left, right = self.test(tree.left), self.test(tree.right)
            join = pc.and_kleene if isinstance(tree, exp.And) else pc.or_kleene
            return lambda row: join(left(row), right(row))
        if isinstance(tree, exp.Is):
            return self._is(tree)
        if isinstance(tree, exp.Column):
            name, type_ = self._column(tree)
            if type_.kind is not Kind.BOOLEAN:
                raise ConditionError(f"column {name} is no yes or no by itself: compare it with a value")
            return self._equal(name, type_, "1")
        return self._about_a_column(tree)

    def _about_a_column(self, tree: exp.Expr) -> Test:
        compare: type[exp.Expr] = type(tree)
        if isinstance(tree, exp.Binary) and compare in _COMPARED:
            column, value = tree.left, tree.right
            if isinstance(value, exp.Column) and not isinstance(column, exp.Column):
                column, value, compare = value, column, _TURNED.get(compare, compare)
            name, type_ = self._column(column)
            return self._compared(name, type_, _COMPARED[compare], self._value(value, type_))
        if isinstance(tree, exp.In) and tree.expressions:
            name, type_ = self._column(tree.this)
            tests = [self._equal(name, type_, self._value(value, type_)) for value in tree.expressions]
            return lambda row: _any([test(row) for test in tests])
        if isinstance(tree, exp.Between):
            name, type_ = self._column(tree.this)
            low = self._compared(name, type_, pc.greater_equal, self._value(tree.args["low"], type_))
            high = self._compared(name, type_, pc.less_equal, self._value(tree.args["high"], type_))
            return lambda row: pc.and_kleene(low(row), high(row))
        if isinstance(tree, exp.Like | exp.ILike):
            name, type_ = self._column(tree.this)
            pattern = _written(tree.expression)
            ignore_case = isinstance(tree, exp.ILike)
            return lambda row: pc.match_like(_text(row[name], type_), pattern, ignore_case=ignore_case)
        raise ConditionError(f"this asks more than can be asked here, which is {_KNOWN}")

    def _is(self, tree: exp.Is) -> Test:
        name, type_ = self._column(tree.this)
        if isinstance(tree.expression, exp.Null):
            return lambda row: pc.is_null(row[name])
        if isinstance(tree.expression, exp.Boolean):
            inner = self._equal(name, type_, self._value(tree.expression, type_))
            return lambda row: pc.fill_null(inner(row), False)
        raise ConditionError("IS takes NULL, TRUE and FALSE")

    def _column(self, tree: exp.Expr) -> tuple[str, LogicalType]:
        if not isinstance(tree, exp.Column):
            raise ConditionError(f"a column of the row must stand here; what can be asked is {_KNOWN}")
        found = self.columns.get(tree.name.casefold())
        if found is None or tree.table:
            raise ConditionError(f"the table has no column {tree.sql()}")
        self.used.add(found[0])
        return found

    def _value(self, tree: exp.Expr, type_: LogicalType) -> str:
        """Give a written value as text, if a column of the type can be compared with it."""
        text = _written(tree)
        if type_.kind in _NUMBERS and not re.fullmatch(_NUMBER, text):
            raise ConditionError("a column of numbers is compared with what is no number")
        if type_.kind in _MOMENTS and _comparable(pa.array([text], pa.string()), type_)[0].as_py() is None:
            raise ConditionError(
                f"a column of kind {type_.kind} is compared with what is none; write {_FORMS[type_.kind]}"
            )
        return text

    def _equal(self, name: str, type_: LogicalType, value: str) -> Test:
        return self._compared(name, type_, pc.equal, value)

    def _compared(self, name: str, type_: LogicalType, compare: Compare, value: str) -> Test:
        is_whole = type_.kind is Kind.INTEGER and re.fullmatch(_WHOLE, value) is not None
        written = _comparable(pa.array([value], pa.string()), type_, is_whole=is_whole)[0]
        return lambda row: compare(_comparable(row[name], type_, is_whole=is_whole), written)


def _written(tree: exp.Expr) -> str:
    """Give a plain value as text."""
    if isinstance(tree, exp.Neg) and isinstance(tree.this, exp.Literal):
        return f"-{tree.this.this}"
    if isinstance(tree, exp.Literal):
        return str(tree.this)
    if isinstance(tree, exp.Boolean):
        return "1" if tree.this else "0"
    raise ConditionError("a column is compared with a plain value: a number, or a text in single quotes")


def _comparable(values: pa.Array, type_: LogicalType, *, is_whole: bool = False) -> pa.Array:
    """
    Give the values as what compares as they do: numbers, moments, or text.

    What is none of the kind (NaN, a date before Christ, what SQLite holds in a column of another type) is NULL: how it
    compares is unknown, so that its row is masked.
    """
    if type_.kind in _NUMBERS:
        plain = _only(values, _WHOLE if is_whole else _NUMBER)
        return plain.cast(pa.decimal128(_DIGITS, 0) if is_whole else pa.float64())
    if type_.kind is Kind.BOOLEAN:
        return pc.if_else(pc.is_null(values), pa.scalar(None, pa.string()), canonical.booleans(values))
    if type_.kind in _MOMENTS:
        return _moments(values, type_.kind)
    if type_.kind is Kind.UUID:
        return canonical.uuid(values)
    return _text(values, type_)


def _text(values: pa.Array, type_: LogicalType) -> pa.Array:
    return canonical.text(values, padded=type_.padded)


def _moments(values: pa.Array, kind: Kind) -> pa.Array:
    """Give moments so that their texts compare as they do: a date among moments is its midnight."""
    plain = pc.replace_substring_regex(canonical.moments(values), r"^(.*[T ]|)(\d\d:\d\d)$", r"\1\2:00")
    if kind in {Kind.TIMESTAMP, Kind.TIMESTAMPTZ}:
        plain = pc.replace_substring_regex(plain, r"^(\d{4}-\d\d-\d\d)$", r"\1 00:00:00")
    return _only(plain, {Kind.DATE: _DATE, Kind.TIME: _TIME}.get(kind, f"{_DATE} {_TIME}") + "|-?infinity")


def _only(values: pa.Array, pattern: str) -> pa.Array:
    """Give NULL for what does not match."""
    return pc.if_else(pc.match_substring_regex(values, f"^(?:{pattern})$"), values, pa.scalar(None, pa.string()))


def _any(tests: list[pa.Array]) -> pa.Array:
    found = tests[0]
    for test in tests[1:]:
        found = pc.or_kleene(found, test)
    return found

"""Which rule decides a column: the strongest layer, and in it the most exact pattern."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from dbmimic.errors import Problem
from dbmimic.model.names import ColumnId, nearest
from dbmimic.model.ruleset import ColumnRule, ColumnTrait, MaskRule, Ruleset, TraitRule
from dbmimic.model.schema import Column, Generated, Schema, Table
from dbmimic.model.types import Kind

Rule = ColumnRule | TraitRule

_GLOBS = "*?"

_BOOKKEEPING = re.compile(
    r"(row_?)?(created|updated|modified|inserted|deleted|changed|last_?(update|updated|modified|change|changed))"
    r"(_?(at|on|date|time|timestamp|ts|utc))*"
)
_MOMENTS = {Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ}


def find(table: Table, column: Column, ruleset: Ruleset) -> Rule | None:
    """Give the rule that decides a column, or None where nothing does."""
    found = traits(table, column)
    for layer in ruleset.layers:
        matching = [rule for rule in layer.columns if matches(rule, table, column)]
        if matching:
            return max(matching, key=_exactness)
        for rule in layer.traits:
            if rule.trait in found:
                return rule
    return None


def matches(rule: ColumnRule, table: Table, column: Column) -> bool:
    """Tell whether a rule's pattern and types name the column."""
    if rule.types and column.logical.kind not in rule.types:
        return False
    return _fits(rule.pattern, (table.id.schema, table.id.name, column.name))


def traits(table: Table, column: Column) -> set[ColumnTrait]:
    """Give what the catalogue alone says of a column."""
    kind = column.logical.kind
    found: set[ColumnTrait] = set()
    if kind is Kind.BOOLEAN:
        found.add(ColumnTrait.BOOLEAN)
    if kind is Kind.ENUM:
        found.add(ColumnTrait.ENUMERATION)
    if kind in {Kind.INTEGER, Kind.UUID} and any(key.primary and column.name in key.columns for key in table.keys):
        found.add(ColumnTrait.SURROGATE_KEY)
    if kind in _MOMENTS and _BOOKKEEPING.fullmatch(column.name.casefold()):
        found.add(ColumnTrait.BOOKKEEPING)
    if column.generated is not Generated.NO:
        found.add(ColumnTrait.GENERATED)
    return found


def unmatched(ruleset: Ruleset, schema: Schema) -> Iterator[Problem]:
    """
    Give a problem for each of the user's own patterns that names no column, or masks only computed ones.

    A typing error in a pattern would leave a column to a weaker rule, so it is an error and not a warning. A computed
    column is as its inputs are: were they kept, a mask that nobody asks would be a promise that nobody holds.
    """
    for layer in ruleset.layers:
        for rule in layer.columns if layer.own else ():
            found = [column for table in schema.tables for column in table.columns if matches(rule, table, column)]
            if not found:
                yield _explain(rule, schema)
            elif isinstance(rule.decision, MaskRule) and all(one.generated is not Generated.NO for one in found):
                reason = f"the engine computes the column {'.'.join(rule.pattern)}, so it cannot be masked itself"
                yield Problem("DM208", reason, rule.place, "mask the columns that it is made of, and drop this rule")


def _explain(rule: ColumnRule, schema: Schema) -> Problem:
    written = ".".join(rule.pattern)
    *owner, name = rule.pattern
    tables = [table for table in schema.tables if not owner or _fits(tuple(owner), (table.id.schema, table.id.name))]
    if not tables:
        guess = nearest(
            ".".join(owner), [str(table.id) for table in schema.tables] + [t.id.name for t in schema.tables]
        )
        return Problem("DM205", f"the rule {written} names no table of the source", rule.place, _did_you_mean(guess))
    guess = nearest(name, {column.name for table in tables for column in table.columns})
    reason = f"the rule {written} names no column of the source"
    if rule.types and any(_fits((name,), (column.name,)) for table in tables for column in table.columns):
        return Problem("DM206", f"{reason} that has one of its types", rule.place, "check the rule's `types`")
    return Problem("DM206", reason, rule.place, _did_you_mean(guess))


def _did_you_mean(guess: str | None) -> str:
    return f"did you mean {guess}?" if guess else "`dbmimic plan` lists the tables and columns that the source has"


def _fits(pattern: tuple[str, ...], name: tuple[str, ...]) -> bool:
    """Match part by part from the right, without case."""
    if len(pattern) > len(name):
        return False
    pairs = zip(reversed(pattern), reversed(name), strict=False)
    return all(fnmatchcase(part.casefold(), wanted.casefold().replace("[", "[[]")) for wanted, part in pairs)


def is_exact(rule: ColumnRule) -> bool:
    """Tell whether a rule's pattern spells names out, and leaves none open."""
    return not any(sign in part for part in rule.pattern for sign in _GLOBS)


def _exactness(rule: ColumnRule) -> tuple[bool, int, int, bool]:
    text = "".join(rule.pattern)
    literal = len(text) - sum(text.count(sign) for sign in _GLOBS)
    return (is_exact(rule), len(rule.pattern), literal, bool(rule.types))


def column_ids(schema: Schema) -> Iterator[tuple[Table, Column, ColumnId]]:
    """Give every column that a load would carry, in table and column order."""
    for table in schema.tables:
        if table.holds_rows:
            for column in table.loadable:
                yield table, column, table.id.column(column.name)

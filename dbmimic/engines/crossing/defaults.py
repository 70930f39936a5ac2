"""Defaults that two engines read alike: numbers, texts, truth values and the current time."""

from __future__ import annotations

import re

from dbmimic.engines.crossing.types import Held
from dbmimic.model.schema import Column
from dbmimic.model.types import Kind

_NUMBER = re.compile(r"\(?'?(-?\d+(?:\.\d+)?)'?\)?(?:::[\w\" .]+(?:\(\d+(?:,\d+)?\))?)?\Z")
_TEXT = re.compile(r"('(?:[^'\\]|'')*')(?:::[\w\" .]+(?:\(\d+\))?)?\Z")
_NOW = re.compile(r"(?:now\(\)|current_timestamp(?:\(\d?\))?)\Z", re.IGNORECASE)
_NOTHING = re.compile(r"NULL(?:::.*)?\Z", re.IGNORECASE | re.DOTALL)
_TRUTH = {"true": True, "false": False, "1": True, "0": False, "'1'": True, "'0'": False, "b'1'": True, "b'0'": False}
_NUMBERS = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT})


def is_nothing(default: str | None) -> bool:
    """Whether a default says no more than NULL does."""
    return default is None or _NOTHING.match(default) is not None


def translated(column: Column, held: Held, to: str) -> str | None:
    """Give the default's expression in the target's engine, or None where the two would not mean the same."""
    default, kind = column.default or "", column.logical.kind
    if held.barred or (to == "mysql" and "LONG" in type(held.sql).__name__):  # these take no default everywhere
        return None
    if kind is Kind.BOOLEAN and default.lower() in _TRUTH:
        truth = _TRUTH[default.lower()]
        return str(truth).lower() if to == "postgresql" else str(int(truth))
    if kind in _NUMBERS and (number := _NUMBER.match(default)):
        return f"'{number[1]}'" if held.kind is Kind.TEXT else number[1]
    if kind in {Kind.TEXT, Kind.ENUM} and (found := _TEXT.match(default)):
        return found[1]
    if kind in {Kind.TIMESTAMP, Kind.TIMESTAMPTZ} and _NOW.match(default):
        return "CURRENT_TIMESTAMP(6)" if to == "mysql" else "CURRENT_TIMESTAMP"
    return None

"""Rules as they were written: patterns and decisions, each knowing its place in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Undecided(StrEnum):
    """What becomes of a column that no rule decides."""

    FAIL = "fail"
    KEEP = "keep"
    NULL = "null"


class ColumnTrait(StrEnum):
    """What the catalogue alone says of a column, so that a pack can decide it without a name."""

    BOOLEAN = "boolean"
    ENUMERATION = "enumeration"  # enum and set types: their values stand in the schema
    SURROGATE_KEY = "surrogate_key"  # integer or uuid columns of a primary key
    BOOKKEEPING = "bookkeeping"  # timestamps of the row itself, by their usual names
    GENERATED = "generated"  # computed from other columns of the row


@dataclass(frozen=True, slots=True)
class KeepRule:
    """The column is copied as it is, because ..."""

    reason: str


@dataclass(frozen=True, slots=True)
class MaskRule:
    """The column is masked. `options` are the mask's parameters; `domain` joins columns that must agree."""

    mask: str
    options: Mapping[str, object] = field(default_factory=dict)
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """
    A decision for every column that `pattern` names.

    Shape: `pattern` is one to three dotted parts matched from the right against schema, table and column, each part
    a glob (`*`, `?`), compared without case; `types`, where given, limits it to columns of these kinds.
    """

    pattern: tuple[str, ...]
    decision: KeepRule | MaskRule
    place: str
    types: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TraitRule:
    """A decision for every column with a trait."""

    trait: ColumnTrait
    decision: KeepRule | MaskRule
    place: str


@dataclass(frozen=True, slots=True)
class RuleLayer:
    """The rules of one file. `own` is the user's own file: a pattern there that matches nothing is an error."""

    name: str
    columns: tuple[ColumnRule, ...] = ()
    traits: tuple[TraitRule, ...] = ()
    own: bool = False


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The layers, strongest first (the user's own file, then packs, the last named first), and what is left over."""

    layers: tuple[RuleLayer, ...]
    default: Undecided = Undecided.FAIL
    fingerprint: str = ""

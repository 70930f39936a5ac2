"""
What slice was asked for: parsed, checked against the schema, no strings left to interpret but SQL conditions.

A seed's `place` is where somebody wrote it, for errors that only the engine can find.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from dbmimic.model.names import TableId
from dbmimic.model.schema import ForeignKey


class Mode(StrEnum):
    """
    `full` takes every row; `closure` takes seeds, their parents and chosen children; `restrict` takes every row but
    those that lost a parent.
    """

    FULL = "full"
    CLOSURE = "closure"
    RESTRICT = "restrict"


class Children(StrEnum):
    """Whether the children of `own` rows come along."""

    FOLLOW = "follow"
    STOP = "stop"


class Enter(StrEnum):
    """
    Which children come along where several foreign keys lead to one table.

    `any`: those that one of their keys leads to. `all`: those that every key of theirs leads to which holds something.
    `owner`: those that one certain key leads to.
    """

    ANY = "any"
    ALL = "all"
    OWNER = "owner"


class Parent(StrEnum):
    """
    What becomes of a row whose parent over one edge is not in the slice.

    `follow`: the parent comes along. `null`: the reference is NULL in the copy. `drop-child`: the row leaves, and with
    it what cannot be without it. `stop`: nobody follows the edge, and the copy is refused if a parent is missing then.
    """

    FOLLOW = "follow"
    NULL = "null"
    STOP = "stop"
    DROP_CHILD = "drop-child"


@dataclass(frozen=True, slots=True)
class WhereSeed:
    """The rows of a table for which a condition in the engine's SQL is true."""

    table: TableId
    where: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class EdgePolicy:
    """
    How the walk treats one edge.

    Of the children that would come along, only those for which `where` is true do, of these the share `ratio` (0 to
    1), of these at most `limit` for each parent. Which ones does not depend on what else is in the slice. `nulls` are
    the columns that become NULL where a missing parent means that.
    """

    parent: Parent = Parent.FOLLOW
    children: Children = Children.FOLLOW
    limit: int | None = None
    ratio: float | None = None
    where: WhereSeed | None = None
    nulls: tuple[str, ...] = ()
    place: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """What the policy says that is not said of every edge."""
        said = [] if self.parent is Parent.FOLLOW else [f"parent: {self.parent}"]
        if self.children is not Children.FOLLOW:
            said.append(f"children: {self.children}")
        if self.where is not None:
            said.append("where ...")
        if self.ratio is not None:
            said.append(f"ratio: {self.ratio:g}")
        if self.limit is not None:
            said.append(f"limit: {self.limit}")
        return tuple(said)

    @property
    def thins(self) -> bool:
        """Whether only some of the children come along."""
        return self.limit is not None or self.ratio is not None or self.where is not None


@dataclass(frozen=True, slots=True)
class PercentSeed:
    """A share of a table's rows, chosen by keyed hash of their key: stable, and 5 % contains 1 %."""

    table: TableId
    percent: float
    place: str = ""


@dataclass(frozen=True, slots=True)
class IdsSeed:
    """The rows with these primary keys; each item has one value per column of the key, in the key's order."""

    table: TableId
    ids: tuple[tuple[int | str, ...], ...]
    place: str = ""


Seed = WhereSeed | PercentSeed | IdsSeed


@dataclass(frozen=True, slots=True)
class Cover:
    """
    What of one table the slice must hold: each value of these columns that `min_count` rows hold, and each pair of
    values of two columns where `pairs` says so.

    `parents` are columns of rows that the table's rows reference over an edge. `children` are edges to the table, of
    which the number of children counts as a column. `named` says that somebody chose the columns.
    """

    table: TableId
    pairs: bool
    min_count: int
    columns: tuple[str, ...]
    parents: tuple[tuple[ForeignKey, tuple[str, ...]], ...] = ()
    children: tuple[ForeignKey, ...] = ()
    named: bool = True
    place: str = ""

    @property
    def width(self) -> int:
        """How many columns there are, the numbers of children counted as such."""
        return len(self.columns) + sum(len(columns) for _, columns in self.parents) + len(self.children)


@dataclass(frozen=True, slots=True)
class Budget:
    """How large the slice is to be: so many `rows`, or so many bytes (`size`), as its values are written as text."""

    rows: int | None = None
    size: int | None = None
    place: str = ""

    @property
    def amount(self) -> int:
        """The number that is asked for, of rows or bytes."""
        return self.rows or self.size or 0

    @property
    def unit(self) -> str:
        """What is counted."""
        return "rows" if self.rows is not None else "bytes"


@dataclass(frozen=True, slots=True)
class SliceRequest:
    """
    The slice that was asked for. `static` tables come whole, `excluded` ones as structure only; of `restricted` ones
    every row comes (or every seed, where they have seeds) that does not lose a parent. Into `joint` tables a row comes
    downwards only where all of its keys lead to it. `edges` are the policies that somebody wrote.
    """

    mode: Mode = Mode.FULL
    children: Children = Children.FOLLOW
    seeds: tuple[Seed, ...] = ()
    static: frozenset[TableId] = frozenset()
    excluded: frozenset[TableId] = frozenset()
    edges: Mapping[ForeignKey, EdgePolicy] = field(default_factory=dict)
    restricted: frozenset[TableId] = frozenset()
    joint: frozenset[TableId] = frozenset()
    cover: tuple[Cover, ...] = ()
    budget: Budget | None = None

    @property
    def starts(self) -> frozenset[TableId]:
        """The tables with rows that the slice starts from because they were asked for."""
        return frozenset(each.table for each in (*self.seeds, *self.cover))

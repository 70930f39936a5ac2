"""What is known of a database before anything is done to it, and the engine's own description of its structure."""

from __future__ import annotations

from dataclasses import dataclass, field

from dbmimic.model.names import ColumnId, TableId

UNTOLD = "?"


@dataclass(frozen=True, slots=True)
class Identity:
    """
    Which database this is.

    `server` is the server's own identity (PostgreSQL's system identifier, MySQL's server UUID, a file's device and
    inode) or None where the role may not read it; two servers with the same one are the same, or replicas. Where a
    replica has one of its own, `node` is by what its replicas name the server, and `follows` what it names those that
    it replicates from; `UNTOLD` stands there for one that the role may not know.
    """

    engine: str
    server: str | None
    database: str
    node: str = field(default="", compare=False)
    follows: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The mark by which a database says that dbmimic made it and may replace it."""

    run: str
    made_at: str
    version: str
    source: str  # a fingerprint of the source's identity, not its address


@dataclass(frozen=True, slots=True)
class KeptCopy:
    """A copy that was replaced and is kept: its name beside the target, and its stamp, if dbmimic made it."""

    name: str
    stamp: Stamp | None


@dataclass(frozen=True, slots=True)
class TargetState:
    """What stands at the target's address now."""

    name: str
    exists: bool
    empty: bool
    stamp: Stamp | None


@dataclass(frozen=True, slots=True)
class Amendment:
    """SQL of the user's own for a new copy: statements, where they were written, and how long they may take."""

    sql: str = field(repr=False)
    place: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Structure:
    """
    A database's structure in the engine's own words.

    `text` is its normalised description, equal for two databases exactly where their structures are; `body` is what
    the engine builds from (a dump in its own format, or a list of statements). `objects` names what there is beside
    tables, sequences and keys, each with its kind in the engine's words, as `("VIEW", "big_orders")`. `version` is that
    of the server that told it, where another one spells the same in another way; `portable` is what both spell alike.
    """

    engine: str
    text: str
    body: object
    objects: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    version: str = ""
    portable: str = ""


@dataclass(frozen=True, slots=True)
class Composed:
    """
    Tables composed from another engine's schema, as statements of the engine that is to build them.

    `types` come before the tables. Each of `tables` is a name and its CREATE TABLE; each of `foreign_keys` a table's
    name and the constraint that is added when the rows are there; each of `indexes` a table's name, its own name and
    its columns. `counters` are the columns that number new rows: they go on past the largest value.
    """

    types: tuple[str, ...]
    tables: tuple[tuple[TableId, str], ...]
    foreign_keys: tuple[tuple[TableId, str], ...]
    indexes: tuple[tuple[TableId, str, tuple[str, ...]], ...]
    counters: tuple[ColumnId, ...]

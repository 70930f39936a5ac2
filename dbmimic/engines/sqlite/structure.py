"""The structure of a file as the statements that make it, in SQLite's own words."""

from __future__ import annotations

from dataclasses import dataclass

from dbmimic.engines.sqlite.connection import ENGINE, Snapshot, query
from dbmimic.model.target import Structure


@dataclass(frozen=True, slots=True)
class Blueprint:
    """
    What a new file is built from.

    `tables` come before the data (virtual ones last), `indexes` (each after its table) when their table is filled,
    `later` after all: views, then triggers.
    `sequences` are the counters of AUTOINCREMENT tables by name. `pragmas` are the settings that are part of a file;
    those of `first` must stand before the first table. `analyzed` tells whether the source was ever analyzed.
    """

    first: tuple[tuple[str, str | int], ...]
    tables: tuple[tuple[str, str], ...]
    indexes: tuple[tuple[str, str, str], ...]
    later: tuple[tuple[str, str], ...]
    pragmas: tuple[tuple[str, str | int], ...]
    sequences: tuple[tuple[str, int], ...]
    analyzed: bool


def read(snapshot: Snapshot) -> Structure:
    """Read the structure under the snapshot. Journal mode is not carried: it is each application's own to set."""
    shadows = {row[0] for row in snapshot.all(query("shadows"))}
    objects = [row for row in snapshot.all(query("objects")) if row[2] not in shadows]
    first = tuple((pragma, snapshot.value(f"PRAGMA {pragma}")) for pragma in ("page_size", "encoding", "auto_vacuum"))
    pragmas = tuple((pragma, snapshot.value(f"PRAGMA {pragma}")) for pragma in ("user_version", "application_id"))
    tables = [(title, sql) for kind, title, _, sql in objects if kind == "table"]
    order = {"view": 0, "trigger": 1}
    later = sorted((row for row in objects if row[0] in order), key=lambda row: order[row[0]])
    text = sorted(f"{kind} {title} on {owner}: {sql.strip()}" for kind, title, owner, sql in objects)
    text += [f"{pragma} = {value}" for pragma, value in first + pragmas]
    names = {row[0] for row in snapshot.all("SELECT name FROM sqlite_schema WHERE name GLOB 'sqlite_*'")}
    counters = snapshot.all("SELECT name, seq FROM sqlite_sequence") if "sqlite_sequence" in names else []
    body = Blueprint(
        first,
        tuple(sorted(tables, key=lambda table: is_virtual(table[1]))),
        tuple((owner, title, sql) for kind, title, owner, sql in objects if kind == "index"),
        tuple((title, sql) for _, title, _, sql in later),
        pragmas,
        tuple((title, seq) for title, seq in counters if isinstance(seq, int)),
        analyzed="sqlite_stat1" in names,
    )
    return Structure(ENGINE, "\n".join(text), body)


def is_virtual(sql: str) -> bool:
    """Tell whether a stored CREATE statement makes a virtual table; SQLite stores its first words in one spelling."""
    return sql.startswith("CREATE VIRTUAL")

"""What a shape is: a small database that makes subsetters fail, a slice of it, and the rows that are right."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

POSTGRES, MYSQL, SQLITE = "postgresql", "mysql", "sqlite"
ALL = (POSTGRES, MYSQL, SQLITE)

# `column INTEGER LATER table (column)` is a foreign key to a table that comes later, or to each other.
_LATER = re.compile(r"(\w+) (INTEGER(?: NOT NULL)?) LATER (\w+) (\(\w+\))(?P<deferred> DEFERRABLE INITIALLY DEFERRED)?")
_TABLE = re.compile(r"\s*CREATE TABLE (\S+)")


@dataclass(frozen=True)
class Shape:
    """
    One of the fifty: `script` is the same on all `engines`, `only` what one of them has besides.

    All names begin with `sNN_`, because all shapes of an engine stand in one database and are sliced together. A table
    `numbers(n)` holds 0 to 4999. `slice` is a part of the configuration's section, `columns` of its rules. `rows`
    gives, for each table, the values of the first column of its rows in the copy, or of the first few. `told` gives
    the codes of findings and where they stand; `holds` queries of the copy and their only value. Rows are those of
    the source but in `changed` tables.
    """

    number: int
    name: str
    script: str = ""
    engines: tuple[str, ...] = ALL
    only: Mapping[str, str] = field(default_factory=dict)
    slice: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)
    holds: Mapping[str, object] = field(default_factory=dict)
    changed: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.number:02d} {self.name}"

    def statements(self, engine: str) -> list[str]:
        """Give the statements that make it."""
        text = f"{self.script};\n{self.only.get(engine, '')}"
        begun = [statement for each in text.split(";\n") if (statement := each.strip().rstrip(";"))]
        if engine != POSTGRES:
            deferred = r"\g<deferred>" if engine == SQLITE else ""
            return [_LATER.sub(rf"\1 \2 REFERENCES \3 \4{deferred}", each) for each in begun]
        keys = []
        for each in begun:
            table = _TABLE.match(each)
            for column, _, parent, of, deferred in _LATER.findall(each) if table else ():
                keys.append(f"ALTER TABLE {table[1]} ADD FOREIGN KEY ({column}) REFERENCES {parent} {of}{deferred}")
        return [*(_LATER.sub(r"\1 \2", each) for each in begun), *keys]


def seed(table: str, *ids: Any) -> dict[str, Any]:
    """Give the seed of these keys."""
    return {"table": table, "ids": list(ids)}


def where(table: str, condition: str) -> dict[str, Any]:
    """Give the seed of the rows for which this is true."""
    return {"table": table, "where": condition}


def stop(*edges: str) -> list[dict[str, str]]:
    """Give policies by which no children come along over these edges."""
    return [{"edge": edge, "children": "stop"} for edge in edges]

"""What is remembered beside a target, in a database of its own: stamps, the old copy's objects, a swap under way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dbmimic.engines.mysql import quoting
from dbmimic.engines.mysql.places import Places
from dbmimic.engines.mysql.session import Session
from dbmimic.engines.mysql.structure import ObjectScript
from dbmimic.model.target import Stamp

_MEMORY = "memory"
_PENDING = "pending"
_DONE = "done"


@dataclass(frozen=True, slots=True)
class Kept:
    """The objects of a copy that is not served: what a rename does not carry."""

    charset: str
    collation: str
    objects: tuple[ObjectScript, ...]
    exact: bool  # as the server showed them, definers included

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Kept:
        """Read what `as_json` gave."""
        objects = tuple(ObjectScript(**each) for each in body["objects"])
        return cls(body["charset"], body["collation"], objects, body["exact"])


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The sidecar of one target. Each `put` is one committed statement."""

    session: Session
    places: Places

    def exists(self) -> bool:
        """Tell whether anything is remembered."""
        return exists(self.session, self.places.sidecar)

    def create(self) -> None:
        """Make the sidecar where it is missing."""
        database = quoting.name(self.places.sidecar)
        self.session.run(f"CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4", self.places.sidecar)
        memory = self._table(_MEMORY)
        body = "name VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY, body LONGBLOB NOT NULL"
        self.session.run(f"CREATE TABLE IF NOT EXISTS {memory} ({body}) ENGINE=InnoDB", self.places.sidecar)

    def get(self, name: str) -> Any:
        """Give what was put under a name, or None."""
        if not table_exists(self.session, self.places.sidecar, _MEMORY):
            return None
        body = self.session.value(f"SELECT body FROM {self._table(_MEMORY)} WHERE name = {quoting.text(name)}")  # noqa: S608 -- names are quoted
        return None if body is None else json.loads(body)

    def put(self, name: str, value: Any) -> None:
        """Remember JSON values under a name; None forgets."""
        if value is None:
            statement = f"DELETE FROM {self._table(_MEMORY)} WHERE name = {quoting.text(name)}"  # noqa: S608 -- names are quoted
        else:
            body = quoting.binary(json.dumps(value).encode())
            statement = f"REPLACE INTO {self._table(_MEMORY)} (name, body) VALUES ({quoting.text(name)}, {body})"  # noqa: S608 -- names are quoted
        self.session.run(statement, self.places.sidecar)

    def arm(self) -> None:
        """Set the marker that the one RENAME TABLE takes along: its name tells afterwards whether that happened."""
        self.session.run(f"DROP TABLE IF EXISTS {self._table(_DONE)}", self.places.sidecar)
        self.session.run(f"CREATE TABLE IF NOT EXISTS {self._table(_PENDING)} (id INT)", self.places.sidecar)

    @property
    def fire(self) -> str:
        """The marker's part of the RENAME TABLE."""
        return f"{self._table(_PENDING)} TO {self._table(_DONE)}"

    def fired(self) -> bool:
        """Tell whether the RENAME TABLE happened."""
        return table_exists(self.session, self.places.sidecar, _DONE)

    def stamp(self, births: Mapping[str, str]) -> Stamp | None:
        """Give the served copy's stamp, if the tables that are there now are the ones that were stamped."""
        body = self.get("current")
        if body is None or not body["stamp"]:
            return None
        stamped: dict[str, str] = body["births"]
        same = any(births.get(name) == born for name, born in stamped.items()) or not (stamped or births)
        return Stamp(**body["stamp"]) if same else None

    def _table(self, name: str) -> str:
        return quoting.qualified(self.places.sidecar, name)


def exists(session: Session, database: str) -> bool:
    """Tell whether a database is there."""
    return bool(session.rows(f"SELECT 1 FROM information_schema.schemata WHERE {_is('schema_name', database)}"))  # noqa: S608 -- names are quoted


def table_exists(session: Session, database: str, table: str) -> bool:
    """Tell whether a table is there."""
    where = f"{_is('table_schema', database)} AND {_is('table_name', table)}"
    return bool(session.rows(f"SELECT 1 FROM information_schema.tables WHERE {where}"))  # noqa: S608 -- names are quoted


def _is(column: str, name: str) -> str:
    """Give a condition that compares names byte by byte; the plain comparison first finds them without a scan."""
    literal = quoting.text(name)
    return f"{column} = {literal} AND CAST({column} AS BINARY) = CAST({literal} AS BINARY)"

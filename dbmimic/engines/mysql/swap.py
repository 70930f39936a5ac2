"""
The new copy takes the target's place: one RENAME TABLE for all tables, and around it what a rename does not carry.

MySQL refuses to move a table with triggers to another database and cannot move views, routines and events at all. So
these are written down first and made again afterwards. A journal tells at any moment how to go on: before the RENAME
the old state is restored, after it the new one is completed. Every step may be run twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from dbmimic.engines.mysql import ddl, quoting, structure
from dbmimic.engines.mysql.places import Places
from dbmimic.engines.mysql.queries import query
from dbmimic.engines.mysql.session import Session
from dbmimic.engines.mysql.sidecar import Kept, Sidecar, exists
from dbmimic.engines.mysql.structure import ObjectScript, Script
from dbmimic.errors import RefusedError
from dbmimic.model.target import KeptCopy, Stamp

_MOVED = frozenset({"BASE TABLE", "SYSTEM VERSIONED", "SEQUENCE"})
_JOURNAL = "journal"
_KEPT = "kept"
_CURRENT = "current"
_OLD = "old"


@dataclass(frozen=True, slots=True)
class Exchange:
    """Two copies of one target change places."""

    session: Session
    places: Places

    @property
    def sidecar(self) -> Sidecar:
        """The target's memory."""
        return Sidecar(self.session, self.places)

    def swap(self, script: Script, stamp: Stamp) -> None:
        """Put the new copy in the target's place and keep the old one."""
        comes = Kept(script.charset, script.collation, script.objects, exact=False)
        fixes = [
            f"ALTER TABLE {quoting.name(table.name)} MODIFY COLUMN {column}"
            for table in script.tables
            for column in table.sequence_columns
        ]
        self._exchange("swap", comes, asdict(stamp), fixes)

    def rollback(self) -> None:
        """
        Put the kept old copy back; what was there is kept in its stead.

        Raises:
            RefusedError: DM307, there is no old copy.
        """
        kept = self.sidecar.get(_KEPT) if self.sidecar.exists() else None
        if kept is None or not exists(self.session, self.places.old):
            hint = "the first copy replaces nothing; a later one keeps what it replaced"
            raise RefusedError("DM307", "there is no old copy to go back to", place=self.places.target, hint=hint)
        self._drop(self.places.new)
        self._exchange("rollback", Kept.of(kept), self.sidecar.get(_OLD), [])

    def kept(self, database: str) -> tuple[KeptCopy, ...]:
        """Give the copy that is kept there, if there is one."""
        sidecar = self.sidecar
        if not sidecar.exists() or sidecar.get(_KEPT) is None or not exists(self.session, database):
            return ()
        stamp = sidecar.get(_OLD)
        return (KeptCopy(database, Stamp(**stamp) if stamp else None),)

    def recover(self) -> None:
        """Finish or undo what a killed run left half done."""
        journal = self.sidecar.get(_JOURNAL) if self.sidecar.exists() else None
        if journal is None:
            return
        if self.sidecar.fired():
            self._complete(journal)
        else:
            self._undo(journal)

    def pending_stamp(self) -> Stamp | None:
        """Give the stamp of a copy that is in place already while its swap is not complete."""
        journal = self.sidecar.get(_JOURNAL) if self.sidecar.exists() else None
        if journal is None or not journal["stamp"] or not self.sidecar.fired():
            return None
        return Stamp(**journal["stamp"])

    def tables(self, database: str) -> dict[str, str]:
        """Give the tables of a database with their time of birth."""
        if not exists(self.session, database):
            return {}
        self._use(database)
        rows = self.session.rows(query("tables"), database)
        return {row[0]: str(row[4]) for row in rows if row[1] in _MOVED}

    def is_empty(self) -> bool:
        """Tell whether the target holds nothing at all."""
        if not exists(self.session, self.places.target):
            return True
        self._use(self.places.target)
        return not self.session.rows(query("tables")) and not self.session.rows(query("objects"))

    def _exchange(self, kind: str, comes: Kept, stamp: Any, fixes: list[str]) -> None:
        sidecar = self.sidecar
        sidecar.create()
        sidecar.arm()
        current = sidecar.get(_CURRENT)
        journal = {
            "kind": kind,
            "comes": comes.as_json(),
            "goes": self._kept().as_json() if exists(self.session, self.places.target) else None,
            "stamp": stamp,
            "old_stamp": current["stamp"] if current else None,
            "fixes": fixes,
        }
        sidecar.put(_JOURNAL, journal)
        incoming, outgoing = self._ends(kind)
        if kind == "swap":
            sidecar.put(_KEPT, None)
        self._make_room(outgoing, comes)
        self._drop_triggers(self.places.target)
        self._drop_triggers(incoming)
        self._rename(incoming, outgoing)
        self._complete(journal)

    def _ends(self, kind: str) -> tuple[str, str]:
        """Give where the tables come from and where the target's go to."""
        return (self.places.new, self.places.old) if kind == "swap" else (self.places.old, self.places.new)

    def _kept(self) -> Kept:
        """Give the target's own objects, exactly as they are."""
        self._use(self.places.target)
        charset, collation = self.session.rows(query("database"))[0]
        return Kept(charset, collation, tuple(structure.objects(self.session, [])), exact=True)

    def _make_room(self, outgoing: str, comes: Kept) -> None:
        self._drop(outgoing)
        for database in (outgoing, self.places.target):
            self.session.run(
                f"CREATE DATABASE IF NOT EXISTS {quoting.name(database)} "
                f"CHARACTER SET {comes.charset} COLLATE {comes.collation}",
                database,
            )

    def _drop_triggers(self, database: str) -> None:
        self._use(database)
        for kind, name, *_ in self.session.rows(query("objects")):
            if kind == "TRIGGER":
                self.session.run(f"DROP TRIGGER IF EXISTS {quoting.name(name)}", name)

    def _rename(self, incoming: str, outgoing: str) -> None:
        """The moment of the swap."""
        target = self.places.target
        moves = [_move(target, name, outgoing) for name in self.tables(target)]
        moves += [_move(incoming, name, target) for name in self.tables(incoming)]
        self.session.run("RENAME TABLE " + ", ".join([*moves, self.sidecar.fire]), target)

    def _complete(self, journal: dict[str, Any]) -> None:
        sidecar, target = self.sidecar, self.places.target
        comes = Kept.of(journal["comes"])
        self._use(target)
        self.session.run(
            f"ALTER DATABASE {quoting.name(target)} CHARACTER SET {comes.charset} COLLATE {comes.collation}", target
        )
        for statement in journal["fixes"]:
            self.session.run(statement, target)
        self._replace_objects(comes)
        sidecar.put(_CURRENT, {"stamp": journal["stamp"], "births": self.tables(target)})
        sidecar.put(_OLD, journal["old_stamp"])
        sidecar.put(_KEPT, journal["goes"])
        self._settle(journal)
        sidecar.put(_JOURNAL, None)

    def _settle(self, journal: dict[str, Any]) -> None:
        """Leave the tables that went where the old copy is kept."""
        if journal["kind"] == "rollback":
            moves = [_move(self.places.new, name, self.places.old) for name in self.tables(self.places.new)]
            if moves:
                self.session.run("RENAME TABLE " + ", ".join(moves), self.places.old)
        if journal["goes"] is None:
            self._drop(self.places.old)
        self._drop(self.places.new)

    def _undo(self, journal: dict[str, Any]) -> None:
        """Give the old copy, which is still served, its triggers back."""
        if journal["goes"] is None:
            self._drop(self.places.target)
        else:
            self._replace_objects(Kept.of(journal["goes"]))
        self.sidecar.put(_JOURNAL, None)

    def _replace_objects(self, wanted: Kept) -> None:
        """Make the target's objects the wanted ones; those that are already so are left alone."""
        self._use(self.places.target)
        there = structure.objects(self.session, [])
        if not wanted.exact:
            there = [structure.portable(each, self.places.target) for each in there]
        stay = set(there) & set(wanted.objects)
        if _triggers(there) != _triggers(wanted.objects):  # they fire in the order in which they were made
            stay -= set(_triggers(there))
        for each in reversed(there):
            if each not in stay:
                self.session.run(f"DROP {each.kind} IF EXISTS {quoting.name(each.name)}", each.name)
        ddl.create_objects(self.session, [each for each in wanted.objects if each not in stay])

    def _drop(self, database: str) -> None:
        self.session.run(f"DROP DATABASE IF EXISTS {quoting.name(database)}", database)

    def _use(self, database: str) -> None:
        self.session.run(f"USE {quoting.name(database)}", database)


def _triggers(objects: Iterable[ObjectScript]) -> list[ObjectScript]:
    return [each for each in objects if each.kind == "TRIGGER"]


def _move(source: str, table: str, target: str) -> str:
    return f"{quoting.qualified(source, table)} TO {quoting.qualified(target, table)}"

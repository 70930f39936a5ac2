"""
The new copy takes the target's place: one RENAME TABLE for all tables, and around it what a rename does not carry.

MySQL refuses to move a table with triggers to another database and cannot move views, routines and events at all. So
these are written down first and made again afterwards. A journal tells at any moment how to go on: before the RENAME
the old state is restored, after it the new one is completed. Every step may be run twice.

An old copy stays in the slot that it went to for as long as it is kept; which is the newest one is remembered.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from dbmimic.engines.mysql import ddl, quoting, structure
from dbmimic.engines.mysql.places import Places
from dbmimic.engines.mysql.queries import query
from dbmimic.engines.mysql.session import Session
from dbmimic.engines.mysql.sidecar import Kept, Sidecar, exists
from dbmimic.engines.mysql.structure import ObjectScript, Script
from dbmimic.errors import RefusedError, TryAgainError
from dbmimic.model.target import KeptCopy, Stamp

_MOVED = frozenset({"BASE TABLE", "SYSTEM VERSIONED", "SEQUENCE"})
_JOURNAL = "journal"
_KEPT = "kept"
_CURRENT = "current"
_OLD = "old"
_ORDER = "order"
_FIRST = 1
# Whoever comes while we wait for a table has to wait behind us: so we wait for a moment, and let others pass.
_WAIT_SECONDS = 1
_PAUSE_SECONDS = 1.0
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """Two copies of one target change places."""

    session: Session
    places: Places

    @property
    def sidecar(self) -> Sidecar:
        """The target's memory."""
        return Sidecar(self.session, self.places)

    def swap(self, script: Script, stamp: Stamp, copies: int = 1) -> None:
        """Put the new copy in the target's place and keep the old one, and so many old ones in all."""
        comes = Kept(script.charset, script.collation, script.objects, exact=False)
        fixes = [
            f"ALTER TABLE {quoting.name(table.name)} MODIFY COLUMN {column}"
            for table in script.tables
            for column in table.sequence_columns
        ]
        slots = self._slots()
        staying = slots[: copies - 1]
        self._exchange("swap", comes, asdict(stamp), fixes, self._free(staying), staying, slots[copies - 1 :])

    def rollback(self, name: str | None = None) -> None:
        """
        Put a kept old copy back, the last one unless named; what was there is kept in its stead, as the last one.

        Raises:
            RefusedError: DM307, there is none, or none of that name.
        """
        slots = self._slots()
        if not slots:
            hint = "the first copy replaces nothing; a later one keeps what it replaced"
            raise RefusedError("DM307", "there is no old copy to go back to", place=self.places.target, hint=hint)
        slot = next((slot for slot in slots if name in {None, self.places.old(slot)}), None)
        if slot is None:
            hint = "`dbmimic rollback --list` tells which there are"
            raise RefusedError("DM307", "there is no such copy", place=self.places.target, hint=hint)
        self._drop(self.places.new)
        comes = Kept.of(self.sidecar.get(_of(_KEPT, slot)))
        self._exchange("rollback", comes, self.sidecar.get(_of(_OLD, slot)), [], slot, slots, [])

    def kept(self) -> tuple[KeptCopy, ...]:
        """Give the copies that are kept, the last one first."""
        found = ((self.places.old(slot), self.sidecar.get(_of(_OLD, slot))) for slot in self._slots())
        return tuple(KeptCopy(database, Stamp(**stamp) if stamp else None) for database, stamp in found)

    def _slots(self) -> list[int]:
        """Give the slots that hold an old copy, the last one first."""
        sidecar = self.sidecar
        if not sidecar.exists():
            return []
        return [
            slot
            for slot in sidecar.get(_ORDER) or [_FIRST]
            if sidecar.get(_of(_KEPT, slot)) is not None and exists(self.session, self.places.old(slot))
        ]

    def _free(self, staying: Iterable[int]) -> int:
        """Give the first slot that an old copy can go to: what others made by its name is not touched."""
        taken, slots = set(staying), self._slots()
        return next(
            slot
            for slot in itertools.count(_FIRST)
            if slot not in taken
            and (slot in slots or slot == _FIRST or not exists(self.session, self.places.old(slot)))
        )

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

    def _exchange(
        self, kind: str, comes: Kept, stamp: Any, fixes: list[str], slot: int, staying: list[int], leaving: list[int]
    ) -> None:
        """Let copies change places: that of `slot` goes or comes, those of others stay or are dropped."""
        sidecar = self.sidecar
        sidecar.create()
        sidecar.arm()
        current = sidecar.get(_CURRENT)
        is_blank = not (current and current["stamp"]) and self.is_empty()
        journal = {
            "kind": kind,
            "comes": comes.as_json(),
            "goes": self._kept().as_json() if exists(self.session, self.places.target) else None,
            "stamp": stamp,
            "old_stamp": current["stamp"] if current else None,
            "fixes": fixes,
            "is_blank": is_blank,  # what goes is nobody's copy and holds nothing, so it is not kept
            "slot": slot,
            "order": [slot, *(each for each in staying if each != slot)],
            "leaving": leaving,
        }
        sidecar.put(_JOURNAL, journal)
        incoming, outgoing = self._ends(journal)
        for each in leaving:
            sidecar.put(_of(_KEPT, each), None)
        self._drop_forgotten(journal)
        self._make_room(outgoing, comes)
        self._when_free(partial(self._rename, incoming, outgoing))
        self._complete(journal)

    @contextmanager
    def _waiting_briefly(self) -> Iterator[None]:
        """Let statements wait no longer than a moment for a table that others use, and as long as before at the end."""
        before = int(self.session.value("SELECT @@lock_wait_timeout"))
        self.session.run(f"SET SESSION lock_wait_timeout = {_WAIT_SECONDS}")
        try:
            yield
        finally:
            if self.session.open:
                self.session.run(f"SET SESSION lock_wait_timeout = {before}")

    def _when_free(self, action: Callable[[], object]) -> None:
        """Do what needs tables for itself once nobody uses them; it may be cut short, and is begun anew then."""
        until = time.monotonic() + _PATIENCE_SECONDS
        with self._waiting_briefly():
            while True:
                try:
                    action()
                except TryAgainError as error:
                    if error.code != "DM702" or time.monotonic() > until:
                        raise
                else:
                    return
                time.sleep(_PAUSE_SECONDS)

    def _ends(self, journal: dict[str, Any]) -> tuple[str, str]:
        """Give where the tables come from and where the target's go to."""
        new, old = self.places.new, self.places.old(journal["slot"])
        return (new, old) if journal["kind"] == "swap" else (old, new)

    def _drop_forgotten(self, journal: dict[str, Any]) -> None:
        """Drop the old copies that leave, once nothing tells of them any more."""
        for slot in journal["leaving"]:
            if self.sidecar.get(_of(_KEPT, slot)) is None:
                self._drop(self.places.old(slot))

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
        """The moment of the swap. What stands in the target is asked for each time: others may have changed it."""
        target = self.places.target
        self._drop_triggers(target)
        self._drop_triggers(incoming)
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
            self._when_free(partial(self.session.run, statement, target))
        self._when_free(partial(self._replace_objects, comes))
        sidecar.put(_CURRENT, {"stamp": journal["stamp"], "births": self.tables(target)})
        sidecar.put(_of(_OLD, journal["slot"]), journal["old_stamp"])
        sidecar.put(_of(_KEPT, journal["slot"]), journal["goes"] if _is_kept(journal) else None)
        sidecar.put(_ORDER, journal["order"])
        self._settle(journal)
        sidecar.put(_JOURNAL, None)

    def _settle(self, journal: dict[str, Any]) -> None:
        """Leave the tables that went where the old copy is kept."""
        old = self.places.old(journal["slot"])
        if journal["kind"] == "rollback":
            moves = [_move(self.places.new, name, old) for name in self.tables(self.places.new)]
            if moves:
                self.session.run("RENAME TABLE " + ", ".join(moves), old)
        if not _is_kept(journal) and not self.tables(old):  # nobody filled it at the last moment
            self._drop(old)
        self._drop(self.places.new)

    def _undo(self, journal: dict[str, Any]) -> None:
        """Give the old copy, which is still served, its triggers back."""
        if journal["goes"] is None:
            self._drop(self.places.target)
        else:
            self._when_free(partial(self._replace_objects, Kept.of(journal["goes"])))
        self._drop_forgotten(journal)
        if journal["kind"] == "swap" and self.sidecar.get(_of(_KEPT, journal["slot"])) is None:
            self._drop(self.places.old(journal["slot"]))  # nothing went there
        self.sidecar.put(_JOURNAL, None)

    def _replace_objects(self, wanted: Kept) -> None:
        """Make the target's objects the wanted ones; those that are already so are left alone."""
        self._use(self.places.target)
        there = structure.objects(self.session, [])
        if not wanted.exact:
            folded = structure.is_folded(self.session)
            there = [structure.portable(each, self.places.target, folded=folded) for each in there]
        stay = set(there) & set(wanted.objects)
        if _triggers(there) != _triggers(wanted.objects):  # they fire in the order in which they were made
            stay -= set(_triggers(there))
        for each in reversed(there):
            if each not in stay:
                self.session.run(f"DROP {each.kind} IF EXISTS {quoting.name(each.name)}", each.name)
        ddl.create_objects(self.session, [each for each in wanted.objects if each not in stay])

    def _drop(self, database: str) -> None:
        self._when_free(partial(self.session.run, f"DROP DATABASE IF EXISTS {quoting.name(database)}", database))

    def _use(self, database: str) -> None:
        self.session.run(f"USE {quoting.name(database)}", database)


def _is_kept(journal: dict[str, Any]) -> bool:
    """Tell whether what goes is an old copy to go back to; journals of older versions know no blank ones."""
    return journal["goes"] is not None and not journal.get("is_blank")


def _of(what: str, slot: int) -> str:
    """Give the name by which something of the copy in a slot is remembered."""
    return what if slot == _FIRST else f"{what}{slot}"


def _triggers(objects: Iterable[ObjectScript]) -> list[ObjectScript]:
    return [each for each in objects if each.kind == "TRIGGER"]


def _move(source: str, table: str, target: str) -> str:
    return f"{quoting.qualified(source, table)} TO {quoting.qualified(target, table)}"

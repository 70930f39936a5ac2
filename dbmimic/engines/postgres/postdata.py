"""
What comes after the rows: keys and indexes, then all else that the dump has there, then foreign keys.

Keys, indexes, statistics and the checks of foreign keys take the time, and they do not wait for each other: a few
sessions build them side by side, largest table first. The rest is the dump's own script, run by `psql`.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import psycopg

from dbmimic.engines.postgres import catalog
from dbmimic.engines.postgres.connect import Connection, apply
from dbmimic.engines.postgres.ddl import ENTRY, place_of, refused, run_script
from dbmimic.engines.postgres.errors import Fault, Side, speaking
from dbmimic.engines.postgres.tools import Installation
from dbmimic.model.findings import Finding, Severity

_MOST_SESSIONS = 4
_SETTINGS = (("search_path", ""), ("check_function_bodies", "off"))
_MUCH_MEMORY = (("maintenance_work_mem", "256MB"),)  # joins that check foreign keys hash one side
# Sorts in pieces that a processor's cache holds take a sixth less CPU; they are to be merged at one go, though.
_CACHED = (("maintenance_work_mem", "32MB"),)
_MERGED_AT_ONCE = 2 << 30  # bytes of a table
# Sessions side by side keep the cores busy; helpers of each would only add to what is done.
_NO_HELPERS = (("max_parallel_maintenance_workers", "0"), ("max_parallel_workers_per_gather", "0"))
_PARTS = re.compile(r"^(?=-- Name: .*; Type: [A-Z ]+; Schema: .*; Owner: )", re.MULTILINE)
_KEY = "CONSTRAINT"
_EARLY = (_KEY, "INDEX")
_FOREIGN_KEY = "FK CONSTRAINT"
_STATISTICS = "TABLE STATISTICS"
_EXTENDED = "; Type: STATISTICS; "
_NAME = r'(?:"(?:[^"]|"")+"|[^"\s.]+)'
_TABLE = re.compile(
    rf"(?:ALTER TABLE (?:ONLY )?|ANALYZE |CREATE (?:UNIQUE )?INDEX {_NAME} ON (?:ONLY )?)({_NAME}\.{_NAME})"
)
# A key that sits on a partitioned table, and so without ONLY, cannot be added first and checked later.
_ADDED = re.compile(rf"(?P<table>ALTER TABLE ONLY {_NAME}\.{_NAME})\n    ADD CONSTRAINT (?P<name>{_NAME}) FOREIGN KEY ")
_NOT_VALID = " NOT VALID"


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of the dump, and what makes it."""

    type: str
    place: str
    statement: str

    @property
    def table(self) -> str:
        """The table that it stands on as the dump spells it, where that can be told."""
        found = _TABLE.match(self.statement)
        return found[1] if found else ""

    @property
    def locks(self) -> bool:
        """Whether making or checking it keeps others of its kind from the table."""
        return self.type in {_KEY, _FOREIGN_KEY}

    @property
    def is_last(self) -> bool:
        """Whether all else that is made of the table has to be there before."""
        return self.type == _STATISTICS


@dataclass(frozen=True, slots=True)
class PostData:
    """The dump's script after the data, taken apart."""

    early: tuple[Entry, ...]
    script: str
    foreign_keys: tuple[Entry, ...]
    last: tuple[Entry, ...]

    @classmethod
    def of(cls, script: str) -> PostData:
        """
        Take a script apart.

        Comments on constraints come after foreign keys, and event triggers last of all, so that they do not fire for
        what we do.
        """
        kept: list[str] = []
        found: dict[str, list[Entry]] = {"early": [], "keys": [], "last": []}
        for part in _PARTS.split(script):
            heading = ENTRY.match(part)
            turn = _turn(heading) if heading is not None else ""
            if heading is None or not turn:
                kept.append(part)
                continue
            statement, _, rest = part.split("\n--\n", 1)[1].rpartition("\n\n\n--\n")
            found[turn].append(Entry(heading["type"], place_of(heading), statement.strip()))
            kept.append(f"--\n{rest}")
        return cls(tuple(found["early"]), "".join(kept), tuple(found["keys"]), tuple(found["last"]))


def _turn(heading: re.Match[str]) -> str:
    if heading["type"] in _EARLY:
        return "early"
    if heading["type"] == _FOREIGN_KEY:
        return "keys"
    comment = heading["type"] == "COMMENT" and heading["name"].startswith(("CONSTRAINT ", "EVENT TRIGGER "))
    return "last" if comment or heading["type"] == "EVENT TRIGGER" else ""


def build(
    inside: Connection, more: Callable[[], Connection], script: str, tool: Installation, *, alone: bool = False
) -> list[Finding]:
    """
    Build all of it, and give a finding for each foreign key that the source's own rows break.

    `inside` is a session in the new copy, and `more` opens others, unless it is to do all of it `alone`.
    """
    wanted = PostData.of(script)
    with _Sessions(inside, more, 1 if alone else len(wanted.early) + len(wanted.foreign_keys)) as sessions:
        sizes = _sizes(inside)
        if not _one_outweighs(sizes):
            sessions.set(_NO_HELPERS)
        sessions.set(_CACHED if max(sizes.values(), default=0) <= _MERGED_AT_ONCE else _MUCH_MEMORY)
        early: list[tuple[Step, Entry]] = [(_make, entry) for entry in _spread(wanted.early, sizes)]
        at_once = [name for name, size in sizes.items() if size and _EXTENDED not in wanted.script]
        sessions.run(early + [_gathering(name) for name in at_once])
        run_script(inside, wanted.script, tool, "building keys, indexes and triggers")
        # Partitioned tables, which lock their parts, and all of them where the script says what else is to be gathered.
        sessions.run([_gathering(name) for name in sizes if name not in at_once])
        sessions.set(_MUCH_MEMORY)
        checks = [entry for entry in wanted.foreign_keys if not _added(inside, entry)]
        found = sessions.run([(_validate, entry) for entry in _spread(checks, sizes)])
    for entry in wanted.last:
        _make(inside, entry)
    return [finding for finding in found if finding is not None]


Step = Callable[[Connection, Entry], Finding | None]


class _Sessions:
    """A few sessions in the new copy, each with a thread that waits for it."""

    def __init__(self, inside: Connection, more: Callable[[], Connection], steps: int) -> None:
        self._extra: list[Connection] = []
        count = max(1, min(_MOST_SESSIONS, len(os.sched_getaffinity(0)), steps))
        try:
            self._extra = [more() for _ in range(count - 1)]
            self._all = (inside, *self._extra)
            self.set(_SETTINGS)
        except BaseException:
            self._close()
            raise
        self._threads = ThreadPoolExecutor(count)

    def set(self, settings: tuple[tuple[str, str], ...]) -> None:
        """Set these in every session."""
        for session in self._all:
            with speaking(session, Side.TARGET, "setting up the session"):
                apply(session, settings)

    def run(self, steps: Sequence[tuple[Step, Entry]]) -> list[Finding | None]:
        """Take the steps side by side, and give what came of each; the first failure stops what has not begun."""
        agenda = _Agenda(steps)
        workers = [self._threads.submit(agenda.work, session) for session in self._all]
        try:
            for worker in workers:
                worker.result()
        except BaseException:
            agenda.stop()
            raise
        return agenda.found

    def _close(self) -> None:
        for session in self._extra:
            session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for session in self._all:
                with contextlib.suppress(psycopg.Error):
                    session.cancel_safe(timeout=5)
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._close()


class _Agenda:
    """
    Steps that sessions take in their order, as far as those do not have to wait for each other's locks.

    A key, and the check of a foreign key, locks its table against the others of its kind; an index waits for the keys
    of its table, and may be built beside other indexes; statistics wait for all of them.
    """

    def __init__(self, steps: Sequence[tuple[Step, Entry]]) -> None:
        self.found: list[Finding | None] = [None] * len(steps)
        self._steps = steps
        self._waiting = list(range(len(steps)))
        self._running: set[int] = set()
        self._changed = threading.Condition()

    def work(self, session: Connection) -> None:
        """Take one step after the other until none is left."""
        while (number := self._taken()) is not None:
            step, entry = self._steps[number]
            try:
                self.found[number] = step(session, entry)
            except BaseException:
                self.stop()
                raise
            finally:
                self._done(number)

    def stop(self) -> None:
        """Let nothing begin that has not."""
        with self._changed:
            self._waiting.clear()
            self._changed.notify_all()

    def _taken(self) -> int | None:
        with self._changed:
            while self._waiting:
                number = next(filter(self._free, self._waiting), None)
                if number is not None:
                    self._waiting.remove(number)
                    self._running.add(number)
                    return number
                self._changed.wait()
            return None

    def _done(self, number: int) -> None:
        with self._changed:
            self._running.discard(number)
            self._changed.notify_all()

    def _free(self, number: int) -> bool:
        _, entry = self._steps[number]
        before = {*self._running, *(each for each in self._waiting if each < number)}
        others = self._running if entry.locks else before
        rivals = [self._steps[each][1] for each in others]
        in_the_way = (rival.locks or entry.locks or entry.is_last for rival in rivals if rival.table == entry.table)
        return not (entry.table and any(in_the_way))


def _sizes(inside: Connection) -> dict[str, int]:
    """Give the tables that hold rows, as the dump spells them, with their sizes, the largest first."""
    with speaking(inside, Side.TARGET, "reading the catalogue"):
        return dict(inside.execute(catalog.query("sizes")).fetchall())


def _one_outweighs(sizes: dict[str, int]) -> bool:
    """Whether one table is larger than all others together, so that the sessions end up waiting for one of them."""
    return 2 * max(sizes.values(), default=0) > sum(sizes.values())


def _spread(entries: Sequence[Entry], sizes: dict[str, int]) -> list[Entry]:
    """
    Give entries in the order in which they are best begun: where most is left to do on a table first, and on each
    table its keys before its indexes.
    """
    left: dict[str, int] = {}
    order = []
    for entry in sorted(entries, key=lambda entry: entry.locks):
        left[entry.table] = left.get(entry.table, 0) + 1
        order.append((-left[entry.table] * sizes.get(entry.table, 0), not entry.locks, entry.place, entry))
    return [entry for *_, entry in sorted(order, key=lambda each: each[:3])]


def _make(session: Connection, entry: Entry) -> None:
    try:
        _execute(session, entry.statement)
    except psycopg.Error as error:
        doing = f"building the {entry.type.lower()}"
        raise refused(Fault.of(error, session), entry.type, entry.place, doing) from None


def _execute(session: Connection, statement: str) -> None:
    """Run a statement, once more where it was chosen to end a deadlock with another one of ours."""
    try:
        session.execute(statement.encode())
    except psycopg.errors.DeadlockDetected:
        session.execute(statement.encode())


def _gathering(table: str) -> tuple[Step, Entry]:
    return _analyze, Entry(_STATISTICS, table, f"ANALYZE {table}")


def _analyze(session: Connection, entry: Entry) -> None:
    with speaking(session, Side.TARGET, "gathering statistics", entry.place):
        _execute(session, entry.statement)


def _added(session: Connection, key: Entry) -> bool:
    """Add a foreign key without looking at the rows, and tell whether that is all there is to do with it."""
    if not _ADDED.match(key.statement):
        return False
    done = key.statement.endswith(f"{_NOT_VALID};")
    with speaking(session, Side.TARGET, f"building foreign key {key.place}", key.place):
        session.execute((key.statement if done else f"{key.statement.rstrip(';')}{_NOT_VALID}").encode())
    return done


def _validate(session: Connection, key: Entry) -> Finding | None:
    """
    Check the rows against a foreign key, and give a finding where only new rows are held to it: rows that dangle in
    the source already (its triggers were off when they came) dangle in the copy as well.
    """
    added = _ADDED.match(key.statement)
    check = f"{added['table']} VALIDATE CONSTRAINT {added['name']}" if added else key.statement
    with speaking(session, Side.TARGET, f"building foreign key {key.place}", key.place):
        try:
            _execute(session, check)
        except psycopg.errors.ForeignKeyViolation:
            if not added:
                session.execute(f"{key.statement.rstrip(';')}{_NOT_VALID}".encode())
        else:
            return None
    reason = "rows of the source break this foreign key; in the copy it is NOT VALID"
    return Finding("DM601", Severity.WARNING, key.place, reason, "mend the rows in the source, or leave them out")

"""One MySQL or MariaDB database that may be replaced."""

from __future__ import annotations

import contextlib
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from dbmimic.engines.mysql import amend, catalogue, ddl, examine, quoting, statements
from dbmimic.engines.mysql.connect import LOGGED, connect, is_unlogged, reading
from dbmimic.engines.mysql.errors import Side
from dbmimic.engines.mysql.load import Loader
from dbmimic.engines.mysql.places import ENGINE, Places, folded
from dbmimic.engines.mysql.sidecar import exists
from dbmimic.engines.mysql.source import MysqlSource, identity, probe_lock
from dbmimic.engines.mysql.structure import Script, TableScript
from dbmimic.engines.mysql.swap import Exchange
from dbmimic.errors import ConfigError, DbmimicError, InternalError, Problem, RefusedError, TryAgainError
from dbmimic.model.address import Address
from dbmimic.model.batch import Layout, MaskedBatch
from dbmimic.model.checkup import CheckResult, checked
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.target import Amendment, Composed, Identity, KeptCopy, Stamp, Structure, TargetState
from dbmimic.ports.source import Source

_LOCK_SECONDS = 60
# A server needs a moment to notice that a killed run's connection is gone.
_GRACE_SECONDS = 2


class MysqlTarget:
    """
    The port `Target` on one connection.

    The new copy is a database of its own beside the target, `<name>_dbmimic_new`; old ones are kept as
    `<name>_dbmimic_old`, `<name>_dbmimic_old2` and so on; `<name>_dbmimic` holds the stamp and the journal.
    """

    engine = ENGINE

    def __init__(self, address: Address) -> None:
        if not address.database:
            raise ConfigError("DM214", "the address names no database", place=str(address))
        self._address = address
        self._session = connect(address, Side("target", str(address)), None)
        try:
            self._places = Places(folded(self._session, address.database))
            self._session.run("SET SESSION foreign_key_checks = 0")
            self._session.run(f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS}")
        except BaseException:
            self._session.close()
            raise
        self._exchange = Exchange(self._session, self._places)
        self._loader = Loader(self._session)
        self._catalogue: catalogue.Catalogue | None = None
        self._script: Script | None = None
        self._locked = False
        self._built = False
        self._units: dict[str, int] = {}

    def identity(self) -> Identity:
        """Give which database this is."""
        return identity(self._session, self._places.target)

    def state(self) -> TargetState:
        """
        Give whether the target exists, is empty and carries our stamp.

        A run that puts its copy in place has nobody's stamp in between, so what has none is looked at under the lock.

        Raises:
            TryAgainError: DM701, another run holds a target without a stamp.
        """
        seen = self._seen()
        if seen.empty or seen.stamp is not None or self._locked:
            return seen
        self.hold()
        try:
            return self._seen()
        finally:
            self._unlock()

    def _seen(self) -> TargetState:
        births = self._exchange.tables(self._places.target)
        stamp = self._exchange.pending_stamp() or self._exchange.sidecar.stamp(births)
        there = exists(self._session, self._places.target)
        return TargetState(self._places.target, there, self._exchange.is_empty(), stamp if there else None)

    def sees(self, token: int) -> bool:
        """Tell whether a source on this server holds the lock of that number for a database of the same name."""
        lock = quoting.text(probe_lock(self._session, self._address.database, token))
        return self._session.value(f"SELECT IS_USED_LOCK({lock})") is not None

    def room(self) -> int | None:
        """Give what is free on the server's disk, where the server says that it is of this machine."""
        [(host, folder)] = self._session.rows("SELECT @@hostname, @@datadir")
        try:
            room = os.statvfs(str(folder)) if host == socket.gethostname() else None
        except OSError:
            return None
        return None if room is None else room.f_bavail * room.f_frsize

    def structure_of(self, composed: Composed) -> Structure:
        """
        Give the statements of composed tables, in a database whose text is told apart letter by letter.

        InnoDB itself raises a counter that a loaded value has passed.
        """
        collation = "utf8mb4_nopad_bin" if self._session.is_mariadb else "utf8mb4_0900_bin"
        added: dict[TableId, list[str]] = {}
        for table, name, columns in composed.indexes:
            added.setdefault(table, []).append(f"INDEX {quoting.name(name)} ({quoting.names(columns)})")
        for table, constraint in composed.foreign_keys:
            added.setdefault(table, []).append(constraint)
        tables = tuple(TableScript(table.name, sql, tuple(added.get(table, ()))) for table, sql in composed.tables)
        script = Script("utf8mb4", collation, tables, sequences=(), objects=())
        return Structure(ENGINE, script.text, script)

    def build(self, structure: Structure) -> None:
        """Take the run lock, finish or undo what a killed run left, and create the new copy's tables."""
        script = _script(structure)
        self._has_room_for_names(script)
        self.hold()
        self._exchange.recover()
        self._session.run(f"DROP DATABASE IF EXISTS {quoting.name(self._places.new)}", self._places.new)
        self._built = True
        self._units.clear()
        ddl.create_database(self._session, self._places.new, script)
        ddl.may_make_functions(self._session, script)
        ddl.create_tables(self._session, script)
        self._catalogue = None

    def _has_room_for_names(self, script: Script) -> None:
        """
        Make sure that the server keeps the names of tables as they are.

        Raises:
            RefusedError: DM309, with each that it would spell in another way or take for another one.
        """
        setting = str(self._session.value("SELECT @@lower_case_table_names"))
        names = [table.name for table in script.tables] + [sequence.name for sequence in script.sequences]
        names += [each.name for each in script.objects if each.kind == "VIEW"]
        taken = Counter(name.lower() for name in names)
        unfit = [name for name in names if taken[name.lower()] > 1 or (setting == "1" and name != name.lower())]
        if setting == "0":
            self._spells_names_alike(script, names)
            return
        if not unfit:
            return
        reason = "the target's server does not tell large from small letters in names"
        hint = f"it has lower_case_table_names = {setting}: copy into one that has 0, as the source has"
        raise RefusedError.of([Problem("DM309", reason, name, hint) for name in sorted(unfit)])

    def examine(self, structure: Structure | None, sessions: int) -> Iterator[CheckResult]:
        """Tell what would keep a run from building its copy or from putting it in place."""
        session, places = self._session, self._places
        script = None if structure is None else _script(structure)

        def names() -> Iterable[Finding]:
            if script is not None:
                self._has_room_for_names(script)
            return ()

        yield from checked("target lock", self._held_by_nobody)
        yield from checked("target rights", lambda: examine.rights(session, places))
        yield from checked("target leftovers", lambda: examine.leftovers(session, places))
        yield from checked("target names", names)
        if script is not None:
            yield from checked("target collations", lambda: examine.collations(session, script.collation, script.text))
        yield from checked("target server", lambda: examine.server(session))
        yield from checked("target connections", lambda: examine.connections(session, sessions))

    def now(self) -> float:
        """Give the time by the server's clock."""
        return examine.now(self._session)

    def _held_by_nobody(self) -> Iterable[Finding]:
        lock = quoting.text(self._places.run_lock)
        if self._session.value(f"SELECT IS_USED_LOCK({lock})") is not None and not self._locked:
            raise self._held(lock)
        return ()

    def _spells_names_alike(self, script: Script, names: list[str]) -> None:
        """
        Make sure that what a server made which takes `Orders` for `orders` names tables as this one keeps them.

        Raises:
            RefusedError: DM309, with each view, routine, trigger and event that does not.
        """
        if not script.folded:
            return
        reason = "it names tables in other case than they have, and the target's server tells large from small letters"
        found = [
            Problem("DM309", f"{reason}: {', '.join(sorted(other))}", each.name, "spell them alike in the source")
            for each in script.objects
            if (other := statements.otherwise_spelt(each.create, each.sql_mode, names))
        ]
        if found:
            raise RefusedError.of(found)

    def write(
        self, layout: Layout, batches: Iterable[MaskedBatch], unit: str = "", account: Callable[[], str] = str
    ) -> int:
        """Load the batches into the new copy in one transaction and give the number of rows; a unit only once."""
        del account  # nobody goes on with a copy that a run left here
        if unit not in self._units:
            row_count = self._written(layout, batches)
            if not unit:
                return row_count
            self._units[unit] = row_count
        return self._units[unit]

    def share(self) -> None:
        """Give no token: where there is one reader, a second writer would wait for it."""

    def _written(self, layout: Layout, batches: Iterable[MaskedBatch]) -> int:
        self._use_new()
        if self._catalogue is None:
            self._catalogue = catalogue.read(self._session, self._places.new)
        return self._loader.load(layout, self._catalogue.forms[layout.leaf], batches)

    def finish(self, structure: Structure, masked: frozenset[ColumnId]) -> tuple[Finding, ...]:
        """
        Build foreign keys, set counters, gather statistics; then routines, views, triggers and events.

        Counters take the source's values; InnoDB itself raises one that a masked key has passed.
        """
        del masked
        script = _script(structure)
        self._use_new()
        ddl.finish_tables(self._session, script)
        ddl.create_objects(self._session, script.objects)
        self._script = script
        return tuple(self._logged())

    def _logged(self) -> Iterator[Finding]:
        """Tell of a binary log that all of it went to."""
        if not is_unlogged(self._address) and str(self._session.value("SELECT @@log_bin")) == "1":
            reason = "the target's server wrote all of the copy to its binary log, and replicas of it build it, too"
            hint = f"where it has no replicas, {LOGGED}=0 in the target's URL keeps the log as it is"
            yield Finding("DM509", Severity.INFO, self._places.target, reason, hint)

    def amend(self, amendment: Amendment) -> None:
        """Run SQL of the user's own in the new copy."""
        amend.amend(self._address, self._places.new, amendment)

    def copy(self) -> Source:
        """Open the new copy for reading."""
        return MysqlSource(replace(reading(self._address), database=self._places.new), role="target")

    def swap(self, stamp: Stamp, copies: int = 1) -> None:
        """Put the new copy in the target's place in one step; so many old ones are kept for `rollback`."""
        if self._script is None:
            raise InternalError("DM901", "a copy was swapped in that was not finished", place=self._places.target)
        self._exchange.swap(self._script, stamp, copies)
        self._script = None

    def swapped(self, run: str) -> bool:
        """Tell whether the target is the copy of that run, once what the journal tells of is finished or undone."""
        self._exchange.recover()
        stamp = self._seen().stamp
        return stamp is not None and stamp.run == run

    def discard(self) -> None:
        """Remove the new copy and let go of the run lock."""
        if self._built:
            self._exchange.recover()
            self._session.run(f"DROP DATABASE IF EXISTS {quoting.name(self._places.new)}", self._places.new)
            self._built = False
        self._unlock()

    def kept(self) -> tuple[KeptCopy, ...]:
        """Give the copies that are kept, the last one first."""
        return self._exchange.kept()

    def rollback(self, name: str | None = None) -> None:
        """Put an old copy back in the target's place, the last one unless named; what was there is kept instead."""
        held = self._locked
        self.hold()
        try:
            self._exchange.recover()
            self._exchange.rollback(name)
        finally:
            if not held and self._session.open:
                self._unlock()

    def close(self) -> None:
        """Discard what was not swapped in and close; what was cut short in mid-load is removed by a new connection."""
        try:
            if self._built and not self._session.open:
                with contextlib.closing(MysqlTarget(self._address)) as other:
                    other.remove_leftover()
            elif self._session.open:
                self.discard()
        except DbmimicError:
            return  # the server is gone or unwilling: the next run removes what is left
        finally:
            self._session.close()

    def remove_leftover(self) -> None:
        """Remove the new copy of a run whose connection is gone."""
        self.hold()
        self._built = True
        self.discard()

    def hold(self) -> None:
        """Take the user lock that only one run can hold for this target; it is gone when its session is."""
        if self._locked:
            return
        lock = quoting.text(self._places.run_lock)
        if self._session.value(f"SELECT GET_LOCK({lock}, {_GRACE_SECONDS})") != "1":
            raise self._held(lock)
        self._locked = True

    def _held(self, lock: str) -> TryAgainError:
        hint = "wait for it to end, as with --wait; the lock goes when its connection does"
        message = f"another run holds the target{self._holder(lock)}"
        return TryAgainError("DM701", message, place=self._places.target, hint=hint)

    def _holder(self, lock: str) -> str:
        """Give who holds the lock, as far as the account may see it, as an end of a sentence."""
        number = self._session.value(f"SELECT IS_USED_LOCK({lock})")
        if number is None:
            return ""
        asked = f"SELECT user, host FROM information_schema.processlist WHERE id = {int(number)}"  # noqa: S608 -- a number
        seen = [f"account {user} from {host}, " for user, host in self._session.rows(asked)]
        return f": {''.join(seen)}connection {number}"

    def _unlock(self) -> None:
        if self._locked:
            self._session.value(f"SELECT RELEASE_LOCK({quoting.text(self._places.run_lock)})")
            self._locked = False

    def _use_new(self) -> None:
        self._session.run(f"USE {quoting.name(self._places.new)}", self._places.new)


def _script(structure: Structure) -> Script:
    if not isinstance(structure.body, Script):
        raise InternalError("DM901", f"a structure of {structure.engine} cannot be built here")
    return structure.body

"""One PostgreSQL database that may be replaced: the new copy is built beside it and renamed into its place."""

from __future__ import annotations

import contextlib
import secrets
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

import psycopg
from psycopg import sql

from dbmimic.engines.postgres import amend, catalog, databases, ddl, examine, postdata, switch, writer
from dbmimic.engines.postgres.connect import Connection, connect, maintenance, named
from dbmimic.engines.postgres.databases import NEW, Mark
from dbmimic.engines.postgres.errors import Fault, Side, speaking, translated
from dbmimic.engines.postgres.joined import journal
from dbmimic.engines.postgres.pump import Psql
from dbmimic.engines.postgres.room import free_bytes
from dbmimic.engines.postgres.source import LOCK_CLASS, PostgresSource, place_of
from dbmimic.engines.postgres.tools import Installation, Toolbox
from dbmimic.engines.postgres.writer import Writing
from dbmimic.errors import DbmimicError, InternalError, RefusedError, TargetError, TryAgainError
from dbmimic.model.address import Address
from dbmimic.model.batch import Layout, MaskedBatch
from dbmimic.model.checkup import CheckResult, checked
from dbmimic.model.findings import Finding
from dbmimic.model.names import ColumnId
from dbmimic.model.target import Amendment, Composed, Identity, KeptCopy, Stamp, Structure, TargetState

_RUN_CLASS = 0x44424E  # the first half of the run locks' keys
_LOOKS = 3
# A server process needs a moment to notice that a killed run's connection is gone: it ends its statement first.
_GRACE_SECONDS = 2.0
_PAUSE_SECONDS = 0.05
_NO_SUCH_LOCALE = frozenset({"22023", "42809", "0A000", "42704"})


class PostgresTarget:
    """
    A `ports.target.Target`.

    Two databases matter beside the target itself: `<name>_dbmimic_new`, the copy under construction, and
    `<name>_dbmimic_old`, what the target was before. All work on whole databases is done from the server's
    maintenance database (`postgres`, else `template1`), where the run's lock is held as well.
    """

    def __init__(self, address: Address, toolbox: Toolbox) -> None:
        self._address = address
        self._toolbox = toolbox
        self._upkeep = maintenance(address)
        self._inside: Connection | None = None  # in the new copy
        self._writing: Writing | None = None
        self._run = secrets.token_hex(8)
        self._journal = journal(self._run)
        self._locked = False
        self._built = False
        self._findings: list[Finding] = []
        try:
            self._name = address.database or named(address)
            toolbox.serve(self._upkeep.info.server_version, tls=self._upkeep.pgconn.ssl_in_use)
        except BaseException:
            self._upkeep.close()
            raise

    @property
    def engine(self) -> str:
        """`postgresql`."""
        return catalog.ENGINE

    def identity(self) -> Identity:
        """Give the server's system identifier, where the role may read it, and the database that would be replaced."""
        with speaking(self._upkeep, Side.TARGET, "asking who the server is"):
            return Identity(catalog.ENGINE, place_of(self._upkeep).system, self._name)

    def state(self) -> TargetState:
        """Give whether the target exists, is empty and is stamped."""
        with speaking(self._upkeep, Side.TARGET, "looking at the target", self._name):
            found = databases.find(self._upkeep, self._name)
        if found is None:
            return TargetState(self._name, exists=False, empty=True, stamp=None)
        if found.template:
            hint = "give another database's name"
            raise RefusedError("DM303", "the target is a template for new databases", place=self._name, hint=hint)
        empty = self._looked(databases.is_empty)
        return TargetState(self._name, exists=True, empty=empty, stamp=found.mark.stamp if found.mark else None)

    def sees(self, token: int) -> bool:
        """Tell whether the advisory lock of that number is held in the target's database."""
        with speaking(self._upkeep, Side.TARGET, "looking at the target", self._name):
            if databases.find(self._upkeep, self._name) is None:
                return False
        return self._looked(partial(_holds, token=token))

    def room(self) -> int | None:
        """Give what is free on the server's disk, where that is this machine's and the role may know."""
        with speaking(self._upkeep, Side.TARGET, "looking for room", self._name):
            return free_bytes(self._upkeep)

    def _looked(self, ask: Callable[[Connection], bool]) -> bool:
        """
        Ask something in the target's database as it is now.

        A run that puts its copy in place meanwhile ends our session there. Then the copy that is there now is asked.
        """
        looks = 0
        while True:
            looks += 1
            try:
                with self._session() as session:
                    return ask(session)
            except TargetError as error:
                if error.code != "DM501" or looks == _LOOKS:
                    raise

    @contextlib.contextmanager
    def _session(self, database: str = "") -> Iterator[Connection]:
        """Give a connection in the target's database as it is now, or in another one."""
        session = connect(self._address, Side.TARGET, database=database or self._name)
        with contextlib.closing(session), speaking(session, Side.TARGET, "looking at the target", session.info.dbname):
            yield session

    def structure_of(self, composed: Composed) -> Structure:
        """Give the scripts of composed tables, for a database that sorts as the server does."""
        tool = self._toolbox.choose()
        if tool is None:
            raise TargetError("DM506", "no psql fits the target's version", hint=self._toolbox.needed)
        with speaking(self._upkeep, Side.TARGET, "asking how the server sorts"):
            locale = replace(place_of(self._upkeep).locale, encoding="UTF8")
        blueprint = ddl.composed(composed, locale, tool)
        return Structure(catalog.ENGINE, ddl.normalised(blueprint.script), blueprint)

    def build(self, structure: Structure) -> None:
        """Take the run's lock, remove a killed run's leftovers, create the new copy and its tables."""
        blueprint = blueprint_of(structure)
        self.hold()
        new = databases.beside(self._name, NEW)
        with speaking(self._upkeep, Side.TARGET, "creating the new copy", new):
            self._may_create()
            self._remove_leftover(new)
            self._has_extensions(blueprint)
            examine.collations(self._upkeep, blueprint.script)
            self._built = True
            self._create(new, blueprint.locale)
            databases.comment(self._upkeep, new, Mark(building=True, run=self._run).text())
        self._inside = inside = connect(self._address, Side.TARGET, database=new)
        ddl.run_script(inside, blueprint.before_data, self._tool(blueprint), "creating the tables")
        self._writing = self._writing_to(inside)
        self._journal.create(inside)

    def _writing_to(self, inside: Connection) -> Writing:
        return Writing(inside, partial(Psql.like, inside, self._toolbox, Side.TARGET), self._journal)

    def hold(self) -> None:
        """Take the lock that only one run can hold for this target; it is gone when its session is."""
        if self._locked:
            return
        deadline = time.monotonic() + _GRACE_SECONDS
        with speaking(self._upkeep, Side.TARGET, "taking the run's lock"):
            while not self._took_lock():
                if time.monotonic() > deadline:
                    hint = "wait until the other run is over, as with --wait"
                    message = f"another run holds the target{databases.holder(self._upkeep, self._lock_key)}"
                    raise TryAgainError("DM701", message, place=self._name, hint=hint)
                time.sleep(_PAUSE_SECONDS)
        self._locked = True

    def _took_lock(self) -> bool:
        row = self._upkeep.execute("SELECT pg_try_advisory_lock(%s::int4, %s::int4)", self._lock_key).fetchone()
        return row == (True,)

    @property
    def _lock_key(self) -> tuple[int, int]:
        return _RUN_CLASS, zlib.crc32(self._name.encode()) - 2**31

    def _may_create(self) -> None:
        row = self._upkeep.execute(
            "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        if row != (True,):
            grant = sql.SQL("ALTER ROLE {} CREATEDB;").format(sql.Identifier(self._upkeep.info.user)).as_string()
            reason = "the role may not create databases on the target's server"
            raise TargetError("DM502", reason, place=self._name, hint=grant)
        current = databases.find(self._upkeep, self._name)
        if current is not None and not databases.is_member(self._upkeep, current.owner):
            owner, role = sql.Identifier(current.owner), sql.Identifier(self._upkeep.info.user)
            grant = sql.SQL("GRANT {} TO {};").format(owner, role).as_string()
            raise TargetError("DM502", "the role does not own the target", place=self._name, hint=grant)

    def _remove_leftover(self, new: str) -> None:
        """Drop what a killed run left under the name of the new copy."""
        if self._leftover() is not None:
            databases.drop(self._upkeep, new)

    def _leftover(self) -> str | None:
        """Give what a killed run left under the name of the new copy, if it carries our mark or holds nothing."""
        new = databases.beside(self._name, NEW)
        found = databases.find(self._upkeep, new)
        if found is None:
            return None
        if found.mark is None:
            with self._session(new) as probe:
                empty = databases.is_empty(probe)
            if not empty:
                raise switch.in_the_way(new)
        return new

    def examine(self, structure: Structure | None, sessions: int) -> Iterator[CheckResult]:
        """Tell what would keep a run from building its copy or from putting it in place."""
        upkeep, name = self._upkeep, self._name
        blueprint = None if structure is None else blueprint_of(structure)

        def rights() -> Iterable[Finding]:
            with speaking(upkeep, Side.TARGET, "looking at the target", name):
                self._may_create()
            return ()

        def extensions() -> Iterable[Finding]:
            if blueprint is None:
                return ()
            self._has_extensions(blueprint)
            return examine.extensions(upkeep, ddl.extensions(blueprint.before_data))

        yield from checked("target lock", lambda: examine.held(upkeep, name, self._lock_key))
        yield from checked("target rights", rights)
        yield from checked("target leftovers", lambda: examine.leftovers(upkeep, name, self._leftover()))
        yield from checked("target sessions", lambda: examine.occupied(upkeep, name))
        yield from checked("target extensions", extensions)
        if structure is not None and blueprint is not None:
            yield from checked("target collations", lambda: examine.collations(upkeep, blueprint.script))
            yield from checked("target server", lambda: examine.version(upkeep, name, structure.version))
            yield from checked("target locale", lambda: examine.locale(upkeep, name, blueprint.locale))
        yield from checked("target connections", lambda: examine.connections(upkeep, Side.TARGET, sessions))

    def now(self) -> float:
        """Give the time by the server's clock."""
        return examine.now(self._upkeep, Side.TARGET)

    def _has_extensions(self, blueprint: ddl.Blueprint) -> None:
        """Make sure before any work that the server offers every extension that the structure needs."""
        wanted = ddl.extensions(blueprint.before_data)
        offered = {name for (name,) in self._upkeep.execute("SELECT name FROM pg_available_extensions")}
        missing = [
            TargetError(
                "DM506",
                f"the target's server does not have the extension {name}",
                place=name,
                hint="install the extension's package on the target's server",
            )
            for name in wanted
            if name not in offered
        ]
        if missing:
            raise TargetError.of([error.problems[0] for error in missing])

    def _create(self, new: str, locale: ddl.Locale) -> None:
        """Create the new database with the source's locale, or with the nearest that this server has."""
        sorted_alike: list[ddl.Locale | None] = [locale, None, replace(locale, collate="C", ctype="C", provider="c")]
        for attempt, chosen in enumerate(sorted_alike):
            try:
                databases.create(self._upkeep, new, chosen, locale.encoding)
            except psycopg.Error as error:
                fault = Fault.of(error, self._upkeep)
                if fault.broken or fault.state not in _NO_SUCH_LOCALE or chosen is sorted_alike[-1]:
                    raise translated(fault, Side.TARGET, "creating the new copy", new) from None
            else:
                if attempt:
                    self._findings.append(examine.other_locale(self._name, locale))
                return

    def _tool(self, blueprint: ddl.Blueprint) -> Installation:
        """Give the tools to run the scripts with: those that made them, unless the server is newer."""
        if blueprint.tool.major >= self._upkeep.info.server_version // 10000:
            return blueprint.tool
        tool = self._toolbox.choose()
        if tool is None:
            raise TargetError("DM506", "no psql fits the target's version", hint=self._toolbox.needed)
        return tool

    def write(
        self, layout: Layout, batches: Iterable[MaskedBatch], unit: str = "", account: Callable[[], str] = str
    ) -> int:
        """Load the batches into a table of the new copy, all of them or none."""
        if self._writing is None:
            raise InternalError("DM901", "the new copy was not built")
        return self._writing.write(layout, batches, unit, account)

    def share(self) -> str:
        """Give the run's mark, which the new copy carries until it is stamped, and the target's name."""
        return f"{self._run}/{self._name}"

    def _copy(self) -> Connection:
        if self._inside is None:
            raise InternalError("DM901", "the new copy was not built")
        return self._inside

    def finish(self, structure: Structure, masked: frozenset[ColumnId]) -> tuple[Finding, ...]:
        """Build what comes after the data, set the sequences, gather statistics."""
        blueprint = blueprint_of(structure)
        inside = self._copy()
        self._journal.drop(inside)
        tool = self._tool(blueprint)
        self._findings += postdata.build(
            inside, self._another, blueprint.after_data, tool, alone=self._address.few_sessions
        )
        with speaking(inside, Side.TARGET, "setting sequences"):
            for value in blueprint.sequences:
                writer.set_sequence(inside, value, masked)
        return tuple(self._findings)

    def _another(self) -> Connection:
        return connect(self._address, Side.TARGET, database=databases.beside(self._name, NEW))

    def amend(self, amendment: Amendment) -> None:
        """Run SQL of the user's own in the new copy."""
        self._copy()
        amend.amend(self._address, databases.beside(self._name, NEW), amendment)

    def copy(self) -> PostgresSource:
        """Open the new copy for reading."""
        self._copy()
        address = replace(self._address, database=databases.beside(self._name, NEW))
        return PostgresSource(address, self._toolbox, Side.TARGET, built_here=True)

    def swap(self, stamp: Stamp, copies: int = 1) -> None:
        """Rename the target away and the new copy into its place, in one transaction."""
        if not self._built:
            raise InternalError("DM901", "there is no new copy to swap in")
        self._leave()
        was = self.state()
        is_blank = was.exists and was.empty and was.stamp is None  # nobody's copy, and nothing to go back to
        switch.swap(self._upkeep, self._name, stamp, copies, keep=not is_blank)
        self._built = is_blank and self._holds_nothing(databases.beside(self._name, NEW))  # it goes with `discard`

    def _holds_nothing(self, database: str) -> bool:
        """
        Look again, now that nobody can be in the database that was the target: somebody may have filled it.

        The swap is done by now, so that it cannot be looked at is no failure of it: then it stays for the next run.
        """
        try:
            with self._session(database) as session:
                return databases.is_empty(session)
        except DbmimicError:
            return False

    def swapped(self, run: str) -> bool:
        """Tell whether the target is the copy of that run; a swap is one transaction, so none is left half done."""
        with speaking(self._upkeep, Side.TARGET, "looking at the target", self._name):
            found = databases.find(self._upkeep, self._name)
        mark = found.mark if found else None
        return mark is not None and mark.stamp is not None and mark.stamp.run == run

    def _leave(self) -> None:
        """Close our own session in the new copy, which would keep it from being renamed or dropped."""
        self._writing = None
        inside, self._inside = self._inside, None
        if inside is not None:
            inside.close()

    def discard(self) -> None:
        """Drop the new copy, if there is one of this run, and let go of the run's lock."""
        self._leave()
        built, self._built = self._built, False
        locked, self._locked = self._locked, False
        if self._upkeep.closed:
            return  # its lock went with it, and the next run removes what is left
        with speaking(self._upkeep, Side.TARGET, "removing the new copy", self._name):
            new = databases.beside(self._name, NEW)
            if built and databases.find(self._upkeep, new) is not None:
                databases.drop(self._upkeep, new)
            if locked:
                self._upkeep.execute("SELECT pg_advisory_unlock(%s::int4, %s::int4)", self._lock_key)

    def kept(self) -> tuple[KeptCopy, ...]:
        """Give the copies that are kept, the last one first."""
        return switch.kept(self._upkeep, self._name)

    def rollback(self, name: str | None = None) -> None:
        """Put a kept copy back; what was there is kept in its stead."""
        self.hold()
        try:
            switch.rollback(self._upkeep, self._name, name)
        finally:
            self.discard()

    def close(self) -> None:
        """Discard what was not swapped in, and close."""
        try:
            self.discard()
        finally:
            self._upkeep.close()


def _holds(session: Connection, token: int) -> bool:
    row = session.execute(catalog.query("lock_is_held"), {"class": LOCK_CLASS, "token": token}).fetchone()
    return row == (True,)


def blueprint_of(structure: Structure) -> ddl.Blueprint:
    """Give what a structure of this engine is built from."""
    if not isinstance(structure.body, ddl.Blueprint):
        raise InternalError("DM901", f"a structure of {structure.engine} was given to PostgreSQL")
    return structure.body

"""
The new copy begun as one that stands, and brought up to date in place.

That is a kept copy which the swap would drop: it is renamed, and what changed since it was made comes. Else it is the
target, whose files are copied.

While rows come and go, `session_replication_role` is `replica` in the new copy: foreign keys, triggers and rules are at
rest, so that rows may go in any order and nothing acts on others. What the constraints would have held is audited.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial

import psycopg
from psycopg import sql

from dbmimic.engines.postgres import catalog, databases, ddl, notes, register, writer
from dbmimic.engines.postgres.connect import Connection, connect
from dbmimic.engines.postgres.databases import NEW, Mark
from dbmimic.engines.postgres.dated import DatedSource
from dbmimic.engines.postgres.errors import Side, speaking
from dbmimic.engines.postgres.pruned import FLUSHES, PrunedTarget
from dbmimic.engines.postgres.source import place_of
from dbmimic.engines.postgres.target import blueprint_of
from dbmimic.model.baseline import Baseline
from dbmimic.model.findings import Finding
from dbmimic.model.names import ColumnId, TableId
from dbmimic.model.target import Structure

_ROLE = "session_replication_role"
_MANY_TRANSACTIONS = 2**31 - 2**24  # beyond, a transaction's number says no more which came first
_MUCH = 0.1  # of a table's rows; about where the server would gather statistics by itself
_PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.2
_CANCEL_SECONDS = 2.0
_REFRESH = re.compile(r"^REFRESH MATERIALIZED VIEW .+;$", re.MULTILINE)
_PARAMETER_GRANTS = 150000
_IN_USE = "others are in the copy that is to be brought up to date, and come back when their sessions are ended"


class RefreshableTarget(PrunedTarget):
    """A `ports.delta.Refreshable` target."""

    _base = ""  # the name of what the new copy begins as
    _refreshed = False
    _interrupted = False

    def baselines(self, copies: int) -> list[Baseline]:
        """Give what the register tells of the runs in the copies' stamps."""
        with speaking(self._upkeep, Side.TARGET, "looking at the target", self._name):
            found = databases.find(self._upkeep, self._name)
        target = found.mark.stamp if found is not None and found.mark is not None else None
        books = register.opened(self._upkeep, self._address, self._name) if target is not None else None
        if target is None or books is None:
            return []
        stamps = [each.stamp for each in self.kept()[copies - 1 :]]
        with closing(books):
            noted = [notes.read(books, stamp.run) for stamp in (*stamps, target) if stamp is not None]
        return [baseline for baseline in noted if baseline is not None]

    def note(self, baseline: Baseline) -> None:
        """Keep it in the register, with where the new copy stands."""
        inside = self._copy()
        with speaking(inside, Side.TARGET, "noting what the copy was made from"):
            standing = self._standing(inside)
        with closing(register.begun(self._upkeep, self._address, self._name)) as books:
            notes.write(books, replace(baseline, standing=standing), self._runs())

    def _runs(self) -> list[str]:
        """Give the runs whose copies stand: at the target, and beside it for `rollback`."""
        with speaking(self._upkeep, Side.TARGET, "looking at the target", self._name):
            found = databases.find(self._upkeep, self._name)
        marks = [found.mark] if found is not None else []
        stamps = [mark.stamp for mark in marks if mark is not None] + [each.stamp for each in self.kept()]
        return [stamp.run for stamp in stamps if stamp is not None]

    def _standing(self, inside: Connection) -> dict[str, str]:
        place = place_of(inside)
        row = inside.execute(
            "SELECT oid::text, pg_snapshot_xmax(pg_current_snapshot())::text FROM pg_database"
            " WHERE datname = current_database()"
        ).fetchone()
        relations, counts = inside.execute(catalog.query("catalogue_marks")).fetchone() or ("", "")
        database, following = row or ("", "0")
        return {
            "server": place.system or "",
            "database": database,
            "next": following,
            "relations": relations,
            "counts": counts,
            "writes": json.dumps(_writes(inside)),
        }

    def touched(self, baseline: Baseline) -> frozenset[TableId]:
        """Give the tables that the server counted more writes of than when the copy was done."""
        counted = json.loads(baseline.standing["writes"])
        with self._session(self._base) as session:
            writes = _writes(session)
            named = session.execute(catalog.query("leaf_marks")).fetchall()
        more = {
            relation
            for relation, (count, place) in writes.items()
            if relation not in counted or count > counted[relation][0] or place != counted[relation][1]
        }
        return frozenset(
            TableId(schema, name) for schema, name, relation, _ in named if relation.partition("/")[0] in more
        )

    def written_since(self, baseline: Baseline) -> int:
        """Give the transaction that was next when the copy was done."""
        return int(baseline.standing["next"])

    def begin(self, baseline: Baseline) -> str:
        """Copy the target's files into the new copy, or look at the kept copy, unless something speaks against it."""
        self.hold()
        with speaking(self._upkeep, Side.TARGET, "looking at the target", self._name):
            self._base = self._based(baseline)
            reason = self._unfit(baseline) or self._forbidden()
            if not reason and self._base != self._name:
                reason = self._unlike_target()
        if reason:
            return reason
        if self._base != self._name:
            with self._session(self._base) as session:
                return self._touched(session, baseline) or _hindered(session)
        new = databases.beside(self._name, NEW)
        with speaking(self._upkeep, Side.TARGET, "copying the target's files", new):
            self._may_create()
            self._remove_leftover(new)
            self._built = True
            if not self._alone(partial(databases.clone, self._upkeep, new, self._name, closed=True)):
                return _IN_USE
            self._mark(new)
            self._upkeep.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(new)))
        return ""

    def take(self, baseline: Baseline) -> str:
        """Rename the kept copy, connect, and look at what is there."""
        new = databases.beside(self._name, NEW)
        if self._base != self._name:
            with speaking(self._upkeep, Side.TARGET, "taking the kept copy", self._base):
                self._may_create()
                self._remove_leftover(new)
                if not self._alone(partial(self._renamed, new)):
                    return _IN_USE
        self._refreshed = True
        self._inside = inside = connect(self._address, Side.TARGET, database=new)
        with speaking(inside, Side.TARGET, "looking at the new copy", new):
            return self._touched(inside, baseline) or _hindered(inside)

    def _renamed(self, new: str) -> None:
        """Make the kept copy the one under construction, all in one step."""
        with self._upkeep.transaction():
            databases.rename(self._upkeep, self._base, new)
            self._mark(new)
        self._built = True

    def _mark(self, new: str) -> None:
        """Tell that a database is under construction, and let its sessions leave foreign keys and triggers at rest."""
        databases.comment(self._upkeep, new, Mark(building=True, run=self._run).text())
        self._upkeep.execute(sql.SQL("ALTER DATABASE {} SET {} = replica").format(*map(sql.Identifier, (new, _ROLE))))

    def _based(self, baseline: Baseline) -> str:
        """Give the name of the kept copy that a baseline was noted of, or the target's."""
        row = self._upkeep.execute(
            "SELECT datname FROM pg_database WHERE oid = %s::oid", (baseline.standing["database"],)
        ).fetchone()
        kept = databases.kept(self._upkeep, self._name).values()
        return next((each.name for each in kept if row == (each.name,)), self._name)

    def _unlike_target(self) -> str:
        """Give why the kept copy cannot stand where the target does: its owner, rights or settings are others."""
        base, target = (databases.find(self._upkeep, name) for name in (self._base, self._name))
        if base is None or target is None or base.served_as != target.served_as:
            return "rights or settings of the copy that is kept are others than the target's"
        return ""

    def interrupt(self) -> None:
        """Cancel what the server is asked, which may be to copy all files, and ask nothing of the kind any more."""
        self._interrupted = True
        with contextlib.suppress(psycopg.Error):
            self._upkeep.cancel_safe(timeout=_CANCEL_SECONDS)

    def open(self) -> None:
        """Make the journal of the units."""
        inside = self._copy()
        self._writing = self._writing_to(inside)
        self._journal.create(inside)

    def _unfit(self, baseline: Baseline) -> str:
        """Give why the target is not the database that was noted."""
        row = self._upkeep.execute(
            "SELECT oid::text, pg_snapshot_xmax(pg_current_snapshot())::text::int8 FROM pg_database WHERE datname = %s",
            (self._base,),
        ).fetchone()
        database, following = row or ("", 0)
        server = place_of(self._upkeep).system or ""
        if (database, server) != (baseline.standing["database"], baseline.standing["server"]):
            return "the target is not the database that was copied into"
        if not 0 <= following - self.written_since(baseline) < _MANY_TRANSACTIONS:
            return "too many transactions passed on the target's server"
        return ""

    def _forbidden(self) -> str:
        """Give why the role may not let constraints and triggers rest, and what would let it."""
        asked = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        if self._upkeep.info.server_version >= _PARAMETER_GRANTS:
            asked = f"SELECT has_parameter_privilege('{_ROLE}', 'SET')"
        if self._upkeep.execute(asked.encode()).fetchone() == (True,):
            return ""
        grant = sql.SQL("GRANT SET ON PARAMETER {} TO {};").format(
            sql.Identifier(_ROLE), sql.Identifier(self._upkeep.info.user)
        )
        return (
            f"the role may not let the target's triggers rest; from PostgreSQL 15 on this lets it: {grant.as_string()}"
        )

    def _leftover(self) -> str | None:
        """Give what a killed run left; files that it copied and could not mark are a database that none can enter."""
        new = databases.beside(self._name, NEW)
        asked = "SELECT NOT datallowconn AND shobj_description(oid, 'pg_database') IS NULL FROM pg_database"
        row = self._upkeep.execute(f"{asked} WHERE datname = %s".encode(), (new,)).fetchone()
        return new if row == (True,) else super()._leftover()

    def _alone(self, work: Callable[[], None]) -> bool:
        """Do what needs the base without sessions, and tell whether others left it for that."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._interrupted:
            databases.end_sessions(self._upkeep, self._base)
            try:
                work()
            except psycopg.errors.ObjectInUse:
                if time.monotonic() > deadline:
                    return False
                time.sleep(_PAUSE_SECONDS)
            else:
                return True
        return False

    def _touched(self, inside: Connection, baseline: Baseline) -> str:
        """
        Give what was changed in the target beside rows since it was copied.

        What was made or altered is a row of a later transaction in the catalogue, and what was dropped is one less. So
        the structure is what it was when the copy was verified, to the letter.
        """
        marks = inside.execute(catalog.query("catalogue_marks")).fetchone()
        since = str(self.written_since(baseline) % 2**32)
        recent = inside.execute(catalog.query("catalogue_touched"), {"since": since}).fetchone()
        if marks != (baseline.standing["relations"], baseline.standing["counts"]) or recent != (False,):
            return (
                "somebody, or a hook's SQL, changed tables, rights or other objects in the target since it was copied"
            )
        return ""

    def copy(self) -> DatedSource:
        """Open the new copy for reading; where it was begun as one that stood, its constraints prove nothing."""
        self._copy()
        address = replace(self._address, database=databases.beside(self._name, NEW))
        return DatedSource(address, self._toolbox, Side.TARGET, built_here=not self._refreshed)

    def settle(
        self, structure: Structure, masked: frozenset[ColumnId], changed: Mapping[TableId, float]
    ) -> tuple[Finding, ...]:
        """Set sequences, refresh materialized views, analyse what changed much; then constraints hold again."""
        blueprint = blueprint_of(structure)
        inside = self._copy()
        self._journal.drop(inside)
        if refreshes := _REFRESH.findall(blueprint.after_data):
            ddl.run_script(inside, "\n".join([_SEARCH, *refreshes]), self._tool(blueprint), "refreshing views")
        with speaking(inside, Side.TARGET, "setting sequences"):
            for value in blueprint.sequences:
                writer.set_sequence(inside, value, masked)
        with speaking(inside, Side.TARGET, "gathering statistics"):
            for table, share in changed.items():
                if share > _MUCH:
                    inside.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table.schema, table.name)))
        new = databases.beside(self._name, NEW)
        with speaking(self._upkeep, Side.TARGET, "finishing the new copy", new):
            self._upkeep.execute(sql.SQL("ALTER DATABASE {} RESET {}").format(*map(sql.Identifier, (new, _ROLE))))
        return tuple(self._findings)

    def abandon(self) -> None:
        """Drop the new copy."""
        self._leave()
        self._refreshed = self._interrupted = False
        built, self._built = self._built, False
        if built:
            with speaking(self._upkeep, Side.TARGET, "removing the new copy", self._name):
                databases.drop(self._upkeep, databases.beside(self._name, NEW))


def _writes(session: Connection) -> dict[str, list[int]]:
    """
    Give how many rows of each relation were written, as the server counts it, and the file that holds them.

    That is a hint, and no more: counts are lost in a crash, and may be late.
    """
    if session.info.server_version >= FLUSHES:
        session.execute("SELECT pg_stat_force_next_flush()")
    counted = (
        "SELECT relid::text, n_tup_ins + n_tup_upd + n_tup_del, pg_relation_filenode(relid) FROM pg_stat_user_tables"
    )
    return {relation: [count, place] for relation, count, place in session.execute(counted)}


_SEARCH = "SELECT pg_catalog.set_config('search_path', '', false);"


def _hindered(inside: Connection) -> str:
    """Give what in the target does not go together with constraints and triggers that rest."""
    reasons = (
        "a table has a trigger that is enabled ALWAYS or as REPLICA",
        "a table has a rule that is enabled ALWAYS or as REPLICA",
        "row-level security is forced on the owner of a table",
        "a unique key is deferrable, and so checked by a trigger",
    )
    row = inside.execute(catalog.query("hindered")).fetchone() or (True,) * len(reasons)
    return next((reason for reason, there in zip(reasons, row, strict=True) if there), "")

"""
A new copy whose run ended before it was done, told and taken over.

While it is loaded, the schema of its journal holds what its rows were read from: each snapshot's position, and which
rows each unit reads. A unit and its rows are written by one transaction, so by the transaction that wrote a row one
sees whether it is a unit's, and whether all of them are there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from psycopg import RawCursor, sql

from dbmimic.engines.postgres import databases, notes, tids
from dbmimic.engines.postgres.connect import Connection, connect
from dbmimic.engines.postgres.databases import NEW, Mark
from dbmimic.engines.postgres.dated import DatedSource
from dbmimic.engines.postgres.errors import Side, speaking
from dbmimic.engines.postgres.joined import journal
from dbmimic.engines.postgres.packing import Packing
from dbmimic.engines.postgres.pruned import rows_of
from dbmimic.engines.postgres.refresh import RefreshableTarget
from dbmimic.engines.postgres.tids import TidArray, TidArrayDumper
from dbmimic.errors import InternalError, TargetError
from dbmimic.model.batch import Layout
from dbmimic.model.bits import Bits
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.keys import WHOLE, Gathering, KeySet, Rows, Span
from dbmimic.model.names import TableId
from dbmimic.model.progress import Loaded, Reading, Unfinished
from dbmimic.model.schema import Table
from dbmimic.model.work import Account, UnitResult, WorkUnit

_FORM = 1
_MANY_TRANSACTIONS = 2**31 - 2**24  # beyond, a transaction's number says no more which came first
_XIDS = 1 << 32
_ROWS_A_STATEMENT = 250_000
_PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.05
_TABLES = """
CREATE TABLE IF NOT EXISTS {0}.readings (number int4 PRIMARY KEY, told text NOT NULL);
CREATE TABLE IF NOT EXISTS {0}.intended (
    unit text PRIMARY KEY, of_table text NOT NULL, told text NOT NULL, body bytea
)"""
_DOING = "going on with a new copy that was left"


class PlacedSource(DatedSource):
    """A `ports.resume.Placed` source."""

    def others(self, table: Table, columns: tuple[str, ...], kept: KeySet) -> KeySet:
        """Read place and key of every row, a stretch of pages at a time."""
        packing = Packing.of(table, columns)
        if packing is None:
            raise InternalError("DM901", "a key that cannot be packed was given as packed", place=str(table.id))
        listed = sql.SQL("string_agg(tidsend(ctid) || int8send({}), '')").format(packing.packed)
        found = Gathering()
        with self._walks.one(table.leaves) as walk:
            for leaf in table.leaves:
                for (sent,) in self._asked(walk.connection, leaf, listed):
                    places, keys = tids.with_keys(sent or b"")
                    found.add(leaf, places[~kept.holds(table.id, keys)])
        return found.keys()


class ResumableTarget(RefreshableTarget):
    """A `ports.resume.Resumable` target."""

    def intend(self, reading: Reading, units: Sequence[WorkUnit]) -> None:
        """Write it into tables beside the journal."""
        inside, schema = self._copy(), sql.Identifier(self._journal.schema)
        told = {
            "form": _FORM,
            "made_by": dict(reading.made_by),
            "position": notes.told_of(reading.position),
            "findings": [[each.code, each.severity, each.place, each.message, each.hint] for each in self._findings],
        }
        with speaking(inside, Side.TARGET, "preparing the new copy"), inside.transaction():
            inside.execute("SET LOCAL client_min_messages = warning")
            inside.execute(sql.SQL(_TABLES).format(schema))
            count = inside.execute(sql.SQL("SELECT count(*) FROM {}.readings").format(schema)).fetchone()
            number = int(count[0]) if count else 0
            inside.execute(
                sql.SQL("INSERT INTO {}.readings VALUES (%s, %s)").format(schema), (number, json.dumps(told))
            )
            with inside.cursor() as cursor:
                cursor.executemany(
                    sql.SQL("INSERT INTO {}.intended VALUES (%s, %s, %s, %b)").format(schema),
                    (_intention(unit, number) for unit in units),
                )

    def unfinished(self) -> Unfinished | None:
        """Read the mark, and what stands in the schema of that run's journal."""
        new = databases.beside(self._name, NEW)
        with speaking(self._upkeep, Side.TARGET, _DOING, new):
            found = databases.find(self._upkeep, new)
        mark = found.mark if found is not None else None
        if mark is None or not mark.building or mark.run is None:
            return None  # it is nobody's, or not a new copy: whoever builds looks at it
        readings = sql.Identifier(journal(mark.run).schema, "readings")
        with self._session(new) as session:
            there = session.execute("SELECT to_regclass(%s) IS NOT NULL", (readings.as_string(session),)).fetchone()
            if there != (True,):
                return Unfinished(mark.run, ())
            told = session.execute(sql.SQL("SELECT told FROM {} ORDER BY number").format(readings)).fetchall()
        try:
            return Unfinished(mark.run, tuple(_reading(json.loads(each)) for (each,) in told))
        except (KeyError, TypeError, ValueError):
            return Unfinished(mark.run, ())  # of another version of ours

    def adopt(self, left: Unfinished) -> list[Loaded]:
        """
        Mark it as this run's, and end the sessions in it.

        Processes of the run that ended may still live. None of them can add a unit: their journal has another name.
        """
        new = databases.beside(self._name, NEW)
        self._may_create_in(new)
        self._built = True
        self._inside = inside = connect(self._address, Side.TARGET, database=new)
        with speaking(inside, Side.TARGET, _DOING, new):
            with inside.transaction():
                theirs, ours = journal(left.run).schema, self._journal.schema
                rename = sql.SQL("ALTER SCHEMA {} RENAME TO {}")
                inside.execute(rename.format(sql.Identifier(theirs), sql.Identifier(ours)))
                databases.comment(inside, new, Mark(building=True, run=self._run).text())
            self._be_alone(inside, new)
            self._writing = self._writing_to(inside)
            self._are_recent(inside, new)
            self._findings += self._noticed(inside)
            return list(self._loaded(inside))

    def _may_create_in(self, new: str) -> None:
        with speaking(self._upkeep, Side.TARGET, _DOING, new):
            self._may_create()

    def _be_alone(self, inside: Connection, new: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            databases.end_sessions(inside, new)
            if databases.sessions(inside, new) <= 1:
                break
            if time.monotonic() > deadline:
                raise TargetError("DM501", "others are in the new copy that was left", place=new)
            time.sleep(_PAUSE_SECONDS)
        if databases.prepared(inside, new):
            raise TargetError("DM501", "a prepared transaction is in the new copy that was left", place=new)

    def _are_recent(self, inside: Connection, new: str) -> None:
        asked = "SELECT txid_current() - min(written) FROM {}.units"
        row = inside.execute(sql.SQL(asked).format(sql.Identifier(self._journal.schema))).fetchone()
        if row is not None and row[0] is not None and not 0 <= row[0] < _MANY_TRANSACTIONS:
            raise TargetError("DM501", "too many transactions passed on the target's server", place=new)

    def _noticed(self, inside: Connection) -> Iterator[Finding]:
        """Give what was noticed when the new copy was created."""
        asked = "SELECT told FROM {}.readings WHERE number = 0"
        row = inside.execute(sql.SQL(asked).format(sql.Identifier(self._journal.schema))).fetchone()
        for code, severity, *said in json.loads(row[0])["findings"] if row else ():
            yield Finding(code, Severity(severity), *said)

    def _loaded(self, inside: Connection) -> Iterator[Loaded]:
        asked = "SELECT unit, row_count, account, told, body FROM {0}.units JOIN {0}.intended USING (unit)"
        for unit, count, account, told, body in inside.execute(
            sql.SQL(asked).format(sql.Identifier(self._journal.schema))
        ):
            noted, what = json.loads(told), Account.of(account)
            layout = Layout(TableId(*noted["table"]), TableId(*noted["leaf"]), (), (), tuple(noted["nulled"]))
            result = UnitResult(unit, layout, count, 0, 0.0, what.seen, what.unread, what.mended)
            yield Loaded(result, _rows(noted, layout.leaf, body), noted["reading"])

    def leave(self) -> None:
        """End the sessions in it; what was not committed is taken back."""
        self._leave()
        self._built = False

    def untouched(self, table: Table) -> bool:
        """Count the rows of each transaction. Cost: one read of the table."""
        with self._lent() as inside, speaking(inside, Side.TARGET, _DOING, table.id):
            asked = sql.SQL("SELECT xmin::text::int8, count(*) FROM {} GROUP BY xmin").format(rows_of(inside, table.id))
            held = dict(inside.execute(asked).fetchall())
            units = inside.execute(
                sql.SQL(
                    "SELECT written %% {1}, sum(row_count)::int8 FROM {0}.units JOIN {0}.intended USING (unit)"
                    " WHERE of_table = %s AND row_count > 0 GROUP BY 1"
                ).format(sql.Identifier(self._journal.schema), sql.Literal(_XIDS)),
                (_name(table.id),),
            )
            return held == dict(units.fetchall())

    def copy(self) -> PlacedSource:
        """Open the new copy for reading; where it was begun as one that stood, its constraints prove nothing."""
        self._copy()
        address = replace(self._address, database=databases.beside(self._name, NEW))
        return PlacedSource(address, self._toolbox, Side.TARGET, built_here=not self._refreshed)

    def lift(self, table: TableId, rows: KeySet) -> int:
        """Delete them, and count what each unit has lost by the transaction that wrote each row; all or nothing."""
        schema, lifted = sql.Identifier(self._journal.schema), 0
        delete = "WITH gone AS (DELETE FROM ONLY {} WHERE ctid = ANY ($1) RETURNING xmin) {}"
        count = "SELECT xmin::text::int8, count(*) FROM gone GROUP BY xmin"
        fewer = "UPDATE {}.units SET row_count = row_count - %s WHERE written %% {} = %s"
        with self._lent() as inside, speaking(inside, Side.TARGET, _DOING, table), inside.transaction():
            inside.adapters.register_dumper(TidArray, TidArrayDumper)
            for leaf in rows.leaves:
                statement = sql.SQL(delete).format(sql.Identifier(leaf.schema, leaf.name), sql.SQL(count))
                for ids in rows.chunks(leaf, _ROWS_A_STATEMENT):
                    gone = RawCursor(inside).execute(statement, (TidArray(ids),)).fetchall()
                    for written, number in gone:
                        inside.execute(sql.SQL(fewer).format(schema, sql.Literal(_XIDS)), (number, written))
                        lifted += number
        return lifted

    def empty(self, table: Table) -> None:
        """Empty its leaves; nothing references them yet."""
        inside, schema = self._copy(), sql.Identifier(self._journal.schema)
        leaves = sql.SQL(", ").join(
            sql.SQL("ONLY {}").format(sql.Identifier(leaf.schema, leaf.name)) for leaf in table.leaves
        )
        forget = "DELETE FROM {0}.{1} WHERE unit IN (SELECT unit FROM {0}.intended WHERE of_table = %s)"
        with speaking(inside, Side.TARGET, _DOING, table.id), inside.transaction():
            inside.execute(sql.SQL("TRUNCATE {}").format(leaves))
            for noted in ("units", "intended"):  # in this order: the second tells what the first one's are of
                inside.execute(sql.SQL(forget).format(schema, sql.Identifier(noted)), (_name(table.id),))


def _name(table: TableId) -> str:
    return json.dumps([table.schema, table.name])


def _intention(unit: WorkUnit, reading: int) -> tuple[str, str, str, bytes | None]:
    """Give what is noted of a unit: its name, its table, what it reads, and the places of its rows, if it has some."""
    layout, rows = unit.layout, unit.rows
    told = {
        "reading": reading,
        "table": [layout.table.schema, layout.table.name],
        "leaf": [layout.leaf.schema, layout.leaf.name],
        "nulled": layout.nulled,
        "span": [rows.first, rows.stop] if isinstance(rows, Span) else None,
    }
    body = rows.bits(layout.leaf).serialize() if isinstance(rows, KeySet) else None
    return unit.id, _name(layout.table), json.dumps(told), body


def _rows(told: dict[str, list[int | None]], leaf: TableId, body: bytes | None) -> Rows | Span:
    if body is not None:
        return KeySet({leaf: Bits.deserialize(bytes(body))})
    return Span(*told["span"]) if told["span"] is not None else WHOLE


def _reading(told: dict[str, object]) -> Reading:
    if told["form"] != _FORM:
        raise ValueError(told["form"])
    made_by, position = told["made_by"], told["position"]
    if not isinstance(made_by, dict) or not isinstance(position, dict):
        raise TypeError(told)
    return Reading({str(what): str(digest) for what, digest in made_by.items()}, notes.position_of(position))

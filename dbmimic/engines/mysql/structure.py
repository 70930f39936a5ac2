"""SHOW CREATE of everything becomes a script in sections, and a text that is equal where structures are."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import pymysql

from dbmimic.engines.mysql import errors, quoting, statements
from dbmimic.engines.mysql.queries import query
from dbmimic.engines.mysql.session import Row, Session
from dbmimic.engines.mysql.storage import is_elsewhere
from dbmimic.model.findings import Finding, Severity
from dbmimic.model.schema import ForeignKey
from dbmimic.model.target import Structure

_ORDER = {"FUNCTION": 0, "PROCEDURE": 0, "VIEW": 1, "TRIGGER": 2, "EVENT": 3}
_GRANT = re.compile(r"GRANT (.*) ON (\*|`(?:[^`]|``)*`)\.\* TO ", re.DOTALL)
_CHECK = re.compile(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`|\bCHECK \((json_valid\()?", re.DOTALL)
_ACTIONS = re.compile(
    r"(?: ON DELETE (?:(CASCADE|SET NULL|SET DEFAULT)|NO ACTION|RESTRICT))?"
    r"(?: ON UPDATE (?:(CASCADE|SET NULL|SET DEFAULT)|NO ACTION|RESTRICT))?\Z"
)
_CLAUSES = {
    "ON UPDATE": re.compile(r" ON UPDATE current_timestamp", re.IGNORECASE),
    "PARTITION": re.compile(r"^\s*(?:/\*!\d+ )?PARTITION BY ", re.MULTILINE),
}
_INDEX = re.compile(r"^\s+(?:UNIQUE |FULLTEXT |SPATIAL )?KEY `((?:[^`]|``)*)`", re.MULTILINE)
_SYSTEM = frozenset({"information_schema", "mysql", "performance_schema", "sys"})
# Who has one of these is told at least that a routine is there.
_SEE_ROUTINES = ("EXECUTE", "CREATE ROUTINE", "ALTER ROUTINE", "SHOW_ROUTINE", "ALL PRIVILEGES")
_CANNOT_SHOW = errors.DENIED | {1356, 1449, 1305}


@dataclass(frozen=True, slots=True)
class TableScript:
    """One table: created bare, then given its foreign keys and its counter."""

    name: str
    create: str
    foreign_keys: tuple[str, ...] = ()
    auto_increment: int | None = None
    sequence_columns: tuple[str, ...] = ()  # definitions whose default is a sequence's next value


@dataclass(frozen=True, slots=True)
class SequenceScript:
    """One sequence of MariaDB and the next value that it gives."""

    name: str
    create: str
    next_value: int


@dataclass(frozen=True, slots=True)
class ObjectScript:
    """A view, routine, trigger or event, with the settings under which it must be created again."""

    kind: str
    name: str
    create: str
    sql_mode: str = ""
    client_charset: str = "utf8mb4"
    collation: str = ""
    time_zone: str = "+00:00"


@dataclass(frozen=True, slots=True)
class Script:
    """All statements of a database, in the order in which they are run."""

    charset: str
    collation: str
    tables: tuple[TableScript, ...]
    sequences: tuple[SequenceScript, ...]
    objects: tuple[ObjectScript, ...]
    folded: bool = False  # the server takes names of tables for equal that differ by case only

    @property
    def text(self) -> str:
        """The description without counters."""
        lines = [f"DATABASE {self.charset} {self.collation}"]
        lines += [each.create for each in self.sequences]
        for table in self.tables:
            lines += [table.create, *table.foreign_keys]
        lines += [f"{each.create}\n{each.sql_mode} {each.client_charset} {each.collation}" for each in self.objects]
        return ";\n".join(lines)


@dataclass(frozen=True, slots=True)
class Described:
    """A structure, and what of the database it does not hold."""

    structure: Structure
    script: Script
    findings: tuple[Finding, ...]


def read(session: Session, database: str) -> Described:
    """Give the structure of the session's database, as far as the role may see it."""
    charset, collation = session.rows(query("database"))[0]
    rows = session.rows(query("tables"))
    findings: list[Finding] = []
    tables = tuple(
        _table(session, row[0], database, elsewhere=is_elsewhere(row[1], row[2]))
        for row in rows
        if row[1] in {"BASE TABLE", "SYSTEM VERSIONED"}
    )
    sequences = tuple(_sequence(session, row[0], database, findings) for row in rows if row[1] == "SEQUENCE")
    described = [each for each in objects(session, findings) if not _is_broken(session, each, findings)]
    relations = frozenset({*(row[0] for row in rows), *(each.name for each in described)})
    folded = is_folded(session)
    shown = tuple(portable(each, database, relations, folded=folded) for each in described)
    findings += [found for each in shown for found in _leading_out(each, relations)]
    script = Script(charset, collation, tables, sequences, shown, folded)
    findings += [_event_finding(each) for each in shown if each.kind == "EVENT"]
    findings += _hidden(session, database)
    named = tuple((each.kind, each.name) for each in shown) + tuple(_inside(tables))
    return Described(Structure("mysql", script.text, script, named), script, tuple(findings))


def _inside(tables: tuple[TableScript, ...]) -> Iterator[tuple[str, str]]:
    """
    Give indexes, and the tables that hold their rows to conditions, note the time of a change or are partitioned; that
    a column is JSON is a part of its type.
    """
    for table in tables:
        for index in _INDEX.finditer(table.create):
            yield ("INDEX", f"{table.name}.{index.group(1).replace('``', '`')}")
        if any(found.group().endswith("(") and not found.group(1) for found in _CHECK.finditer(table.create)):
            yield ("CHECK", table.name)
        yield from ((kind, table.name) for kind, pattern in _CLAUSES.items() if pattern.search(table.create))


def with_actions(edge: ForeignKey, script: Script) -> ForeignKey:
    """
    Give a foreign key with what happens to the child.

    A role that may only read is not told by information_schema, and is by SHOW CREATE TABLE.
    """
    start = f"CONSTRAINT {quoting.name(edge.name)} FOREIGN KEY "
    own = (key for table in script.tables if table.name == edge.child.name for key in table.foreign_keys)
    found = next((_ACTIONS.search(key) for key in own if key.startswith(start)), None)
    return edge if found is None else replace(edge, on_delete=found[1] or "", on_update=found[2] or "")


def objects(session: Session, findings: list[Finding]) -> list[ObjectScript]:
    """Give the views, routines, triggers and events of the session's database exactly as they are, in order."""
    listed = [("VIEW", row[0]) for row in session.rows(query("tables")) if row[1] == "VIEW"]
    listed += [(row[0], row[1]) for row in sorted(session.rows(query("objects")), key=_place)]
    shown = [found for kind, name in listed if (found := _object(session, kind, name, findings))]
    return sorted(shown, key=lambda each: _ORDER.get(each.kind, 0))


def is_folded(session: Session) -> bool:
    """Tell whether the server takes names of databases and tables for equal that differ by case only."""
    return str(session.value("SELECT @@lower_case_table_names")) != "0"


def portable(
    shown: ObjectScript, database: str, relations: Collection[str] = (), *, folded: bool = False
) -> ObjectScript:
    """Give the object free of its database's name and its definer; an event does not run."""
    own = statements.unqualified(shown.create, database, shown.sql_mode, relations=relations, folded=folded)
    create = statements.without_definer(own)
    return replace(shown, create=statements.disabled(create) if shown.kind == "EVENT" else create)


def _place(row: Row) -> tuple[str, str, int, str]:
    kind, name, table, place = row
    return kind, table or "", int(place), name


def _table(session: Session, name: str, database: str, *, elsewhere: bool) -> TableScript:
    shown = session.rows(f"SHOW CREATE TABLE {quoting.name(name)}", name)[0][1]
    parts = statements.taken_apart(statements.unqualified(shown, database), elsewhere=elsewhere)
    return TableScript(name, parts.create, parts.foreign_keys, parts.auto_increment, parts.sequence_columns)


def _sequence(session: Session, name: str, database: str, findings: list[Finding]) -> SequenceScript:
    shown = session.rows(f"SHOW CREATE SEQUENCE {quoting.name(name)}", name)[0][1]
    columns = "next_not_cached_value, minimum_value, maximum_value, cache_size, cycle_option"
    told = session.rows(f"SELECT {columns} FROM {quoting.name(name)}", name)[0]  # noqa: S608 -- names are quoted
    value, least, most, cached, cycles = map(int, told)
    if cached and not cycles and not least <= value <= most:
        reason = "the source's server has the sequence's last numbers in its cache and does not tell which are used"
        hint = "in the copy it has run out: ALTER SEQUENCE there, by SQL of `hooks.after`"
        findings.append(Finding("DM405", Severity.WARNING, name, reason, hint))
    return SequenceScript(name, statements.unqualified(shown, database), value)


def _object(session: Session, kind: str, name: str, findings: list[Finding]) -> ObjectScript | None:
    try:
        shown = session.fetch(f"SHOW CREATE {kind} {quoting.name(name)}")[0]
    except pymysql.MySQLError as error:
        code = errors.number(error)
        if code not in _CANNOT_SHOW:
            raise errors.translated(error, session.side, name) from None
        findings.append(_not_shown(kind, name))
        return None
    made = _script(kind, name, shown)
    if made is None:
        findings.append(_not_shown(kind, name))
    return made


def _script(kind: str, name: str, shown: Row) -> ObjectScript | None:
    """Give the object as the server shows it; the columns of SHOW CREATE differ by kind."""
    if kind == "VIEW":
        _, create, charset, collation = shown[:4]
        return ObjectScript(kind, name, create, "", charset, collation)
    if kind == "EVENT":
        _, mode, time_zone, create, charset, collation = shown[:6]
        return ObjectScript(kind, name, create, mode, charset, collation, time_zone) if create else None
    _, mode, create, charset, collation = shown[:5]
    return ObjectScript(kind, name, create, mode, charset, collation) if create else None


def _not_shown(kind: str, name: str) -> Finding:
    reason = f"the {kind.lower()}'s definition may not be read, so the copy is without it"
    hint = "grant SHOW VIEW for views, TRIGGER for triggers, EVENT for events, SHOW_ROUTINE for routines"
    return Finding("DM402", Severity.WARNING, name, reason, hint)


def _event_finding(event: ObjectScript) -> Finding:
    return Finding("DM405", Severity.INFO, event.name, "the event is disabled in the copy", "enable it by ALTER EVENT")


def _is_broken(session: Session, shown: ObjectScript, findings: list[Finding]) -> bool:
    """Tell whether a view reads what is not there any more, so that nobody can use it or make it again."""
    if shown.kind != "VIEW":
        return False
    try:
        session.fetch(f"SHOW COLUMNS FROM {quoting.name(shown.name)}")
    except pymysql.MySQLError as error:
        if errors.number(error) not in errors.NOT_THERE:
            raise errors.translated(error, session.side, shown.name) from None
    else:
        return False
    reason = "the view reads what is not there, or its definer may not read, so the copy is without it"
    findings.append(Finding("DM405", Severity.WARNING, shown.name, reason, "mend or drop it in the source"))
    return True


def _leading_out(shown: ObjectScript, relations: Collection[str]) -> Iterator[Finding]:
    for name in sorted(statements.databases(shown.create, shown.sql_mode, relations) - _SYSTEM):
        reason = f"the {shown.kind.lower()} names the database {name}, and does so in the copy, too"
        hint = (
            f"what it reads or writes there is not a copy: see to it that staging's server has no production in {name}"
        )
        yield Finding("DM405", Severity.WARNING, shown.name, reason, hint)


def _hidden(session: Session, database: str) -> Iterator[Finding]:
    """Tell which kinds of objects a role cannot even see: the server leaves them out without a word."""
    held = " ".join(granted(session, database))
    for privilege, kinds in (("TRIGGER", "triggers"), ("EVENT", "events")):
        if privilege not in held and "ALL PRIVILEGES" not in held:
            reason = f"the role may not see {kinds}; if there are any, the copy is without them"
            yield Finding(
                "DM402", Severity.WARNING, database, reason, f"GRANT {privilege} on the database to this role"
            )
    if not (any(each in held for each in _SEE_ROUTINES) or _reads_routines(session)):
        reason = "the role may not see routines; if there are any, the copy is without them"
        yield Finding("DM402", Severity.WARNING, database, reason, "`dbmimic grants --for source` prints what it lacks")


def _reads_routines(session: Session) -> bool:
    """Tell whether the role may read the table of routines, where the server has one."""
    try:
        session.fetch("SELECT 1 FROM mysql.proc LIMIT 0")
    except pymysql.MySQLError as error:
        if errors.number(error) not in errors.DENIED | errors.NOT_THERE:
            raise errors.translated(error, session.side) from None
        return False
    return True


def granted(session: Session, database: str) -> list[str]:
    """Give the lists of privileges, in large letters, that the role was granted on a whole database."""
    grants = [match for row in session.rows("SHOW GRANTS") if (match := _GRANT.match(str(row[0])))]
    return [match.group(1).upper() for match in grants if _covers(match.group(2), database)]


def _covers(pattern: str, database: str) -> bool:
    """Tell whether a grant's database pattern, with `%`, `_` and backslashes, fits a database."""
    if pattern == "*":
        return True
    parts = re.findall(r"\\.|.", pattern.strip("`").replace("``", "`"), re.DOTALL)
    wild = {"%": ".*", "_": "."}
    return re.fullmatch("".join(wild.get(each, re.escape(each[-1])) for each in parts), database, re.DOTALL) is not None
